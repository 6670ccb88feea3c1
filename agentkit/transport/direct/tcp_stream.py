"""A TCP connection without read-ahead.

In:  a host's name and port.
Out: a non-blocking socket; `TcpStream`, which reads and writes it.

anyio's own stream reads ahead into a private queue. Here every surplus byte is still in the socket,
where `has_data` finds it before a connection is reused; and reading costs half as much.
"""

import os
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import TypeAlias

import anyio
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint
from anyio.streams.tls import TLSStream

from agentkit.exception_groups import ungrouped
from agentkit.transport.direct.readiness import ReadWaiter
from agentkit.transport.error_mapping import WireError

CONNECTION_ATTEMPT_DELAY_SECONDS = 0.25
"""How long one address of a host may take before the next is tried in parallel (RFC 8305, 5)."""

READ_BYTES = 65_536

SocketAddress: TypeAlias = tuple[socket.AddressFamily, tuple[str | int, ...]]
"""An address family, and the argument of `socket.connect` for it."""


async def connect_tcp(host: str, port: int) -> socket.socket:
    """Connect to the address of `host` that responds first (Happy Eyeballs, RFC 8305).

    Raises:
        OSError: none of them responds, or the name is not known.
        UnicodeError: the name cannot be looked up.
    """
    places = await _places(host, port)
    if len(places) == 1:
        return await _connect(places[0])
    return await _connect_any(places)


class TcpStream(ByteStream):
    """The bytes of one connected socket; for one task at a time.

    Attributes:
        read_deadline: when to stop waiting for bytes, by the event loop's clock, over all waits;
            None for `read_seconds` after the beginning of each wait.
    """

    def __init__(
        self, connected: socket.socket, *, read_seconds: float, write_seconds: float
    ) -> None:
        """Take a socket, in the event loop that will use it.

        Args:
            connected: non-blocking.
            read_seconds: how long to wait for bytes.
            write_seconds: how long to wait until something is taken.
        """
        self._socket = connected
        self._reads = ReadWaiter(connected)
        self._read_seconds = read_seconds
        self._write_seconds = write_seconds
        self._has_just_sent = False
        self.read_deadline: float | None = None

    def set_read_deadline(self, seconds: float) -> None:
        """Require all bytes from now on within so many seconds, until it is changed."""
        self.read_deadline = self._reads.now() + seconds

    async def receive(self, max_bytes: int = READ_BYTES) -> bytes:
        """Return what has arrived, or wait for it.

        Raises:
            EndOfStream: the other side has closed the connection.
            OSError: it broke.
            WireError: nothing arrived in time.
        """
        # A request that was just sent has no response yet.
        data = None if self._has_just_sent else self._receive_now(max_bytes)
        self._has_just_sent = False
        if data is None:
            data = await self._reads.wait(max_bytes, until=self._until())
            if data is None:
                raise WireError("read_timeout")
        else:
            await checkpoint()  # a host that always has data must not starve other tasks
        if not data:
            raise anyio.EndOfStream
        return data

    async def send(self, item: bytes) -> None:
        """Send all of `item`.

        Raises:
            OSError: the connection broke.
            WireError: none of it was accepted for too long.
        """
        self._has_just_sent = True
        left = memoryview(item)
        while left:
            sent = self._send_now(left)
            left = left[sent:]
            if not sent:
                await self._wait_writable()

    def _send_now(self, data: memoryview) -> int:
        """Send as much of `data` as the socket accepts; return the number of bytes."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    async def send_eof(self) -> None:
        """Close the sending side."""
        self._socket.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        """Close the connection; see `close`."""
        self.close()

    def close(self) -> None:
        """Close the connection at once, without waiting."""
        anyio.notify_closing(self._socket)
        self._reads.close()
        self._socket.close()

    def has_data(self) -> bool:
        """Return whether there is anything to read: bytes, the end, or an error.

        A socket whose event loop has ended counts as ended, since it cannot be waited for.
        """
        if self._reads.is_loop_closed():
            return True
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def _receive_now(self, max_bytes: int) -> bytes | None:
        """Return what has arrived; None if nothing has.

        A function of its own: a wait inside an `except` would keep the exception and its frames
        alive for as long.
        """
        try:
            return self._socket.recv(max_bytes)
        except BlockingIOError:
            return None

    def _until(self) -> float:
        """Return when to stop waiting for bytes."""
        if self.read_deadline is None:
            return self._reads.now() + self._read_seconds
        return self.read_deadline

    async def _wait_writable(self) -> None:
        with anyio.move_on_after(self._write_seconds) as scope:
            await anyio.wait_writable(self._socket)
        if scope.cancelled_caught:
            raise WireError("write_timeout")


async def start_tls(stream: TcpStream, *, host: str, context: ssl.SSLContext) -> TLSStream:
    """Return the stream with TLS, after the host's certificate was checked.

    Raises:
        OSError: the handshake fails; `ssl.SSLError` is one.
        EndOfStream, BrokenResourceError: the host closes the connection during it.
    """
    # Many servers close without TLS's close_notify; the framing of HTTP shows a truncated response
    # (RFC 9112, 9.8), so that is not an error here.
    return await TLSStream.wrap(
        stream, hostname=host, ssl_context=context, standard_compatible=False
    )


async def _places(host: str, port: int) -> Sequence[SocketAddress]:
    """Return the addresses of `host`, the best first, then the best of the other family."""
    try:
        version = ip_address(host).version
    except ValueError:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    else:
        return [(socket.AF_INET if version == 4 else socket.AF_INET6, (host, port))]
    places = [(family, address) for family, _, _, _, address in found]
    other = [place for place in places if place[0] != places[0][0]]
    return [places[0], *other[:1], *[place for place in places[1:] if place not in other[:1]]]


async def _connect(place: SocketAddress) -> socket.socket:
    family, address = place
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.settimeout(0)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BlockingIOError):
            connecting.connect(address)
        await anyio.wait_writable(connecting)
        _check_connected(connecting)
    except BaseException:
        connecting.close()
        raise
    return connecting


def _check_connected(connecting: socket.socket) -> None:
    if code := connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, os.strerror(code))


async def _connect_any(places: Sequence[SocketAddress]) -> socket.socket:
    """Connect to several addresses, each a little later than the one before, until one answers."""
    connected: list[socket.socket] = []
    errors: list[OSError] = []

    async def attempt(place: SocketAddress, ended: anyio.Event) -> None:
        try:
            connected.append(await _connect(place))
        except OSError as error:
            errors.append(error)
            ended.set()
        else:
            tasks.cancel_scope.cancel()

    try:
        with ungrouped():
            async with anyio.create_task_group() as tasks:
                for place in places:
                    ended = anyio.Event()
                    tasks.start_soon(attempt, place, ended)
                    with anyio.move_on_after(CONNECTION_ATTEMPT_DELAY_SECONDS):
                        await ended.wait()
    except BaseException:
        _close_all(connected)
        raise
    if not connected:
        raise errors[0]
    _close_all(connected[1:])
    return connected[0]


def _close_all(sockets: Sequence[socket.socket]) -> None:
    for each in sockets:
        each.close()
