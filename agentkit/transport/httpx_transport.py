"""Carry exchanges with one provider through httpx.

In:  `WireRequest`s; the provider's profile and key.
Out: `WireResponse`s; every failure is a `TransportError`.

For what `direct/` does not do: the user's own client, proxies, HTTP/2. The key goes to the
provider's own address only: redirects are not followed. Loaded at the first exchange that needs it,
since httpx is slow to import.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import anyio
import httpx
from pydantic import SecretStr

from agentkit.config.profile import ProviderProfile
from agentkit.errors import ConfigError
from agentkit.log import Log
from agentkit.transport.base import CLOSE_SECONDS, WireResponse
from agentkit.transport.base_url import Address, parse_address
from agentkit.transport.error_mapping import ErrorMapper, WireError, WireErrorKind
from agentkit.transport.http_settings import HttpSettings
from agentkit.transport.request_auth import RequestAuth, check_path
from agentkit.transport.response_body import ResponseBody
from agentkit.transport.tls import tls_context
from agentkit.wire import WireHead, WireRequest

FOREIGN_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError)
"""What the client raises, and our own deadlines."""

# The first type that fits counts: narrow ones come first.
_ERROR_KINDS: tuple[tuple[type[Exception], WireErrorKind], ...] = (
    (httpx.ConnectTimeout, "connect_timeout"),
    (httpx.PoolTimeout, "pool_timeout"),
    (httpx.WriteTimeout, "write_timeout"),
    (httpx.TimeoutException, "read_timeout"),
    (TimeoutError, "read_timeout"),
    (httpx.ProxyError, "proxy"),
    (httpx.ConnectError, "connect"),
    (httpx.NetworkError, "broken"),
    (httpx.RemoteProtocolError, "protocol"),
    (httpx.StreamError, "already_read"),
    (Exception, "refused"),
)

log: Log = Log("agentkit.transport")


class HttpTransport:
    """Carries exchanges with one provider; may be used by many tasks at once."""

    def __init__(
        self,
        provider: ProviderProfile,
        *,
        api_key: SecretStr | None = None,
        base_url: str | None = None,
        client: httpx.AsyncClient | None = None,
        settings: HttpSettings | None = None,
    ) -> None:
        """Build a transport; nothing is connected.

        Args:
            provider: the provider.
            api_key: sent as the profile specifies; None if none is needed.
            base_url: in place of the profile's.
            client: the user's own; it is not closed here. `settings` override its deadlines.
            settings: deadlines and limits.

        Raises:
            ConfigError: the address, a header or the client cannot be used.
        """
        self._settings = settings or HttpSettings()
        self.max_connections: int = self._settings.max_connections
        self._in_use = 0
        self._address = _checked(
            parse_address(base_url or provider.base_url, name=provider.name), name=provider.name
        )
        self._provider = provider.name
        self._error_mapper = ErrorMapper(
            provider=provider.name, origin=self._address.origin, settings=self._settings
        )
        self._outgoing = RequestAuth(provider, api_key)
        self._timeout = httpx.Timeout(
            connect=self._settings.connect_seconds,
            write=self._settings.write_seconds,
            read=self._settings.first_byte_seconds,
            pool=self._settings.first_byte_seconds,
        )
        self._owns_client = client is None
        self._client = _client(client, address=self._address, settings=self._settings)
        # The key of this provider overrides the authentication of the user's own client.
        self._auth = httpx.USE_CLIENT_DEFAULT if api_key is None else None

    @property
    def is_exhausted(self) -> bool:
        """See `LimitsConnections`; the limits of the user's own client are not known."""
        return self._owns_client and self._in_use >= self.max_connections

    @asynccontextmanager
    async def exchange(self, request: WireRequest) -> AsyncIterator[WireResponse]:
        """Send `request`; leaving the context closes the response, read or not.

        Raises:
            TransportError: the provider could not be reached, or took too long.
        """
        self._in_use += 1
        try:
            async with self._exchange(request) as response:
                yield response
        finally:
            self._in_use -= 1

    @asynccontextmanager
    async def _exchange(self, request: WireRequest) -> AsyncIterator[WireResponse]:
        response = await self._send(self._prepare(request))
        # Several headers of one name become one, separated by commas (RFC 9110, 5.3).
        head = WireHead(response.status_code, dict(response.headers.items()))
        log.debug(
            "response_started", provider=self._provider, path=request.path, status=head.status
        )
        parts = _ResponseParts(response, idle_seconds=self._settings.idle_seconds)
        chunks = ResponseBody(parts, head=head, error_mapper=self._error_mapper)
        try:
            yield WireResponse(head, chunks)
        finally:
            chunks.close()
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await parts.aclose()

    async def aclose(self) -> None:
        """Close every connection; safe to call twice."""
        if self._owns_client:
            await self._client.aclose()

    def _prepare(self, request: WireRequest) -> httpx.Request:
        """Return the request as the client sends it, with the key in its place."""
        body = self._outgoing.body(request)
        prepared = self._client.build_request(
            request.method,
            self._address.url + check_path(request.path),
            content=body,
            headers=self._outgoing.headers(request),
            timeout=self._timeout,
        )
        prepared.stream = _Body(body)
        return prepared

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """Send, and wait for the head of the response."""
        limits = self._settings
        # Each wait has its own deadline in the client. This total is for transports without
        # deadlines, and for heads that arrive byte by byte: pool, TCP, TLS, request, head.
        total = 2 * (limits.connect_seconds + limits.first_byte_seconds) + limits.write_seconds
        try:
            with anyio.fail_after(total):
                response = await self._client.send(
                    request, stream=True, follow_redirects=False, auth=self._auth
                )
        except httpx.LocalProtocolError:
            # Its text repeats the header that is wrong, which may be the one with the key.
            raise self._error_mapper.before_response(WireError("refused")) from None
        except FOREIGN_ERRORS as error:
            raise self._error_mapper.before_response(wire_error(error)) from error
        # From here on the reader of the body applies the deadline.
        request.extensions["timeout"]["read"] = None
        return response


def wire_error(error: Exception) -> WireError:
    """Return what an exception of the client means, with the exception as its cause."""
    kind = next(kind for raised, kind in _ERROR_KINDS if isinstance(error, raised))
    found = WireError(kind, str(error))
    found.__cause__ = error
    return found


class _Body(httpx.AsyncByteStream):
    """The body of a request, in one chunk.

    The client's own is a generator, which stays suspended if the connection closes while it is
    sent; see `_ResponseParts.aclose`.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._left: list[bytes] = []

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._left = [self._body]
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


class _ResponseParts:
    """The parts of a response's body, still encoded."""

    def __init__(self, response: httpx.Response, *, idle_seconds: float) -> None:
        self._response = response
        self._idle_seconds = idle_seconds
        self._parts = response.aiter_raw()
        self._has_begun = False

    async def receive(self) -> bytes:
        """Return the next part that is not empty; empty at the end."""
        self._has_begun = True
        try:
            with anyio.fail_after(self._idle_seconds):
                async for part in self._parts:
                    if part:
                        return part
        except FOREIGN_ERRORS as error:
            raise wire_error(error) from error
        return b""

    async def aclose(self) -> None:
        """Close the response; the connection is kept only if it was read to its end."""
        await self._response.aclose()
        if self._has_begun:
            # The client's readers are generators. A suspended one outlives its task, which is an
            # error on Trio; on the closed connection they raise, and so end, at once.
            with suppress(Exception):
                async for _ in self._parts:
                    pass


def _checked(address: Address, *, name: str) -> Address:
    """Return `address` if the client accepts it, too."""
    try:
        httpx.URL(address.url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"The base URL of {name!r} cannot be used: {error}") from error
    return address


def _client(given: object, *, address: Address, settings: HttpSettings) -> httpx.AsyncClient:
    """Return the user's client, or a new one."""
    if given is not None:
        if not isinstance(given, httpx.AsyncClient):
            raise ConfigError(f"A client is an httpx.AsyncClient, not a {type(given).__name__}.")
        return given
    return httpx.AsyncClient(
        verify=tls_context() if address.is_secure else _no_trust(),
        # A proxy would reach its own loopback, not this machine's.
        trust_env=not address.is_loopback,
        limits=httpx.Limits(
            max_connections=settings.max_connections,
            max_keepalive_connections=settings.max_connections,
            keepalive_expiry=settings.keep_alive_seconds,
        ),
        # No cookie of one exchange is sent with the next.
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
    )


@cache
def _no_trust() -> ssl.SSLContext:
    """Return a context without trusted certificates, for a provider without TLS."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
