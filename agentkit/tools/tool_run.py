"""One run of a tool call: its deadline, its progress, its cancellation and its result.

In:  a ready call, the options that the calls of a turn share.
Out: its `ToolResult`; events about it.

The function runs in the event loop if it is async, and in a worker thread if not.

A cancelled scope of anyio cancels every wait in it again, so that a `finally` that awaits would be
cut short. A call therefore gets one cancellation; then it is shielded while it cleans up. After
that time, every wait in it is cancelled.
"""

import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import nullcontext
from dataclasses import field, replace
from functools import partial
from inspect import isawaitable
from threading import current_thread, main_thread
from types import coroutine
from typing import Any, Literal, TypeAlias

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from agentkit.clock import Clock
from agentkit.content import TextContent
from agentkit.errors import RunLost
from agentkit.event import (
    Emit,
    ToolCallAbandoned,
    ToolCallFinished,
    ToolCallStarted,
    ToolResultTruncated,
    ignore,
)
from agentkit.exception_groups import leaves, raise_if_fatal
from agentkit.log import Log
from agentkit.message import ToolCall, ToolResult
from agentkit.surrogates import replace_surrogates
from agentkit.tools.concurrency.concurrency_limits import CallPermit, ConcurrencyLimits
from agentkit.tools.concurrency.graceful_cancel import (
    CLEANUP_SECONDS,
    TaskCancels,
    finish_shield,
    hide_cancellation,
    is_caller_cancelled,
)
from agentkit.tools.concurrency.semaphore import holding
from agentkit.tools.concurrency.worker_threads import ThreadFailure, ThreadJob
from agentkit.tools.confirmation import without_mark
from agentkit.tools.result_content import (
    MAX_RESULT_CHARACTERS,
    ToolFailure,
    build_result,
    cut_result,
    describe_failure,
)
from agentkit.tools.run_context import RunContext, RunLink
from agentkit.tools.validate import ReadyCall
from agentkit.value import record

_NO_PERMIT = nullcontext()

Proceed: TypeAlias = Callable[[], Awaitable[ToolResult]]
ToolMiddleware: TypeAlias = Callable[[ReadyCall, Proceed], Awaitable[ToolResult]]
"""Wraps each call: may run it, record its result, or return another result in its place.

The second argument runs the tool. Once the tool has ended, a cancellation leaves the middleware the
cleanup time, so that a result that exists can be recorded.
"""

log: Log = Log("agentkit.tools")


class CallInterrupted(BaseException):
    """Ends a call without a result, through the code of the tool; for agentkit's own use."""


@record
class CallOptions:
    """What the calls of a turn share.

    Attributes:
        deps: for tools that take a `RunContext`.
        emit: receives an event for each start, progress report and end.
        clock: measures how long each tool ran.
        concurrency: how many of these calls may run at the same time, 1 or more.
        timeout_seconds: limit for each tool without its own timeout, counted from its own start.
        cleanup_seconds: how long a cancelled tool may clean up before its waits are cancelled.
        max_characters: longer text of a result is truncated, and emitted completely as an event.
        concurrency_limits: those shared with other runs; those of single tools apply as well.
        middleware: see `ToolMiddleware`.
        started: receives each call, by its id, before its tool starts.
        finished: receives each result at once, by call id, so that a cancellation loses none.
        link: returns what links a call to its run; see `RunLink`.
    """

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


class ToolRun:
    """One run of a call, through the middleware to its tool and back.

    With `has_own_task`, nothing else runs in its task.

    Attributes:
        stopped_by: why the tool was cancelled, its timeout or its caller; None if it was not.
    """

    def __init__(
        self, call: ReadyCall, options: CallOptions, *, has_own_task: bool = False
    ) -> None:
        self.stopped_by: Literal["time", "caller"] | None = None
        self._call = call
        self._options = options
        self._has_own_task = has_own_task
        self._started: float | None = None
        self._job: ThreadJob | None = None
        self._has_waited = self._was_cancelled = self._is_closed = False
        self._begun = 0.0
        self._cancels: TaskCancels
        self._limit: anyio.CancelScope
        self._cleanup: anyio.CancelScope

    async def result(self) -> ToolResult:
        """Run the call, emit its events and return its result."""
        call, options = self._call, self._options
        full = await self._through_middleware()
        full = without_mark(annotated(full, call_id=call.call.id, note=call.note))
        result = cut_result(full, max_characters=options.max_characters)
        options.finished[call.call.id] = result
        if self._started is None:  # middleware gave a result in place of the tool's
            self._started = await self._report_start()
        if result is not full:
            await options.emit(ToolResultTruncated(call_id=call.call.id, content=full.content))
        if options.emit is not ignore:
            seconds = options.clock.monotonic() - self._started
            await options.emit(ToolCallFinished(call=call.call, result=result, seconds=seconds))
        return result

    async def _report_start(self) -> float:
        """Report the start to the listeners, and return its time."""
        call, options = self._call.call, self._options
        options.started[call.id] = call
        if options.emit is not ignore:
            await options.emit(ToolCallStarted(call=call))
        return options.clock.monotonic()

    async def _through_middleware(self) -> ToolResult:
        """Return the full result; the middleware of the run wraps the tool's own."""
        call, options = self._call, self._options
        chain: tuple[ToolMiddleware, ...] = call.tool.middleware
        if chain:
            chain = (_repaired, *chain)
        if options.middleware is not None:
            chain = (options.middleware, *chain)
        if not chain:
            return await self._run_tool()
        async with finish_shield(cleanup_seconds=options.cleanup_seconds) as shield:

            async def proceed() -> ToolResult:
                shield.lift()
                result = await self._run_tool()
                shield.hold()
                return result

            call_next: Proceed = proceed
            for middleware in reversed(chain):
                call_next = partial(middleware, call, call_next)
            return await call_next()
        log.warning("tool_result_lost", call_id=call.call.id)
        return await anyio.sleep_forever()

    async def _run_tool(self) -> ToolResult:
        """Wait for a permit, and run the tool."""
        call = self._call
        held = await self._options.concurrency_limits.acquire(call.tool)
        try:
            if self._started is None:  # else middleware runs the tool again
                self._started = await self._report_start()
            outcome = await self.outcome(held)
        finally:
            held.release()
        if isinstance(outcome, ToolFailure):
            return ToolResult(call.call.id, outcome.text, is_error=True)
        return build_result(call, outcome)

    async def outcome(self, held: CallPermit) -> object:
        """Return what the tool returned, or a `ToolFailure`."""
        call, options = self._call, self._options
        await checkpoint_if_cancelled()  # nothing starts for a caller that is cancelled
        seconds = call.tool.timeout_seconds
        seconds = options.timeout_seconds if seconds is None else seconds
        try:
            outcome = await self.within(seconds, self._call_function(held))
        finally:
            if self.stopped_by is not None:
                log.warning(
                    "tool_call_stopped",
                    tool_name=call.tool.name,
                    call_id=call.call.id,
                    reason=self.stopped_by,
                    is_running=self._is_running,
                )
        # A tool that was cancelled and still returned a value may have done half of its work: a
        # task group in it swallows the cancellation of its tasks. Its value does not count.
        if self.stopped_by is None:
            if self._cancels.own > 0:
                await self._cancels.withdraw()
            return outcome
        if self.stopped_by == "caller":
            await anyio.sleep_forever()
        limit = seconds or 0.0
        if self._is_running:
            await options.emit(ToolCallAbandoned(call=call.call, seconds=limit))
        return self._timeout_failure(limit)

    async def within(self, seconds: float | None, running: Coroutine[Any, Any, object]) -> object:
        """Run a coroutine, which gets a single cancellation.

        A cancellation by the timeout ends here, with None.
        """
        # Anew each time, since middleware may run a tool again.
        self.stopped_by = self._job = None
        self._has_waited = self._was_cancelled = self._is_closed = False
        self._cancels = TaskCancels()
        self._begun = time.monotonic()
        with anyio.move_on_after(None) as self._limit, anyio.move_on_after(None) as self._cleanup:
            try:
                return await self._steps(seconds, running)
            finally:
                # A call that ends between two waits was not cancelled, but its child tasks may
                # have been.
                if self._has_waited:
                    self._shield_if_cancelled()
        return None

    @coroutine
    def _steps(
        self, seconds: float | None, running: Coroutine[Any, Any, object]
    ) -> Generator[Any, Any, object]:
        """Forward each step of a coroutine; anyio does not report the waits in between."""
        resume: Callable[[Any], Any] = running.send
        answer: object = None
        while True:
            try:
                request = resume(answer)
            except StopIteration as end:
                return end.value
            self._on_wait(seconds)
            try:
                answer = yield request
            except BaseException as error:  # noqa: BLE001  # raised again inside the call
                self._on_resume(error)
                resume, answer = running.throw, error
            else:
                # asyncio throws the error of a wait; Trio sends it, as an `outcome.Error`.
                self._on_resume(getattr(answer, "error", None))
                resume = running.send

    def _on_wait(self, seconds: float | None) -> None:
        """Shield the call if it was cancelled before this wait; start its timer at the first.

        Only a call that waits can be stopped. The shield does not come earlier: the scopes of Trio
        would then take the hidden cancellation for their own.
        """
        if not self._has_waited:
            self._has_waited = True
            if seconds is not None:
                left = seconds - (time.monotonic() - self._begun)
                self._limit.deadline = anyio.current_time() + left
        self._cancels.pause()
        if self._was_cancelled and self.stopped_by is None:
            self._shield_if_cancelled()

    def _on_resume(self, error: object) -> None:
        """Record that the call resumes after a wait, with what the wait raised."""
        self._cancels.resume()
        cancelled = () if error is None else anyio.get_cancelled_exc_class()
        self._was_cancelled = isinstance(error, cancelled) and (
            self._was_cancelled or self._cancels.may_be_hidden_by(self._cleanup)
        )
        self._is_closed = isinstance(error, GeneratorExit)

    def _shield_if_cancelled(self) -> None:
        """Shield the call if it was cancelled from outside.

        If the cancelled scope is inside the call, a shield here does not hide it; then the
        cancellation is the call's own, and nothing changes.
        """
        if hide_cancellation(self._cleanup):
            self.stopped_by = "time" if self._limit.cancel_called else "caller"
            self._cleanup.deadline = anyio.current_time() + self._options.cleanup_seconds

    async def _call_function(self, held: CallPermit) -> object:
        """Return what the function returned, or a `ToolFailure`."""
        call = self._call
        positional, named = call.bound.positional, call.bound.named
        if call.tool.binding.takes_context:
            positional = (self._context(), *positional)
        with _NO_PERMIT if held.permit is None else holding(held.permit):
            try:
                if call.tool.binding.is_async:
                    return await call.tool.function(*positional, **named)
                held.retain()
                function = partial(call.tool.function, *positional, **named)
                self._job = ThreadJob(function, on_end=held.release)
                outcome = await self._job.run()
                if isinstance(outcome, ThreadFailure):
                    return self._fail(outcome.error)
                return await outcome if isawaitable(outcome) else outcome
            except Exception as error:  # noqa: BLE001  # user code; the model gets an error result
                raise_if_fatal(error)
                return describe_failure(call, error)
            except BaseException as error:  # noqa: BLE001  # user code, and every way to stop it
                for leaf in leaves(error):
                    if await self._must_leave(leaf):
                        raise leaf from leaf.__cause__
                return describe_failure(call, error)

    def _context(self) -> RunContext[Any]:
        call, options = self._call, self._options
        link = RunLink(emit=options.emit) if options.link is None else options.link(call)
        return RunContext(
            deps=options.deps,
            call_id=call.call.id,
            tool_name=call.tool.name,
            idempotency_key=link.idempotency_key or call.call.id,
            run_id=link.run_id,
            agent_name=link.agent_name,
            labels=link.labels,
            _link=link,
        )

    def _fail(self, error: BaseException) -> ToolFailure:
        """Return the failure for what a thread raised, unless it ends the call."""
        if isinstance(error, CallInterrupted | RunLost):
            raise error
        raise_if_fatal(error)
        return describe_failure(self._call, error)

    async def _must_leave(self, error: BaseException) -> bool:
        """Return whether an exception is not the tool's: the caller or the user ends the call.

        `SystemExit`, `GeneratorExit` and a cancellation are failures of the tool that raises them;
        otherwise a tool, which a model may call, could end the program. (asyncio itself ends its
        event loop when a task that the tool started raises `SystemExit`; that cannot be caught.)
        """
        if isinstance(error, KeyboardInterrupt):
            # Ctrl-C is raised in the main thread, on Trio inside the task that runs there.
            return current_thread() is main_thread()
        if isinstance(error, CallInterrupted | RunLost):
            return True
        if isinstance(error, GeneratorExit):
            return self._is_closed
        if isinstance(error, anyio.get_cancelled_exc_class()):
            return self.stopped_by is not None or await is_caller_cancelled(
                task_cancels=None if self._has_own_task else self._cancels
            )
        return False

    @property
    def _is_running(self) -> bool:
        """Return whether a thread still runs the function."""
        return self._job is not None and self._job.is_running

    def _timeout_failure(self, seconds: float) -> ToolFailure:
        """Return the error result of a call that timed out, with what is known of the tool."""
        name = self._call.tool.name
        if self._job is not None and not self._job.has_started:
            return ToolFailure(
                text=f"The tool {name!r} was not run: no thread was free for {seconds:g} seconds."
            )
        rest = " It may still be running." if self._job is not None else ""
        return ToolFailure(text=f"The tool {name!r} was stopped after {seconds:g} seconds.{rest}")


async def _repaired(_call: ReadyCall, proceed: Proceed) -> ToolResult:
    """Return the result without lone surrogates: middleware is code of users."""
    return replace_surrogates(await proceed())


def annotated(result: ToolResult, *, call_id: str, note: str | None) -> ToolResult:
    """Return a result under its call's id, with what the model must know about the call."""
    if not note and result.call_id == call_id:
        return result
    notes = (TextContent(f"[{note}]\n"),) if note else ()
    return replace(result, call_id=call_id, content=(*notes, *result.content))
