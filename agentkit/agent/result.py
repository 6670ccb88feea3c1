"""What a run gives back.

In:  the last state of a run.
Out: `RunResult`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from agentkit.agent.step import RunState
from agentkit.event import StopReason
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, UserMessage
from agentkit.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The outcome of a run.

    Attributes:
        output: the text of the last answer; where a limit left none, a sentence that says so.
        history: the whole conversation; run with it to go on.
        usage: tokens and money of this run.
        stop_reason: `answered`, the limit at which the run ended, or `suspended`.
        turns: model calls made.
        model: the model's name as it was asked for.
        agent: the name of the agent that had the last word; run that one to go on.
    """

    output: str
    history: History
    usage: Usage
    stop_reason: StopReason
    turns: int
    model: str
    agent: str = ""

    @property
    def open_calls(self) -> tuple[ToolCall, ...]:
        """Return the calls that wait for an answer, of a run that was suspended."""
        return self.history.open_calls

    @classmethod
    def of(cls, state: RunState, reason: StopReason, *, model: str) -> "RunResult":
        """Build the result of a run that stops here."""
        return cls(
            output=_output(state.history) or _NO_ANSWER.get(reason, ""),
            history=state.history,
            usage=state.usage,
            stop_reason=reason,
            turns=state.turns,
            model=model,
        )


def _output(history: History) -> str:
    """Return the last text the model gave since the user spoke; empty if it gave none."""
    for message in reversed(history):
        if isinstance(message, UserMessage):
            break
        if isinstance(message, AssistantMessage) and message.text:
            return message.text
    return ""


_NO_ANSWER: Mapping[StopReason, str] = {
    "max_turns": "The run ended without an answer: it reached its limit of model calls.",
    "max_tool_calls": "The run ended without an answer: it reached its limit of tool calls.",
    "max_tokens": "The run ended without an answer: it reached its limit of tokens.",
    "max_cost": "The run ended without an answer: it reached its limit of money.",
    "deadline": "The run ended without an answer: it reached its limit of time.",
    "no_progress": "The run ended without an answer: it repeated itself and got nowhere.",
    "content_filter": "The run ended without an answer: a content filter stopped it.",
    "length": "The run ended without an answer: the model reached the limit of its output.",
}
"""What stands in place of an answer where a run ended without one."""
