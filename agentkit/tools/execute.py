"""Run ready calls and return a result for each.

In:  `ReadyCall`s that may run in parallel.
Out: as many `ToolResult`s, in the order given; events about each call.

An exception of a tool becomes an error result for the model and a log line with the traceback. Only
bugs of agentkit, cancellation and exceptions that end the program leave `execute_calls`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field
from functools import partial
from itertools import groupby
from typing import Any, TypeAlias, TypedDict, Unpack

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from agentkit.clock import Clock
from agentkit.content import TextContent
from agentkit.event import (
    Emit,
    ToolCallAbandoned,
    ToolCallFinished,
    ToolCallStarted,
    ToolResultTruncated,
    ignore,
)
from agentkit.exception_groups import ungrouped
from agentkit.log import Log
from agentkit.message import ToolCall, ToolResult
from agentkit.surrogates import replace_surrogates
from agentkit.tools.binding import BoundArguments, HandlerBinding
from agentkit.tools.concurrency.concurrency_limits import UNLIMITED, CallPermit, ConcurrencyLimits
from agentkit.tools.concurrency.graceful_cancel import (
    CLEANUP_SECONDS,
    StoppableCall,
    finish_shield,
    has_no_await,
)
from agentkit.tools.confirmation import without_mark
from agentkit.tools.result_content import (
    MAX_RESULT_CHARACTERS,
    ToolFailure,
    build_result,
    cut_result,
)
from agentkit.tools.run_context import RunContext, RunLink
from agentkit.tools.signature import is_async
from agentkit.tools.tool import Tool
from agentkit.tools.tool_attempt import ToolAttempt
from agentkit.tools.validate import ReadyCall
from agentkit.value import dataclass, maker, replace

_call_finished = maker(ToolCallFinished)
_call_started = maker(ToolCallStarted)

Proceed: TypeAlias = Callable[[], Awaitable[ToolResult]]
ToolMiddleware: TypeAlias = Callable[[ReadyCall, Proceed], Awaitable[ToolResult]]
"""Wraps each call: may run it, record its result, or return another result in its place.

The second argument runs the tool. Once the tool has ended, a cancellation leaves the middleware the
cleanup time, so that a result that exists can be recorded.
"""

log: Log = Log("agentkit.tools")


class ExecuteOptions(TypedDict, total=False):
    """How calls are run; all options are optional.

    Attributes:
        concurrency: how many of these calls may run at the same time, 1 or more; 8.
        timeout_seconds: limit for each tool without its own timeout, counted from its own start.
        cleanup_seconds: how long a cancelled tool may clean up before every wait in it is
            cancelled.
        max_characters: longer text of a result is truncated for the model; the full content is
            emitted as an event.
        concurrency_limits: the limits that are shared with other runs; the limits of single tools
            apply without it, too.
        middleware: see `ToolMiddleware`.
        started: receives each call, by its id, before its tool starts.
        finished: receives each result, by call id, as soon as it exists, so that a cancellation
            loses none.
        link: returns what links a call to its run; see `RunLink`.
    """

    concurrency: int
    timeout_seconds: float | None
    cleanup_seconds: float
    max_characters: int
    concurrency_limits: ConcurrencyLimits
    middleware: ToolMiddleware | None
    started: dict[str, ToolCall]
    finished: dict[str, ToolResult]
    link: Callable[[ReadyCall], RunLink]


def plan_calls(calls: Sequence[ReadyCall]) -> tuple[tuple[ReadyCall, ...], ...]:
    """Divide the calls of a turn into stages, without changing their order.

    The calls of one stage run in parallel, the stages one after another. Calls that only read
    cannot disturb each other. A call with effects runs alone, unless its tool sets `parallel`: a
    model that asks for a write and then a read means them in this order.
    """
    if len(calls) == 1:
        return ((calls[0],),)
    stages: list[tuple[ReadyCall, ...]] = []
    for is_parallel, group in groupby(calls, key=lambda call: can_run_in_parallel(call.tool)):
        if is_parallel:
            stages.append(tuple(group))
        else:
            stages.extend((call,) for call in group)
    return tuple(stages)


def can_run_in_parallel(tool: Tool) -> bool:
    """Return whether a tool may run while others do."""
    if tool.parallel is not None:
        return tool.parallel
    return tool.annotations.read_only_hint


async def execute_calls(
    calls: Sequence[ReadyCall],
    *,
    deps: object,
    emit: Emit,
    clock: Clock,
    **options: Unpack[ExecuteOptions],
) -> list[ToolResult]:
    """Run `calls` in parallel and return their results in the order given.

    Args:
        calls: validated calls with distinct ids; may be empty.
        deps: for tools that take a `RunContext`.
        emit: receives an event for each start, progress report and end.
        clock: measures how long each tool ran.
        options: see `ExecuteOptions`.

    Returns:
        As many results as calls, with `results[i].call_id == calls[i].call.id`.
        A tool that raises or overruns gives `is_error=True`.
    """
    execution = _new_execution(
        deps=deps, emit=emit, clock=clock, has_own_tasks=len(calls) > 1, **options
    )
    if execution.concurrency < 1:
        raise ValueError(f"concurrency is {execution.concurrency}; it must be 1 or more.")
    if len(calls) == 1:  # the usual case; it needs no task group
        return [await execution.run(calls[0])]
    results: dict[int, ToolResult] = {}
    waiting = enumerate(calls)

    async def worker() -> None:
        for position, call in waiting:
            results[position] = await execution.run(call)

    with ungrouped():
        async with anyio.create_task_group() as group:
            for _ in range(min(execution.concurrency, len(calls))):
                group.start_soon(worker)
    return [results[position] for position in range(len(calls))]


async def find_outcome(
    call: ReadyCall,
    *,
    deps: object,
    emit: Emit,
    clock: Clock,
    **options: Unpack[ExecuteOptions],
) -> ToolResult | None:
    """Find out with the tool's `find_outcome` how a call of unknown outcome ended.

    Args:
        call: the call as it was run.
        deps: as in `execute_calls`.
        emit: receives progress events only.
        clock: as in `execute_calls`.
        options: of these, the limits of time and size apply.

    Returns:
        The result of the call. None if that cannot be known: the tool has no `find_outcome`, or
        it returned None, raised, or took too long.
    """
    function = call.tool.find_outcome
    if function is None:
        return None
    execution = _new_execution(deps=deps, emit=emit, clock=clock, **options)
    lookup = replace(
        call,
        tool=replace(
            call.tool,
            function=function,
            binding=HandlerBinding(takes_context=True, is_async=is_async(function)),
        ),
        bound=BoundArguments(positional=(dict(call.arguments),)),
    )
    found = await execution.attempt(lookup, UNLIMITED)
    if found is None or isinstance(found, ToolFailure):
        return None
    return cut_result(build_result(call, found), max_characters=execution.max_characters)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Execution:
    """The options that all calls of one `execute_calls` share; see `ExecuteOptions`."""

    deps: object
    emit: Emit
    clock: Clock
    concurrency: int = 8
    timeout_seconds: float | None = None
    cleanup_seconds: float = CLEANUP_SECONDS
    max_characters: int = MAX_RESULT_CHARACTERS
    concurrency_limits: ConcurrencyLimits = field(default_factory=ConcurrencyLimits)
    middleware: ToolMiddleware | None = None
    started: dict[str, ToolCall] = field(default_factory=dict)
    finished: dict[str, ToolResult] = field(default_factory=dict)
    link: Callable[[ReadyCall], RunLink] | None = None
    has_own_tasks: bool = False

    async def run(self, call: ReadyCall) -> ToolResult:
        """Run one call and emit its events."""
        run = _CallRun(execution=self, call=call)
        full = await run.through_middleware()
        full = without_mark(annotated(full, call_id=call.call.id, note=call.note))
        result = cut_result(full, max_characters=self.max_characters)
        self.finished[call.call.id] = result
        started = await run.start()
        if result is not full:
            await self.emit(ToolResultTruncated(call_id=call.call.id, content=full.content))
        if self.emit is not ignore:
            seconds = self.clock.monotonic() - started
            await self.emit(_call_finished(call=call.call, result=result, seconds=seconds))
        return result

    async def attempt(self, call: ReadyCall, held: CallPermit) -> object:
        """Return what the tool returned, or a `ToolFailure`."""
        seconds = call.tool.timeout_seconds
        seconds = self.timeout_seconds if seconds is None else seconds
        stoppable = StoppableCall(seconds=seconds, cleanup_seconds=self.cleanup_seconds)
        attempt = ToolAttempt(
            call=call,
            function=self._prepare(call),
            held=held,
            stoppable=stoppable,
            has_own_task=self.has_own_tasks,
        )
        await checkpoint_if_cancelled()  # nothing starts for a caller that is cancelled
        try:
            running = attempt.call()
            needs_no_scope = has_no_await(call.tool.function)
            outcome = await (running if needs_no_scope else stoppable.run(running))
        finally:
            if stoppable.reason is not None:
                log.warning(
                    "tool_call_stopped",
                    tool_name=call.tool.name,
                    call_id=call.call.id,
                    reason=stoppable.reason,
                    is_running=attempt.is_running,
                )
        # A tool that was cancelled and still returned a value may have done half of its work: a
        # task group in it swallows the cancellation of its tasks. Its value does not count.
        if stoppable.reason is None:
            await stoppable.task_cancels.withdraw()
            return outcome
        if stoppable.reason == "caller":
            await anyio.sleep_forever()
        limit = seconds or 0.0
        if attempt.is_running:
            await self.emit(ToolCallAbandoned(call=call.call, seconds=limit))
        return attempt.timeout_failure(limit)

    def _prepare(self, call: ReadyCall) -> Callable[[], Any]:
        """Return the tool's function with its arguments."""
        positional = call.bound.positional
        if call.tool.binding.takes_context:
            positional = (self._context(call), *positional)
        return partial(call.tool.function, *positional, **call.bound.named)

    def _context(self, call: ReadyCall) -> RunContext[Any]:
        link = RunLink(emit=self.emit) if self.link is None else self.link(call)
        return RunContext(
            deps=self.deps,
            call_id=call.call.id,
            tool_name=call.tool.name,
            idempotency_key=link.idempotency_key or call.call.id,
            run_id=link.run_id,
            agent_name=link.agent_name,
            labels=link.labels,
            _link=link,
        )


_new_execution = maker(_Execution)


async def _repaired(_call: ReadyCall, proceed: Proceed) -> ToolResult:
    """Return the result without lone surrogates: middleware is code of users."""
    return replace_surrogates(await proceed())


class _CallRun:
    """One run of a call through the middleware to its tool and back."""

    def __init__(self, *, execution: _Execution, call: ReadyCall) -> None:
        self._execution = execution
        self._call = call
        self._started: float | None = None

    async def start(self) -> float:
        """Report the start to the listeners once, and return its time."""
        if self._started is None:
            call = self._call.call
            self._execution.started[call.id] = call
            if self._execution.emit is not ignore:
                await self._execution.emit(_call_started(call=call))
            self._started = self._execution.clock.monotonic()
        return self._started

    async def through_middleware(self) -> ToolResult:
        """Return the full result; the middleware of the run wraps the tool's own."""
        call, execution = self._call, self._execution
        chain: tuple[ToolMiddleware, ...] = call.tool.middleware
        if chain:
            chain = (_repaired, *chain)
        if execution.middleware is not None:
            chain = (execution.middleware, *chain)
        if not chain:
            return await self.proceed()
        async with finish_shield(cleanup_seconds=execution.cleanup_seconds) as shield:

            async def proceed() -> ToolResult:
                shield.lift()
                result = await self.proceed()
                shield.hold()
                return result

            call_next: Proceed = proceed
            for middleware in reversed(chain):
                call_next = partial(middleware, call, call_next)
            return await call_next()
        log.warning("tool_result_lost", call_id=self._call.call.id)
        return await anyio.sleep_forever()

    async def proceed(self) -> ToolResult:
        """Wait for a permit, and run the tool."""
        held = await self._execution.concurrency_limits.acquire(self._call.tool)
        try:
            await self.start()
            outcome = await self._execution.attempt(self._call, held)
        finally:
            held.release()
        if isinstance(outcome, ToolFailure):
            return ToolResult(self._call.call.id, outcome.text, is_error=True)
        return build_result(self._call, outcome)


def annotated(result: ToolResult, *, call_id: str, note: str | None) -> ToolResult:
    """Return a result under its call's id, with what the model must know about the call."""
    if not note and result.call_id == call_id:
        return result
    notes = (TextContent(f"[{note}]\n"),) if note else ()
    return replace(result, call_id=call_id, content=(*notes, *result.content))
