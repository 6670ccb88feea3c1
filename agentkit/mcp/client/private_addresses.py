"""Keep a server's metadata from leading the HTTP client to private addresses.

In:  the URL of an MCP server, which its user chose.
Out: a request hook that rejects requests to other hosts on private addresses.

OAuth discovery follows URLs that the server names. A malicious server could name
`http://127.0.0.1:9200/` or a cloud's metadata service, and have the client send requests that only
the user's machine may send (server-side request forgery, see
https://modelcontextprotocol.io/specification/2025-11-25/basic/security_best_practices).
"""

import socket
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.request import getproxies

import anyio
import httpx2

from agentkit.transport.guarded.public_address import is_public_address

RequestHook = Callable[[httpx2.Request], Awaitable[None]]


class PrivateAddressError(httpx2.RequestError):
    """A server's metadata names a URL on a private address."""


def refuse_private_addresses(server_url: str) -> RequestHook:
    """Return a hook that rejects requests to private addresses, except to the server itself.

    If the server itself is on a private address, its metadata may name others there: a test
    deployment has its authorization server on a private address too.
    """
    server = httpx2.URL(server_url)
    is_private_server: bool | None = None

    async def check(request: httpx2.Request) -> None:
        nonlocal is_private_server
        url = request.url
        if (url.scheme, url.host, url.port) == (server.scheme, server.host, server.port):
            return
        if url.scheme not in ("http", "https"):
            raise PrivateAddressError(f"The scheme of {url} is not http or https.", request=request)
        if is_private_server is None:
            is_private_server = any(map(is_private, await _addresses(server)))
        if is_private_server:
            return
        addresses = await _addresses(url)
        if any(map(is_private, addresses)):
            raise PrivateAddressError(
                f"The server's metadata names {url.host!r}, which is a private address; "
                "no request was sent.",
                request=request,
            )
        if addresses and addresses[0] != url.host:
            _pin(request, addresses[0])

    return check


def is_private(address: str) -> bool:
    """Return whether an IP address is not one of the public internet."""
    # A name may have an IPv4-mapped address where the resolver makes one of each IPv4 address.
    mapped = getattr(ip_address(address), "ipv4_mapped", None)
    return not is_public_address(address if mapped is None else str(mapped))


def _pin(request: httpx2.Request, address: str) -> None:
    """Send a request to the address that was checked: another look-up could give another one."""
    request.extensions = {**request.extensions, "sni_hostname": request.url.host}
    request.url = request.url.copy_with(host=address)


async def _addresses(url: httpx2.URL) -> list[str]:
    """Return the addresses of a URL's host; none if a proxy looks it up, or it does not exist."""
    try:
        return [str(ip_address(url.host))]
    except ValueError:
        pass
    if not getproxies().keys().isdisjoint({url.scheme, "all"}):
        return ["127.0.0.1"] if url.host.rstrip(".").lower() == "localhost" else []
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    try:
        found = await anyio.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except OSError:
        return []  # the connection fails with a better error
    return [str(address[0]) for *_, address in found]
