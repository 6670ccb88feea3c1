"""Open connections to addresses that were checked, and to no other.

In:  the name of a host; a resolver.
Out: a connection to a public address, or an `AddressRefusedError`.

The name is resolved once, every address is checked, and the connection goes to the very address
that was checked. A name whose next look-up gives another address (DNS rebinding) gains nothing,
because there is no next look-up.
"""

import socket
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from ipaddress import ip_address
from typing import Any, TypeAlias

import anyio
import httpcore

from agentkit.errors import AgentKitError
from agentkit.transport.guarded.public_address import is_public_address

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host for a port; raises `OSError` if there are none."""

Connect: TypeAlias = Callable[[str, int, float | None], Awaitable[httpcore.AsyncNetworkStream]]
"""Connects to an address and a port within some seconds."""

MAX_ADDRESSES = 4
"""How many addresses of a name are tried."""


class AddressRefusedError(AgentKitError):
    """A host is on an address that is not of the public internet; nothing was sent there."""


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return the addresses that the system's resolver finds for a host."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def connect_to(
    address: str, port: int, timeout_seconds: float | None
) -> httpcore.AsyncNetworkStream:
    """Connect to an address, and check that the socket's other end is this address."""
    stream = await httpcore.AnyIOBackend().connect_tcp(address, port, timeout=timeout_seconds)
    peer = stream.get_extra_info("server_addr")
    if not peer or ip_address(str(peer[0])) != ip_address(address):
        await stream.aclose()
        raise AddressRefusedError(f"The connection to {address} leads to another address.")
    return stream


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """The connections of an HTTP client that may reach public addresses only."""

    def __init__(
        self,
        *,
        resolve: Resolve = resolve_host,
        connect: Connect = connect_to,
        private_hosts: Collection[tuple[str, int]] = (),
    ) -> None:
        """Take the parts that tests replace.

        Args:
            resolve: looks a host up.
            connect: opens a connection to an address.
            private_hosts: hosts with their ports that may have private addresses, because the user
                named them; never from a model.
        """
        self._resolve = resolve
        self._connect = connect
        self._private_hosts = frozenset(private_hosts)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,  # noqa: ARG002 - httpcore's own signature
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - httpcore's own signature
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that answers.

        Raises:
            AddressRefusedError: one of its addresses is not public.
            httpcore.ConnectError: it has no address, or none answers.
        """
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the host {host!r} is not known") from error
        if (host, port) not in self._private_hosts:
            # All of them: a name that has a private address in addition to a public one is an
            # attack, or a mistake that must not depend on which of them answers.
            for address in addresses:
                if not is_public_address(address):
                    raise AddressRefusedError(
                        f"{host!r} is not on the public internet; no request was sent."
                    )
        failure: Exception = httpcore.ConnectError(f"the host {host!r} has no address")
        for address in addresses[:MAX_ADDRESSES]:
            try:
                return await self._connect(address, port, timeout)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure
