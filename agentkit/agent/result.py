"""What a run gives back.

In:  the last state of a run.
Out: `RunResult`.
"""

from collections.abc import Mapping
from typing import Any, Generic

from agentkit.agent.step import RunState
from agentkit.chat import ModelExchange
from agentkit.event import StopReason
from agentkit.history import History
from agentkit.message import ToolCall
from agentkit.output.output_plan import PLAIN_TEXT, OutputPlan
from agentkit.output.output_type import OutputError, OutputT
from agentkit.usage import Usage
from agentkit.value import dataclass, maker


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult(Generic[OutputT]):
    """The outcome of a run.

    Attributes:
        text: the text of the last answer, one of a certain type as JSON; where a limit left none,
            a sentence that says so.
        outputs: the answer in the type that was asked for, if there is one; see `output`.
        history: the whole conversation; run with it to go on.
        usage: tokens and money of this run.
        stop_reason: `answered`, the limit at which the run ended, or `suspended`.
        turns: model calls made.
        model: the model's name as it was asked for.
        agent: the name of the agent that had the last word; run that one to go on.
        answered: for each turn, which provider answered, what it cost, and why others did not.
    """

    text: str
    outputs: tuple[OutputT, ...]
    history: History
    usage: Usage
    stop_reason: StopReason
    turns: int
    model: str
    agent: str = ""
    answered: tuple[ModelExchange, ...] = ()

    @property
    def output(self) -> OutputT:
        """Return the answer in the type that was asked for; text is always there.

        Raises:
            OutputError: the run ended without such an answer; `stop_reason` says why.
        """
        if not self.outputs:
            raise OutputError(
                f"The run has no output of its type (stop_reason {self.stop_reason!r}); what the "
                "model said is in 'text' and 'history'.",
                text=self.text,
                history=self.history,
            )
        return self.outputs[0]

    @property
    def open_calls(self) -> tuple[ToolCall, ...]:
        """Return the calls that wait for an answer, of a run that was suspended."""
        return self.history.open_calls

    @classmethod
    def of(
        cls,
        state: RunState,
        reason: StopReason,
        *,
        model: str,
        output: OutputPlan[Any] = PLAIN_TEXT,
    ) -> "RunResult[Any]":
        """Build the result of a run that stops here."""
        found = output.find(state.history)
        text = found.text or _NO_ANSWER.get(reason, "")
        return _new_result(
            text=text,
            outputs=(text,) if output.output is None else found.values,
            history=state.history,
            usage=state.usage,
            stop_reason=reason,
            turns=state.turns,
            model=model,
            answered=state.answered,
        )


_new_result = maker(RunResult)


_NO_ANSWER: Mapping[StopReason, str] = {
    "max_turns": "The run ended without an answer: it reached its limit of model calls.",
    "max_tool_calls": "The run ended without an answer: it reached its limit of tool calls.",
    "max_tokens": "The run ended without an answer: it reached its limit of tokens.",
    "max_cost": "The run ended without an answer: it reached its limit of money.",
    "deadline": "The run ended without an answer: it reached its limit of time.",
    "no_progress": "The run ended without an answer: it repeated itself and got nowhere.",
    "content_filter": "The run ended without an answer: a content filter stopped it.",
    "invalid_output": "The run ended without an answer of the type that was asked for.",
    "length": "The run ended without an answer: the model reached the limit of its output.",
}
"""What stands in place of an answer where a run ended without one."""
