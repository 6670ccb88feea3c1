"""Run blocking functions beside the event loop, never more than so many at once.

In:  a function that blocks.
Out: what it returned, or a `Raised` with its exception.

A thread cannot be stopped. One whose call was given up goes on, and counts against the limit
until it really ends; a function that had not begun by then never begins.
"""

from collections.abc import Callable
from threading import Lock

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from agentkit.tools.concurrency.semaphore import Gate, Gatehouse, standing_in
from agentkit.value import dataclass

MAX_THREADS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """What a function raised; a value, since `StopIteration` cannot leave a thread as it is."""

    error: Exception


class ThreadJob:
    """One function on its way through a thread; it is run once."""

    def __init__(
        self, function: Callable[[], object], *, on_end: Callable[[], None] | None = None
    ) -> None:
        """Take a function.

        Args:
            function: runs in a copy of the caller's context.
            on_end: called once, when `function` has ended or will never begin; from any thread.
        """
        self._function = function
        self._ends = [] if on_end is None else [on_end]
        self._lock = Lock()
        self._is_dropped = False
        self._is_started = False
        self._is_ended = False
        # Not returned from the thread: Trio refuses a coroutine there.
        self._outcome: object = None

    @property
    def has_begun(self) -> bool:
        """Say whether the function has begun."""
        return self._is_started

    @property
    def is_running(self) -> bool:
        """Say whether the function has begun and not ended."""
        return self._is_started and not self._is_ended

    async def run(self, *, limit: int = MAX_THREADS) -> object:
        """Call the function in a worker thread of this event loop.

        Args:
            limit: most threads at once; settled by the first call in an event loop.

        Returns:
            What the function returned, or a `Raised`.
        """
        try:
            pool = _pools.get(None)
            if pool is None:
                pool = (Gatehouse(), Gate(limit))
                _pools.set(pool)
            house, gate = pool
            place = await house.enter([gate])
            self._ends.append(place.leave)
            with standing_in(place):
                await anyio.to_thread.run_sync(
                    self._work, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1)
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
        except Exception as error:  # noqa: BLE001  # a stranger's code, told to the caller
            self._outcome = Raised(error=error)
        finally:
            self._is_ended = True
            self._tell()

    def _drop(self) -> None:
        """Let the function not begin any more; one that has begun goes on."""
        with self._lock:
            self._is_dropped = True
            is_over = not self._is_started
        if is_over:
            self._tell()

    def _tell(self) -> None:
        for act in self._ends:
            act()


async def run_in_thread(function: Callable[[], object], *, limit: int = MAX_THREADS) -> object:
    """Call `function` in a worker thread; see `ThreadJob.run`."""
    return await ThreadJob(function).run(limit=limit)


_pools: RunVar[tuple[Gatehouse, Gate]] = RunVar("agentkit_tool_threads")
