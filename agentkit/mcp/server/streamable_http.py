"""Serve MCP over streamable HTTP.

In:  a server of the SDK; an address, a token, the allowed host names and origins.
Out: a listening port, until the context exits.

A web page can reach a port on loopback, so `Host` and `Origin` are checked against DNS rebinding
(https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning). A
server that listens beyond loopback needs a token. Runs on asyncio only, as uvicorn does.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import anyio
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

from agentkit.errors import ConfigError
from agentkit.mcp.server.listening_port import is_loopback, listening, require_asyncio, serving
from agentkit.mcp.server.request_limits import BearerAuth, HostCheck
from agentkit.tools.concurrency.graceful_cancel import CLEANUP_SECONDS

PATH = "/mcp"
SESSION_IDLE_SECONDS = 1800.0
MAX_SESSIONS = 1_000
"""Clients of revisions before 2026-07-28 open sessions, and often do not close them."""

# The SDK compares the beginning of these headers; `HostCheck` compares them as a whole.
_CHECKED_HERE = TransportSecuritySettings(enable_dns_rebinding_protection=False)
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_ALL_ADDRESSES = ("0.0.0.0", "::", "")  # noqa: S104  # only compared with, never bound to


class HttpOptions(TypedDict, total=False):
    """The address of a server and who may call it; all are optional.

    Attributes:
        host: name or address to bind to; 127.0.0.1.
        port: 0 for any free port; 8000.
        token: required from clients as `Authorization: Bearer …`; mandatory beyond loopback.
        allowed_hosts: further allowed host names, as `name` or `name:port`; mandatory if the
            server listens on all addresses.
        allowed_origins: origins of web pages that may call it, as `https://name[:port]`.
        session_idle_seconds: a session without requests expires after this time; 1800.
    """

    host: str
    port: int
    token: str | None
    allowed_hosts: Iterable[str]
    allowed_origins: Iterable[str]
    session_idle_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpServer:
    """A running server."""

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
    """Serve until the context exits; requests in progress are then cancelled.

    Args:
        server: the server of the SDK.
        options: see `HttpOptions`.

    Raises:
        ConfigError: it would be reachable without a token, or has no allowed host name; the port
            is in use; or the event loop is not asyncio.
    """
    require_asyncio()
    checked = _CheckedOptions.of(options)
    app: ASGIApp = server.streamable_http_app(
        streamable_http_path=PATH,
        transport_security=_CHECKED_HERE,
        session_idle_timeout=checked.session_idle_seconds,
        max_sessions=MAX_SESSIONS,
    )
    if checked.token is not None:
        app = BearerAuth(app, token=checked.token)
    app = HostCheck(app, hosts=checked.hosts, origins=checked.origins)
    with listening(checked.host, checked.port) as listener:
        async with (
            server.session_manager.run(),
            serving(listener, app, end_seconds=int(CLEANUP_SECONDS) + 1),
        ):
            yield HttpServer(host=checked.host, port=listener.getsockname()[1])


async def serve_http(server: Server[Any], **options: Unpack[HttpOptions]) -> None:
    """Serve until cancelled; see `open_http`."""
    async with open_http(server, **options):
        await anyio.sleep_forever()


@dataclass(frozen=True, slots=True, kw_only=True)
class _CheckedOptions:
    """The validated options."""

    host: str
    port: int
    token: str | None
    hosts: tuple[str, ...]
    origins: tuple[str, ...]
    session_idle_seconds: float

    @classmethod
    def of(cls, options: HttpOptions) -> "_CheckedOptions":
        """Validate options.

        Raises:
            ConfigError: see `open_http`.
        """
        host = options.get("host", "127.0.0.1").strip("[]")
        token = options.get("token")
        if token is not None and not token.strip():
            raise ConfigError("The token is empty.")
        names = list(options.get("allowed_hosts", ()))
        origins = list(options.get("allowed_origins", ()))
        if is_loopback(host):
            names += _LOOPBACK
            origins += [f"http://{name}" for name in _LOOPBACK]
        elif token is None:
            raise ConfigError(
                f"{host!r} can be reached from other machines, and a served tool runs for anyone "
                "who calls it: set a token, or bind to 127.0.0.1."
            )
        elif host not in _ALL_ADDRESSES:
            names.append(f"[{host}]" if ":" in host else host)
        elif not names:
            raise ConfigError(
                f"{host!r} means all addresses: list the host names under which the server may be "
                "called (allowed hosts), so that no web page can call it under another name."
            )
        return cls(
            host=host,
            port=options.get("port", 8000),
            token=None if token is None else token.strip(),
            hosts=tuple(names),
            origins=tuple(origins),
            session_idle_seconds=options.get("session_idle_seconds", SESSION_IDLE_SECONDS),
        )
