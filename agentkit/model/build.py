"""Build a model from its name.

In:  `provider:family-or-id`, or several of them; a key, a base URL.
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
from agentkit.model.provider_model import ProviderModel
from agentkit.model.route import RouteModel


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
) -> Model:
    """Find provider, model and key, and build the model; nothing is opened.

    Args:
        name: `provider:family-or-id`, a model, or several of these to be tried in order.
        api_key: in place of the environment's.
        base_url: in place of the catalog's.

    Raises:
        ConfigError: a provider is not known, its key is missing, or no model was named.
    """
    if isinstance(name, str):
        resolved = resolve_model(name, api_key=api_key, base_url=base_url)
        return ProviderModel(resolved, dialects=DIALECTS)
    if isinstance(name, Sequence):
        return RouteModel([build_model(one, api_key=api_key, base_url=base_url) for one in name])
    if not (hasattr(name, "profile") and hasattr(name, "open")):
        raise ConfigError(
            f"{name!r} is not a model; give 'provider:family-or-id', a Model, or a list of these."
        )
    return name
