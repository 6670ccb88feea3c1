"""Wait for the bytes that come next on a socket.

In:  a connected socket, in the event loop of whoever waits.
Out: bytes, once some have arrived; None if none came in time.

On asyncio its loop is told of a socket once, one timer serves many waits, and a wait is a future.
anyio tells the loop before each wait and takes the socket back after it, in a scope for the time:
together that costs as much as the rest of an exchange's way over the wire. Trio, and loops of
asyncio that watch no sockets, are asked through anyio; see docs/decisions/0006-direct-transport.md.
"""

import math
import socket
from typing import Any

import anyio
from anyio.lowlevel import current_token


class ReadWaiter:
    """What arrives at one socket; for one task at a time."""

    def __init__(self, watched: socket.socket) -> None:
        self._socket = watched
        self._loop: Any = current_token().native_token
        self._can_watch = hasattr(self._loop, "add_reader")
        self._is_watched = False
        self._is_closed = False
        self._waiter: Any = None
        self._max_bytes = 0
        self._until = math.inf
        self._timer: Any = None

    def is_loop_closed(self) -> bool:
        """Say whether the event loop that watches has ended, so that nothing is heard any more."""
        return self._can_watch and bool(self._loop.is_closed())

    def now(self) -> float:
        """Return the time on the event loop's clock, in seconds."""
        time: float = self._loop.time() if self._can_watch else anyio.current_time()
        return time

    async def wait(self, max_bytes: int, *, until: float) -> bytes | None:
        """Return what arrives next, empty at the end; None if nothing did before the time `until`.

        Raises:
            ClosedResourceError: the socket was closed here.
            BusyResourceError: another task waits.
            OSError: the connection broke.
        """
        if self._is_closed:
            raise anyio.ClosedResourceError
        if self._waiter is not None:
            raise anyio.BusyResourceError("reading from")
        self._watch()
        if not self._can_watch:
            return await self._wait_by_anyio(max_bytes, until=until)
        self._waiter, self._max_bytes = self._loop.create_future(), max_bytes
        self._keep_time(until)
        try:
            data: bytes | None = await self._waiter
        finally:
            self._waiter = None
        return data

    def close(self) -> None:
        """End the wait, and take the socket back from the event loop; before it is closed."""
        self._is_closed = True
        self._unwatch()
        if self._timer is not None:
            self._timer.cancel()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(anyio.ClosedResourceError())

    async def _wait_by_anyio(self, max_bytes: int, *, until: float) -> bytes | None:
        with anyio.CancelScope(deadline=until):
            while True:
                await anyio.wait_readable(self._socket)
                try:
                    return self._socket.recv(max_bytes)
                except BlockingIOError:
                    continue  # a kernel may call a socket readable and then think again
        return None

    def _watch(self) -> None:
        if self._is_watched or not self._can_watch:
            return
        try:
            self._loop.add_reader(self._socket.fileno(), self._read)
        except NotImplementedError:  # Windows' own loop
            self._can_watch = False
        else:
            self._is_watched = True

    def _unwatch(self) -> None:
        if self._is_watched and not self.is_loop_closed():
            self._is_watched = False
            self._loop.remove_reader(self._socket.fileno())

    def _read(self) -> None:
        """Give what has arrived to who waits; while nobody does, it stays where it is."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            self._unwatch()  # else the loop would call again and again
            return
        try:
            waiter.set_result(self._socket.recv(self._max_bytes))
        except BlockingIOError:
            pass  # as above: the next arrival is waited for
        except OSError as error:
            waiter.set_exception(error)

    def _keep_time(self, until: float) -> None:
        """See to it that a timer ends no later; one that ends before then is begun anew."""
        self._until = until
        if until == math.inf or (self._timer is not None and self._timer.when() <= until):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(until, self._look_at_time)

    def _look_at_time(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._until:
            self._keep_time(self._until)
        else:
            self._waiter.set_result(None)
