"""Run ready calls and answer each one.

In:  `ReadyCall`s that may run side by side.
Out: as many `ToolResult`s, in the order given; events about each.

What a tool raises is an answer for the model and a line with traceback in the log. Only bugs of
ours, cancellation and what ends the program leave `execute_calls`.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import field
from functools import partial
from inspect import isawaitable
from typing import Any, TypeAlias, TypedDict, Unpack

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from agentkit.clock import Clock
from agentkit.content import TextContent
from agentkit.event import (
    Emit,
    RunEvent,
    ToolCallAbandoned,
    ToolCallFinished,
    ToolCallStarted,
    ToolProgressed,
    ToolResultTruncated,
    ignore,
)
from agentkit.exception_groups import most_urgent, ungrouped
from agentkit.log import Log
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.binding import BoundArguments, HandlerBinding
from agentkit.tools.concurrency.concurrency_limits import FREE, ConcurrencyLimits, Held
from agentkit.tools.concurrency.graceful_cancel import CLEANUP_SECONDS, Guard, ending, never_waits
from agentkit.tools.concurrency.semaphore import standing_in
from agentkit.tools.concurrency.worker_threads import Raised, ThreadJob
from agentkit.tools.result_content import (
    MAX_RESULT_CHARACTERS,
    ToolFailure,
    build_result,
    cut_result,
    describe_failure,
)
from agentkit.tools.run_context import RunContext
from agentkit.tools.signature import is_async
from agentkit.tools.validate import ReadyCall
from agentkit.value import dataclass, maker, replace

_call_finished = maker(ToolCallFinished)
_call_started = maker(ToolCallStarted)

Proceed: TypeAlias = Callable[[], Awaitable[ToolResult]]
Around: TypeAlias = Callable[[ReadyCall, Proceed], Awaitable[ToolResult]]
"""Stands around each call: may run it, remember its result, or answer in its place.

The second argument runs the tool. Once the tool has ended, a cancellation leaves what is around it
the time of a cleanup, so that a result that exists can be kept.
"""

log = Log("agentkit.tools")
_IN_NO_PLACE = nullcontext()


class ExecuteOptions(TypedDict, total=False):
    """How calls are run; all are optional.

    Attributes:
        concurrency: how many of these calls may run at the same time, 1 or more; 8.
        timeout_seconds: limit for each tool that has none of its own, counted from its own start.
        cleanup_seconds: how long a tool that is stopped may clean up before it is cut short.
        max_characters: text of a result beyond is cut for the model; the whole is an event.
        caps: the limits that are shared with other runs; those of tools hold without it, too.
        around: see `Around`.
        begun: is given each call, by its id, before its tool starts.
        finished: is given each result, by call id, as soon as it exists; a cancellation loses none.
        scope: handed to tools in their `RunContext`.
    """

    concurrency: int
    timeout_seconds: float | None
    cleanup_seconds: float
    max_characters: int
    caps: ConcurrencyLimits
    around: Around | None
    begun: dict[str, ToolCall]
    finished: dict[str, ToolResult]
    scope: object


async def execute_calls(
    calls: Sequence[ReadyCall],
    *,
    deps: object,
    emit: Emit,
    clock: Clock,
    **options: Unpack[ExecuteOptions],
) -> list[ToolResult]:
    """Run `calls` side by side and return their results in the order given.

    Args:
        calls: validated calls with distinct ids; may be empty.
        deps: for tools that take a `RunContext`.
        emit: hears of each start, progress and end.
        clock: measures how long each tool ran.
        options: see `ExecuteOptions`.

    Returns:
        As many results as calls, with `results[i].call_id == calls[i].call.id`.
        A tool that raises or overruns gives `is_error=True`.
    """
    work = _new_work(deps=deps, emit=emit, clock=clock, **options)
    if work.concurrency < 1:
        raise ValueError(f"concurrency is {work.concurrency}; it must be 1 or more.")
    if len(calls) == 1:  # the rule, and needs no task of its own
        return [await work.run(calls[0])]
    results: dict[int, ToolResult] = {}
    waiting = enumerate(calls)

    async def take() -> None:
        for position, call in waiting:
            results[position] = await work.run(call)

    with ungrouped():
        async with anyio.create_task_group() as group:
            for _ in range(min(work.concurrency, len(calls))):
                group.start_soon(take)
    return [results[position] for position in range(len(calls))]


async def find_outcome(
    call: ReadyCall,
    *,
    deps: object,
    emit: Emit,
    clock: Clock,
    **options: Unpack[ExecuteOptions],
) -> ToolResult | None:
    """Ask the tool's `check` how a call ended that was started and whose end is not known.

    Args:
        call: the call as it was run.
        deps: as in `execute_calls`.
        emit: hears of progress only.
        clock: as in `execute_calls`.
        options: of these, the limits of time and size count.

    Returns:
        The result the call had. None if that cannot be known: the tool has no `check`, or it
        returned None, raised, or took too long.
    """
    check = call.tool.find_outcome
    if check is None:
        return None
    work = _new_work(deps=deps, emit=emit, clock=clock, **options)
    asked = replace(
        call,
        tool=replace(
            call.tool,
            function=check,
            binding=HandlerBinding(takes_context=True, is_async=is_async(check)),
        ),
        bound=BoundArguments(positional=(dict(call.arguments),)),
    )
    found = await work.attempt(asked, FREE)
    if found is None or isinstance(found, ToolFailure):
        return None
    return cut_result(build_result(call, found), max_characters=work.max_characters)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What is the same for all calls of a stage.

    Attributes:
        deaf: what listeners raised at an event that came from inside a tool, by call id.
    """

    deps: object
    emit: Emit
    clock: Clock
    concurrency: int = 8
    timeout_seconds: float | None = None
    cleanup_seconds: float = CLEANUP_SECONDS
    max_characters: int = MAX_RESULT_CHARACTERS
    caps: ConcurrencyLimits = field(default_factory=ConcurrencyLimits)
    around: Around | None = None
    begun: dict[str, ToolCall] = field(default_factory=dict)
    finished: dict[str, ToolResult] = field(default_factory=dict)
    scope: object = None
    deaf: dict[str, Exception] = field(default_factory=dict)

    async def run(self, call: ReadyCall) -> ToolResult:
        """Run one call and tell the listeners."""
        run = _OneRun(work=self, call=call)
        whole = await run.through_around()
        if call.note or whole.call_id != call.call.id:
            whole = replace(whole, call_id=call.call.id, content=(*_note(call), *whole.content))
        result = cut_result(whole, max_characters=self.max_characters)
        self.finished[call.call.id] = result
        started = await run.start()
        if result is not whole:
            await self.emit(ToolResultTruncated(call_id=call.call.id, content=whole.content))
        if self.emit is not ignore:
            seconds = self.clock.monotonic() - started
            await self.emit(_call_finished(call=call.call, result=result, seconds=seconds))
        return result

    async def attempt(self, call: ReadyCall, held: Held) -> object:
        """Return what the tool returned, or a `ToolFailure`."""
        seconds = call.tool.timeout_seconds
        seconds = self.timeout_seconds if seconds is None else seconds
        attempt = _Attempt(call=call, function=self._prepare(call), held=held)
        guard = Guard(seconds=seconds, cleanup_seconds=self.cleanup_seconds)
        await checkpoint_if_cancelled()  # nothing begins for a caller that is cancelled
        try:
            running = attempt.call()
            is_quick = never_waits(call.tool.function)
            outcome = await (running if is_quick else guard.run(running))
        finally:
            if guard.reason is not None:
                log.warning(
                    "tool_call_stopped",
                    tool_name=call.tool.name,
                    call_id=call.call.id,
                    reason=guard.reason,
                    is_running=attempt.is_running,
                )
        if call.call.id in self.deaf:
            raise self.deaf[call.call.id]
        # What was told to stop and returned a value all the same may have left out the rest: a
        # task group in it has lost its tasks without a word.
        if guard.reason is None:
            return outcome
        if guard.reason == "caller":
            await anyio.sleep_forever()
        limit = seconds or 0.0
        if attempt.is_running:
            await self.emit(ToolCallAbandoned(call=call.call, seconds=limit))
        return attempt.too_late(limit)

    def _prepare(self, call: ReadyCall) -> Callable[[], Any]:
        """Return the tool's function with its arguments."""
        positional = call.bound.positional
        if call.tool.binding.takes_context:
            positional = (self._context(call), *positional)
        return partial(call.tool.function, *positional, **call.bound.named)

    def _context(self, call: ReadyCall) -> RunContext[Any]:
        async def tell(event: RunEvent) -> None:
            try:
                await self.emit(event)
            except Exception as error:
                # The listener failed, not the tool, which would swallow it as its own.
                self.deaf[call.call.id] = error
                raise

        async def report(progress: float, total: float | None, message: str | None) -> None:
            call_id = call.call.id
            await tell(
                ToolProgressed(call_id=call_id, progress=progress, total=total, message=message)
            )

        return RunContext(
            deps=self.deps,
            call_id=call.call.id,
            tool_name=call.tool.name,
            idempotency_key=call.idempotency_key or call.call.id,
            report=report,
            tell=tell,
            scope=self.scope,
        )


_new_work = maker(_Work)


class _OneRun:
    """One call on its way through what is around it, to its tool and back."""

    def __init__(self, *, work: _Work, call: ReadyCall) -> None:
        self._work = work
        self._call = call
        self._started: float | None = None

    async def start(self) -> float:
        """Tell the listeners of the start, once, and return when it was."""
        if self._started is None:
            call = self._call.call
            self._work.begun[call.id] = call
            if self._work.emit is not ignore:
                await self._work.emit(_call_started(call=call))
            self._started = self._work.clock.monotonic()
        return self._started

    async def through_around(self) -> ToolResult:
        """Return the call's result, whole; what stands around the run is outside of the tool's."""
        call, work = self._call, self._work
        arounds: tuple[Around, ...] = call.tool.around
        if work.around is not None:
            arounds = (work.around, *arounds)
        if not arounds:
            return await self.proceed()
        async with ending(cleanup_seconds=work.cleanup_seconds) as end:

            async def proceed() -> ToolResult:
                end.open()
                result = await self.proceed()
                end.close()
                return result

            through: Proceed = proceed
            for around in reversed(arounds):
                through = partial(around, call, through)
            return await through()
        log.warning("tool_result_lost", call_id=self._call.call.id)
        return await anyio.sleep_forever()

    async def proceed(self) -> ToolResult:
        """Wait for a place, and run the tool."""
        held = await self._work.caps.enter(self._call.tool)
        try:
            await self.start()
            outcome = await self._work.attempt(self._call, held)
        finally:
            held.leave()
        if isinstance(outcome, ToolFailure):
            return ToolResult.of(self._call.call.id, outcome.text, is_error=True)
        return build_result(self._call, outcome)


class _Attempt:
    """One attempt to call a function, in place or in a thread."""

    def __init__(self, *, call: ReadyCall, function: Callable[[], Any], held: Held) -> None:
        self._call = call
        self._function = function
        self._held = held
        self.job: ThreadJob | None = None

    @property
    def is_running(self) -> bool:
        """Say whether a thread is at work for it."""
        return self.job is not None and self.job.is_running

    async def call(self) -> object:
        """Return what the function returned, or a `ToolFailure`."""
        place = self._held.place
        with _IN_NO_PLACE if place is None else standing_in(place):
            try:
                if self._call.tool.binding.is_async:
                    return await self._function()
                self._held.keep()
                self.job = ThreadJob(self._function, on_end=self._held.leave)
                outcome = await self.job.run()
                if isinstance(outcome, Raised):
                    return describe_failure(self._call, outcome.error)
                return await outcome if isawaitable(outcome) else outcome
            except Exception as error:  # noqa: BLE001  # a stranger's code, told to the model
                return describe_failure(self._call, error)
            except BaseExceptionGroup as group:
                # One that holds a cancellation or the end of the program is no answer of the tool.
                urgent = most_urgent(group)
                raise urgent from urgent.__cause__

    def too_late(self, seconds: float) -> ToolFailure:
        """Say that the time was up, and what is known of the tool."""
        name = self._call.tool.name
        if self.job is not None and not self.job.has_begun:
            return ToolFailure(
                text=f"The tool {name!r} was not run: it found no thread for {seconds:g} seconds."
            )
        rest = " It may still be at work." if self.job is not None else ""
        return ToolFailure(text=f"The tool {name!r} was stopped after {seconds:g} seconds.{rest}")


def _note(call: ReadyCall) -> tuple[TextContent, ...]:
    """Return what the model must know of the call beside its result."""
    return (TextContent(text=f"[{call.note}]\n"),) if call.note else ()
