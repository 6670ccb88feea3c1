"""Decide what a run does next.

In:  the state of a run and its policy, both values.
Out: one `Step`.

Nothing here waits, calls or remembers: the history is the state. A history that ends with open
calls goes on with them; one that ends with an answer is finished.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import TypeAlias

from agentkit.agent.progress import HINT, Stall, Turn, assess, last_turns, may_be_stuck
from agentkit.budget.meter import NOTHING, Spent
from agentkit.chat import FinishReason, ModelExchange, ModelResponse, Repair, ToolChoice
from agentkit.content import ContentBlock
from agentkit.event import StopReason
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, ToolResult, UserMessage
from agentkit.output.output_type import Judgement
from agentkit.tools.approval import PlannedCall
from agentkit.tools.validate import ReadyCall
from agentkit.usage import NO_USAGE, Usage
from agentkit.value import dataclass, record

_NOT_JUDGED = Judgement()


@record
class Exchange:
    """The outcome of one model exchange; one entry of the journal.

    Attributes:
        response: None if a limit came first.
        over: the limit that came first, or that is reached now.
        plan: what was decided about each call of the response.
        taken: user messages that came in before the request was sent; part of it.
        late: user messages that came in while a final answer was made.
        polling: names of tools it called that are meant to be called again and again.
        judged: what was found of the answer, if structured output is requested.
        used: what the exchange used; its time only with a journal or a listener.
        additional_usage: what was used in addition to the response: a summary, answers that failed.
    """

    response: ModelResponse | None = None
    over: StopReason | None = None
    plan: tuple[PlannedCall, ...] = ()
    taken: tuple[UserMessage, ...] = ()
    late: tuple[UserMessage, ...] = ()
    polling: tuple[str, ...] = ()
    judged: Judgement | None = None
    used: Spent = NOTHING
    additional_usage: Usage = NO_USAGE


@record
class CallFacts:
    """What is known of one call in addition to its result, for the events of a replay.

    Attributes:
        was_run: its tool was started; else the call was rejected.
        seconds: how long the tool ran.
        repairs: what was repaired of its arguments.
        full_content: the content before it was truncated; None if it was not.
        abandoned_seconds: the time after which a blocking tool was left running; None if it ended.
    """

    was_run: bool = False
    seconds: float = 0.0
    repairs: tuple[Repair, ...] = ()
    full_content: tuple[ContentBlock, ...] | None = None
    abandoned_seconds: float | None = None


@record
class ToolAnswers:
    """The outcome of running tools: one result per call, in the order asked.

    Attributes:
        facts: further facts about each call; empty without a journal.
        over: the limit that is reached now.
        used: what the calls used, time included; nothing without a journal.
        usage: what agents used that ran inside the calls; nothing without a journal.
    """

    results: tuple[ToolResult, ...]
    facts: tuple[CallFacts, ...] = ()
    over: StopReason | None = None
    used: Spent = NOTHING
    usage: Usage = NO_USAGE


@record
class Answered:
    """What is known of the answers of a run in addition to the history.

    Attributes:
        turns: model calls made in this run.
        exchanges: who answered each of them.
        finish_reason: why the last answer ended; None before the first.
        has_called: the model called a tool in this run.
        plan: what was decided about the open calls, by call id.
        ready: the open calls of the last answer as they were validated, by call id; not recorded.
        polling: names of tools that are meant to be called again and again.
        is_accepted: the last message is structured output of the requested type.
        refusals: answers of this run that had another type.
        is_asked_again: the last answer was text of another type, and the model was replies.
        has_closing_answer: the closing answer arrived.
    """

    turns: int = 0
    exchanges: tuple[ModelExchange, ...] = ()
    finish_reason: FinishReason | None = None
    has_called: bool = False
    plan: Mapping[str, PlannedCall] = field(default_factory=dict)
    ready: Mapping[str, ReadyCall | ToolResult] = field(default_factory=dict, repr=False)
    polling: frozenset[str] = frozenset()
    is_accepted: bool = False
    refusals: int = 0
    is_asked_again: bool = False
    has_closing_answer: bool = False


NO_ANSWER = Answered()


@record
class RunState:
    """How far a run has come.

    Attributes:
        history: the complete conversation.
        answered: what is known of the answers; the same value while tools run.
        over: the limit that was reached; None while there is room.
        closing: the limit for which a closing answer was requested; None before that.
        last_turns: what shows whether the run may be stuck; None if the history has to.
        is_replay: the last step came from the journal.
    """

    history: History
    answered: Answered = NO_ANSWER
    over: StopReason | None = None
    closing: StopReason | None = None
    last_turns: tuple[Turn, ...] | None = None
    is_replay: bool = False

    def add_exchange(
        self,
        exchange: Exchange,
        *,
        closing: StopReason | None = None,
        ready: Mapping[str, ReadyCall | ToolResult] | None = None,
        is_replay: bool = False,
    ) -> "RunState":
        """Return the state after a model exchange."""
        history = self.history + exchange.taken if exchange.taken else self.history
        over = self.over or exchange.over
        response = exchange.response
        if response is None:
            return replace(
                self,
                history=history,
                over=over,
                closing=closing,
                is_replay=is_replay,
            )
        judged = exchange.judged or _NOT_JUDGED
        # `call_model` has repaired the message; a recorded one was encoded.
        history = history.add_repaired([response.message])
        if judged.results or judged.reply or exchange.late:
            reply = () if judged.reply is None else (judged.reply,)
            history += (*judged.results, *reply, *exchange.late)
        before, turn = self.answered, self.answered.turns + 1
        answered = Answered(
            turns=turn,
            exchanges=(*before.exchanges, _model_exchange(response, turn=turn)),
            finish_reason=response.finish_reason,
            has_called=before.has_called or bool(response.message.tool_calls),
            plan={planned.call_id: planned for planned in exchange.plan},
            ready=ready or {},
            polling=before.polling.union(exchange.polling),
            is_accepted=judged.is_accepted and not exchange.late,
            refusals=before.refusals + bool(judged.reason),
            is_asked_again=judged.reply is not None and not exchange.late,
            has_closing_answer=closing is not None,
        )
        return RunState(
            history=history,
            answered=answered,
            over=over,
            closing=closing,
            last_turns=None if judged.results else self.last_turns,
            is_replay=is_replay,
        )

    def add_plan(
        self,
        plan: Sequence[PlannedCall],
        *,
        ready: Mapping[str, ReadyCall | ToolResult] | None = None,
        is_replay: bool = False,
    ) -> "RunState":
        """Return the state with the decisions about the open calls."""
        decided = {planned.call_id: planned for planned in plan}
        answered = replace(self.answered, plan=decided, ready=ready or {})
        return replace(self, answered=answered, is_replay=is_replay)

    def add_answers(self, answers: ToolAnswers, *, is_replay: bool = False) -> "RunState":
        """Return the state after tools answered."""
        history = self.history.add_repaired(answers.results)
        return RunState(
            history=history,
            answered=self.answered,
            over=self.over or answers.over,
            closing=self.closing,
            last_turns=None if history.open_calls else last_turns(history, self.last_turns),
            is_replay=is_replay,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the caller asked of a run.

    Attributes:
        closing_answer: ask for a last answer at a limit.
        tool_choice: the choice of the first turn.
        stop_without_progress: a run that goes nowhere is stopped.
        output_retries: how often the model may try again after an answer of another type; None if
            text is requested.
        answer_choice: the choice after an answer in text; None for the same as before.
    """

    closing_answer: bool = True
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    stop_without_progress: bool = True
    output_retries: int | None = None
    answer_choice: ToolChoice | None = None


@record
class CallModel:
    """Ask the model.

    Attributes:
        choice: whether it may, must or must not call a tool.
        hint: what to add to its instructions; empty for nothing.
        closing: the limit at which this asks for the closing answer, without tools.
    """

    choice: ToolChoice
    hint: str = ""
    closing: StopReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCalls:
    """Decide what may be done about open calls that came from an earlier run."""

    calls: tuple[ToolCall, ...]


@record
class RunTools:
    """Run these of the open calls, in the order asked."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend:
    """Stop and wait for decisions about these open calls."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The run is over."""

    reason: StopReason


Step: TypeAlias = CallModel | PlanCalls | RunTools | Suspend | Finish


def _model_exchange(response: ModelResponse, *, turn: int) -> ModelExchange:
    """Return who gave a response, and who failed before."""
    return ModelExchange(
        turn=turn,
        provider=response.provider,
        model=response.model,
        usage=response.usage,
        failures=response.failures,
    )


def next_step(state: RunState, policy: Policy) -> Step:
    """Return what comes next; equal arguments give equal steps."""
    if state.history.open_calls:
        return _step_for_calls(state)
    if state.closing is not None:
        return Finish(reason=state.closing)
    reason = _end_reason(state, policy)
    if reason is not None:
        return Finish(reason=reason)
    over = state.over
    hint = ""
    if over is None and policy.stop_without_progress and _may_be_stuck(state):
        progress = assess(
            state.history, polling=state.answered.polling, newest=state.last_turns or ()
        )
        if progress.stall is Stall.STOP:
            over = "no_progress"
        elif progress.stall is Stall.HINT:
            hint = HINT.format(what=progress.what)
    if over is None:
        return CallModel(choice=_choice(state, policy), hint=hint)
    if not policy.closing_answer:
        return Finish(reason=over)
    return CallModel(choice=ToolChoice(mode="none"), closing=over)


def _may_be_stuck(state: RunState) -> bool:
    """Return whether a run may be stuck: most turns have nothing in common with those before."""
    return state.answered.has_called and (
        state.last_turns is None or may_be_stuck(state.last_turns)
    )


def _step_for_calls(state: RunState) -> Step:
    """Run what may run, up to the first call that needs approval: order is kept."""
    calls, plan = state.history.open_calls, state.answered.plan
    decided = [plan[call.id].verdict.decision for call in calls if call.id in plan]
    if len(decided) < len(calls):
        return PlanCalls(calls=calls)
    asked = decided.index("ask") if "ask" in decided else len(calls)
    return RunTools(calls=calls[:asked]) if asked else Suspend(calls=calls)


def _end_reason(state: RunState, policy: Policy) -> StopReason | None:
    """Return why the run ends with what it has; None while something is left to do."""
    if policy.output_retries is None:
        return _reason(state.answered.finish_reason) if _ends_with_answer(state.history) else None
    if state.answered.is_accepted:
        return "answered"
    if state.answered.refusals > policy.output_retries:
        return "invalid_output"
    # A content filter would withhold the same answer again.
    is_filtered = state.answered.finish_reason == "content_filter" and _ends_with_answer(
        state.history
    )
    return "content_filter" if is_filtered else None


def _ends_with_answer(history: History) -> bool:
    """Return whether the last message is a complete answer of the model."""
    return isinstance(history.last, AssistantMessage) and not history.last.is_incomplete


def _reason(finish_reason: FinishReason | None) -> StopReason:
    """Return why a run with an answer stopped."""
    match finish_reason:
        case "length" | "content_filter":
            return finish_reason
        case _:
            return "answered"


def _choice(state: RunState, policy: Policy) -> ToolChoice:
    """Return the choice for the next turn: a call is forced once, else the run never ends."""
    if state.answered.is_asked_again and policy.answer_choice is not None:
        return policy.answer_choice
    if policy.tool_choice.is_forced and state.answered.has_called:
        return ToolChoice()
    return policy.tool_choice
