"""Start the server of a provider that runs on this machine.

In:  the profile of a provider, the id of a model.
Out: the profile as the running server has it, valid for as long as the context is open.

A catalog names the launcher of such a provider as text (`module:name`), so a user's own catalog can
name one too. This is the only place that resolves these names.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

from agentkit.config.profile import LaunchedServer, Launcher, ProviderProfile
from agentkit.lazy_import import load_object
from agentkit.log import Log

_log = Log("agentkit.model")


@asynccontextmanager
async def launched(provider: ProviderProfile, *, model_id: str) -> AsyncIterator[ProviderProfile]:
    """Start the provider's server if it has a launcher, and yield the provider with its base URL.

    Its dialect becomes `prompted` if the server would drop tools without an error.

    Raises:
        ConfigError: the launcher cannot be loaded, or the server does not start.
    """
    if provider.launcher is None:
        yield provider
        return
    launch = cast(Launcher, load_object(provider.launcher))  # what the profile promises
    async with launch(model_id) as started:
        server = LaunchedServer(base_url=started) if isinstance(started, str) else started
        running = replace(provider, base_url=server.base_url)
        if provider.dialect == "openai_chat" and not server.takes_tools:
            _log.info("tools_described_in_prompt", provider=provider.name, model=model_id)
            running = replace(running, dialect="prompted")
        yield running
