"""Run blocking functions in worker threads, up to a limit at the same time.

In:  a function that blocks.
Out: what it returned, or a `ThreadFailure` with its exception.

A thread cannot be stopped. A thread whose call was abandoned goes on, and counts against the limit
until it really ends; a function that had not started by then never starts.
"""

from collections.abc import Callable
from threading import Lock
from typing import Self

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from agentkit.tools.concurrency.semaphore import Semaphore, SemaphorePool, holding
from agentkit.value import dataclass

MAX_THREADS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadFailure:
    """What a function raised, as a value: asyncio's futures cannot carry a `StopIteration`."""

    error: BaseException


class ThreadJob:
    """One run of a function in a worker thread."""

    def __init__(
        self, function: Callable[[], object], *, on_end: Callable[[], None] | None = None
    ) -> None:
        """Prepare the run.

        Args:
            function: runs in a copy of the caller's context.
            on_end: called once, when `function` has ended or will never start; from any thread.
        """
        self._function = function
        self._end_callbacks = [] if on_end is None else [on_end]
        self._lock = Lock()
        self._is_dropped = False
        self._is_started = False
        self._is_ended = False
        # Stored here, not returned from the thread: Trio raises a TypeError for a coroutine there.
        self._outcome: object = None

    @property
    def has_started(self) -> bool:
        """Return whether the function has started."""
        return self._is_started

    @property
    def is_running(self) -> bool:
        """Return whether the function has started and not ended."""
        return self._is_started and not self._is_ended

    async def run(self, *, limit: int = MAX_THREADS) -> object:
        """Call the function in a worker thread of this event loop.

        Args:
            limit: the most threads at the same time; the first call in an event loop sets it.

        Returns:
            What the function returned, or a `ThreadFailure`.
        """
        try:
            shared = _pools.get(None)
            if shared is None:
                shared = (SemaphorePool(), Semaphore(limit))
                _pools.set(shared)
            pool, semaphore = shared
            permit = await pool.acquire([semaphore])
            self._end_callbacks.append(permit.release)
            with holding(permit):
                await anyio.to_thread.run_sync(
                    self._work, abandon_on_cancel=True, limiter=_NO_LIMIT
                )
        finally:
            self._drop()
        return self._outcome

    def _work(self) -> None:
        with self._lock:
            if self._is_dropped:
                return
            self._is_started = True
        try:
            self._outcome = self._function()
        # An exit too: the thread is not the program's main thread, so it cannot end the program.
        except BaseException as error:  # noqa: BLE001  # user code; the caller gets its exception
            self._outcome = ThreadFailure(error=error)
        finally:
            self._is_ended = True
            self._notify_end()

    def _drop(self) -> None:
        """Prevent the function from starting; one that has started goes on."""
        with self._lock:
            self._is_dropped = True
            is_over = not self._is_started
        if is_over:
            self._notify_end()

    def _notify_end(self) -> None:
        for callback in self._end_callbacks:
            callback()


class _NoLimit(anyio.CapacityLimiter):
    """Limits nothing: a permit is held already, and anyio's limiters take a pass of the loop.

    anyio enters it on asyncio; on Trio it is a "CapacityLimiter-like object", see
    https://trio.readthedocs.io/en/stable/reference-core.html#trio.to_thread.run_sync
    """

    def __new__(cls) -> Self:
        """Make it outside an event loop, for all of them."""
        return object.__new__(cls)

    async def __aenter__(self) -> None:
        """Do nothing."""

    async def __aexit__(self, *details: object) -> None:
        """Do nothing."""

    async def acquire_on_behalf_of(self, borrower: object) -> None:
        """Do nothing."""

    def release_on_behalf_of(self, borrower: object) -> None:
        """Do nothing."""


_NO_LIMIT = _NoLimit()
_pools: RunVar[tuple[SemaphorePool, Semaphore]] = RunVar("agentkit_tool_threads")
