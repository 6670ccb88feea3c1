"""Stop calls: when their time is up, or when their caller is cancelled.

In:  calls that run, each with a limit of time.
Out: calls that were told to stop once, and had a bounded time to clean up.

A cancelled scope cancels every wait in it, so that a `finally` that waits would be cut short. A
call is therefore told once, by one cancellation; then it is shielded for the time it has to clean
up. What still waits after that is cancelled at every wait.
"""

import math
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from functools import partial
from inspect import CO_COROUTINE
from opcode import opmap
from types import CodeType
from typing import Any, Literal

import anyio

from agentkit.exception_groups import ungrouped

CLEANUP_SECONDS = 5.0

_SEND = opmap.get("SEND", -1)
"""The instruction by which every `await`, `async for` and `async with` waits."""


def never_waits(function: Callable[..., object]) -> bool:
    """Say whether `function` is a coroutine function without anything to wait for in it.

    What never waits hears of nothing and cannot be stopped, so that scopes around it do nothing.
    """
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType) or not code.co_flags & CO_COROUTINE:
        return False
    instructions = code.co_code[::2]  # each is followed by its operand
    return _SEND >= 0 and _SEND not in instructions


class Guard:
    """One call that can be stopped.

    Attributes:
        reason: why it was told to stop; None if it was not.
    """

    def __init__(self, *, seconds: float | None, cleanup_seconds: float) -> None:
        self.reason: Literal["time", "caller"] | None = None
        self._has_waited = False
        self._has_heard = False
        self._seconds = seconds
        self._cleanup_seconds = cleanup_seconds
        self._limit: anyio.CancelScope
        self._cleanup: anyio.CancelScope

    async def run(self, call: Coroutine[Any, Any, object]) -> object:
        """Run `call`, which hears but once that it is told to stop.

        A cancellation because its time is up ends here, with None.
        """
        with (
            anyio.move_on_after(self._seconds) as self._limit,
            anyio.CancelScope() as self._cleanup,
        ):
            try:
                return await _Steps(call, self)
            finally:
                # What ends between two waits has heard nothing, but tasks of its own may have.
                if self._has_waited:
                    self._look()
        return None

    def went_on(self, error: object) -> None:
        """Note that the call goes on after a wait, with what the wait raised."""
        self._has_heard = error is not None and isinstance(error, anyio.get_cancelled_exc_class())

    def waits(self) -> None:
        """Note that the call waits; once it has heard, nothing disturbs it.

        Not before: Trio's own scopes would take a cancellation that is hidden for their own.
        """
        self._has_waited = True
        if self._has_heard and self.reason is None:
            self._look()

    def _look(self) -> None:
        """See whether the call is told to stop, and shield it then.

        A scope inside the call that is cancelled is the call's own affair: a shield here changes
        nothing about that.
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


class _Steps:
    """A coroutine, seen step by step."""

    def __init__(self, call: Coroutine[Any, Any, object], guard: Guard) -> None:
        self._call = call
        self._guard = guard

    def __await__(self) -> Generator[Any, Any, object]:
        """Hand each step through, and tell the guard of it."""
        resume = partial(self._call.send, None)
        while True:
            try:
                request = resume()
            except StopIteration as end:
                return end.value
            self._guard.waits()
            try:
                answer = yield request
            except BaseException as error:  # noqa: BLE001  # raised again inside the call
                self._guard.went_on(error)
                resume = partial(self._call.throw, error)
            else:
                # asyncio raises what a wait gives; Trio sends it as a value with an `error`.
                self._guard.went_on(getattr(answer, "error", None))
                resume = partial(self._call.send, answer)


class Ending:
    """Lets what is around a call finish once the call has ended."""

    def __init__(self, *, cleanup_seconds: float) -> None:
        self._cleanup_seconds = cleanup_seconds
        self._is_over = False
        self.scope = anyio.CancelScope()

    def open(self) -> None:
        """Let a cancellation through."""
        self.scope.shield = False

    def close(self) -> None:
        """Hold a cancellation off, for the time of a cleanup at most."""
        self.scope.shield = True
        if self._is_over:
            self._hurry()

    async def watch(self) -> None:
        """Let the time of a cleanup begin when the caller is cancelled, or with the call's end."""
        try:
            await anyio.sleep_forever()
        finally:
            self._is_over = True
            if self.scope.shield:
                self._hurry()

    def _hurry(self) -> None:
        self.scope.deadline = anyio.current_time() + self._cleanup_seconds


@asynccontextmanager
async def ending(*, cleanup_seconds: float) -> AsyncIterator[Ending]:
    """Run the body so that it may finish what it has begun; see `Ending`.

    A cancellation that is held off is seen by a task beside the body, which is not shielded.
    """
    made = Ending(cleanup_seconds=cleanup_seconds)
    with ungrouped():
        async with anyio.create_task_group() as group:
            group.start_soon(made.watch)
            with made.scope:
                yield made
            group.cancel_scope.shield = True  # what came back is not lost in the end of the task
            group.cancel_scope.cancel()
