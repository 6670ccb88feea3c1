"""From a model's name to a model.

In:  `host:family-or-id`, a key, a base URL.
Out: a `Model`.
"""

from collections.abc import Callable, Mapping

from agentkit.config.load import resolve_model
from agentkit.dialect.base import Dialect
from agentkit.dialect.openai_chat import OpenAIChat
from agentkit.errors import UnsupportedError
from agentkit.model.host import HostModel
from agentkit.model.model import Model

DIALECTS: Mapping[str, Callable[[], Dialect]] = {"openai_chat": OpenAIChat}


def build_model(name: str, *, api_key: str | None = None, base_url: str | None = None) -> Model:
    """Find host, model and key; nothing is opened.

    Args:
        name: `host:family-or-id`.
        api_key: in place of the environment's.
        base_url: in place of the catalog's.

    Raises:
        ConfigError: the host is not known, or its key is missing.
    """
    resolved = resolve_model(name, api_key=api_key, base_url=base_url)
    if resolved.provider.dialect not in DIALECTS:
        raise UnsupportedError(
            f"The host {resolved.provider.name!r} speaks {resolved.provider.dialect!r}, which this "
            f"agentkit does not; it speaks {sorted(DIALECTS)}."
        )
    return HostModel(resolved, dialects=DIALECTS)
