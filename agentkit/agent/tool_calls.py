"""Plan and run the calls of a turn within the limits of a run.

In:  calls a model asked for, the tools that were on offer, answers given about calls.
Out: a plan for each call; later one result for each.

Whatever happens, each call gets exactly one result. What has finished stays finished, also where
the rest is cancelled.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import field
from functools import cache, partial

import anyio
from pydantic import TypeAdapter

from agentkit.agent.journal import Journal, NoJournal
from agentkit.agent.run import RunScope
from agentkit.agent.step import RunState, ToolAnswers
from agentkit.budget.budget import NOTHING, Meter, Spent
from agentkit.clock import Clock
from agentkit.event import AnswerRepaired, Emit, ToolCallRejected
from agentkit.message import AssistantMessage, ToolCall, ToolResult
from agentkit.tools.approval import (
    Approval,
    ApprovalRule,
    Effect,
    PlannedCall,
    Verdict,
    plan_call,
    validate_edited,
)
from agentkit.tools.concurrency.concurrency_limits import ConcurrencyLimits
from agentkit.tools.concurrency.graceful_cancel import CLEANUP_SECONDS
from agentkit.tools.execute import ToolMiddleware, execute_calls, find_outcome, plan_calls
from agentkit.tools.tool import Tool
from agentkit.tools.validate import ReadyCall, validate_call
from agentkit.usage import NO_USAGE, Usage
from agentkit.value import dataclass, maker, replace

_ONE_CALL = Spent(tool_calls=1)
_new_answers = maker(ToolAnswers)

_NO_LIMIT = nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallInput:
    """What stays the same for all calls of a run.

    Attributes:
        deps: handed to tools in their `RunContext`.
        run_id: makes idempotency keys unique among runs.
        rule: the caller's own word on which calls may run.
        approvals: answers given about calls, by call id.
        concurrency: how many tools of one turn may run at the same time.
        timeout_seconds: limit of each tool that has none of its own.
        caps: limits that are shared with other runs.
        scope: the run, for agents that work inside it.
    """

    deps: object = None
    run_id: str = ""
    rule: ApprovalRule | None = None
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    concurrency: int = 8
    timeout_seconds: float | None = 60.0
    caps: ConcurrencyLimits = field(default_factory=ConcurrencyLimits)
    scope: RunScope | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """What came of one call; recorded as a whole.

    Attributes:
        used: what agents below used for it.
        usage: the same, as providers and counts have it.
    """

    result: ToolResult
    used: Spent = NOTHING
    usage: Usage = NO_USAGE


class Caller:
    """Plans and runs the calls of one run."""

    def __init__(self, *, given: CallInput, meter: Meter, journal: Journal, clock: Clock) -> None:
        self._given = given
        self._meter = meter
        self._journal = journal
        self._clock = clock
        self._checked: dict[str, ReadyCall | ToolResult] = {}
        self._begun: dict[str, ToolCall] = {}
        self._finished: dict[str, ToolResult] = {}

    def result_of(self, call: ToolCall) -> ToolResult:
        """Return the result of a call; of one that was stopped, what is known of it."""
        found = self._finished.get(call.id)
        return found or _stopped(call, has_begun=call.id in self._begun)

    async def plan(
        self, calls: Sequence[ToolCall], *, tools: Mapping[str, Tool]
    ) -> tuple[PlannedCall, ...]:
        """Check calls and settle which may run."""
        self._checked = {call.id: validate_call(call, tools) for call in calls}
        return tuple([await self._plan_one(call) for call in calls])

    async def run(
        self,
        state: RunState,
        calls: Sequence[ToolCall],
        *,
        tools: Mapping[str, Tool],
        emit: Emit,
    ) -> ToolAnswers:
        """Run `calls`, which the state's plan has settled; see `Steps.run_tools`."""
        self._begun, self._finished = {}, {}
        ready = await self._refuse(state, calls, tools=tools, emit=emit)
        middleware = (
            None if isinstance(self._journal, NoJournal) else self._remember(state, emit=emit)
        )
        with self._within_time(ready, middleware=middleware):
            for stage in plan_calls(ready):
                await execute_calls(
                    stage,
                    deps=self._given.deps,
                    emit=emit,
                    clock=self._clock,
                    concurrency=self._given.concurrency,
                    timeout_seconds=self._given.timeout_seconds,
                    concurrency_limits=self._given.caps,
                    middleware=middleware,
                    started=self._begun,
                    finished=self._finished,
                    scope=self._given.scope,
                )
        results = tuple([self.result_of(call) for call in calls])
        usage = NO_USAGE
        if self._given.scope is not None and self._given.scope.parts:
            usage = sum((self._below(call).usage for call in calls), NO_USAGE)
        return _new_answers(results=results, over=self._meter.reached(), usage=usage)

    def _within_time(
        self, ready: Sequence[ReadyCall], *, middleware: ToolMiddleware | None
    ) -> AbstractContextManager[object]:
        """Return what stops the calls when the run's time is up.

        That is nothing where each ends before, by a limit of its own: a scope is dear.
        """
        left = self._meter.seconds_left(closing=False)
        if left is None or (middleware is None and self._most_seconds(ready) < left):
            return _NO_LIMIT
        return anyio.move_on_after(left)

    def _most_seconds(self, ready: Sequence[ReadyCall]) -> float:
        """Return how long the calls may take one after the other, their cleanup included."""
        whole = 0.0
        for call in ready:
            tool = call.tool
            seconds = tool.timeout_seconds
            seconds = self._given.timeout_seconds if seconds is None else seconds
            if seconds is None or tool.middleware or self._given.caps.may_wait(tool):
                return math.inf
            whole += seconds + CLEANUP_SECONDS
        return whole

    def _below(self, call: ToolCall) -> CallOutcome:
        """Return what agents below have used for a call, beside a result that says nothing."""
        scope = self._given.scope
        nothing = CallOutcome(result=ToolResult(call_id=call.id))
        if scope is None or call.id not in scope.parts:
            return nothing
        part = scope.parts[call.id]
        return replace(nothing, used=replace(part.spent, seconds=0.0), usage=part.usage)

    async def _plan_one(self, call: ToolCall) -> PlannedCall:
        """Settle one call; one that cannot run needs no one's leave to be answered so."""
        checked = self._checked[call.id]
        if isinstance(checked, ToolResult):
            return PlannedCall(
                call_id=call.id,
                tool_name=call.name,
                effect="read",
                verdict=Verdict(decision="allow"),
            )
        return await plan_call(checked, rule=self._given.rule, approvals=self._given.approvals)

    async def _refuse(
        self,
        state: RunState,
        calls: Sequence[ToolCall],
        *,
        tools: Mapping[str, Tool],
        emit: Emit,
    ) -> list[ReadyCall]:
        """Answer the calls that must not run, and return the others."""
        ready: list[ReadyCall] = []
        is_beyond = False
        for call in calls:
            verdict = state.plan[call.id].verdict
            checked = self._check(call, verdict, tools=tools)
            if verdict.decision == "deny":
                checked = _denied(call, verdict)
            elif isinstance(checked, ReadyCall):
                # At once: agents side by side share what is left.
                if self._meter.calls_left() == 0:
                    checked, is_beyond = _beyond(call), True
                else:
                    self._meter.charge(_ONE_CALL)
            if isinstance(checked, ToolResult):
                self._finished[call.id] = checked
                await emit(ToolCallRejected(call=call, result=checked))
                continue
            for repair in checked.repairs:
                await emit(AnswerRepaired(repair=repair))
            ready.append(self._keyed(checked))
        if is_beyond:
            self._meter.charge(_ONE_CALL)
        return ready

    def _keyed(self, ready: ReadyCall) -> ReadyCall:
        """Return a call with a key that is its own among all runs, where runs are told apart."""
        run_id = self._given.run_id
        return replace(ready, idempotency_key=f"{run_id}{ready.call.id}") if run_id else ready

    def _check(
        self, call: ToolCall, verdict: Verdict, *, tools: Mapping[str, Tool]
    ) -> ReadyCall | ToolResult:
        """Check a call, with the arguments a person gave it in place of the model's."""
        if verdict.arguments is not None:
            return validate_edited(call, verdict.arguments, tools)
        if call.id not in self._checked:
            self._checked[call.id] = validate_call(call, tools)
        return self._checked[call.id]

    def _remember(self, state: RunState, *, emit: Emit) -> ToolMiddleware:
        """Return what puts the journal around each call, under a name that stays the same."""
        position = {call.id: number for number, call in enumerate(_last_calls(state), start=1)}

        async def middleware(
            ready: ReadyCall, run: Callable[[], Awaitable[ToolResult]]
        ) -> ToolResult:
            call = ready.call
            settle = partial(self._settle, ready, run, effect=state.plan[call.id].effect, emit=emit)
            lived = False

            async def live(act: Callable[[], Awaitable[ToolResult]]) -> CallOutcome:
                nonlocal lived
                lived = True
                result = await act()
                return replace(self._below(call), result=result)

            outcome = await self._journal.do(
                f"turn-{state.turns}/call-{position[call.id]}/{call.name}",
                partial(live, run),
                codec=_outcome_codec,
                unknown=partial(live, settle),
            )
            if not lived and self._given.scope is not None:
                self._given.scope.part(call.id).charge(outcome.used, outcome.usage)
            return outcome.result

        return middleware

    async def _settle(
        self,
        ready: ReadyCall,
        run: Callable[[], Awaitable[ToolResult]],
        *,
        effect: Effect,
        emit: Emit,
    ) -> ToolResult:
        """Answer a call that an earlier life began: what may run twice is run again."""
        if effect != "once":
            return await run()
        found = await find_outcome(
            ready,
            deps=self._given.deps,
            emit=emit,
            clock=self._clock,
            concurrency_limits=self._given.caps,
            scope=self._given.scope,
        )
        return found or _unknown(ready.call)


def _last_calls(state: RunState) -> tuple[ToolCall, ...]:
    """Return the calls of the last message that had any."""
    for message in reversed(state.history):
        if isinstance(message, AssistantMessage) and message.tool_calls:
            return message.tool_calls
    return ()


def _unknown(call: ToolCall) -> ToolResult:
    return ToolResult.of(
        call.id,
        f"The outcome of the call of {call.name!r} is unknown: it was begun, and then the run was "
        "interrupted. It was not run again, as it must not happen twice. Find out by other means "
        "whether it took effect, or tell the user.",
        is_error=True,
    )


def _stopped(call: ToolCall, *, has_begun: bool) -> ToolResult:
    known = (
        "was stopped before it ended. Whether it had an effect is not known."
        if has_begun
        else "was not run: the run was stopped before its turn came."
    )
    return ToolResult.of(call.id, f"The call of {call.name!r} {known}", is_error=True)


def _denied(call: ToolCall, verdict: Verdict) -> ToolResult:
    reason = f" The reason given: {verdict.reason}" if verdict.reason else ""
    return ToolResult.of(
        call.id, f"The call of {call.name!r} was refused and was not run.{reason}", is_error=True
    )


def _beyond(call: ToolCall) -> ToolResult:
    return ToolResult.of(
        call.id,
        f"The call of {call.name!r} was not run: this task may make no more tool calls.",
        is_error=True,
    )


@cache
def _outcome_codec() -> TypeAdapter[CallOutcome]:
    return TypeAdapter(CallOutcome)
