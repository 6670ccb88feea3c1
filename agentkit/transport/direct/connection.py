"""One connection to a host: one exchange after the other, bytes by anyio.

In:  the head and the body of a request.
Out: the head of the answer, then its body in parts; failures are `WireError`s.

What is not certain to be in order is not used again: a connection is kept only if both sides have
ended the exchange and not a byte more has arrived.
"""

import math
import ssl

import anyio
from anyio.streams.tls import TLSAttribute, TLSStream

from agentkit.transport.base_url import Address
from agentkit.transport.direct.fast_parser import FastBody, parse_fast
from agentkit.transport.direct.h11_parser import H11Response, RequestHead, ResponseHead
from agentkit.transport.direct.tcp_stream import TcpStream, connect_tcp, start_tls
from agentkit.transport.error_mapping import WireError
from agentkit.transport.http_settings import HttpSettings
from agentkit.transport.tls import tls_context

_BROKEN = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError)


async def connect(address: Address, *, settings: HttpSettings) -> "HttpConnection":
    """Connect to the host, with TLS where its address says so.

    Raises:
        WireError: it cannot be reached, or not in time.
    """
    plain = await _connect(address, settings=settings)
    if not address.is_secure:
        return HttpConnection(plain, settings=settings)
    try:
        return HttpConnection(
            plain, tls=await _secure(plain, address, settings=settings), settings=settings
        )
    except BaseException:
        plain.close()
        raise


class HttpConnection:
    """A connection, with one exchange on it at a time.

    Attributes:
        is_reused: it has carried an exchange before this one.
        has_received: something of the answer to the last request has arrived.
    """

    def __init__(
        self, plain: TcpStream, *, settings: HttpSettings, tls: TLSStream | None = None
    ) -> None:
        self._plain = plain
        self._tls = tls
        self._stream: TcpStream | TLSStream = tls or plain
        self._settings = settings
        self._answer: H11Response | FastBody | None = None
        self._is_sent = False
        self.is_reused = False
        self.has_received = False

    async def ask(self, request: RequestHead, body: bytes) -> ResponseHead:
        """Send a request and return the head of its answer.

        Raises:
            WireError: the host did not take it or did not answer.
        """
        await self._send(request, body)
        self._plain.set_read_deadline(self._settings.first_byte_seconds)  # for the head as a whole
        heard = await self._receive()
        plain = parse_fast(heard) if request.allows_fast_parser else None
        if plain is None:
            head = await self._read_by_h11(request, heard)
        else:
            head, self._answer = plain
        self._plain.read_deadline = None
        return head

    async def receive(self) -> bytes:
        """Return what has arrived of the body; empty at its end, and from then on.

        Raises:
            WireError: the body does not arrive whole, or nothing came for too long.
        """
        answer = self._answer
        if answer is None:
            raise RuntimeError("Nothing was asked.")
        while not answer.is_complete:
            part = answer.read()
            if part:
                return part
            if not answer.is_complete:
                answer.feed(await self._receive())
        return b""

    def prepare_reuse(self) -> bool:
        """Make ready for the next exchange; say whether there can be one."""
        answer, self._answer = self._answer, None
        if answer is None or not (self._is_sent and answer.is_complete and answer.is_reusable()):
            return False
        self._is_sent = self.has_received = False
        self.is_reused = True
        return True

    def is_idle(self) -> bool:
        """Say whether nothing has arrived since the last answer: no byte, and not the end."""
        return not self._has_decrypted() and not self._plain.has_data()

    def close(self) -> None:
        """Close it at once."""
        self._plain.close()

    async def _send(self, request: RequestHead, body: bytes) -> None:
        try:
            await self._stream.send(request.spell(body))
        except _BROKEN:
            return  # a host may refuse a request before it has read all of it: its answer counts
        self._is_sent = True

    async def _read_by_h11(self, request: RequestHead, heard: bytes) -> ResponseHead:
        """Read a head of any form, of which something has been heard."""
        self._answer = answer = H11Response(request)
        answer.feed(heard)
        while (found := answer.head()) is None:
            answer.feed(await self._receive())
        return found

    async def _receive(self) -> bytes:
        """Wait for bytes; nothing means that the host has ended the connection."""
        try:
            data = await self._stream.receive()
        except anyio.EndOfStream:
            return b""
        except _BROKEN as error:
            raise WireError("broken", str(error)) from error
        self.has_received = True
        return data

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


async def _connect(address: Address, *, settings: HttpSettings) -> TcpStream:
    with anyio.move_on_after(settings.connect_seconds):
        try:
            connected = await connect_tcp(address.host, address.port)
        except (OSError, UnicodeError) as error:
            raise _unreachable(error) from error
        return TcpStream(
            connected, read_seconds=settings.idle_seconds, write_seconds=settings.write_seconds
        )
    raise WireError("connect_timeout")


async def _secure(plain: TcpStream, address: Address, *, settings: HttpSettings) -> TLSStream:
    plain.read_deadline = math.inf  # the handshake as a whole has a deadline
    with anyio.move_on_after(settings.connect_seconds):
        try:
            return await start_tls(plain, host=address.host, context=tls_context())
        except (anyio.EndOfStream, *_BROKEN) as error:
            raise _unreachable(error) from error
    raise WireError("connect_timeout")


def _unreachable(error: Exception) -> WireError:
    text = getattr(error, "strerror", None) or str(error) or "it ended the connection"
    return WireError("connect", text)
