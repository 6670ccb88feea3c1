"""Wait for the bytes that come next on a socket.

In:  a connected socket, in the event loop of the reader.
Out: bytes, once some have arrived; None if none came in time.

On asyncio a socket is registered with the loop once, one timer serves many waits, and a wait is a
future. anyio registers and unregisters the socket for each wait, inside a cancel scope for the
deadline: together that costs as much as the rest of an exchange. Trio, and asyncio loops without
`add_reader`, are used through anyio; see docs/decisions/0006-direct-transport.md.
"""

import math
import socket
from typing import Any

import anyio
from anyio.lowlevel import current_token


class ReadWaiter:
    """Waits for bytes on one socket; for one task at a time."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop: Any = current_token().native_token
        self._can_register = hasattr(self._loop, "add_reader")
        self._is_registered = False
        self._is_closed = False
        self._waiter: Any = None
        self._max_bytes = 0
        self._until = math.inf
        self._timer: Any = None

    def is_loop_closed(self) -> bool:
        """Return whether the event loop of the socket has ended, so that no wait can end."""
        return self._can_register and bool(self._loop.is_closed())

    def now(self) -> float:
        """Return the time on the event loop's clock, in seconds."""
        time: float = self._loop.time() if self._can_register else anyio.current_time()
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
        self._register()
        if not self._can_register:
            return await self._wait_by_anyio(max_bytes, until=until)
        self._waiter, self._max_bytes = self._loop.create_future(), max_bytes
        self._schedule_timer(until)
        try:
            data: bytes | None = await self._waiter
        finally:
            self._waiter = None
        return data

    def close(self) -> None:
        """End the wait and unregister the socket; call it before the socket is closed."""
        self._is_closed = True
        self._unregister()
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
                    continue  # Linux may report a socket readable that then blocks: select(2), BUGS
        return None

    def _register(self) -> None:
        if self._is_registered or not self._can_register:
            return
        try:
            self._loop.add_reader(self._socket.fileno(), self._read)
        except NotImplementedError:  # asyncio's ProactorEventLoop, the default on Windows
            self._can_register = False
        else:
            self._is_registered = True

    def _unregister(self) -> None:
        if self._is_registered and not self.is_loop_closed():
            self._is_registered = False
            self._loop.remove_reader(self._socket.fileno())

    def _read(self) -> None:
        """Return what has arrived to the waiting task; without one it stays in the socket."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            self._unregister()  # else the loop would call this in a busy loop
            return
        try:
            waiter.set_result(self._socket.recv(self._max_bytes))
        except BlockingIOError:
            pass  # as above: wait for the next event
        except OSError as error:
            waiter.set_exception(error)

    def _schedule_timer(self, until: float) -> None:
        """Ensure that a timer ends no later; one that ends earlier is started again."""
        self._until = until
        if until == math.inf or (self._timer is not None and self._timer.when() <= until):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(until, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._until:
            self._schedule_timer(self._until)
        else:
            self._waiter.set_result(None)
