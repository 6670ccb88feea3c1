"""The interface of HTTP transports.

In:  a `WireRequest`.
Out: a `WireResponse`, open until its context is left.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import field
from typing import Protocol, runtime_checkable

from agentkit.value import record
from agentkit.wire import WireHead, WireRequest

CLOSE_SECONDS = 5.0
"""How long closing a connection may take, also after a cancellation."""


@record
class WireResponse:
    """The response to one request; `chunks` can be read once and raises `TransportError`."""

    head: WireHead = field(kw_only=False)
    chunks: AsyncIterator[bytes] = field(kw_only=False)


class Transport(Protocol):
    """Carries exchanges with one provider; may be used by many tasks at once."""

    def exchange(self, request: WireRequest) -> AbstractAsyncContextManager[WireResponse]:
        """Send `request`; leaving the context closes the response, read or not.

        Raises:
            TransportError: the provider could not be reached, or took too long.
        """

    async def aclose(self) -> None:
        """Close every connection; safe to call twice."""


@runtime_checkable
class LimitsConnections(Protocol):
    """A transport with so many connections at most.

    Attributes:
        max_connections: how many exchanges there can be at the same time; others wait.
    """

    max_connections: int

    @property
    def is_exhausted(self) -> bool:
        """Return whether all connections are in use, so that another exchange waits."""
