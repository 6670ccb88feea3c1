"""Anthropic's own client, which validates strictly, accepts the sandbox's messages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from agentkit.config.load import default_family, load_catalog, resolve_model
from agentkit.sandbox import Sandbox, sandbox
from agentkit.sandbox.wire.providers import PROVIDERS
from tests.sdk.anthropic_sdk import anthropic
from tests.shared_tls import TLS

WEATHER = {
    "name": "weather",
    "description": "Return the weather forecast for a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "the name of the city"}},
        "required": ["city"],
    },
}
QUESTION = {"role": "user", "content": "What is the weather in Oslo and Bergen?"}
ANSWER = "The weather in Oslo is rain. The weather in Bergen is sun."
FORMS = [name for name, form in PROVIDERS.items() if "messages" in form.endpoints.values()]


@asynccontextmanager
async def _client(provider: str) -> AsyncIterator[tuple[Any, Sandbox, dict[str, Any]]]:
    """Yield a client of a provider's sandbox, and the fields that every request needs there."""
    family = default_family(load_catalog()[provider]) or "some-model"
    with anyio.fail_after(60):
        async with sandbox(family, provider=provider) as running:
            model = resolve_model(running.model, api_key="k", base_url="http://x").model.id
            async with anthropic.AsyncAnthropic(
                base_url=running.base_url.removesuffix("/v1"),
                api_key=running.api_key or "none",
                max_retries=0,
                http_client=anthropic.DefaultAsyncHttpxClient(verify=TLS),
                _strict_response_validation=True,
            ) as client:
                yield client, running, {"model": model, "max_tokens": 300}


async def _complete(client: Any, **request: Any) -> Any:
    return await client.messages.create(**request)


async def _streamed(client: Any, **request: Any) -> Any:
    async with client.messages.stream(**request) as stream:
        return await stream.get_final_message()


def _results(message: Any) -> dict[str, Any]:
    weather = {"Oslo": "rain", "Bergen": "sun"}
    blocks = [
        {"type": "tool_result", "tool_use_id": block.id, "content": weather[block.input["city"]]}
        for block in message.content
        if block.type == "tool_use"
    ]
    return {"role": "user", "content": blocks}


@pytest.mark.parametrize("ask", [_complete, _streamed], ids=["complete", "streamed"])
@pytest.mark.parametrize("provider", FORMS)
async def test_calls_and_results_make_a_round_trip(provider: str, ask: Any) -> None:
    """Every response validates; llama.cpp's template rejects its own ids."""
    async with _client(provider) as (client, _, fields):
        request = {"messages": [QUESTION], "tools": [WEATHER], **fields}
        message = await ask(client, **request)
        said = {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": block.id, "name": block.name, "input": block.input}
                for block in message.content
            ],
        }
        request["messages"] = [QUESTION, said, _results(message)]
        if provider == "llamacpp-anthropic":
            with pytest.raises(anthropic.InternalServerError, match="length of 9"):
                await ask(client, **request)
            return
        answer = await ask(client, **request)

    assert message.stop_reason == "tool_use"
    assert [block.input for block in message.content] == [{"city": "Oslo"}, {"city": "Bergen"}]
    assert [block.text for block in answer.content] == [ANSWER]
    assert answer.stop_reason == "end_turn"


@pytest.mark.parametrize("ask", [_complete, _streamed], ids=["complete", "streamed"])
async def test_every_stop_reason_is_reported(ask: Any) -> None:
    """A stop text, the limit, and a choice that forbids or requires a call."""
    async with _client("anthropic") as (client, _, fields):
        joke = {"messages": [{"role": "user", "content": "Tell me a joke"}], **fields}
        stopped = await ask(client, **joke, stop_sequences=["sandbox"])
        cut = await ask(client, **{**joke, "max_tokens": 3})
        tools = {"messages": [QUESTION], "tools": [WEATHER], **fields}
        none = await ask(client, **tools, tool_choice={"type": "none"})
        one = {"type": "tool", "name": "weather", "disable_parallel_tool_use": True}
        named = await ask(client, **tools, tool_choice=one)

    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "sandbox")
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 3)
    assert [block.type for block in none.content] == ["text"]
    assert [block.input for block in named.content] == [{"city": "Oslo"}]


@pytest.mark.parametrize("provider", FORMS)
async def test_tokens_are_counted_and_models_listed(provider: str) -> None:
    """The count equals that in the usage."""
    async with _client(provider) as (client, _, fields):
        request = {"messages": [QUESTION], "tools": [WEATHER], "model": fields["model"]}
        count = await client.messages.count_tokens(**request)
        answer = await client.messages.create(**request, max_tokens=300)
        listed = [model.id async for model in client.models.list()]
        one = await client.models.retrieve(fields["model"])

    assert count.input_tokens == answer.usage.input_tokens > 10
    assert fields["model"] in listed
    assert one.id == fields["model"]


async def test_rejections_are_the_clients_own_errors() -> None:
    """A wrong key, an unknown model, turns in a wrong order."""
    async with _client("anthropic") as (client, _, fields):
        other = client.with_options(api_key="wrong")

        with pytest.raises(anthropic.AuthenticationError):
            await other.messages.create(messages=[QUESTION], **fields)
        with pytest.raises(anthropic.NotFoundError, match="does not exist"):
            await client.messages.create(messages=[QUESTION], **{**fields, "model": "none"})
        with pytest.raises(anthropic.BadRequestError, match="first message"):
            turns = [{"role": "assistant", "content": "Hi"}]
            await client.messages.create(messages=turns, **fields)
