"""Start the server of a provider that runs on this machine.

In:  the profile of a provider, the id of a model.
Out: the base URL, valid for as long as the context is open.

A catalog names the launcher of such a provider as text (`module:name`), so a user's own catalog can
name one too. This is the only place that resolves these names.
"""

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import cast

from agentkit.config.profile import Launcher, ProviderProfile
from agentkit.lazy_import import load_object


def launched(provider: ProviderProfile, *, model_id: str) -> AbstractAsyncContextManager[str]:
    """Start the provider's server if it has a launcher, and yield the base URL of the provider.

    Raises:
        ConfigError: the launcher cannot be loaded.
    """
    if provider.launcher is None:
        return nullcontext(provider.base_url)
    launch = cast(Launcher, load_object(provider.launcher))  # what the profile promises
    return launch(model_id)
