"""One connection to a host: HTTP/1.1 by h11, bytes by anyio, one exchange after the other.

In:  the head and the body of a request.
Out: the head of the answer, then its body in parts; failures are `WireError`s.

What is not certain to be in order is not used again: a connection is kept only if both sides have
ended the exchange and not a byte more has arrived.
"""

import ssl
from collections.abc import Iterable

import anyio
import h11
from anyio.streams.tls import TLSAttribute, TLSStream

from agentkit.transport.address import Address
from agentkit.transport.direct_socket import SocketBytes, open_socket, start_tls
from agentkit.transport.failure import WireError
from agentkit.transport.settings import HttpSettings
from agentkit.transport.tls import tls_context

MAX_HEAD_BYTES = 102_400
"""Longest head of an answer, and longest line inside a chunked body."""

_NO_LENGTH = b"0\r\n\r\n"
_END = h11.EndOfMessage()
_TOLD = (b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade")
_BROKEN = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError)


async def connect(address: Address, *, settings: HttpSettings) -> "Connection":
    """Connect to the host, with TLS where its address says so.

    Raises:
        WireError: it cannot be reached, or not in time.
    """
    plain = await _connect(address, settings=settings)
    if not address.is_secure:
        return Connection(plain, settings=settings)
    try:
        return Connection(
            plain, tls=await _secure(plain, address, settings=settings), settings=settings
        )
    except BaseException:
        plain.close()
        raise


class Head:
    """The head of requests that differ in nothing but the length of their body.

    It is checked and spelled once. h11 is told of a request without a body in its place, with
    only those headers that mean something to it: what it has to know of a request is that it is
    sent, and the bytes need no second look.
    """

    def __init__(
        self,
        *,
        method: str | bytes,
        target: str | bytes,
        headers: Iterable[tuple[bytes, bytes]],
        has_length: bool,
    ) -> None:
        """Spell it.

        Args:
            method: as it is sent.
            target: path and query.
            headers: all but the length of the body.
            has_length: the body has a length; else there is none.

        Raises:
            LocalProtocolError: it cannot be sent so.
        """
        length = [(b"content-length", b"0")] if has_length else []
        whole = h11.Request(method=method, target=target, headers=[*headers, *length])
        spelled = h11.Connection(h11.CLIENT).send(whole) or b""
        told = [pair for pair in whole.headers if pair[0] in _TOLD]
        self.event = h11.Request(method=method, target=target, headers=told)
        self._start = spelled.removesuffix(_NO_LENGTH) if has_length else spelled
        self._has_length = has_length

    def spell(self, body: bytes) -> bytes:
        """Return the request with this body."""
        if not self._has_length:
            return self._start
        return b"%b%d\r\n\r\n%b" % (self._start, len(body), body)


class Connection:
    """A connection, with one exchange on it at a time.

    Attributes:
        is_reused: it has carried an exchange before this one.
        has_heard: something of the answer to the last request has arrived.
    """

    def __init__(
        self, plain: SocketBytes, *, settings: HttpSettings, tls: TLSStream | None = None
    ) -> None:
        self._plain = plain
        self._tls = tls
        self._stream: SocketBytes | TLSStream = tls or plain
        self._settings = settings
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._is_sent = False
        self._is_whole = False
        self.is_reused = False
        self.has_heard = False

    async def ask(self, head: Head, body: bytes) -> h11.Response:
        """Send a request and return the head of its answer.

        Raises:
            WireError: the host did not take it or did not answer.
        """
        self._plain.read_seconds = None  # the head as a whole has a deadline, its bytes have none
        await self._send(head, body)
        with anyio.move_on_after(self._settings.first_byte_seconds):
            return await self._read_head()
        raise WireError("read_timeout")

    async def receive(self) -> bytes:
        """Return what has arrived of the body; empty at its end, and from then on.

        Raises:
            WireError: the body does not arrive whole, or nothing came for too long.
        """
        self._plain.read_seconds = self._settings.idle_seconds
        parts: list[bytes] = []
        while not self._is_whole:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                if parts:
                    break  # h11 says it again when it is asked for more
                raise WireError("protocol", str(error)) from error
            if type(event) is h11.Data:
                parts.append(event.data)
            elif type(event) is h11.EndOfMessage:
                self._is_whole = True
            elif parts:
                break
            else:
                await self._hear()
        return b"".join(parts)

    def renew(self) -> bool:
        """Make ready for the next exchange; say whether there can be one."""
        http = self._http
        if not (self._is_sent and self._is_whole):
            return False
        if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
            return False
        if http.trailing_data != (b"", False):
            return False
        http.start_next_cycle()
        self._is_sent = self._is_whole = self.has_heard = False
        self.is_reused = True
        return True

    def is_quiet(self) -> bool:
        """Say whether nothing has arrived since the last answer: no byte, and not the end."""
        return not self._has_decrypted() and not self._plain.has_arrived()

    def close(self) -> None:
        """Close it at once."""
        self._plain.close()

    async def _send(self, head: Head, body: bytes) -> None:
        self._http.send(head.event)
        self._http.send(_END)
        try:
            await self._stream.send(head.spell(body))
        except _BROKEN:
            return  # a host may refuse a request before it has read all of it: its answer counts
        self._is_sent = True

    async def _read_head(self) -> h11.Response:
        event: object = h11.NEED_DATA  # nothing is left of an earlier answer
        while type(event) is not h11.Response:
            if event is h11.NEED_DATA:
                await self._hear()
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                raise WireError("protocol", str(error)) from error
        return event

    async def _hear(self) -> None:
        """Wait for bytes, and give them to h11."""
        try:
            data = await self._stream.receive()
        except anyio.EndOfStream:
            data = b""
        except _BROKEN as error:
            raise WireError("broken", str(error)) from error
        self.has_heard = self.has_heard or bool(data)
        self._http.receive_data(data)

    def _has_decrypted(self) -> bool:
        """Say whether TLS holds bytes that nobody has read."""
        if self._tls is None:
            return False
        try:
            self._tls.extra(TLSAttribute.ssl_object).read(1)  # noqa: S610 - not Django's
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            return True
        return True


async def _connect(address: Address, *, settings: HttpSettings) -> SocketBytes:
    with anyio.move_on_after(settings.connect_seconds):
        try:
            connected = await open_socket(address.host, address.port)
        except (OSError, UnicodeError) as error:
            raise _unreachable(error) from error
        return SocketBytes(connected, write_seconds=settings.write_seconds)
    raise WireError("connect_timeout")


async def _secure(plain: SocketBytes, address: Address, *, settings: HttpSettings) -> TLSStream:
    with anyio.move_on_after(settings.connect_seconds):
        try:
            return await start_tls(plain, host=address.host, context=tls_context())
        except (anyio.EndOfStream, *_BROKEN) as error:
            raise _unreachable(error) from error
    raise WireError("connect_timeout")


def _unreachable(error: Exception) -> WireError:
    text = getattr(error, "strerror", None) or str(error) or "it ended the connection"
    return WireError("connect", text)
