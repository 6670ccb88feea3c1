"""Every provider of the catalog has the same three conversations with the same answers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import anyio
import pytest

from agentkit.config.load import default_family, load_catalog, resolve_model
from agentkit.sandbox import sandbox
from agentkit.sandbox.wire.providers import PROVIDERS
from tests.case_group import case_group
from tests.providers.conversations import CONVERSATIONS, Conversation, good_calls, hold
from tests.providers.judge import check_bodies
from tests.providers.table import PROVIDER, SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table: a provider, and the model as a user writes it.

    Attributes:
        refused: how many requests it takes to learn what is not in the profile.
    """

    provider: str
    model: str
    title: str
    refused: int = 0


# Where the catalog has no model of the family, the user writes an id.
_IDS = {
    "anthropic": "claude-sandbox",
    "azure-openai": "my-deployment",
    "groq": "mixtral-8x7b-32768",
    "local": "weights/mixtral.gguf",
    "local-completions": "weights/mixtral.gguf",
    "mlx": "mlx-community/Mixtral-8x22B-Instruct-v0.1-4bit",
    "openai-compatible": "mistralai/Mixtral-8x22B-Instruct-v0.1",
}


def _rows() -> Iterator[Row]:
    for name, provider in load_catalog().items():
        model = default_family(provider) or _IDS[name]
        yield Row(provider=name, model=model, title=provider.title)
    short = "mixtral-8x22b-instruct"
    yield Row(provider="openrouter", model=short, title="OpenRouter, the id without its vendor")
    yield Row(
        provider="ollama", model="mixtral-8x7b", title="Ollama, a model without tools", refused=1
    )


ROWS = tuple(_rows())


async def _check(row: Row, conversation: Conversation, *, is_streamed: bool) -> None:
    """Hold a conversation and check the answer and the requests."""
    alter = conversation.alter() if conversation.alter else None
    with anyio.fail_after(60):
        async with sandbox(row.model, provider=row.provider, alter=alter) as running:
            results = await hold(conversation, running, is_streamed=is_streamed)
    resolved = resolve_model(running.model, api_key="k", base_url=running.base_url)

    assert [result.stop_reason for result in results] == ["answered"] * len(results)
    assert results[-1].output == conversation.answer
    assert good_calls(results[-1]) == conversation.calls
    assert len(running.requests) == sum(result.turns for result in results) + row.refused
    if resolved.provider.dialect == "openai_chat" and resolved.model.rules == "mistral":
        check_bodies(running.chats[row.refused :])


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.provider}-{row.model}" for row in ROWS])
async def test_a_provider_is_talked_to_in_its_own_form(
    row: Row, record_property: Callable[[str, object], None]
) -> None:
    """It accepts every request but those it has to be learned from; the answer is the same."""
    succeeded = {conversation.name: [0, 2] for conversation in CONVERSATIONS}
    record_property(PROVIDER, row.title)
    record_property(SUCCEEDED, succeeded)

    with case_group() as case:
        for conversation, is_streamed in product(CONVERSATIONS, (False, True)):
            with case(f"{conversation.name}, {'streamed' if is_streamed else 'complete'}"):
                await _check(row, conversation, is_streamed=is_streamed)
                succeeded[conversation.name][0] += 1


def test_every_provider_of_the_catalog_has_a_form() -> None:
    """None is left to the plainest form of its dialect, but what is another's server."""
    others = {"local", "local-completions"}

    assert {*load_catalog()} - others == {*PROVIDERS}
