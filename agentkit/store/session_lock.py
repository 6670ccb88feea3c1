"""Hold a name in PostgreSQL for as long as this process lives.

In:  how to connect; a name.
Out: an advisory lock of a session of its own, which ends with the process.

No clock decides whether a process lives: a busy machine misses no deadline. The connection sends
nothing; its end makes its socket readable.
https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Protocol, TypeVar

import anyio
import anyio.to_thread
from anyio.abc import TaskStatus

from agentkit.exception_groups import ungrouped
from agentkit.log import Log
from agentkit.store.base import Row, SqlValue, StoreUnavailableError

T = TypeVar("T")

RETRY_SECONDS = 0.5

_log = Log(__name__)


class LockConnection(Protocol):
    """What is needed of a connection."""

    def run(self, sql: str, values: Sequence[SqlValue] = ()) -> list[Row]:
        """Run one statement."""

    def fileno(self) -> int:
        """Return the socket."""

    def take_notified(self) -> list[str]:
        """Read what has arrived."""

    def close(self) -> None:
        """Close the connection."""


def lock_number(name: str) -> int:
    """Return the number of the lock for a name, of 64 bits with a sign."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


async def blocking(work: Callable[[], T]) -> T:
    """Run `work` in a thread of its own, which is bounded by the connect timeout."""
    run = partial(anyio.to_thread.run_sync, work)
    return await run(limiter=anyio.CapacityLimiter(1))


@asynccontextmanager
async def hold_name(connect: Callable[[], LockConnection], name: str) -> AsyncIterator[None]:
    """Hold a name while the context is open; take it again when its connection is lost.

    Raises:
        StoreUnavailableError: there is no connection at the beginning.
    """
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            await tasks.start(_keep, connect, name)
            yield
            tasks.cancel_scope.cancel()


async def _keep(
    connect: Callable[[], LockConnection], name: str, *, task_status: TaskStatus[None]
) -> None:
    connection: LockConnection | None = await blocking(partial(_lock, connect, name))
    task_status.started()
    while True:
        if connection is not None:
            await _wait_for_end(connection)
            _log.warning("worker_lock_lost", name=name)
        await anyio.sleep(RETRY_SECONDS)
        connection = None
        with suppress(StoreUnavailableError):
            connection = await blocking(partial(_lock, connect, name))


async def _wait_for_end(connection: LockConnection) -> None:
    """Return when a connection is lost; close it in any case."""
    try:
        while True:
            await anyio.wait_readable(connection.fileno())
            connection.take_notified()
    except (StoreUnavailableError, OSError):
        return
    finally:
        connection.close()


def _lock(connect: Callable[[], LockConnection], name: str) -> LockConnection:
    """Connect and take the lock; the former session of this process may still have it."""
    connection = connect()
    try:
        [[is_taken]] = connection.run("SELECT pg_try_advisory_lock(?)", (lock_number(name),))
    except BaseException:
        connection.close()
        raise
    if not is_taken:
        connection.close()
        raise StoreUnavailableError(f"The lock of {name!r} is still held by another session.")
    return connection
