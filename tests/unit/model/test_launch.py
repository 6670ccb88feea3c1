"""A launched provider is used as its server is: with its address, and tools if it takes them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from agentkit.config.profile import DialectName, LaunchedServer, ProviderProfile
from agentkit.model.launch import launched

URL = "http://127.0.0.1:9/v1"


@asynccontextmanager
async def launch_plain(model: str) -> AsyncIterator[str]:
    """Yield the base URL only, as a user's own launcher may."""
    assert model == "weights"
    yield URL


@asynccontextmanager
async def launch_with_tools(model: str) -> AsyncIterator[LaunchedServer]:
    """Yield a server whose template takes tools."""
    assert model == "weights"
    yield LaunchedServer(base_url=URL, takes_tools=True)


@asynccontextmanager
async def launch_without_tools(model: str) -> AsyncIterator[LaunchedServer]:
    """Yield a server whose template drops them."""
    assert model == "weights"
    yield LaunchedServer(base_url=URL, takes_tools=False)


def profile(launcher: str, dialect: DialectName = "openai_chat") -> ProviderProfile:
    """Return a provider with a launcher of this module."""
    path = f"tests.unit.model.test_launch:{launcher}"
    return ProviderProfile(name="own", title="Own", dialect=dialect, launcher=path)


@pytest.mark.parametrize("launcher", ["launch_plain", "launch_with_tools"])
@pytest.mark.parametrize("dialect", ["openai_chat", "prompted", "completions"])
async def test_a_server_that_takes_tools_changes_only_the_address(
    launcher: str, dialect: DialectName
) -> None:
    """The dialect stays what the profile has."""
    provider = profile(launcher, dialect)

    async with launched(provider, model_id="weights") as running:
        assert running == replace(provider, base_url=URL)


async def test_tools_that_a_template_drops_are_described_in_the_prompt() -> None:
    """The request with tools would be answered as if there were none."""
    provider = profile("launch_without_tools")

    async with launched(provider, model_id="weights") as running:
        assert running == replace(provider, base_url=URL, dialect="prompted")


@pytest.mark.parametrize("dialect", ["prompted", "completions", "anthropic_messages"])
async def test_another_dialect_is_the_users_choice(dialect: DialectName) -> None:
    """Raw text does not use the template; the Anthropic format is not the one of `prompted`."""
    provider = profile("launch_without_tools", dialect)

    async with launched(provider, model_id="weights") as running:
        assert running.dialect == dialect


async def test_a_provider_without_a_launcher_is_yielded_as_it_is() -> None:
    """Nothing is started."""
    provider = ProviderProfile(name="own", title="Own", base_url=URL)

    async with launched(provider, model_id="weights") as running:
        assert running is provider
