"""Check and bound HTTP requests before MCP sees them.

In:  an ASGI application, the allowed host names and origins, a token; connections of uvicorn.
Out: the application behind these checks; connections whose requests must arrive in time.

`Host` and `Origin` are parsed and compared as a whole. A comparison by prefix would accept
`http://127.0.0.1:1@evil.com`, whose host is evil.com.
"""

import hmac
import re
from collections.abc import Iterable
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from agentkit.errors import ConfigError

REQUEST_SECONDS = 30.0
"""Time for a request to arrive completely: half-sent ones would hold their connections for ever."""

_AUTHORITY = r"(?P<name>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?"
_HOST = re.compile(_AUTHORITY)
_ORIGIN = re.compile(rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{{0,30}})://{_AUTHORITY}")
_DEFAULT_PORTS = {"http": "80", "https": "443"}

Host = tuple[str, str | None]
Origin = tuple[str, str, str | None]


class HostCheck:
    """ASGI middleware against DNS rebinding: rejects other hosts, and pages of other origins."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], origins: Iterable[str]) -> None:
        """Wrap `app`.

        Args:
            app: the application.
            hosts: allowed names, as `name` for any port or `name:port`.
            origins: allowed origins, as `scheme://name` for any port or `scheme://name:port`.

        Raises:
            ConfigError: one of them is not of this form.
        """
        self._app = app
        self._hosts = frozenset(allowed_host(one) for one in hosts)
        self._origins = frozenset(allowed_origin(one) for one in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if not self._is_own_host(headers.getlist("host")):
                await Response("Invalid Host header", 421)(scope, receive, send)
                return
            if not self._is_own_origin(headers.getlist("origin")):
                await Response("Invalid Origin header", 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _is_own_host(self, values: list[str]) -> bool:
        found = parse_host(values[0]) if len(values) == 1 else None
        return found is not None and not self._hosts.isdisjoint({found, (found[0], None)})

    def _is_own_origin(self, values: list[str]) -> bool:
        if not values:
            return True  # not a web page
        found = parse_origin(values[0]) if len(values) == 1 else None
        return found is not None and not self._origins.isdisjoint({found, (*found[:2], None)})


def parse_host(text: str) -> Host | None:
    """Return the name and port of a `Host` header; None if it is not valid."""
    found = _HOST.fullmatch(text)
    return None if found is None else (found["name"].lower(), found["port"])


def parse_origin(text: str) -> Origin | None:
    """Return scheme, name and port of an `Origin` header; None if it is not valid, or `null`."""
    found = _ORIGIN.fullmatch(text)
    if found is None:
        return None
    scheme = found["scheme"].lower()
    return scheme, found["name"].lower(), found["port"] or _DEFAULT_PORTS.get(scheme)


def allowed_host(text: str) -> Host:
    """Return an allowed host as it is compared.

    Raises:
        ConfigError: it is not of the form `name` or `name:port`.
    """
    found = parse_host(text)
    if found is None:
        raise ConfigError(f"{text!r} is not a host; write NAME or NAME:PORT.")
    return found


def allowed_origin(text: str) -> Origin:
    """Return an allowed origin as it is compared.

    Raises:
        ConfigError: it is not of the form `scheme://name` or `scheme://name:port`.
    """
    found = _ORIGIN.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"{text!r} is not an origin; write e.g. https://NAME or https://NAME:PORT."
        )
    return found["scheme"].lower(), found["name"].lower(), found["port"]


class BearerAuth:
    """ASGI middleware that rejects requests without the bearer token."""

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        """Wrap `app`."""
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
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


class TimedH11Protocol(H11Protocol):
    """uvicorn's connection with a time limit for each request to arrive."""

    _deadline: Any = None

    def connection_made(self, transport: Any) -> None:
        """Start the limit with the connection."""
        super().connection_made(transport)
        self._start_deadline()

    def data_received(self, data: bytes) -> None:
        """End the limit once a request has arrived, and start it again with the next one."""
        super().data_received(data)
        if self._is_incomplete():
            self._start_deadline()
        else:
            self._stop_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the timer."""
        self._stop_deadline()
        super().connection_lost(exc)

    def _is_incomplete(self) -> bool:
        """Return whether a part of a request has arrived, but not all of it."""
        state = str(self.conn.their_state)
        has_data = bool(self.conn.trailing_data[0])
        return state == "SEND_BODY" or (state == "IDLE" and has_data)

    def _start_deadline(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.abort()
