"""One model exchange within the limits of a run, as one effect of it.

In:  the run, the agent, the state, the step.
Out: the state after the exchange: a response with a plan for its calls, or the limit that came
     first.

A request that could exceed the budget is not sent. An answer that takes longer than the run has
left, or that exceeds its limit, is cut off and dropped.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cache, cached_property, partial
from typing import TypeAlias

import anyio
from pydantic import TypeAdapter

from agentkit.agent.call_outcome import later_calls
from agentkit.agent.member import Member
from agentkit.agent.run import Run
from agentkit.agent.step import CallModel, Exchange, RunState
from agentkit.agent.tool_calls import Ready, plan_calls_of
from agentkit.budget.meter import Forecast, Spent
from agentkit.budget.request_limit import RequestLimit
from agentkit.chat import ModelRequest, ModelResponse, ModelSettings, Repair
from agentkit.errors import JournalError, ProtocolError, ProviderError, UnsupportedError
from agentkit.event import (
    AnswerRepaired,
    Emit,
    ModelRequested,
    ModelResponded,
    OutputRejected,
    StopReason,
    TurnStarted,
    ignore,
)
from agentkit.history import History
from agentkit.json_schema.validator import shorten
from agentkit.log import Log
from agentkit.message import AssistantMessage, ToolCall, UserMessage
from agentkit.model.model import TokenCounter, new_counter
from agentkit.output.output_type import Judgement
from agentkit.surrogates import replace_surrogates
from agentkit.tools.approval import PlannedCall
from agentkit.tools.validate import restore_names

CLOSING_INSTRUCTIONS = (
    "You have reached the limit of this task ({reason}) and can call no more tools. "
    "Give the best answer you can from what you have, and state what is missing."
)
log: Log = Log("agentkit.agent")

_Outcome: TypeAlias = tuple[ModelResponse | None, StopReason | None]


async def call_model(run: Run, member: Member, state: RunState, step: CallModel) -> RunState:
    """Make one exchange, or take it from the journal, and return the state after it.

    Raises:
        ProviderError: the exchange failed, and not at a limit.
        UnsupportedError: the model cannot do what is asked.
    """
    ready: Ready = {}
    exchange, is_replay = await run.effect(
        state,
        "model" if step.closing is None else "closing",
        partial(_exchange, run, member, state, step, ready),
        codec=_codec,
    )
    report = run.report
    if is_replay:
        if exchange.response is None and exchange.over is None:
            # Written by other code, perhaps: without either, the loop would turn forever.
            raise JournalError("A recorded exchange holds neither a response nor a limit.")
        usage = exchange.additional_usage
        if exchange.response is not None:
            usage = usage + exchange.response.usage
        run.meter.charge(exchange.used, usage)
        if report.is_active:
            await report.replay(TurnStarted(turn=state.answered.turns + 1))
    after = state.add_exchange(exchange, closing=step.closing, ready=ready, is_replay=is_replay)
    run.draft.begin(after.history)
    if report.is_active and exchange.response is not None:
        await _report(
            exchange, exchange.response, state, emit=report.replay if is_replay else report.emit
        )
    return after


async def _exchange(
    run: Run, member: Member, state: RunState, step: CallModel, ready: Ready
) -> Exchange:
    """Make the exchange, plan its calls and charge what it used; `ready` gets validated calls."""
    meter, emit = run.meter, run.report.emitter
    if emit is not ignore:
        await emit(TurnStarted(turn=state.answered.turns + 1))
    taken = run.inbox.take()
    history = state.history + taken if taken else state.history
    tools = await member.tools(history, emit=emit)
    is_counted = step.closing is None  # the closing answer does not count as a turn
    if is_counted and not meter.begin_turn():
        return Exchange(response=None, over="max_turns", taken=taken)
    is_timed = run.has_journal or emit is not ignore
    started = run.clock.monotonic() if is_timed else 0.0
    call = _ModelCall(run, member, emit=emit, turn=state.answered.turns + 1)
    run.draft.take(taken, call.limit.received)
    judged: Judgement | None = None
    try:
        response, over = await call.ask(history, step)
        used, usage = call.limit.used, call.limit.additional_usage
        if response is not None:
            judged = await run.output.judge_off_loop(response, is_closing=step.closing is not None)
            used += Spent.of_usage(response.usage)
            meter.charge(used, usage + response.usage)
        else:
            meter.charge(used, usage)
        late = _late(response, judged, run)
    finally:
        if is_counted:
            meter.end_turn()
        call.limit.close()
    plan: tuple[PlannedCall, ...] = ()
    polling: tuple[str, ...] = ()
    if response is not None and response.message.tool_calls:
        calls = _calls_to_plan(response, judged)
        offered = tools if step.closing is None else {}
        polling = tuple([c.name for c in calls if c.name in offered and offered[c.name].polls])
        ready.update(later_calls(response.message.tool_calls, settings=member.settings))
        plan = await plan_calls_of(
            run,
            member,
            run.draft.history,
            calls,
            tools=offered,
            ready=ready,
            repairs=response.repairs,
        )
    if is_timed:
        used = used.lasting(run.clock.monotonic() - started)
    return Exchange(
        response=response,
        # Recorded with the exchange: another life of the run must not ask its own clock about it.
        over=over or meter.reached(),
        plan=plan,
        taken=taken,
        late=late,
        polling=polling,
        judged=judged,
        used=used,
        additional_usage=usage,
    )


class _ModelCall:
    """The request of one exchange, and those for its summaries, within one limit."""

    def __init__(self, run: Run, member: Member, *, emit: Emit, turn: int) -> None:
        partial_output = run.output.partial()
        self._turn = turn
        self._run = run
        self._member = member
        self.limit = RequestLimit(
            emit,
            partial=None if partial_output is None else partial_output.feed,
            meter=run.meter,
            window=member.profile.context_window_tokens,
        )

    async def ask(self, history: History, step: CallModel) -> _Outcome:
        """Fit the request and ask the model, for as long as the run has time and room."""
        closing, limit = step.closing, self.limit
        seconds = self._run.meter.seconds_left(closing=closing is not None)
        sent: ModelResponse | StopReason | None = None
        try:
            with anyio.move_on_after(seconds) as limit.scope:
                request = await self._request(history, step)
                fitted = await self._member.window.fit(
                    request, ask=self._summarize, emit=limit.emit
                )
                if self._run.report.wants_requests:
                    await self._report_request(fitted)
                sent = await self._send(fitted)
        except BaseException as error:
            sent = _limit_behind(error, over=limit.over, closing=closing)
            if sent is None:  # whatever ends the exchange, what it used is used
                self._run.meter.charge(limit.used, limit.additional_usage)
                raise
        if sent is None:
            return None, limit.over or "deadline"
        return (None, sent) if isinstance(sent, str) else (sent, None)

    async def _request(self, history: History, step: CallModel) -> ModelRequest:
        run, member, output = self._run, self._member, self._run.output
        offer = output.offer(
            member.specs if step.closing is None else (),
            step.choice,
            closing=step.closing,
            stream=run.stream,
        )
        added = step.hint
        if step.closing is not None:
            added = CLOSING_INSTRUCTIONS.format(reason=step.closing.removeprefix("max_"))
        parts = (await member.instructions(run), added, output.instructions)
        return ModelRequest(
            history=history,
            instructions="\n\n".join(filter(None, parts)),
            tools=offer.tools,
            tool_choice=offer.choice,
            settings=member.settings,
            stream=run.stream,
            response_format=offer.response_format,
            shown_arguments=offer.shown_arguments,
            accepts_text=offer.accepts_text,
        )

    async def _report_request(self, request: ModelRequest) -> None:
        report = self._run.report
        event = _requested(request, turn=self._turn, before=report.requested)
        report.requested = request.history
        await self.limit.emit(event)

    async def _summarize(self, request: ModelRequest) -> ModelResponse:
        """Ask the model for a summary, within the same limits.

        Raises:
            UnsupportedError: the budget leaves no room for it.
        """
        sent = await self._send(request)
        if isinstance(sent, str):
            raise UnsupportedError(f"The budget leaves no room for it ({sent}).")
        return sent

    async def _send(self, request: ModelRequest) -> ModelResponse | StopReason:
        """Send a request that keeps within what is left; else return the limit that forbids it."""
        limit = self.limit
        if self._run.meter.needs_forecast:
            over = await limit.admit(self._forecast(request), asked=request.settings.max_tokens)
            if over is not None:
                return over
            request = replace(request, room=limit.max_answer_tokens).limited()
        try:
            response = await self._member.connection.chat(request, emit=limit.emit)
        except ProviderError as error:
            error.attempts = limit.attempts
            limit.failed(error)
            raise
        except anyio.get_cancelled_exc_class():
            limit.cancelled()
            raise
        message = replace_surrogates(response.message)
        renamed: Sequence[Repair] = ()
        if message.tool_calls:
            message, renamed = restore_names(message, {tool.name for tool in request.tools})
            if message.tool_calls and request.tools and request.tool_choice.mode == "none":
                response = _without_calls(replace(response, message=message))
                message = response.message
        if message is response.message and not renamed:
            return response
        return replace(response, message=message, repairs=(*response.repairs, *renamed))

    def _forecast(self, request: ModelRequest) -> Forecast:
        """Return what the request will use."""
        prices = self._run.meter.prices(self._member.profile)
        return Forecast(
            input_tokens=self._counter.count(request),
            input_usd_per_million=prices[0],
            output_usd_per_million=prices[1],
        )

    @cached_property
    def _counter(self) -> TokenCounter:
        """Return the counter of this exchange, which few runs need."""
        return new_counter(self._member.profile)


def _calls_to_plan(response: ModelResponse, judged: Judgement | None) -> Sequence[ToolCall]:
    """Return the calls of a response that have no result yet."""
    calls = response.message.tool_calls
    if judged is None or not judged.results:
        return calls
    answered = {one.call_id for one in judged.results}
    return [call for call in calls if call.id not in answered]


def _without_calls(response: ModelResponse) -> ModelResponse:
    """Drop the calls of an answer to a request that allows none: a model may ignore the choice.

    Raises:
        ProtocolError: nothing is left.
    """
    message = response.message
    if not message.text.strip():
        raise ProtocolError(
            "The model called tools, which the request did not allow, and gave no other answer.",
            kind="empty_response",
            retry="same",
        )
    names = ", ".join(call.name for call in message.tool_calls)
    dropped = Repair(kind="dropped_call", before=shorten(names), after="")
    return replace(
        response,
        message=replace(message, tool_calls=()),
        finish_reason="stop" if response.finish_reason == "tool_calls" else response.finish_reason,
        repairs=(*response.repairs, dropped),
    )


def _requested(request: ModelRequest, *, turn: int, before: History | None) -> ModelRequested:
    """Return the event of a request.

    Args:
        request: what is sent.
        turn: see `ModelRequested`.
        before: the history of the request before; None for the first of a run.
    """
    history, choice, settings = request.history, request.tool_choice, request.settings
    earlier = 0
    if before is not None and before.lineage is history.lineage and len(before) <= len(history):
        earlier = len(before)
        if earlier < len(history) and isinstance(history[earlier], AssistantMessage):
            earlier += 1
    unset = ModelSettings()
    return ModelRequested(
        turn=turn,
        instructions=request.instructions,
        messages=tuple(history[earlier:]),
        earlier_messages=earlier,
        tools=tuple(tool.name for tool in request.tools),
        tool_choice=choice.name or choice.mode,
        settings={
            one.name: value if not isinstance(value, tuple) else list(value)
            for one in fields(settings)
            if one.name != "extra_body"
            and (value := getattr(settings, one.name)) != getattr(unset, one.name)
        },
    )


async def _report(
    exchange: Exchange, response: ModelResponse, state: RunState, *, emit: Emit
) -> None:
    """Report an answer, what was repaired of it, and why it was rejected."""
    for repair in response.repairs:
        await emit(AnswerRepaired(repair=repair))
    await emit(
        ModelResponded(
            turn=state.answered.turns + 1,
            message=response.message,
            finish_reason=response.finish_reason,
            usage=response.usage,
            seconds=exchange.used.seconds,
            model=response.model,
            provider=response.provider,
        )
    )
    judged = exchange.judged
    if judged is None:
        return
    for repair in judged.repairs:
        await emit(AnswerRepaired(repair=repair))
    if judged.reason:
        await emit(OutputRejected(attempt=state.answered.refusals + 1, reason=judged.reason))


def _limit_behind(
    error: BaseException, *, over: StopReason | None, closing: StopReason | None
) -> StopReason | None:
    """Return the limit at which an exchange failed; None if it failed for another reason."""
    limit = over or closing
    if limit is None or not isinstance(error, ProviderError):
        return None
    if limit == closing:  # the run has its result without the closing answer
        log.warning("closing_answer_failed", kind=error.kind, status=error.status)
    return limit


def _late(
    response: ModelResponse | None, judged: Judgement | None, run: Run
) -> tuple[UserMessage, ...]:
    """Take what the user said during a final answer: the run would end without reading it."""
    is_answer = judged is not None and judged.is_accepted
    if response is None or (response.message.tool_calls and not is_answer):
        return ()
    return run.inbox.take()


@cache
def _codec() -> TypeAdapter[Exchange]:
    return TypeAdapter(Exchange)
