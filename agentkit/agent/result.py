"""What a run gives back.

In:  the last state of a run.
Out: `RunResult`.
"""

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
        output: the text of the last answer.
        history: the whole conversation; run with it to go on.
        usage: tokens and money of this run.
        stop_reason: `answered`, the limit at which the run ended, or `suspended`.
        turns: model calls made.
        model: the model's name as it was asked for.
    """

    output: str
    history: History
    usage: Usage
    stop_reason: StopReason
    turns: int
    model: str

    @property
    def open_calls(self) -> tuple[ToolCall, ...]:
        """Return the calls that wait for an answer, of a run that was suspended."""
        return self.history.open_calls

    @classmethod
    def of(cls, state: RunState, reason: StopReason, *, model: str) -> "RunResult":
        """Build the result of a run that stops here."""
        return cls(
            output=_output(state.history),
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
