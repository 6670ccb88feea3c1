"""Distinguish who cancelled a call, and let finish what runs around it.

In:  a call that was cancelled; the middleware of a call.
Out: whether its caller cancelled it; middleware that may finish once the tool has ended.
"""

import math
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import sniffio

from agentkit.exception_groups import ungrouped

CLEANUP_SECONDS = 5.0


def is_cancelled() -> bool:
    """Return whether a scope around this place is cancelled."""
    return anyio.current_effective_deadline() == -math.inf


def hide_cancellation(scope: anyio.CancelScope) -> bool:
    """Shield a scope around this place if that hides a cancellation, and return whether it does.

    It does not if a scope within it is cancelled, too.
    """
    if not is_cancelled():
        return False
    scope.shield = True
    if is_cancelled():
        scope.shield = False
        return False
    return True


class TaskCancels:
    """Distinguishes who cancelled a task of asyncio with `task.cancel()`; Trio has no such thing.

    A step of a tool runs without interruption. So what is asked during one is the tool's own, and
    what is asked while it waits is the caller's, or comes from a timer.
    """

    __slots__ = ("_at_pause", "_before", "_by_others", "_task")

    def __init__(self) -> None:
        is_asyncio = sniffio.current_async_library() == "asyncio"
        self._task = _current_task() if is_asyncio else None
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

    def may_be_hidden_by(self, scope: anyio.CancelScope) -> bool:
        """Return whether the cancellation that a wait has raised may be from outside a scope.

        Trio never shows that it is not: a wait of its own may cancel a scope within.
        """
        if self._task is None or scope.shield:
            return True
        is_hidden = hide_cancellation(scope)
        scope.shield = False
        return is_hidden

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
            if is_cancelled() or self.is_by_others:
                raise
        else:
            self.resume()
        while self.own > 0:
            task.uncancel()

    def _forget_withdrawn(self) -> None:
        """Stop counting what `asyncio.timeout` inside the tool has undone."""
        if self._by_others:
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
    if is_cancelled():
        return True
    if task_cancels is not None:
        return task_cancels.is_by_others
    if sniffio.current_async_library() != "asyncio":
        return False
    task = _current_task()
    if not task.cancelling():
        return False
    while task.uncancel():
        pass
    # An event loop that shuts down cancels every task: the caller's then cancels the scope now.
    await anyio.lowlevel.checkpoint()
    return False


def _current_task() -> Any:
    """Return the running task of asyncio, which is loaded, since it runs."""
    return sys.modules["asyncio"].current_task()


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
