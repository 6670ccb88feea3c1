"""Build a model from its name.

In:  `provider:family-or-id`, or several of them; a key, a base URL, settings.
Out: a `Model`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

from agentkit.config.load import resolve_model
from agentkit.dialect.base import Dialect
from agentkit.errors import ConfigError
from agentkit.lazy_import import load_object
from agentkit.model.model import Model
from agentkit.model.provider_model import ProviderModel, provider_exchange
from agentkit.model.rate_limit import RateLimit
from agentkit.model.route import RouteModel
from agentkit.transport.http_settings import HttpSettings
from agentkit.transport.retry import RetrySettings


def _load(path: str) -> Dialect:
    """Make a codec; only the codecs of the providers in use are imported."""
    return cast(Callable[[], Dialect], load_object(path))()


DIALECTS: Mapping[str, Callable[[], Dialect]] = {
    "openai_chat": partial(_load, "agentkit.dialect.openai_chat.dialect:OpenAIChat"),
    "anthropic_messages": partial(
        _load, "agentkit.dialect.anthropic_messages.dialect:AnthropicMessages"
    ),
    "completions": partial(_load, "agentkit.dialect.completions:Completions"),
    "prompted": partial(_load, "agentkit.dialect.prompted:Prompted"),
}
"""Factories of codecs, by the dialect's name in a profile."""


def build_model(
    name: str | Model | Sequence[str | Model],
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    retry: RetrySettings | None = None,
    http: HttpSettings | None = None,
    rate_limit: RateLimit | None = None,
    client: object | None = None,
) -> Model:
    """Find provider, model and key, and build the model; nothing is opened.

    Args:
        name: `provider:family-or-id`, a model, or several of these to be tried in order.
        api_key: in place of the environment's.
        base_url: in place of the catalog's.
        retry: how often a failed exchange is repeated, and after how long.
        http: timeouts and limits of connections.
        rate_limit: the provider's limits, if they are known beforehand.
        client: your own `httpx.AsyncClient`, with its proxy, certificates or transport; it stays
            open.

    A model of your own is returned as it is; settings are for those that are built here.

    Raises:
        ConfigError: a provider is not known, its key is missing, or no model was named.
    """
    if isinstance(name, str):
        return ProviderModel(
            resolve_model(name, api_key=api_key, base_url=base_url),
            dialects=DIALECTS,
            retry=retry,
            rate_limit=rate_limit,
            transport=_opening(http, client),
            shares_transport=client is None,
        )
    if isinstance(name, Sequence):
        build = partial(
            build_model,
            api_key=api_key,
            base_url=base_url,
            retry=retry,
            http=http,
            rate_limit=rate_limit,
            client=client,
        )
        return RouteModel([build(one) for one in name])
    if not (hasattr(name, "profile") and hasattr(name, "open")):
        raise ConfigError(
            f"{name!r} is not a model; give 'provider:family-or-id', a Model, or a list of these."
        )
    return name


def _opening(http: HttpSettings | None, client: object | None) -> Callable[..., object] | None:
    """Return what opens the transport; None for the default."""
    if http is None and client is None:
        return None
    # Only a run opens a transport, and it imports the module otherwise.
    return partial(provider_exchange.open_transport, settings=http, client=client)
