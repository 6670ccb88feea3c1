"""Stop calls at their timeout or when their caller is cancelled, with time to clean up.

In:  running calls, each with a timeout.
Out: calls that were cancelled once, and then had a bounded time to clean up.

A cancelled scope of anyio cancels every wait in it again, so that a `finally` that awaits would be
cut short. A call therefore gets one cancellation; then it is shielded while it cleans up. After
that time, every wait in it is cancelled.
"""

import math
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from functools import cache, partial
from inspect import CO_COROUTINE
from opcode import opmap
from types import CodeType
from typing import Any, Literal, cast

import anyio
import anyio.lowlevel
import sniffio

from agentkit.exception_groups import ungrouped
from agentkit.lazy_import import load_object

CLEANUP_SECONDS = 5.0

_SEND = opmap.get("SEND", -1)
"""The bytecode instruction behind every `await`, `async for` and `async with`."""


def has_no_await(function: Callable[..., object]) -> bool:
    """Return whether `function` is a coroutine function without an `await` in it.

    Such a function gets no cancellation and cannot be stopped, so that it needs no scopes.
    """
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType) or not code.co_flags & CO_COROUTINE:
        return False
    instructions = code.co_code[::2]  # each opcode is followed by its operand
    return _SEND >= 0 and _SEND not in instructions


class StoppableCall:
    """One call that can be stopped gracefully.

    Attributes:
        reason: why it was cancelled, a timeout or its caller; None if it was not.
        is_closed: its coroutine was closed from outside, as an ending event loop does.
        task_cancels: who cancelled the task it runs in.
    """

    def __init__(self, *, seconds: float | None, cleanup_seconds: float) -> None:
        self.reason: Literal["time", "caller"] | None = None
        self.is_closed: bool = False
        self._has_waited = False
        self._was_cancelled = False
        self._seconds = seconds
        self._cleanup_seconds = cleanup_seconds
        self._limit: anyio.CancelScope
        self._cleanup: anyio.CancelScope
        self.task_cancels: TaskCancels = TaskCancels()

    async def run(self, call: Coroutine[Any, Any, object]) -> object:
        """Run `call`, which gets a single cancellation.

        A cancellation by the timeout ends here, with None.
        """
        with (
            anyio.move_on_after(self._seconds) as self._limit,
            anyio.CancelScope() as self._cleanup,
        ):
            try:
                return await _Steps(call, self)
            finally:
                # A call that ends between two waits was not cancelled, but its child tasks may
                # have been.
                if self._has_waited:
                    self._shield_if_cancelled()
        return None

    def on_resume(self, error: object) -> None:
        """Record that the call resumes after a wait, with what the wait raised."""
        self.task_cancels.resume()
        cancelled = anyio.get_cancelled_exc_class()
        self._was_cancelled = error is not None and isinstance(error, cancelled)
        self.is_closed = isinstance(error, GeneratorExit)

    def on_wait(self) -> None:
        """Record that the call waits; shield it if it was cancelled.

        The shield does not come earlier: the scopes of Trio would then take the hidden
        cancellation for their own.
        """
        self._has_waited = True
        self.task_cancels.pause()
        if self._was_cancelled and self.reason is None:
            self._shield_if_cancelled()

    def _shield_if_cancelled(self) -> None:
        """Shield the call if it was cancelled from outside.

        If the cancelled scope is inside the call, a shield here does not hide it; then the
        cancellation is the call's own, and nothing changes.
        """
        if not _is_cancelled():
            return
        self._cleanup.shield = True
        if _is_cancelled():
            self._cleanup.shield = False
            return
        self.reason = "time" if self._limit.cancel_called else "caller"
        self._cleanup.deadline = anyio.current_time() + self._cleanup_seconds


def _is_cancelled() -> bool:
    return anyio.current_effective_deadline() == -math.inf


class TaskCancels:
    """Distinguishes who cancelled a task of asyncio with `task.cancel()`; Trio has no such thing.

    A step of a tool runs without interruption. So what is asked during one is the tool's own, and
    what is asked while it waits is the caller's, or comes from a timer.
    """

    __slots__ = ("_at_pause", "_before", "_by_others", "_task")

    def __init__(self) -> None:
        is_asyncio = sniffio.current_async_library() == "asyncio"
        self._task = _current_task()() if is_asyncio else None
        self._before: int = 0 if self._task is None else self._task.cancelling()
        self._at_pause = self._before
        self._by_others = 0

    @property
    def is_by_others(self) -> bool:
        """Return whether something else than the tool cancelled the task during the call."""
        self._forget_withdrawn()
        return self._by_others > 0

    @property
    def own(self) -> int:
        """Return how often the tool itself cancelled the task; below 0, it withdrew others."""
        if self._task is None:
            return 0
        return int(self._task.cancelling()) - self._before - self._by_others

    def pause(self) -> None:
        """Note that the tool waits from now on."""
        if self._task is not None:
            self._forget_withdrawn()
            self._at_pause = self._task.cancelling()

    def resume(self) -> None:
        """Note that the tool goes on."""
        if self._task is not None:
            self._by_others += self._task.cancelling() - self._at_pause

    async def withdraw(self) -> None:
        """Undo the tool's own cancellations, so that they reach nothing after its call."""
        task = self._task
        if task is None or self.own <= 0:
            return
        self.pause()
        try:
            # If the tool has not waited since, asyncio delivers the cancellation now.
            await anyio.lowlevel.checkpoint()
        except anyio.get_cancelled_exc_class():
            self.resume()
            if _is_cancelled() or self.is_by_others:
                raise
        else:
            self.resume()
        while self.own > 0:
            task.uncancel()

    def _forget_withdrawn(self) -> None:
        """Stop counting what `asyncio.timeout` inside the tool has undone."""
        self._by_others = max(0, self._by_others + min(0, self.own))


async def is_caller_cancelled(*, task_cancels: TaskCancels | None) -> bool:
    """Return whether a cancellation that left a tool came from the caller, not from the tool.

    Code can raise a cancellation that no one asked of it: it awaits a child task that was
    cancelled, or a library cancels its task for a timeout and lets the exception out. A scope
    around the call that is cancelled shows the caller's; and so does, on asyncio, a task that was
    cancelled with `task.cancel()`, since such a cancellation has no scope.

    Args:
        task_cancels: who cancelled the task. None if the call runs in a child task of the caller:
            a caller that is cancelled then cancels a scope, and `task.cancel()` was the tool's.
    """
    if _is_cancelled():
        return True
    if task_cancels is not None:
        return task_cancels.is_by_others
    if sniffio.current_async_library() != "asyncio":
        return False
    task = _current_task()()
    if not task.cancelling():
        return False
    while task.uncancel():
        pass
    # An event loop that shuts down cancels every task: the caller's then cancels the scope now.
    await anyio.lowlevel.checkpoint()
    return False


@cache
def _current_task() -> Callable[[], Any]:
    return cast(Callable[[], Any], load_object("asyncio:current_task"))


class _Steps:
    """A coroutine that is driven step by step."""

    def __init__(self, call: Coroutine[Any, Any, object], observer: StoppableCall) -> None:
        self._call = call
        self._observer = observer

    def __await__(self) -> Generator[Any, Any, object]:
        """Forward each step, and report it to the observer."""
        resume = partial(self._call.send, None)
        while True:
            try:
                request = resume()
            except StopIteration as end:
                return end.value
            self._observer.on_wait()
            try:
                answer = yield request
            except BaseException as error:  # noqa: BLE001  # raised again inside the call
                self._observer.on_resume(error)
                resume = partial(self._call.throw, error)
            else:
                # asyncio throws the error of a wait; Trio sends it, as an `outcome.Error`.
                self._observer.on_resume(getattr(answer, "error", None))
                resume = partial(self._call.send, answer)


class FinishShield:
    """Lets the middleware of a call finish once the tool has ended."""

    def __init__(self, *, cleanup_seconds: float) -> None:
        self._cleanup_seconds = cleanup_seconds
        self._is_cancelled = False
        self.scope: anyio.CancelScope = anyio.CancelScope()

    def lift(self) -> None:
        """Let a cancellation through."""
        self.scope.shield = False

    def hold(self) -> None:
        """Hold a cancellation off, for the cleanup time at most."""
        self.scope.shield = True
        if self._is_cancelled:
            self._start_deadline()

    async def watch(self) -> None:
        """Start the cleanup time when the caller is cancelled, or when the call has ended."""
        try:
            await anyio.sleep_forever()
        finally:
            self._is_cancelled = True
            if self.scope.shield:
                self._start_deadline()

    def _start_deadline(self) -> None:
        self.scope.deadline = anyio.current_time() + self._cleanup_seconds


@asynccontextmanager
async def finish_shield(*, cleanup_seconds: float) -> AsyncIterator[FinishShield]:
    """Run the body so that it can finish what it has started; see `FinishShield`.

    A cancellation that is held off is seen by a second task, which is not shielded.
    """
    shield = FinishShield(cleanup_seconds=cleanup_seconds)
    with ungrouped():
        async with anyio.create_task_group() as group:
            group.start_soon(shield.watch)
            with shield.scope:
                yield shield
            group.cancel_scope.shield = True  # so that ending the task does not lose the result

            group.cancel_scope.cancel()
