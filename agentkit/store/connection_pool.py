"""A pool of database connections for worker threads.

In:  how to connect; functions that use one connection and block.
Out: what they return, in an event loop that never blocks.

A connection belongs to one thread until its function returned. A call that is cancelled interrupts
its statement, and that connection is closed, not used again: an interruption may arrive late, and
would hit the next statement.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from threading import Event, Lock
from typing import Generic, Protocol, TypeVar

import anyio

from agentkit.store.base import StoreError

T = TypeVar("T")

STOP_SECONDS = 5.0
"""How long a cancelled call waits for its statement to end; its thread is left behind then."""


class Connection(Protocol):
    """A connection, used by one thread at a time; only `interrupt` comes from another."""

    def is_usable(self) -> bool:
        """Return whether another statement can be sent; asks no server."""

    def interrupt(self) -> None:
        """Make the statement that runs fail soon."""

    def close(self) -> None:
        """Close it; may be called twice."""


ConnectionT = TypeVar("ConnectionT", bound=Connection)


class DatabasePool(Generic[ConnectionT]):
    """Up to `size` connections, opened when they are needed and kept until the end."""

    def __init__(self, connect: Callable[[], ConnectionT], *, size: int) -> None:
        self._connect = connect
        self._size = size
        self._limiter = anyio.CapacityLimiter(size)
        self._idle: deque[ConnectionT] = deque()
        self._is_closed = False

    async def use(self, work: Callable[[ConnectionT], T]) -> T:
        """Run `work` with a connection in a worker thread and return what it returns.

        Raises:
            StoreError: no connection could be opened, or the pool is closed.
        """
        lease = _Lease(self, work)
        try:
            return await anyio.to_thread.run_sync(
                lease.run, abandon_on_cancel=True, limiter=self._limiter
            )
        except anyio.get_cancelled_exc_class():
            if lease.cancel():
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(lease.stop, limiter=anyio.CapacityLimiter(1))
            raise

    async def aclose(self) -> None:
        """Close the connections that are idle now, and each other one when its use ends."""
        self._is_closed = True
        close = partial(anyio.to_thread.run_sync, self._close_idle)
        with anyio.CancelScope(shield=True):
            await close(limiter=anyio.CapacityLimiter(1))

    def take(self) -> ConnectionT:
        """Return a usable connection, an idle one if there is any; blocks."""
        while not self._is_closed:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._connect()
            if connection.is_usable():
                return connection
            connection.close()
        raise StoreError("The store is closed.")

    def put_back(self, connection: ConnectionT, *, is_interrupted: bool) -> None:
        """Keep a connection for its next use, or close it; blocks."""
        is_kept = not (is_interrupted or self._is_closed or len(self._idle) >= self._size)
        if is_kept and connection.is_usable():
            self._idle.append(connection)
        else:
            connection.close()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()


class _Lease(Generic[ConnectionT, T]):
    """One use of a connection in a worker thread, which another thread can stop."""

    def __init__(self, pool: DatabasePool[ConnectionT], work: Callable[[ConnectionT], T]) -> None:
        self._has_begun = False
        self._pool = pool
        self._work = work
        self._lock = Lock()
        self._connection: ConnectionT | None = None
        self._is_cancelled = False
        self._ended = Event()

    def run(self) -> T:
        """Take a connection, work with it and put it back; in the worker thread."""
        self._has_begun = True
        try:
            connection = self._pool.take()
            try:
                self._begin(connection)
                return self._work(connection)
            finally:
                with self._lock:
                    self._connection = None
                self._pool.put_back(connection, is_interrupted=self._is_cancelled)
        finally:
            self._ended.set()

    def _begin(self, connection: ConnectionT) -> None:
        """Let `stop` interrupt the connection, unless the call was cancelled before."""
        with self._lock:
            if self._is_cancelled:
                raise StoreError("The call was cancelled before its statement began.")
            self._connection = connection

    def cancel(self) -> bool:
        """Let nothing more begin; return whether there is something to stop."""
        with self._lock:
            self._is_cancelled = True
        return self._has_begun and not self._ended.is_set()

    def stop(self) -> None:
        """Interrupt what runs and wait until it has ended; in another worker thread."""
        with self._lock:
            if self._connection is not None:
                self._connection.interrupt()
        self._ended.wait(STOP_SECONDS)
