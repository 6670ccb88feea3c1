"""Run blocking functions beside the event loop, never more than so many at once.

In:  a function that blocks.
Out: what it returned, or a `Raised` with its exception.

A thread cannot be stopped. One whose call was given up goes on, and counts against the limit
until it really ends; a function that had not begun by then never begins.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

MAX_THREADS = 64

_SWEEP_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """What a function raised; a value, since `StopIteration` cannot leave a thread as it is."""

    error: Exception


async def run_in_thread(function: Callable[[], object], *, limit: int = MAX_THREADS) -> object:
    """Call `function` in a worker thread of this event loop.

    Args:
        function: runs in a copy of the caller's context.
        limit: most threads at once; settled by the first call in an event loop.

    Returns:
        What `function` returned, or a `Raised`.
    """
    pool = _pools.get(None)
    if pool is None:
        pool = _Pool(limit)
        _pools.set(pool)
    job = _Job(function)
    await pool.enter(job)
    try:
        await anyio.to_thread.run_sync(
            job.run, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1)
        )
    finally:
        pool.leave(job)
    return job.outcome


class _Job:
    """One function on its way through a thread."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._lock = Lock()
        self._is_dropped = False
        self._is_started = False
        self.is_ended = False
        # Not returned from the thread: Trio refuses a coroutine there.
        self.outcome: object = None

    def run(self) -> None:
        with self._lock:
            if self._is_dropped:
                return
            self._is_started = True
        try:
            self.outcome = self._function()
        except Exception as error:  # noqa: BLE001  # a stranger's code, told to the caller
            self.outcome = Raised(error=error)
        finally:
            self.is_ended = True

    def drop(self) -> None:
        """Let the function not begin any more; one that has begun goes on."""
        with self._lock:
            self._is_dropped = True
            self.is_ended = self.is_ended or not self._is_started


class _Pool:
    """Places for jobs; a job keeps its place until its function has ended."""

    def __init__(self, limit: int) -> None:
        self._limiter = anyio.CapacityLimiter(limit)
        self._given_up: set[_Job] = set()

    async def enter(self, job: _Job) -> None:
        """Wait for a place."""
        while True:
            self._sweep()
            # The thread that frees a place after it was given up cannot wake anybody here.
            with anyio.move_on_after(_SWEEP_SECONDS if self._given_up else None):
                await self._limiter.acquire_on_behalf_of(job)
                return

    def leave(self, job: _Job) -> None:
        """Give back the place, now or as soon as the function has ended."""
        job.drop()
        self._given_up.add(job)
        self._sweep()

    def _sweep(self) -> None:
        ended = {job for job in self._given_up if job.is_ended}
        self._given_up -= ended
        for job in ended:
            self._limiter.release_on_behalf_of(job)


_pools: RunVar[_Pool] = RunVar("agentkit_tool_threads")
