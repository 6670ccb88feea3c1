"""A connection to a provider for requests that are not part of a run.

In:  a resolved model.
Out: a transport to its provider, which is launched if it needs to be.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from agentkit.config.load import ResolvedModel
from agentkit.config.profile import ProviderProfile
from agentkit.model.launch import launched
from agentkit.transport.base import Transport
from agentkit.transport.http_settings import HttpSettings
from agentkit.transport.kept_transports import close_transport
from agentkit.transport.open_transport import open_transport

MAX_RESPONSE_BYTES = 16_000_000


@asynccontextmanager
async def open_provider(
    resolved: ResolvedModel, *, seconds: float
) -> AsyncIterator[tuple[Transport, ProviderProfile]]:
    """Launch the provider if needed, and open a transport to it.

    Args:
        resolved: the model to use.
        seconds: longest wait for a response.
    """
    provider = resolved.provider
    if provider.launcher is not None:
        async with launched(provider, model_id=resolved.model.id) as running:
            server = replace(running, launcher=None)
            async with open_provider(replace(resolved, provider=server), seconds=seconds) as (
                transport,
                _,
            ):
                yield transport, running
        return
    limits = HttpSettings(
        connect_seconds=min(HttpSettings().connect_seconds, seconds),
        write_seconds=seconds,
        first_byte_seconds=seconds,
        idle_seconds=seconds,
        max_response_bytes=MAX_RESPONSE_BYTES,
    )
    transport = open_transport(resolved, settings=limits)
    try:
        yield transport, provider
    finally:
        await close_transport(transport)
