"""Carry exchanges with one host over HTTP.

In:  `WireRequest`s; the host's profile and key.
Out: `WireAnswer`s; every failure is a `TransportError`.

The key is added here and nowhere else, and goes to the host's own address only: redirects are not
followed. Loaded at the first exchange, since the HTTP client is slow to import.
"""

import json
import re
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address

import anyio
import httpx
from pydantic import SecretStr

from agentkit.config.profile import Auth, ProviderProfile, check_base_url
from agentkit.errors import ConfigError
from agentkit.log import Log
from agentkit.transport.base import WireAnswer
from agentkit.transport.failure import FOREIGN_ERRORS, Border
from agentkit.transport.gunzip import Gunzip
from agentkit.transport.settings import HttpSettings
from agentkit.wire import WireHead, WireRequest

CLOSE_SECONDS = 5.0

_OBJECT_START = re.compile(rb"\s*\{\s*(\})?")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[!-~]([ \t!-~]*[!-~])?")

log = Log("agentkit.transport")


class HttpTransport:
    """Carries exchanges with one host; may be used by many tasks at once."""

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
            provider: the host.
            api_key: sent as the profile says; None where none is needed.
            base_url: in place of the profile's.
            client: the user's own; it is not closed here. Its deadlines give way to `settings`.
            settings: deadlines and limits.

        Raises:
            ConfigError: the address, a header or the client cannot be used.
        """
        self._settings = settings or HttpSettings()
        self._base = _base_url(base_url or provider.base_url, host=provider.name)
        self._host = provider.name
        self._border = Border(
            host=provider.name, origin=_origin(self._base), settings=self._settings
        )
        self._headers = _fixed_headers(provider, api_key)
        self._body_start = _body_start(provider.auth, api_key)
        self._timeout = httpx.Timeout(
            connect=self._settings.connect_seconds,
            write=self._settings.write_seconds,
            read=self._settings.first_byte_seconds,
            pool=self._settings.first_byte_seconds,
        )
        self._owns_client = client is None
        self._client = _client(client, base=self._base, settings=self._settings)
        # What a user's own client does about keys gives way to the key of this host.
        self._auth = httpx.USE_CLIENT_DEFAULT if api_key is None else None

    @asynccontextmanager
    async def exchange(self, request: WireRequest) -> AsyncIterator[WireAnswer]:
        """Send `request`; leaving the context closes the answer, read or not.

        Raises:
            TransportError: the host could not be reached, or took too long.
        """
        response = await self._send(self._prepare(request))
        # Several headers of one name become one, parted by commas.
        head = WireHead(status=response.status_code, headers=dict(response.headers.items()))
        log.debug("answer_began", host=self._host, path=request.path, status=head.status)
        chunks = _Chunks(response, head=head, border=self._border)
        try:
            yield WireAnswer(head=head, chunks=chunks)
        finally:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await chunks.aclose()

    async def aclose(self) -> None:
        """Close every connection; safe to call twice."""
        if self._owns_client:
            await self._client.aclose()

    def _prepare(self, request: WireRequest) -> httpx.Request:
        """Return the request as the client sends it, with the key in its place."""
        if not request.path.startswith("/"):
            raise ValueError(f"A path begins with a slash, unlike {request.path!r}.")
        headers = {
            "accept": "text/event-stream" if request.stream else "application/json",
            # Packed events arrive late: what packs them waits for more.
            "accept-encoding": "identity" if request.stream else "gzip",
            "user-agent": "agentkit",
        }
        if request.body:
            headers["content-type"] = "application/json"
        headers.update({name.lower(): value for name, value in request.headers.items()})
        headers.update(self._headers)
        body = _with_key(request.body, self._body_start)
        prepared = self._client.build_request(
            request.method,
            self._base + request.path,
            content=body,
            headers=headers,
            timeout=self._timeout,
        )
        prepared.stream = _Body(body)
        return prepared

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """Send, and wait for the head of the answer."""
        limits = self._settings
        # Each wait has its own deadline in the client. This one holds for transports that keep
        # none, and for heads that trickle: a place in the pool, TCP, TLS, the request, the head.
        whole = 2 * (limits.connect_seconds + limits.first_byte_seconds) + limits.write_seconds
        try:
            with anyio.fail_after(whole):
                response = await self._client.send(
                    request, stream=True, follow_redirects=False, auth=self._auth
                )
        except httpx.LocalProtocolError as error:
            # Its text repeats the header that is wrong, which may be the one with the key.
            raise self._border.before_answer(error) from None
        except FOREIGN_ERRORS as error:
            raise self._border.before_answer(error) from error
        # From here on the reader of the body keeps time.
        request.extensions["timeout"]["read"] = None
        return response


class _Body(httpx.AsyncByteStream):
    """The body of a request, in one piece.

    The client's own is a generator, which would be left in the middle when the host goes away
    while it is sent; see `_Chunks.aclose`.
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


class _Chunks:
    """The body of an answer, unpacked, as it arrives; can be read once."""

    def __init__(self, response: httpx.Response, *, head: WireHead, border: Border) -> None:
        self._response = response
        self._request_id = head.request_id
        self._border = border
        self._left = border.settings.max_answer_bytes
        self._parts = response.aiter_raw()
        self._has_begun = False
        self._is_closed = False
        self._unpacked: Iterator[bytes] = iter(())
        self._coding = head.headers.get("content-encoding", "").strip().lower()
        self._gunzip = Gunzip() if self._coding in ("gzip", "x-gzip") else None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._is_closed:
            raise RuntimeError("The answer was closed; read it inside its 'async with'.")
        if self._gunzip is None and self._coding not in ("", "identity"):
            raise self._border.unknown_coding(self._coding, request_id=self._request_id)
        chunk = await self._next()
        self._left -= len(chunk)
        if self._left < 0:
            raise self._border.too_long(request_id=self._request_id)
        return chunk

    async def aclose(self) -> None:
        """Close the answer; the connection is kept only if the answer was read to its end."""
        self._is_closed = True
        await self._response.aclose()
        if self._has_begun:
            # The client's readers are generators. One that is left in the middle outlives its
            # task, and Trio complains; on the closed connection they fail, and so end, at once.
            with suppress(Exception):
                async for _ in self._parts:
                    pass

    async def _next(self) -> bytes:
        """Return the next piece that is not empty."""
        try:
            while True:
                for piece in self._unpacked:
                    return piece
                part = await self._receive()
                self._unpacked = iter((part,)) if self._gunzip is None else self._gunzip.feed(part)
        except FOREIGN_ERRORS as error:
            raise self._border.inside_answer(error, request_id=self._request_id) from error

    async def _receive(self) -> bytes:
        """Return the next bytes of the connection, or end."""
        self._has_begun = True
        try:
            with anyio.fail_after(self._border.settings.idle_seconds):
                return await anext(self._parts)
        except StopAsyncIteration:
            if self._gunzip is not None:
                self._gunzip.close()
            raise


def _base_url(url: str, *, host: str) -> str:
    """Return the address as dialects' paths are appended to it."""
    try:
        checked = check_base_url(url)
        httpx.URL(checked)
    except (ValueError, httpx.InvalidURL) as error:
        raise ConfigError(f"The base URL of {host!r} cannot be used: {error}") from error
    if not checked:
        raise ConfigError(f"The host {host!r} has no base URL; give base_url.")
    return checked


def _origin(base: str) -> str:
    url = httpx.URL(base)
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _fixed_headers(provider: ProviderProfile, api_key: SecretStr | None) -> Mapping[str, str]:
    """Return the headers of every request, that of the key among them."""
    headers = {name.lower(): value for name, value in provider.headers.items()}
    if api_key is not None:
        headers.update(_key_header(provider.auth, api_key.get_secret_value()))
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ConfigError(
                f"The header {name!r} of {provider.name!r} cannot be sent: names are letters, "
                "digits and dashes, values are plain ASCII in one line."
            )
    return headers


def _key_header(auth: Auth, key: str) -> Mapping[str, str]:
    """Return the header that carries the key, where one does."""
    match auth.kind:
        case "bearer":
            return {"authorization": f"Bearer {key}"}
        case "header":
            return {auth.name.lower(): key}
        case _:
            return {}


def _body_start(auth: Auth, api_key: SecretStr | None) -> bytes:
    """Return what a body begins with in place of its brace: the key, where it travels there."""
    if api_key is None or auth.kind != "body":
        return b""
    return b"{" + json.dumps({auth.name: api_key.get_secret_value()}).encode()[1:-1]


def _with_key(body: bytes, start: bytes) -> bytes:
    """Return a JSON object with the key as its first field; nothing in it is encoded anew."""
    if not body or not start:
        return body
    brace = _OBJECT_START.match(body)
    if brace is None:
        raise ValueError("A key in the body needs a body that is a JSON object.")
    rest = memoryview(body)[brace.end() - (brace[1] is not None) :]
    return b"".join((start, b"" if brace[1] else b",", rest))


def _client(given: object, *, base: str, settings: HttpSettings) -> httpx.AsyncClient:
    """Return the user's client, or one of our own."""
    if given is not None:
        if not isinstance(given, httpx.AsyncClient):
            raise ConfigError(f"A client is an httpx.AsyncClient, not a {type(given).__name__}.")
        return given
    return httpx.AsyncClient(
        verify=_tls_context() if base.startswith("https:") else _no_trust(),
        # A proxy cannot reach this machine's own loopback.
        trust_env=not _is_loopback(httpx.URL(base).host),
        limits=httpx.Limits(
            max_connections=settings.max_connections,
            max_keepalive_connections=settings.max_connections,
            keepalive_expiry=settings.keep_alive_seconds,
        ),
        # Nothing of one exchange is kept for the next.
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
    )


@cache
def _tls_context() -> ssl.SSLContext:
    """Return the trusted certificates; reading them takes longer than an exchange."""
    return httpx.create_ssl_context()


@cache
def _no_trust() -> ssl.SSLContext:
    """Return a context that trusts nobody, for a host that is spoken to without TLS."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
