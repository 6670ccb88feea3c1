"""One HTTP/1.1 connection to a host, for one exchange after the other.

In:  the head and the body of a request.
Out: the head of the response, then its body in parts; failures are `WireError`s.

A connection is reused only if both sides have ended the exchange and not a byte more has arrived:
surplus bytes would be read as the next response (response splitting).
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
    """Connect to the host, with TLS if its URL is https.

    Raises:
        WireError: it cannot be reached, or not in time.
    """
    tcp = await _connect(address, settings=settings)
    if not address.is_secure:
        return HttpConnection(tcp, settings=settings)
    try:
        return HttpConnection(
            tcp, tls=await _secure(tcp, address, settings=settings), settings=settings
        )
    except BaseException:
        tcp.close()
        raise


class HttpConnection:
    """A connection, with one exchange on it at a time.

    Attributes:
        is_reused: it has carried an exchange before this one.
        has_received: some byte of the response to the last request has arrived.
    """

    def __init__(
        self, tcp: TcpStream, *, settings: HttpSettings, tls: TLSStream | None = None
    ) -> None:
        self._tcp = tcp
        self._tls = tls
        self._stream: TcpStream | TLSStream = tls or tcp
        self._settings = settings
        self._response: H11Response | FastBody | None = None
        self._is_sent = False
        self.is_reused: bool = False
        self.has_received: bool = False

    async def send_request(self, request: RequestHead, body: bytes) -> ResponseHead:
        """Send a request and return the head of its response.

        Raises:
            WireError: the host did not accept it or did not respond.
        """
        await self._send(request, body)
        self._tcp.set_read_deadline(self._settings.first_byte_seconds)  # for the complete head
        data = await self._receive()
        fast = parse_fast(data) if request.allows_fast_parser else None
        if fast is None:
            head = await self._parse_by_h11(request, data)
        else:
            head, self._response = fast
        self._tcp.read_deadline = None
        return head

    async def receive(self) -> bytes:
        """Return what has arrived of the body; empty at its end, and from then on.

        Raises:
            WireError: the body ended early, or nothing arrived for too long.
        """
        response = self._response
        if response is None:
            raise RuntimeError("No request was sent.")
        while not response.is_complete:
            part = response.read()
            if part:
                return part
            if not response.is_complete:
                response.feed(await self._receive())
        return b""

    def prepare_reuse(self) -> bool:
        """Prepare for the next exchange, and return whether there can be one."""
        response, self._response = self._response, None
        if response is None or not (
            self._is_sent and response.is_complete and response.is_reusable()
        ):
            return False
        self._is_sent = self.has_received = False
        self.is_reused = True
        return True

    def is_idle(self) -> bool:
        """Return whether nothing has arrived since the last response: no byte, and not the end."""
        return not self._has_decrypted() and not self._tcp.has_data()

    def close(self) -> None:
        """Close it at once."""
        self._tcp.close()

    async def _send(self, request: RequestHead, body: bytes) -> None:
        try:
            for part in request.encode(body):
                await self._stream.send(part)
        except _BROKEN:
            return  # a server may respond before it has read all (RFC 9112, 9.5)
        self._is_sent = True

    async def _parse_by_h11(self, request: RequestHead, data: bytes) -> ResponseHead:
        """Parse a head of any form that begins with `data`."""
        self._response = response = H11Response(request)
        response.feed(data)
        while (found := response.head()) is None:
            response.feed(await self._receive())
        return found

    async def _receive(self) -> bytes:
        """Wait for bytes; none means that the host has closed the connection."""
        try:
            data = await self._stream.receive()
        except anyio.EndOfStream:
            return b""
        except _BROKEN as error:
            raise WireError("broken", str(error)) from error
        self.has_received = True
        return data

    def _has_decrypted(self) -> bool:
        """Return whether TLS holds unread bytes."""
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


async def _secure(tcp: TcpStream, address: Address, *, settings: HttpSettings) -> TLSStream:
    tcp.read_deadline = math.inf  # one deadline covers the complete handshake
    with anyio.move_on_after(settings.connect_seconds):
        try:
            return await start_tls(tcp, host=address.host, context=tls_context())
        except (anyio.EndOfStream, *_BROKEN) as error:
            raise _unreachable(error) from error
    raise WireError("connect_timeout")


def _unreachable(error: Exception) -> WireError:
    text = getattr(error, "strerror", None) or str(error) or "it ended the connection"
    return WireError("connect", text)
