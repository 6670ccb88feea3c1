"""Read tools, calls and results from the text of a chat.

In:  the messages of a request without tools.
Out: `PromptedChat`, if its system text offers tools between the model's own markers; else None.
"""

import re
from collections.abc import Sequence
from datetime import date

from agentkit.chat import ToolChoice, ToolSpec
from agentkit.message import AssistantMessage, Message, SystemMessage, UserMessage
from agentkit.sandbox.planner.plan_request import CallRecord, PlanRequest
from agentkit.sandbox.wire.prompt_markers import (
    find_calls,
    find_offer,
    find_results,
    pair,
)
from agentkit.value import dataclass

_MUST = re.compile(r"must be a (?:tool )?call(?: of the tool (?P<name>[\w-]+))?\.")
_ONE = re.compile(r"one tool at a time", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptedChat:
    """What the text of a chat says about tools."""

    tools: tuple[ToolSpec, ...]
    choice: ToolChoice
    parallel: bool
    question: str
    made: tuple[CallRecord, ...]

    def as_plan_request(self, *, today: date) -> PlanRequest:
        """Return what the planner is asked."""
        return PlanRequest(
            question=self.question,
            tools=self.tools,
            choice=self.choice,
            made=self.made,
            parallel=self.parallel,
            today=today,
        )


def find_prompted(messages: Sequence[Message]) -> PromptedChat | None:
    """Read a chat whose system text offers tools."""
    system = "\n\n".join(one.text for one in messages if isinstance(one, SystemMessage))
    tools = find_offer(system)
    if not tools:
        return None
    question, made = "", list[CallRecord]()
    calls: list[tuple[str, CallRecord]] = []
    for message in messages:
        text = message.text
        if isinstance(message, AssistantMessage):
            calls = find_calls(text)
        elif isinstance(message, UserMessage) and (results := find_results(text)):
            made += pair(calls, results)
        elif isinstance(message, UserMessage):
            question, made = text, []
    return PromptedChat(
        tools=tools,
        choice=_read_choice(system),
        parallel=_ONE.search(system) is None,
        question=question,
        made=tuple(made),
    )


def _read_choice(system: str) -> ToolChoice:
    found = _MUST.search(system)
    return ToolChoice() if found is None else ToolChoice(mode="required", name=found["name"])
