"""Steps that act: on the open model, on the tools as they are now, through the journal.

In:  a model connection, a toolset, what the caller handed in.
Out: `LiveSteps`, the `Steps` of a run.
"""

from collections.abc import Mapping, Sequence
from functools import cache, partial

from pydantic import TypeAdapter

from agentkit.agent.journal import Journal
from agentkit.agent.model_call import Exchanger
from agentkit.agent.step import CallModel, Exchange, RunState, ToolAnswers
from agentkit.agent.tool_calls import Caller
from agentkit.budget.budget import Meter
from agentkit.chat import ModelResponse, ToolSpec
from agentkit.clock import Clock
from agentkit.event import (
    AnswerRepaired,
    Emit,
    ModelResponded,
    OutputRejected,
    TurnStarted,
    ignore,
)
from agentkit.history import History
from agentkit.message import ToolCall
from agentkit.output.output_type import Judgement
from agentkit.tools.approval import PlannedCall
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import Toolset, index_tools, list_tools_for, take_reports
from agentkit.value import maker, replace

_model_responded = maker(ModelResponded)
_turn_started = maker(TurnStarted)


class LiveSteps:
    """Calls the model and runs the tools of one run."""

    def __init__(
        self,
        *,
        exchanger: Exchanger,
        caller: Caller,
        toolset: Toolset,
        meter: Meter,
        journal: Journal,
        clock: Clock,
        emit: Emit,
    ) -> None:
        self._exchanger = exchanger
        self._caller = caller
        self._toolset = toolset
        self._meter = meter
        self._journal = journal
        self._clock = clock
        self._emit = emit
        self._is_heard = emit is not ignore
        self._listed: tuple[Tool, ...] = ()
        self._specs: tuple[ToolSpec, ...] = ()
        self._tools: Mapping[str, Tool] = {}
        self._offered: Mapping[str, Tool] | None = None
        self._state: RunState | None = None
        self._step: CallModel | None = None
        self._exchange: Exchange | None = None
        self._has_lived = False

    async def call_model(self, state: RunState, step: CallModel) -> Exchange:
        """Make one exchange and plan its calls, as one remembered effect; see `Steps`."""
        self._begin(state)
        turn = state.turns + 1
        if self._is_heard:
            await self._emit(_turn_started(turn=turn))
        tools = await self._list_tools(state)
        self._offered = tools if step.closing is None else {}
        started = self._clock.monotonic()
        self._step = step
        try:
            exchange = await self._journal.do(
                f"turn-{turn}/model",
                self._exchange_and_plan,
                codec=_exchange_codec,
                unknown=self._exchange_and_plan,
            )
            self._exchange = exchange
            self._charge(exchange)
        finally:
            self._exchanger.close()
        if self._is_heard and exchange.response is not None:
            seconds = self._clock.monotonic() - started
            await self._tell(exchange.response, turn=turn, seconds=seconds)
            await self._tell_judgement(exchange.judged, refusals=state.refusals)
        over = exchange.over or self._meter.reached()
        return exchange if over == exchange.over else replace(exchange, over=over)

    async def _exchange_and_plan(self) -> Exchange:
        """Make the exchange of this step, and settle its calls."""
        self._has_lived = True
        state, step = self._state, self._step
        if state is None or step is None:
            raise RuntimeError("No step has begun.")
        offered = self._offered or {}
        specs = self._specs if offered else ()
        exchange = await self._exchanger.make(state, step, tools=specs, emit=self._emit)
        response, judged = exchange.response, exchange.judged
        if response is None or not response.message.tool_calls:
            return exchange
        answered = {} if judged is None else {one.call_id for one in judged.results}
        calls = [call for call in response.message.tool_calls if call.id not in answered]
        plan = await self._caller.plan(calls, tools=offered)
        polling = [call.name for call in calls if call.name in offered and offered[call.name].polls]
        return replace(exchange, plan=plan, polling=tuple(polling))

    def _charge(self, exchange: Exchange) -> None:
        """Count what an exchange used; its time counts by itself, unless it was remembered."""
        used = exchange.used
        if self._has_lived and used.seconds:
            used = replace(used, seconds=0.0)
        usage = exchange.additional_usage
        if exchange.response is not None:
            usage = usage + exchange.response.usage
        self._meter.charge(used, usage)

    async def _tell(self, response: ModelResponse, *, turn: int, seconds: float) -> None:
        """Report an answer, and what was repaired of it."""
        for repair in response.repairs:
            await self._emit(AnswerRepaired(repair=repair))
        await self._emit(
            _model_responded(
                turn=turn,
                message=response.message,
                finish_reason=response.finish_reason,
                usage=response.usage,
                seconds=seconds,
                model=response.model,
                provider=response.provider,
            )
        )

    async def _tell_judgement(self, judged: Judgement | None, *, refusals: int) -> None:
        """Report what was found of an answer of a certain type."""
        if judged is None:
            return
        for repair in judged.repairs:
            await self._emit(AnswerRepaired(repair=repair))
        if judged.reason:
            await self._emit(OutputRejected(attempt=refusals + 1, reason=judged.reason))

    async def plan_calls(
        self, state: RunState, calls: Sequence[ToolCall]
    ) -> tuple[PlannedCall, ...]:
        """Settle the open calls of an earlier run; see `Steps`."""
        self._begin(state)
        self._offered = await self._list_tools(state)
        effect = partial(self._caller.plan, calls, tools=self._offered)
        return await self._journal.do(
            f"turn-{state.turns}/plan", effect, codec=_plan_codec, unknown=effect
        )

    async def run_tools(self, state: RunState, calls: Sequence[ToolCall]) -> ToolAnswers:
        """Check and run `calls`; see `Steps`."""
        self._begin(state)
        return await self._caller.run(state, calls, tools=self._offered or {}, emit=self._emit)

    def history(self) -> History | None:
        """Return the conversation so far, whole: what was under way has a result that says so."""
        if self._state is None:
            return None
        if self._exchange is None:
            history = self._state.history.add(*self._exchanger.taken)
        else:
            history = self._state.add_exchange(self._exchange).history
        return history.add(*map(self._caller.result_of, history.open_calls))

    def _begin(self, state: RunState) -> None:
        """Take note of where a step begins; what came of the one before is part of it."""
        self._state, self._exchange = state, None
        self._has_lived = False
        self._exchanger.taken = ()

    def offered(self, name: str) -> Tool | None:
        """Return the tool of this name, if it was on offer in the last step."""
        return (self._offered or {}).get(name)

    async def _list_tools(self, state: RunState) -> Mapping[str, Tool]:
        """Ask for the tools of this turn; the same ones keep their specs, so are encoded once."""
        listed = tuple(await list_tools_for(self._toolset, state.history))
        for report in take_reports(self._toolset):
            await self._emit(report)
        if listed != self._listed:
            self._tools = index_tools(listed)
            self._listed = listed
            self._specs = tuple(tool.spec for tool in self._tools.values())
        return self._tools


@cache
def _exchange_codec() -> TypeAdapter[Exchange]:
    return TypeAdapter(Exchange)


@cache
def _plan_codec() -> TypeAdapter[tuple[PlannedCall, ...]]:
    return TypeAdapter(tuple[PlannedCall, ...])
