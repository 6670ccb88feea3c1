"""Semaphores that hold over tasks, event loops and threads.

In:  semaphores, each with a limit; calls that need some of them.
Out: a `Permit` that counts in all these semaphores until it is released, from any thread.

All semaphores of a call are acquired atomically: a call that waits for one holds none of the
others. The semaphores are reentrant: code that runs inside a permit and needs the same semaphore
again reuses the permit it holds. A tool that runs an agent waits for that agent's tools, and would
deadlock if its own permit counted against them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

import anyio
from anyio.lowlevel import current_token


class Semaphore:
    """A limit and how many permits count against it now; changed under the lock of its pool."""

    __slots__ = ("limit", "taken")

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"The limit is {limit}; it must be 1 or more.")
        self.limit: int = limit
        self.taken: int = 0


class Permit:
    """The semaphores one call has acquired; its fields change under the lock of its pool.

    Attributes:
        outer_permits: for each semaphore, the outer permit that is reused; None if the semaphore
            itself was acquired.
        reused: the semaphores in which a call inside this permit reuses it.
    """

    __slots__ = ("is_released", "outer_permits", "pool", "reused")

    def __init__(
        self, pool: "SemaphorePool", outer_permits: "dict[Semaphore, Permit | None]"
    ) -> None:
        self.pool: SemaphorePool = pool
        self.outer_permits: dict[Semaphore, Permit | None] = outer_permits
        self.reused: set[Semaphore] = set()
        self.is_released: bool = False

    def release(self) -> None:
        """Release the permit, from any thread; a second time does nothing."""
        self.pool.release(self)


class SemaphorePool:
    """Acquires several semaphores atomically; first come, first served for the same semaphore."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[_Waiter, None] = {}

    async def acquire(self, semaphores: Sequence[Semaphore]) -> Permit:
        """Wait until all of `semaphores` are free, and acquire them."""
        held = tuple(permit for permit in reversed(_held.get()) if permit.pool is self)
        with self._lock:
            permit = self._take(semaphores, held)
            if permit is not None:
                return permit
            waiter = _Waiter(semaphores, held)
            self._waiting[waiter] = None
        try:
            while waiter.permit is None:
                await waiter.admitted.wait()
        except BaseException:
            self._give_up(waiter)
            raise
        return waiter.permit

    def release(self, permit: Permit) -> None:
        """Release a permit, from any thread; a second time does nothing."""
        with self._lock:
            if permit.is_released:
                return
            permit.is_released = True
            for semaphore in permit.outer_permits:
                self._free(permit, semaphore)
            admitted = self._admit()
        for waiter in admitted:
            if not waiter.wake():
                self._give_up(waiter)

    def _take(self, semaphores: Sequence[Semaphore], held: Sequence[Permit]) -> Permit | None:
        """Return a permit for all `semaphores`; None, with nothing acquired, if one is full."""
        outer_permits: dict[Semaphore, Permit | None] = {}
        for semaphore in semaphores:
            outer_permits[semaphore] = None
            if semaphore.taken >= semaphore.limit:
                outer = next((permit for permit in held if semaphore in permit.outer_permits), None)
                if outer is None or outer.is_released or semaphore in outer.reused:
                    return None
                outer_permits[semaphore] = outer
        for semaphore, outer in outer_permits.items():
            if outer is None:
                semaphore.taken += 1
            else:
                outer.reused.add(semaphore)
        return Permit(self, outer_permits)

    def _free(self, permit: Permit, semaphore: Semaphore) -> None:
        """Release one semaphore; a permit that is reused counts until the inner one is released."""
        if semaphore in permit.reused:
            return
        outer = permit.outer_permits[semaphore]
        if outer is None:
            semaphore.taken -= 1
            return
        outer.reused.remove(semaphore)
        if outer.is_released:
            self._free(outer, semaphore)

    def _admit(self) -> "list[_Waiter]":
        """Grant permits to the waiters that can have one, first come, first served."""
        admitted: list[_Waiter] = []
        for waiter in self._waiting:
            waiter.permit = self._take(waiter.semaphores, waiter.held)
            if waiter.permit is not None:
                admitted.append(waiter)
        for waiter in admitted:
            del self._waiting[waiter]
        return admitted

    def _give_up(self, waiter: "_Waiter") -> None:
        """Remove a waiter; a permit that was granted at the same moment is released."""
        with self._lock:
            self._waiting.pop(waiter, None)
            permit = waiter.permit
        if permit is not None:
            permit.release()


@contextmanager
def holding(permit: Permit) -> Iterator[None]:
    """Let the body, and the threads it starts, reuse this permit."""
    token = _held.set((*_held.get(), permit))
    try:
        yield
    finally:
        _held.reset(token)


class _Waiter:
    """One call that waits for semaphores, in its own event loop."""

    __slots__ = ("_call_soon", "admitted", "held", "permit", "semaphores")

    def __init__(self, semaphores: Sequence[Semaphore], held: Sequence[Permit]) -> None:
        self.semaphores = semaphores
        self.held = held
        self.permit: Permit | None = None
        self.admitted = anyio.Event()
        # anyio reaches another event loop only with a blocking call; the loops' own functions,
        # asyncio's `call_soon_threadsafe` and Trio's `run_sync_soon`, do not block.
        loop: Any = current_token().native_token
        self._call_soon: Callable[[Callable[[], object]], object] = (
            loop.call_soon_threadsafe
            if hasattr(loop, "call_soon_threadsafe")
            else loop.run_sync_soon
        )

    def wake(self) -> bool:
        """Wake the waiting task; return whether its event loop still runs."""
        try:
            self._call_soon(self.admitted.set)
        except RuntimeError:
            return False
        return True


_held: ContextVar[tuple[Permit, ...]] = ContextVar("agentkit_held_permits", default=())
