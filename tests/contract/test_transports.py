"""Every transport passes the contract of transports."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from agentkit.config.profile import ProviderProfile
from agentkit.testing import ScriptedExchange, check_transport, serve_exchanges
from agentkit.transport.base import Transport
from agentkit.transport.direct.direct_transport import DirectTransport
from agentkit.transport.direct.httpx_adapter import DirectAsyncTransport
from agentkit.transport.httpx_transport import HttpTransport

OpenTransport = Callable[[ProviderProfile], AbstractAsyncContextManager[Transport]]


@asynccontextmanager
async def _httpx(provider: ProviderProfile) -> AsyncIterator[Transport]:
    transport = HttpTransport(provider)
    yield transport
    await transport.aclose()


@asynccontextmanager
async def _direct(provider: ProviderProfile) -> AsyncIterator[Transport]:
    transport = DirectTransport(provider)
    yield transport
    await transport.aclose()


@asynccontextmanager
async def _direct_under_httpx(provider: ProviderProfile) -> AsyncIterator[Transport]:
    async with httpx.AsyncClient(transport=DirectAsyncTransport()) as client:
        yield HttpTransport(provider, client=client)


@pytest.mark.parametrize("open_transport", [_httpx, _direct, _direct_under_httpx])
async def test_a_transport_passes_the_contract(open_transport: OpenTransport) -> None:
    """Over real sockets."""

    @asynccontextmanager
    async def open_it(exchanges: Sequence[ScriptedExchange]) -> AsyncIterator[Transport]:
        async with serve_exchanges(exchanges) as url:
            provider = ProviderProfile(name="h", title="H", base_url=url)
            async with open_transport(provider) as transport:
                yield transport

    await check_transport(open_it)
