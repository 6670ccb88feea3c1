"""From a resolved model to a transport to its host.

In:  a `ResolvedModel`; the address of a host that was started; a client of the user's own.
Out: a `Transport`, with nothing connected yet.
"""

from collections.abc import Callable
from typing import cast

from agentkit.config.load import ResolvedModel
from agentkit.lazy import load_object
from agentkit.transport.base import Transport
from agentkit.transport.settings import HttpSettings


def open_transport(
    resolved: ResolvedModel,
    *,
    base_url: str | None = None,
    client: object | None = None,
    settings: HttpSettings | None = None,
) -> Transport:
    """Return a transport to the host of `resolved`; close it with `aclose`.

    Args:
        resolved: the model to talk to.
        base_url: where its host is, in place of the profile's: a host that was just started.
        client: an `httpx.AsyncClient` of your own, with its proxy, certificates or transport. It
            stays open when the transport is closed.
        settings: deadlines and limits.

    Raises:
        ConfigError: the address, a header or the client cannot be used.
    """
    # The HTTP client costs more to import than all of agentkit: it comes with the first exchange.
    make = cast(Callable[..., Transport], load_object("agentkit.transport.http:HttpTransport"))
    return make(
        resolved.provider,
        api_key=resolved.api_key,
        base_url=base_url,
        client=client,
        settings=settings,
    )
