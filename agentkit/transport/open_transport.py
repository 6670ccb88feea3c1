"""Open a transport to the provider of a resolved model.

In:  a `ResolvedModel`; the base URL of a launched server; the user's own HTTP client.
Out: a `Transport`, with nothing connected yet.

This module chooses the transport: our own connection pool for direct connections, httpx for what it
does not do (proxies, the user's own client).
"""

import os
import sys
from collections.abc import Callable, Mapping
from typing import cast

from agentkit import transport
from agentkit.config.load import ResolvedModel
from agentkit.lazy_import import load_object
from agentkit.transport.base import Transport
from agentkit.transport.base_url import Address, parse_address
from agentkit.transport.http_settings import HttpSettings

_SYSTEM_PROXY_PLATFORMS = ("darwin", "win32")
"""Where the system's settings may name a proxy, not only the environment."""


def open_transport(
    resolved: ResolvedModel,
    *,
    base_url: str | None = None,
    client: object | None = None,
    settings: HttpSettings | None = None,
) -> Transport:
    """Return a transport to the provider of `resolved`; close it with `aclose`.

    Args:
        resolved: the model to talk to.
        base_url: where its provider is, in place of the profile's: a provider that was just
            started.
        client: your own `httpx.AsyncClient`, with its proxy, certificates or transport. It
            stays open when the transport is closed.
        settings: deadlines and limits.

    Raises:
        ConfigError: the address, a header or the client cannot be used.
    """
    provider = resolved.provider
    given = {"api_key": resolved.api_key, "base_url": base_url, "settings": settings}
    address = parse_address(base_url or provider.base_url, name=provider.name)
    # Importing either takes longer than sending a request: it is loaded with the first exchange.
    if client is None and is_direct(address, environ=os.environ, platform=sys.platform):
        opened: Transport = transport.direct.direct_transport.DirectTransport(provider, **given)
    else:
        opened = transport.httpx_transport.HttpTransport(provider, client=client, **given)
    return opened


def is_direct(address: Address, *, environ: Mapping[str, str], platform: str) -> bool:
    """Return whether our own connections can reach a host, without a proxy.

    Args:
        address: where the host is.
        environ: the environment; a proxy that it names may have to be used.
        platform: `sys.platform`.
    """
    if not address.host.isascii():
        return False  # IDNA (RFC 5891) is left to httpx
    if address.is_loopback:
        return True
    proxies = ("all_proxy", f"{address.scheme}_proxy")
    if any(value and name.lower() in proxies for name, value in environ.items()):
        return False  # httpx reads NO_PROXY too, and may still connect directly
    if platform not in _SYSTEM_PROXY_PLATFORMS:
        return True
    system_proxies = cast(Callable[[], Mapping[str, str]], load_object("urllib.request:getproxies"))
    return not system_proxies()
