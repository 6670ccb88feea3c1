"""Check under which name a service is called, and from which web page.

In:  the headers of a request.
Out: nothing, or a `ServiceError`.

A web page can send requests to any server that the browser reaches, also under a name of its own
that it lets point there (DNS rebinding). A service without tokens therefore only answers under the
names of loopback. With tokens, which no foreign page has, any name is right unless some are listed.
"""

from collections.abc import Iterable

from starlette.datastructures import Headers

from agentkit.mcp.server.request_limits import (
    Host,
    Origin,
    allowed_host,
    allowed_origin,
    parse_host,
    parse_origin,
)
from agentkit.service.http_errors import ServiceError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class OriginCheck:
    """The hosts and origins of one service."""

    def __init__(self, *, hosts: Iterable[str], origins: Iterable[str]) -> None:
        """Allow names.

        Args:
            hosts: as `name` for any port or `name:port`.
            origins: as `scheme://name` for any port or `scheme://name:port`.

        Raises:
            ConfigError: one of them is not of this form.
        """
        self._hosts = frozenset[Host](allowed_host(one) for one in hosts)
        self._origins = frozenset[Origin](allowed_origin(one) for one in origins)
        self._loopback = frozenset[Host]((name, None) for name in LOOPBACK)

    def check(self, headers: Headers, *, has_tokens: bool) -> None:
        """Check one request.

        Raises:
            ServiceError: the host or the origin is not allowed.
        """
        values = headers.getlist("host")
        host = parse_host(values[0]) if len(values) == 1 else None
        if host is None or not self._is_allowed(host, has_tokens=has_tokens):
            raise ServiceError(
                "This service does not answer under the host of the request.",
                status=421,
                code="host_not_allowed",
            )
        origins = headers.getlist("origin")
        if origins and not self._is_own(origins, host):
            raise ServiceError(
                "Pages of this origin may not use the service.",
                status=403,
                code="origin_not_allowed",
            )

    def _is_allowed(self, host: Host, *, has_tokens: bool) -> bool:
        if has_tokens and not self._hosts:
            return True
        return not (self._hosts | self._loopback).isdisjoint({host, (host[0], None)})

    def _is_own(self, values: list[str], host: Host) -> bool:
        """Return whether a page is one of this service, or of an allowed origin."""
        origin = parse_origin(values[0]) if len(values) == 1 else None
        if origin is None:
            return False
        scheme, name, port = origin
        default = {"http": "80", "https": "443"}.get(scheme)
        if (name, port) == (host[0], host[1] or default):
            return True
        return not self._origins.isdisjoint({origin, (scheme, name, None)})
