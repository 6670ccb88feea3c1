"""Stop calls: when their time is up, or when their caller is cancelled.

In:  calls that run, each with a limit of time; the cancellation of the task that watches.
Out: calls that were told to stop once, and had a bounded time to clean up.

A cancelled scope cancels every wait in it, so that a `finally` that waits would be cut short. A
call is therefore told once, by one cancellation; then it is shielded for the time it has to clean
up. What still waits after that is cancelled at every wait.
"""

import math
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import anyio

CLEANUP_SECONDS = 5.0


class Guard:
    """One call that can be stopped.

    Attributes:
        reason: why it was told to stop; None if it was not.
    """

    def __init__(self, *, seconds: float | None, cleanup_seconds: float) -> None:
        self.deadline = math.inf if seconds is None else anyio.current_time() + seconds
        self.reason: Literal["time", "caller"] | None = None
        self._has_heard = False
        self._cleanup_seconds = cleanup_seconds
        self._told = anyio.CancelScope(shield=True)
        self._cleanup = anyio.CancelScope()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Run the body so that it can be stopped; its cancellation ends here."""
        with self._told, self._cleanup:
            yield

    def stop(self, reason: Literal["time", "caller"]) -> None:
        """Tell the call to stop; once is enough."""
        if self.reason is None:
            self.reason = reason
            self._told.cancel()
            # At once: all that wait now have their one cancellation, and none comes after it.
            self._cleanup.shield = True
            self._cleanup.deadline = anyio.current_time() + self._cleanup_seconds

    async def tell(self, call: Coroutine[Any, Any, object]) -> object:
        """Run `call`, and see to it that it hears when it is told to stop."""
        return await _Steps(call, self)

    def went_on(self, error: object) -> None:
        """Note that the call goes on after a wait, with what the wait raised.

        A call that was between two waits when it was told has missed its cancellation: its next
        wait is to have it.
        """
        if self.reason is not None and not self._has_heard:
            self._has_heard = isinstance(error, anyio.get_cancelled_exc_class())
            if not self._has_heard:
                self._cleanup.shield = False

    def waits(self) -> None:
        """Note that the call waits; once it has heard, nothing disturbs it.

        Not before: Trio's own scopes would take a cancellation that is hidden for their own.
        """
        if self._has_heard:
            self._cleanup.shield = True


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

    def __init__(self, watch: "Watch") -> None:
        self._watch = watch
        self.scope = anyio.CancelScope()

    def open(self) -> None:
        """Let a cancellation through."""
        self.scope.shield = False

    def close(self) -> None:
        """Hold a cancellation off, for the time of a cleanup at most."""
        self.scope.shield = True
        if self._watch.is_over:
            self.hurry()

    def hurry(self) -> None:
        """Let the time of a cleanup begin, if the call has ended."""
        if self.scope.shield:
            self.scope.deadline = anyio.current_time() + self._watch.cleanup_seconds


class Watch:
    """Stops the calls of one stage; `run` is a task beside them."""

    def __init__(self, *, cleanup_seconds: float = CLEANUP_SECONDS) -> None:
        self.cleanup_seconds = cleanup_seconds
        self.is_over = False
        self._guards: set[Guard] = set()
        self._endings: set[Ending] = set()
        self._alarm = anyio.CancelScope()

    async def run(self) -> None:
        """Stop each call when its time is up, and all when this task is cancelled."""
        try:
            while True:
                deadlines = [one.deadline for one in self._guards if one.reason is None]
                with anyio.CancelScope(deadline=min(deadlines, default=math.inf)) as self._alarm:
                    await anyio.sleep_forever()
                now = anyio.current_time()
                for guard in self._guards:
                    if guard.deadline <= now:
                        guard.stop("time")
        finally:
            self.is_over = True
            for guard in self._guards:
                guard.stop("caller")
            for ending in self._endings:
                ending.hurry()

    @contextmanager
    def limit(self, seconds: float | None) -> Iterator[Guard]:
        """Run the body for `seconds` at most; read from the guard how it ended."""
        guard = Guard(seconds=seconds, cleanup_seconds=self.cleanup_seconds)
        self._guards.add(guard)
        self._alarm.deadline = min(self._alarm.deadline, guard.deadline)
        try:
            with guard.opened():
                yield guard
        finally:
            self._guards.discard(guard)

    @contextmanager
    def ending(self) -> Iterator[Ending]:
        """Run the body so that it may finish what it has begun; see `Ending`."""
        ending = Ending(self)
        self._endings.add(ending)
        try:
            with ending.scope:
                yield ending
        finally:
            self._endings.discard(ending)
