"""What a run gives back.

In:  the last state of a run.
Out: `RunResult`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Generic

from agentkit.agent.run import Run
from agentkit.agent.step import RunState
from agentkit.chat import ModelExchange
from agentkit.event import StopReason
from agentkit.history import History, notebook
from agentkit.message import Message, ToolCall, ToolResult, UserMessage
from agentkit.output.output_type import OutputError, OutputT, SuspendedError
from agentkit.usage import Usage
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult(Generic[OutputT]):
    """The outcome of a run.

    Attributes:
        text: the text of the last answer, structured output as JSON; if a limit left no answer, a
            sentence that says so.
        history: the complete conversation; run with it to go on.
        usage: tokens and money of this run.
        stop_reason: `answered`, the limit at which the run ended, or `suspended`.
        turns: model calls made.
        model: the name of the model as the caller wrote it.
        agent: the name of the agent that had the last word.
        run_id: identifies the run in all its segments and lives.
        segment: 1, then one more each time a suspended run went on.
        exchanges: for each turn, which provider answered, what it cost, and why others did not.
    """

    text: str
    history: History
    usage: Usage
    stop_reason: StopReason
    turns: int
    model: str
    agent: str = ""
    run_id: str = ""
    segment: int = 1
    exchanges: tuple[ModelExchange, ...] = ()
    _outputs: tuple[OutputT, ...] = field(default=(), repr=False)
    _start: int = field(default=0, repr=False)

    @property
    def output(self) -> OutputT:
        """Return the answer in the type that was asked for.

        Raises:
            SuspendedError: the run waits for decisions about `open_calls`.
            OutputError: the run ended without an answer; `stop_reason` says why.
        """
        if self._outputs:
            return self._outputs[0]
        if self.stop_reason == "suspended":
            names = ", ".join(sorted({call.name for call in self.open_calls}))
            raise SuspendedError(
                f"The run is suspended: {names} must be approved before it goes on. Resume it with "
                "run(history=result.history, approvals=[…]).",
                text=self.text,
                history=self.history,
            )
        raise OutputError(
            f"The run has no output (stop_reason {self.stop_reason!r}); what the model said is in "
            "'text' and 'history'.",
            text=self.text,
            history=self.history,
        )

    @property
    def has_output(self) -> bool:
        """Return whether the run ended with an answer of the type that was asked for."""
        return bool(self._outputs)

    @property
    def open_calls(self) -> tuple[ToolCall, ...]:
        """Return the calls of a suspended run that need a decision."""
        return self.history.open_calls

    @property
    def new_messages(self) -> Sequence[Message]:
        """Return the messages that this run added to the conversation, the prompt included."""
        return self.history[self._start :]

    def __repr__(self) -> str:
        return f"RunResult({self._shown()}, {self._facts()})"

    def _repr_html_(self) -> str:
        """Return the output and the conversation for a notebook."""
        html: str = notebook.result_to_html(self._shown(), self._facts(), self.history)
        return html

    def _shown(self) -> str:
        return repr(self._outputs[0]) if self._outputs else f"no output, text={self.text!r}"

    def _facts(self) -> str:
        return (
            f"stop_reason={self.stop_reason!r}, tokens={self.usage.total_tokens}, "
            f"cost_usd={self.usage.cost_usd}"
        )


def build_result(
    run: Run, state: RunState, reason: StopReason, *, agent: str, model: str
) -> RunResult[Any]:
    """Build the result of a run that stops here."""
    found = run.output.find(state.history)
    outputs = found.values
    if (
        not outputs
        and run.output.output is None
        and state.answered.has_closing_answer
        and found.text
    ):
        outputs = (found.text,)  # also next to a call, which at the limit is not run
    return RunResult(
        text=found.text or _NO_ANSWER.get(reason, ""),
        history=state.history,
        usage=run.meter.usage,
        stop_reason=reason,
        turns=state.answered.turns,
        model=model,
        agent=agent,
        run_id=run.id,
        segment=run.segment,
        exchanges=state.answered.exchanges,
        _outputs=outputs if reason != "suspended" else (),
        _start=run.start,
    )


def check_result(result: RunResult[OutputT]) -> RunResult[OutputT]:
    """Return a result that the caller may have.

    Raises:
        OutputError: the model used up its tries.
    """
    if result.stop_reason == "invalid_output":
        last = result.history[-1]
        raise OutputError(
            "The model gave no valid structured output within the allowed attempts; the last fault "
            "is in 'reason'.",
            reason=last.text if isinstance(last, UserMessage | ToolResult) else "",
            text=result.text,
            history=result.history,
        )
    return result


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
"""The text of a result whose run ended without an answer."""
