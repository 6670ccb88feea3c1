"""Plan and run the calls of a turn within the limits of a run, as effects of it.

In:  calls a model asked for, the tools that were offered, decisions about calls.
Out: a plan for each call; later one result for each.

Each call gets exactly one result. What has finished stays finished, even after a cancellation.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cache, partial
from typing import TypeAlias

import anyio
from pydantic import TypeAdapter

from agentkit.agent.call_outcome import (
    CallOutcome,
    FactCollector,
    denied_result,
    later_calls,
    outcome_codec,
    over_budget_result,
    reject_as_given,
    replay_events,
    unknown_result,
)
from agentkit.agent.journal import recorded
from agentkit.agent.member import Member
from agentkit.agent.run import Run
from agentkit.agent.step import CallFacts, RunState, ToolAnswers
from agentkit.budget.meter import NOTHING, Spent
from agentkit.chat import Repair
from agentkit.event import AnswerRepaired, Emit, ToolCallRejected
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult
from agentkit.surrogates import replace_surrogates
from agentkit.tools.approval import PlannedCall, plan_calls_in_order, validate_edited
from agentkit.tools.concurrency.graceful_cancel import CLEANUP_SECONDS
from agentkit.tools.execute import execute_calls, find_outcome, plan_calls
from agentkit.tools.result_content import MAX_RESULT_CHARACTERS, cut_result
from agentkit.tools.run_context import RunLink
from agentkit.tools.tool import Tool
from agentkit.tools.tool_run import CallOptions, annotated
from agentkit.tools.validate import ReadyCall, validate_off_loop, with_answer_repairs
from agentkit.usage import NO_USAGE, Usage

Ready: TypeAlias = dict[str, ReadyCall | ToolResult]
"""Calls as they were validated: ready to run, or with the error result that they get."""

_ONE_CALL = Spent(tool_calls=1)
_NO_LIMIT = nullcontext()


async def plan_calls_of(
    run: Run,
    member: Member,
    history: History,
    calls: Sequence[ToolCall],
    *,
    tools: Mapping[str, Tool],
    ready: Ready,
    repairs: Sequence[Repair] = (),
) -> tuple[PlannedCall, ...]:
    """Validate calls into `ready`, and decide which of them may run.

    Args:
        run: the run.
        member: the agent whose tools are called.
        history: the conversation before the calls.
        calls: what the model asked for.
        tools: those that were offered.
        ready: gets each call as it was validated; an error result that it holds already is kept.
        repairs: what was repaired of the answer that holds the calls.
    """
    given = dict(ready)
    left = run.meter.calls_left()
    for call in calls:
        if call.id in given:
            continue
        if left <= 0:
            ready[call.id] = over_budget_result(call)  # not validated: it may be one of thousands
            continue
        checked = with_answer_repairs(await validate_off_loop(call, tools, deps=run.deps), repairs)
        ready[call.id] = checked
        if isinstance(checked, ReadyCall):
            left -= 1
    planned = await plan_calls_in_order(
        [(call, ready[call.id]) for call in calls],
        rule=member.rule,
        approvals=run.approvals,
        history=history,
        tools=tools,
    )
    return reject_as_given(planned, given) if given else planned


async def plan_open_calls(
    run: Run, member: Member, state: RunState, calls: Sequence[ToolCall]
) -> RunState:
    """Decide what may be done about calls of an earlier segment, and return the state after it.

    Raises:
        HistoryError: an approval is for another call, or for one whose tool the agent does not
            have.
    """
    ready: Ready = later_calls(_last_calls(state), settings=member.settings)

    async def plan() -> tuple[PlannedCall, ...]:
        tools = await member.tools(state.history, emit=run.report.emitter)
        before = History(_before_open_calls(state.history))
        return await plan_calls_of(run, member, before, calls, tools=tools, ready=ready)

    planned, is_replay = await run.effect(state, "plan", plan, codec=_plan_codec)
    return state.add_plan(planned, ready=ready, is_replay=is_replay)


async def run_tools(
    run: Run, member: Member, state: RunState, calls: Sequence[ToolCall]
) -> RunState:
    """Run `calls`, as the plan of the state says, and return the state after it."""
    if run.draft.history is not state.history:
        run.draft.begin(state.history)
    answers, is_replay = await run.effect(
        state, "tools", partial(_run_batch, run, member, state, calls), codec=_answers_codec
    )
    if is_replay:
        run.meter.charge(answers.used, answers.usage)
        await replay_events(calls, answers.results, answers.facts, report=run.report)
    after = state.add_answers(answers, is_replay=is_replay)
    run.draft.begin(after.history)
    return after


async def _run_batch(
    run: Run, member: Member, state: RunState, calls: Sequence[ToolCall]
) -> ToolAnswers:
    """Run the calls within the run's time; each of them is an effect of its own."""
    batch = _Batch(run, member, state)
    outcomes = await batch.recorded_outcomes(calls) if state.is_replay else {}
    open_calls = [call for call in calls if call.id not in outcomes]
    ready = await batch.reject(open_calls, await batch.validate(open_calls))
    options = batch.options()
    with _within_time(run, member, ready, has_middleware=options.middleware is not None):
        for stage in plan_calls(ready):
            await execute_calls(stage, options)
    return batch.answers(calls)


class _Batch:
    """The calls that one step runs."""

    def __init__(self, run: Run, member: Member, state: RunState) -> None:
        self._run = run
        self._member = member
        self._state = state
        self._tool_calls = 0
        self._used = NOTHING
        self._usage = NO_USAGE
        self._started = 0.0
        self._facts: FactCollector | None = None  # without a journal no one asks for them
        self._position: Mapping[str, int] = {}
        self.emit: Emit = run.report.emitter
        if run.has_journal:
            self._started = run.clock.monotonic()
            self._facts = FactCollector(self.emit)
            self.emit = self._facts.emit
            numbered = enumerate(_last_calls(state), start=1)
            self._position = {call.id: number for number, call in numbered}

    def options(self) -> CallOptions:
        """Return what the calls share."""
        run, options = self._run, self._member.options
        return CallOptions(
            deps=run.deps,
            emit=self.emit,
            clock=run.clock,
            concurrency=options.tool_concurrency,
            timeout_seconds=options.tool_timeout_seconds,
            concurrency_limits=options.concurrency,
            middleware=None if self._facts is None else self.record,
            started=run.draft.started,
            finished=run.draft.finished,
            link=self.link,
        )

    async def recorded_outcomes(self, calls: Sequence[ToolCall]) -> Mapping[str, CallOutcome]:
        """Return what an earlier life recorded of calls, whatever tools exist now."""
        found: dict[str, CallOutcome] = {}
        for call in calls:
            outcome = await recorded(self._run.journal, self._key(call), codec=outcome_codec)
            if outcome is not None:
                found[call.id] = outcome
                await self._take(call, outcome)
        return found

    async def validate(self, calls: Sequence[ToolCall]) -> Mapping[str, ReadyCall | ToolResult]:
        """Return calls as they were validated for the plan, or as they are now."""
        ready = self._state.answered.ready
        if not [call for call in calls if call.id not in ready]:
            return ready
        tools = await self._member.tools(self._state.history, emit=self.emit)
        deps = self._run.deps
        return {
            call.id: ready.get(call.id) or await validate_off_loop(call, tools, deps=deps)
            for call in calls
        }

    async def reject(
        self, calls: Sequence[ToolCall], checked: Mapping[str, ReadyCall | ToolResult]
    ) -> list[ReadyCall]:
        """Answer the calls that must not run, and return the others."""
        run, ready = self._run, []
        is_over_budget = False
        for call in calls:
            one, planned = checked[call.id], self._state.answered.plan[call.id]
            if planned.is_changed:
                one = await self._as_planned(call, planned)
            if isinstance(one, ReadyCall):
                # Charged at once: agents side by side share what is left.
                if run.meter.calls_left() == 0:
                    one, is_over_budget = over_budget_result(call), True
                else:
                    self._count()
            if isinstance(one, ToolResult):
                one = replace_surrogates(one)  # a person's reason may hold them
                is_over_budget = is_over_budget or one == over_budget_result(call)
                run.draft.finished[call.id] = one
                await self.emit(ToolCallRejected(call=call, result=one))
                continue
            for repair in one.repairs:
                await self.emit(AnswerRepaired(repair=repair))
            ready.append(one)
        if is_over_budget:
            self._count()
        return ready

    async def _as_planned(self, call: ToolCall, planned: PlannedCall) -> ReadyCall | ToolResult:
        """Return a call as its plan has it: rejected, or with other arguments."""
        if planned.rejection is not None:
            return planned.rejection
        if planned.verdict.arguments is None:
            return denied_result(call, planned.verdict.reason)
        tools = await self._member.tools(self._state.history, emit=self.emit)
        return validate_edited(call, planned.verdict.arguments, tools, deps=self._run.deps)

    async def record(
        self, ready: ReadyCall, run_tool: Callable[[], Awaitable[ToolResult]]
    ) -> ToolResult:
        """Run one call as an effect of the journal."""
        call = ready.call
        planned = self._state.answered.plan[call.id]

        async def live(act: Callable[[], Awaitable[ToolResult]]) -> CallOutcome:
            started = self._run.clock.monotonic()
            result = await act()
            seconds = self._run.clock.monotonic() - started
            used, usage = self._part(call)
            facts = CallFacts(was_run=True, seconds=seconds, repairs=ready.repairs)
            return CallOutcome(result=result, note=ready.note, facts=facts, used=used, usage=usage)

        outcome = await self._run.journal.do(
            self._key(call),
            partial(live, run_tool),
            codec=outcome_codec,
            unknown=partial(live, partial(self._find_outcome, ready))
            if planned.effect == "once"
            else None,
        )
        return outcome.result

    def link(self, call: ReadyCall) -> RunLink:
        """Return what links a call to its run."""
        key = "" if self._facts is None else self._key(call.call)
        return RunLink(
            run=self._run,
            emit=self.emit,
            journal_key=key,
            idempotency_key=f"{self._run.id}/{call.call.id}",
            run_id=self._run.id,
            agent_name=self._member.name,
            labels=self._run.labels,
        )

    def answers(self, calls: Sequence[ToolCall]) -> ToolAnswers:
        """Return the results, the limit that is reached now, and what was used."""
        run = self._run
        results = tuple([run.draft.result_of(call) for call in calls])
        for call in calls:
            self._part(call)
        if self._facts is None:
            return ToolAnswers(results=results, over=run.meter.reached())
        seconds = run.clock.monotonic() - self._started
        return ToolAnswers(
            results=results,
            facts=tuple([self._facts.of(call.id) for call in calls]),
            over=run.meter.reached(),
            used=self._used + Spent(tool_calls=self._tool_calls, seconds=seconds),
            usage=self._usage,
        )

    def _count(self) -> None:
        self._tool_calls += 1
        self._run.meter.charge(_ONE_CALL)

    async def _take(self, call: ToolCall, outcome: CallOutcome) -> None:
        """Take and count a call that an earlier life made."""
        self._count()
        self._run.meter.charge(outcome.used, outcome.usage)
        self._used += outcome.used
        self._usage += outcome.usage
        full = annotated(outcome.result, call_id=call.id, note=outcome.note)
        result = cut_result(full, max_characters=MAX_RESULT_CHARACTERS)
        facts = outcome.facts
        if result is not full:
            facts = replace(facts, full_content=full.content)
        self._run.draft.finished[call.id] = result
        if self._facts is not None:
            self._facts.put(call.id, facts)
        await replay_events([call], [result], [facts], report=self._run.report)

    def _part(self, call: ToolCall) -> tuple[Spent, Usage]:
        """Return what agents used inside a call, and count it for the step."""
        part = self._run.take_part(call.id)
        if part is None:
            return NOTHING, NO_USAGE
        used = replace(part.spent, seconds=0.0)
        self._used += used
        self._usage += part.usage
        return used, part.usage

    def _key(self, call: ToolCall) -> str:
        return self._run.key(self._state, f"tool-{self._position[call.id]}/{call.name}")

    async def _find_outcome(self, ready: ReadyCall) -> ToolResult:
        """Return the result of a call that an earlier life began; it is never run again."""
        return await find_outcome(ready, self.options()) or unknown_result(ready.call)


def _within_time(
    run: Run, member: Member, ready: Sequence[ReadyCall], *, has_middleware: bool
) -> AbstractContextManager[object]:
    """Return what stops the calls when the run's time is up.

    That is nothing if each ends before by a limit of its own: a scope costs a timer.
    """
    left = run.meter.seconds_left(closing=False)
    if left is None or (not has_middleware and _max_seconds(member, ready) < left):
        return _NO_LIMIT
    return anyio.move_on_after(left)


def _max_seconds(member: Member, ready: Sequence[ReadyCall]) -> float:
    """Return how long the calls may take one after the other, their cleanup included."""
    total = 0.0
    for call in ready:
        tool = call.tool
        seconds = tool.timeout_seconds
        seconds = member.options.tool_timeout_seconds if seconds is None else seconds
        if seconds is None or tool.middleware or member.options.concurrency.may_wait(tool):
            return math.inf
        total += seconds + CLEANUP_SECONDS
    return total


def _last_calls(state: RunState) -> tuple[ToolCall, ...]:
    """Return the calls of the last message that had any."""
    for message in reversed(state.history):
        if isinstance(message, AssistantMessage) and message.tool_calls:
            return message.tool_calls
    return ()


def _before_open_calls(history: History) -> Sequence[Message]:
    """Return the messages before the answer that holds the open calls."""
    for at in range(len(history) - 1, -1, -1):
        if isinstance(history[at], AssistantMessage):
            return history[:at]
    return ()


@cache
def _plan_codec() -> TypeAdapter[tuple[PlannedCall, ...]]:
    return TypeAdapter(tuple[PlannedCall, ...])


@cache
def _answers_codec() -> TypeAdapter[ToolAnswers]:
    return TypeAdapter(ToolAnswers)
