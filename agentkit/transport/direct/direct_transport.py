"""Carry exchanges with one provider over our own connection pool.

In:  `WireRequest`s; the provider's profile and key.
Out: `WireResponse`s; every failure is a `TransportError`.

For direct connections with HTTP/1.1; `httpx_transport` does the rest. A thousand exchanges at once
cost a thousand times one, since nothing is ever searched; see
docs/decisions/0006-direct-transport.md.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from types import TracebackType
from urllib.parse import quote

import h11
from pydantic import SecretStr

from agentkit.clock import Clock, SystemClock
from agentkit.config.profile import ProviderProfile
from agentkit.log import Log
from agentkit.transport.base import WireResponse
from agentkit.transport.base_url import Address, parse_address
from agentkit.transport.direct.connection import HttpConnection, connect
from agentkit.transport.direct.h11_parser import RequestHead, ResponseHead
from agentkit.transport.direct.pool import HttpConnectionPool
from agentkit.transport.error_mapping import ErrorMapper, WireError
from agentkit.transport.http_settings import HttpSettings
from agentkit.transport.request_auth import RequestAuth, check_path
from agentkit.transport.response_body import ResponseBody
from agentkit.wire import WireHead, WireRequest

MAX_CACHED_HEADS = 64
"""How many encoded request heads are cached; few providers need more than three."""

_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""https://www.w3.org/TR/trace-context/#traceparent-header"""

_TARGET_SAFE = "%/?&=:;@!$'()*+,~[]"

log: Log = Log("agentkit.transport")


class DirectTransport:
    """Carries exchanges with one provider; may be used by many tasks at once.

    Attributes:
        error_mapper: names the provider in errors.
        pool: its connections.
        max_connections: see `LimitsConnections`.
    """

    def __init__(
        self,
        provider: ProviderProfile,
        *,
        api_key: SecretStr | None = None,
        base_url: str | None = None,
        settings: HttpSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Build a transport; nothing is connected.

        Args:
            provider: its profile.
            api_key: sent as the profile specifies; None if none is needed.
            base_url: in place of the profile's.
            settings: deadlines and limits.
            clock: measures how long a connection was unused.

        Raises:
            ConfigError: the address or a header cannot be used.
        """
        limits = settings or HttpSettings()
        self.max_connections: int = limits.max_connections
        self._address = parse_address(base_url or provider.base_url, name=provider.name)
        self.error_mapper: ErrorMapper = ErrorMapper(
            provider=provider.name, origin=self._address.origin, settings=limits
        )
        self._outgoing = RequestAuth(provider, api_key)
        self._heads: dict[tuple[str, str, bool, bool], RequestHead] = {}
        self.pool: HttpConnectionPool = HttpConnectionPool(
            partial(connect, self._address, settings=limits),
            settings=limits,
            clock=clock or SystemClock(),
        )

    @property
    def is_exhausted(self) -> bool:
        """See `LimitsConnections`."""
        return self.pool.is_exhausted

    def exchange(self, request: WireRequest) -> AbstractAsyncContextManager[WireResponse]:
        """Send `request`; leaving the context closes the response, read or not.

        Raises:
            TransportError: the provider could not be reached, or took too long.
        """
        return _Exchange(self, request)

    async def aclose(self) -> None:
        """Close every connection; safe to call twice."""
        self.pool.close()

    def encode(self, request: WireRequest) -> tuple[RequestHead, bytes]:
        """Return head and body of `request` as they are sent.

        Raises:
            TransportError: it cannot be sent.
        """
        body = self._outgoing.body(request)
        try:
            return self._head(request, has_length=bool(body)), body
        except (h11.LocalProtocolError, UnicodeError):
            # Its text repeats the header that is wrong, which may be the one with the key.
            raise self.error_mapper.before_response(WireError("refused")) from None

    def _head(self, request: WireRequest, *, has_length: bool) -> RequestHead:
        """Return the head of a request, made once for each kind of request."""
        kind = (request.method, request.path, request.stream, has_length)
        trace = _lone_trace(request.headers) if request.headers else None
        is_usual = trace is not None or not request.headers
        head = self._heads.get(kind) if is_usual else None
        if head is None:
            if trace is not None:
                request = replace(request, headers={})
            path = check_path(request.path)
            head = RequestHead(
                method=request.method,
                target=quote(self._address.path + path, safe=_TARGET_SAFE),
                headers=_encoded(self._address, self._outgoing.headers(request)),
                has_length=has_length or request.method not in ("GET", "HEAD"),
            )
            if is_usual and len(self._heads) < MAX_CACHED_HEADS:
                self._heads[kind] = head
        return head if trace is None else head.with_header(b"traceparent: " + trace.encode("ascii"))


def _lone_trace(headers: Mapping[str, str]) -> str | None:
    """Return the trace context, if it is the only header and well formed.

    Each request has another one, so its head could not be kept.
    """
    trace = headers.get("traceparent", "") if len(headers) == 1 else ""
    return trace if _TRACE.fullmatch(trace) else None


async def send_request(
    pool: HttpConnectionPool, head: RequestHead, body: bytes
) -> tuple[HttpConnection, ResponseHead]:
    """Send a request over a connection of `pool`, and return it with the head of the response.

    The host may have closed a kept connection in the meantime (RFC 9112, 9.3.1). If it ends before
    a byte of the response arrived, the request is sent once more over a new one.

    Raises:
        WireError: the host could not be reached or did not respond; the connection is closed.
    """
    connection = await pool.acquire()
    try:
        return connection, await connection.send_request(head, body)
    except WireError as error:
        is_dead = error.kind in ("broken", "protocol") and not connection.has_received
        if not (connection.is_reused and is_dead):
            pool.release(connection)
            raise
    except BaseException:
        pool.release(connection)
        raise
    connection = await pool.replace(connection)
    try:
        return connection, await connection.send_request(head, body)
    except BaseException:
        pool.release(connection)
        raise


def _encoded(address: Address, headers: Mapping[str, str]) -> Sequence[tuple[bytes, bytes]]:
    pairs = [(b"host", address.netloc.encode("ascii"))]
    pairs += [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    return pairs


class _Exchange(AbstractAsyncContextManager[WireResponse]):
    """One exchange, from its request to the end of its response."""

    def __init__(self, transport: DirectTransport, request: WireRequest) -> None:
        self._transport = transport
        self._request = request

    async def __aenter__(self) -> WireResponse:
        transport, request = self._transport, self._request
        head, body = transport.encode(request)
        try:
            self._connection, answer = await send_request(transport.pool, head, body)
        except WireError as error:
            raise transport.error_mapper.before_response(error) from error
        found = WireHead(answer.status, answer.headers)
        provider = transport.error_mapper.provider
        log.debug("response_started", provider=provider, path=request.path, status=found.status)
        self._chunks = ResponseBody(
            self._connection, head=found, error_mapper=transport.error_mapper
        )
        return WireResponse(found, self._chunks)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._chunks.close()
        self._transport.pool.release(self._connection)
