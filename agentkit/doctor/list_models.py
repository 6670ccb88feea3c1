"""Ask a provider for its list of models.

In:  a resolved model of the provider.
Out: the ids of its models.
"""

from collections.abc import Sequence

import anyio

from agentkit.config.load import ResolvedModel
from agentkit.doctor.model_list import listing_paths, read_model_ids
from agentkit.doctor.provider_connection import open_provider
from agentkit.errors import TransportError
from agentkit.wire import WireRequest

LIST_SECONDS = 20.0


async def list_model_ids(
    resolved: ResolvedModel, *, seconds: float = LIST_SECONDS
) -> Sequence[str] | None:
    """Return the ids of a provider's models in its order; None if it lists none.

    Raises:
        ProviderError: it cannot be reached, or does not respond in time.
        ConfigError: it cannot be launched, or its address cannot be used.
    """
    async with open_provider(resolved, seconds=seconds) as (transport, provider):
        for path in listing_paths(provider.base_url):
            with anyio.move_on_after(seconds) as scope:
                async with transport.exchange(WireRequest(path=path, method="GET")) as answer:
                    body = b"".join([chunk async for chunk in answer.chunks])
                ids = read_model_ids(body) if answer.head.is_success else None
            if scope.cancelled_caught:
                raise TransportError(
                    f"No response within {seconds:g} s.", kind="timeout", retry="never"
                )
            if ids:
                return ids
    return None
