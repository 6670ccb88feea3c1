"""A pool of connections to one host.

In:  how to connect; how many at once, and for how long idle.
Out: a connection for one exchange at a time.

The connection used last is acquired first, and no other is checked. Those that are idle for too
long are at the other end of the queue, and are dropped one by one as others are released.
"""

from collections import deque
from collections.abc import Awaitable, Callable

import anyio

from agentkit.clock import Clock
from agentkit.transport.direct.connection import HttpConnection
from agentkit.transport.error_mapping import WireError
from agentkit.transport.http_settings import HttpSettings


class HttpConnectionPool:
    """Connections to one host; may be used by many tasks at once."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[HttpConnection]],
        *,
        settings: HttpSettings,
        clock: Clock,
    ) -> None:
        self._connect = connect
        self._settings = settings
        self._clock = clock
        self._places = anyio.Semaphore(settings.max_connections)
        self._idle: deque[tuple[float, HttpConnection]] = deque()
        self._is_closed = False

    @property
    def is_exhausted(self) -> bool:
        """Return whether all connections are in use."""
        return self._places.value == 0

    async def acquire(self) -> HttpConnection:
        """Return a connection for one exchange; pass it to `release` afterwards.

        Raises:
            WireError: all are in use for too long, or the host cannot be reached.
        """
        if self._places.value > 0:
            self._places.acquire_nowait()
        else:
            await self._wait_for_place()
        try:
            self._check_open()
            return self._last_idle() or await self._connect()
        except BaseException:
            self._places.release()
            raise

    async def replace(self, connection: HttpConnection) -> HttpConnection:
        """Return a new connection in place of one that was found closed.

        Raises:
            WireError: the host cannot be reached.
        """
        connection.close()
        try:
            return await self._connect()
        except BaseException:
            self._places.release()
            raise

    def release(self, connection: HttpConnection) -> None:
        """Keep a connection for the next exchange, if it can carry one."""
        if self._is_closed or not connection.prepare_reuse():
            connection.close()
        else:
            now = self._clock.monotonic()
            self._drop_expired(now)
            self._idle.append((now + self._settings.keep_alive_seconds, connection))
        self._places.release()

    def close(self) -> None:
        """Close the idle connections, and from now on each that is released; safe to call twice."""
        self._is_closed = True
        while self._idle:
            self._idle.pop()[1].close()

    async def _wait_for_place(self) -> None:
        """Wait for a place, in turn."""
        with anyio.move_on_after(self._settings.first_byte_seconds) as scope:
            await self._places.acquire()
        if scope.cancelled_caught:
            raise WireError("pool_timeout")

    def _last_idle(self) -> HttpConnection | None:
        """Return the idle connection that was used last, if it is still open."""
        now = self._clock.monotonic()
        while self._idle:
            expires, connection = self._idle.pop()
            if now < expires and connection.is_idle():
                return connection
            connection.close()
        return None

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError("The transport was closed; open another.")

    def _drop_expired(self, now: float) -> None:
        while self._idle and self._idle[0][0] <= now:
            self._idle.popleft()[1].close()
