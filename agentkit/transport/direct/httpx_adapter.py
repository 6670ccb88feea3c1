"""Our connection pool as a transport of the user's httpx client.

In:  requests of an `httpx.AsyncClient` that was made with `DirectAsyncTransport`.
Out: httpx's responses and httpx's exceptions.

For programs that need httpx (hooks, authentication, cookies) and a thousand exchanges at once.
Imported only by them: `direct_transport` needs no httpx.
"""

from collections.abc import AsyncIterator
from functools import partial
from types import MappingProxyType

import h11
import httpx

from agentkit.clock import Clock, SystemClock
from agentkit.transport.base_url import Address, parse_address
from agentkit.transport.direct.connection import HttpConnection, connect
from agentkit.transport.direct.direct_transport import send_request
from agentkit.transport.direct.h11_parser import RequestHead
from agentkit.transport.direct.pool import HttpConnectionPool
from agentkit.transport.error_mapping import WireError, WireErrorKind
from agentkit.transport.http_settings import HttpSettings

_EXCEPTIONS = MappingProxyType[WireErrorKind, type[httpx.TransportError]](
    {
        "connect": httpx.ConnectError,
        "connect_timeout": httpx.ConnectTimeout,
        "pool_timeout": httpx.PoolTimeout,
        "write_timeout": httpx.WriteTimeout,
        "read_timeout": httpx.ReadTimeout,
        "broken": httpx.ReadError,
        "protocol": httpx.RemoteProtocolError,
    }
)

_LENGTHS = (b"content-length", b"transfer-encoding")  # a chunked body was read already


class DirectAsyncTransport(httpx.AsyncBaseTransport):
    """Carries the exchanges of an `httpx.AsyncClient`: HTTP/1.1, no proxy."""

    def __init__(self, settings: HttpSettings | None = None, *, clock: Clock | None = None) -> None:
        """Build a transport; nothing is connected.

        Args:
            settings: deadlines and limits for each host; those of the client are not used.
            clock: measures how long a connection was unused.
        """
        self._settings = settings or HttpSettings()
        self._clock = clock or SystemClock()
        self._pools: dict[str, HttpConnectionPool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`, and return its response with the body still to be read."""
        body = await request.aread()
        pool = self._pool(request.url)
        try:
            headers = request.headers.raw
            head = RequestHead(
                method=request.method,
                target=request.url.raw_path,
                headers=[pair for pair in headers if pair[0].lower() not in _LENGTHS],
                has_length=any(pair[0].lower() in _LENGTHS for pair in headers),
            )
            connection, answer = await send_request(pool, head, body)
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error), request=request) from None
        except WireError as error:
            raise _exception(error, request) from error
        return httpx.Response(
            answer.status,
            headers=list(answer.raw),
            stream=_Body(connection, pool, request),
            extensions={"http_version": b"HTTP/" + answer.version},
        )

    async def aclose(self) -> None:
        """Close every connection; safe to call twice."""
        for pool in self._pools.values():
            pool.close()

    def _pool(self, url: httpx.URL) -> HttpConnectionPool:
        """Return the connections to the host of `url`."""
        origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
        if origin not in self._pools:
            if url.scheme not in ("http", "https"):
                raise httpx.UnsupportedProtocol(f"{url.scheme!r} is neither http nor https.")
            self._pools[origin] = self._new_pool(parse_address(origin, name=origin))
        return self._pools[origin]

    def _new_pool(self, address: Address) -> HttpConnectionPool:
        return HttpConnectionPool(
            partial(connect, address, settings=self._settings),
            settings=self._settings,
            clock=self._clock,
        )


def _exception(error: WireError, request: httpx.Request) -> httpx.TransportError:
    return _EXCEPTIONS[error.kind](str(error), request=request)


class _Body(httpx.AsyncByteStream):
    """The body of a response, as httpx reads it."""

    def __init__(
        self, connection: HttpConnection, pool: HttpConnectionPool, request: httpx.Request
    ) -> None:
        self._connection = connection
        self._pool = pool
        self._request = request
        self._is_closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            part = await self._connection.receive()
        except WireError as error:
            raise _exception(error, self._request) from error
        if not part:
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        """Release the connection; safe to call twice."""
        if not self._is_closed:
            self._is_closed = True
            self._pool.release(self._connection)
