"""Serve MCP over streamable HTTP.

In:  a server of the SDK; where to listen; a token; the names it may be called by.
Out: a port that serves until its context is left.

A page in a browser can reach what listens on loopback, so `Host` and `Origin` are checked
(https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning); and
what listens beyond loopback needs a token. Runs on asyncio only, as uvicorn does.
"""

import hmac
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypedDict, Unpack

import anyio
import sniffio
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from agentkit.errors import ConfigError
from agentkit.exception_groups import ungrouped
from agentkit.tools.concurrency.graceful_cancel import CLEANUP_SECONDS

PATH = "/mcp"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104  # named to be refused without names


class HttpOptions(TypedDict, total=False):
    """Where and for whom a server listens; all are optional.

    Attributes:
        host: name or address to bind to; 127.0.0.1.
        port: 0 for any free port; 8000.
        token: what clients must send as `Authorization: Bearer …`; a must beyond loopback.
        allowed_hosts: further names it may be called by, as `name` or `name:port`; a must where it
            listens on all addresses.
        allowed_origins: pages that may call it, as `https://name` or `https://name:port`.
    """

    host: str
    port: int
    token: str | None
    allowed_hosts: Iterable[str]
    allowed_origins: Iterable[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpServer:
    """A server that runs."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Return the address of the endpoint."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{PATH}"


@asynccontextmanager
async def open_http(
    server: Server[Any], **options: Unpack[HttpOptions]
) -> AsyncIterator[HttpServer]:
    """Serve as long as the context is entered; what is under way then is cancelled.

    Args:
        server: what is served.
        options: see `HttpOptions`.

    Raises:
        ConfigError: it would be reachable without a token, or by no name; the port is taken; or
            this is not asyncio.
    """
    if sniffio.current_async_library() != "asyncio":
        raise ConfigError("MCP is served over HTTP on asyncio only; run it with anyio's default.")
    settled = _CheckedOptions.of(options)
    app: ASGIApp = server.streamable_http_app(
        transport_security=settled.security, streamable_http_path=PATH
    )
    if settled.token is not None:
        app = BearerAuth(app, token=settled.token)
    with _listening(settled.host, settled.port) as listener:
        web = _UvicornServer(
            uvicorn.Config(
                app,
                lifespan="off",  # the tools are opened and closed here
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=int(CLEANUP_SECONDS) + 1,
            )
        )

        async def listen() -> None:
            with anyio.CancelScope(shield=True):  # it is told to end, and then ends its requests
                await web.serve([listener])

        with ungrouped():
            async with server.session_manager.run(), anyio.create_task_group() as group:
                group.start_soon(listen)
                try:
                    yield HttpServer(host=settled.host, port=listener.getsockname()[1])
                finally:
                    web.end()


async def serve_http(server: Server[Any], **options: Unpack[HttpOptions]) -> None:
    """Serve until cancelled; see `open_http`."""
    async with open_http(server, **options):
        await anyio.sleep_forever()


class BearerAuth:
    """Lets only those requests through that carry the token."""

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        """Stand before `app`."""
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and not self._is_authorized(Headers(scope=scope)):
            # https://www.rfc-editor.org/rfc/rfc6750#section-3
            challenge = {"WWW-Authenticate": 'Bearer realm="mcp"'}
            await Response("Unauthorized", 401, challenge)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_authorized(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        is_same = hmac.compare_digest(given.strip().encode("latin-1"), self._token)
        return is_same and scheme.casefold() == "bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class _CheckedOptions:
    """The options, checked."""

    host: str
    port: int
    token: str | None
    security: TransportSecuritySettings

    @classmethod
    def of(cls, options: HttpOptions) -> "_CheckedOptions":
        """Check them.

        Raises:
            ConfigError: see `open_http`.
        """
        host = options.get("host", "127.0.0.1").strip("[]")
        token = options.get("token")
        if token is not None and not token.strip():
            raise ConfigError("The token is empty; anybody could guess it.")
        names = list(options.get("allowed_hosts", ()))
        origins = list(options.get("allowed_origins", ()))
        if _is_loopback(host):
            names += _LOOPBACK
            origins += [f"http://{name}" for name in _LOOPBACK]
        elif token is None:
            raise ConfigError(
                f"{host!r} can be reached from other machines, and a served tool runs for whoever "
                "calls it: give a token, or bind to 127.0.0.1."
            )
        elif host not in _EVERYWHERE:
            names.append(f"[{host}]" if ":" in host else host)
        elif not names:
            raise ConfigError(
                f"{host!r} stands for all addresses: say by which names the server may be called "
                "(allowed hosts), so that no page in a browser can call it by another."
            )
        return cls(
            host=host,
            port=options.get("port", 8000),
            token=None if token is None else token.strip(),
            security=TransportSecuritySettings(
                allowed_hosts=[*names, *(f"{name}:*" for name in names)],
                allowed_origins=[*origins, *(f"{origin}:*" for origin in origins)],
            ),
        )


class _UvicornServer(uvicorn.Server):
    """uvicorn, which leaves the signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def end(self) -> None:
        """Stop: what is under way is cancelled, not waited for."""
        self.should_exit = True
        for task in tuple(self.server_state.tasks):
            task.cancel()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Yield a socket that listens already.

    Raises:
        ConfigError: there is none to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(f"Cannot listen on {host}:{port}: {error.strerror or error}.") from error
    with listener:
        yield listener


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"
