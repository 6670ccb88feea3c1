"""Read tools, calls and results that stand in the words of a chat.

In:  the messages of a request without tools.
Out: `Prompted`, if its system text offers tools in the model's own marks; else None.
"""

import re
from collections.abc import Sequence
from datetime import date

from agentkit.chat import ToolChoice, ToolSpec
from agentkit.sandbox.planner.question import Ask, Made
from agentkit.sandbox.wire.chat_body import (
    AssistantBody,
    MessageBody,
    SystemBody,
    UserBody,
    text_of,
)
from agentkit.sandbox.wire.prompt_markers import (
    CALLS,
    find_offer,
    find_results,
    pair,
    read_calls,
)
from agentkit.value import dataclass

_MUST = re.compile(r"must be a (?:tool )?call(?: of the tool (?P<name>[\w-]+))?\.")
_ONE = re.compile(r"one tool at a time", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompted:
    """What a chat says about tools in its words."""

    tools: tuple[ToolSpec, ...]
    choice: ToolChoice
    parallel: bool
    question: str
    made: tuple[Made, ...]
    earlier: tuple[Made, ...]

    def as_ask(self, *, today: date) -> Ask:
        """Tell the planner what matters to it."""
        return Ask(
            question=self.question,
            tools=self.tools,
            choice=self.choice,
            made=self.made,
            earlier=self.earlier,
            parallel=self.parallel,
            today=today,
        )


def find_prompted(messages: Sequence[MessageBody]) -> Prompted | None:
    """Read a chat whose system text offers tools."""
    system = "\n\n".join(text_of(m.content) for m in messages if isinstance(m, SystemBody))
    tools = find_offer(system)
    if not tools:
        return None
    question, made, earlier = "", list[Made](), list[Made]()
    calls: list[tuple[str, Made]] = []
    for message in messages:
        text = text_of(message.content)
        if isinstance(message, AssistantBody):
            calls = read_calls(text.partition(CALLS)[2]) if CALLS in text else []
        elif isinstance(message, UserBody) and (results := find_results(text)):
            made += pair(calls, results)
        elif isinstance(message, UserBody):
            question, earlier, made = text, [*earlier, *made], []
    return Prompted(
        tools=tools,
        choice=_read_choice(system),
        parallel=_ONE.search(system) is None,
        question=question,
        made=tuple(made),
        earlier=tuple(earlier),
    )


def _read_choice(system: str) -> ToolChoice:
    found = _MUST.search(system)
    return ToolChoice() if found is None else ToolChoice(mode="required", name=found["name"])
