"""OpenAI's own client, which validates strictly, accepts the sandbox's chat completions."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from agentkit.config.load import default_family, load_catalog, resolve_model
from agentkit.sandbox import Sandbox, sandbox
from agentkit.sandbox.wire.providers import PROVIDERS, find_provider_format
from tests.shared_tls import TLS

openai = pytest.importorskip("openai")

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Return the weather forecast for a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "the name of the city"}},
            "required": ["city"],
        },
    },
}
QUESTION = {"role": "user", "content": "What is the weather in Oslo and Bergen?"}
ANSWER = "The weather in Oslo is rain. The weather in Bergen is sun."
# TGI's arguments are an object, which its own test below shows to be refused; Perplexity takes no
# tools.
FORMS = [
    name
    for name, form in PROVIDERS.items()
    if "chat" in form.endpoints.values() and name not in ("tgi", "nvidia", "perplexity")
]
# They mint ids that their own templates refuse.
FORGETFUL = {"llamacpp", "mlx", "vllm"}


@asynccontextmanager
async def _client(provider: str) -> AsyncIterator[tuple[Any, Sandbox, dict[str, Any]]]:
    """Yield a client of a provider's sandbox, and the fields that every request needs there."""
    family = default_family(load_catalog()[provider]) or "some-model"
    with anyio.fail_after(60):
        async with sandbox(family, provider=provider) as running:
            model = resolve_model(running.model, api_key="k", base_url="http://x").model.id
            form = find_provider_format(provider, model=family)
            fields: dict[str, Any] = {"model": model}
            if form.request.key_locations == ("body",):
                fields["extra_body"] = {"key": running.api_key}
            async with openai.AsyncOpenAI(
                base_url=running.base_url,
                api_key=running.api_key or "none",
                max_retries=0,
                http_client=openai.DefaultAsyncHttpxClient(verify=TLS),
                _strict_response_validation=True,
            ) as client:
                yield client, running, fields


async def _complete(client: Any, fields: Mapping[str, Any], messages: list[Any]) -> dict[str, Any]:
    answer = await client.chat.completions.create(messages=messages, tools=[WEATHER], **fields)
    (choice,) = answer.choices
    message: dict[str, Any] = choice.message.model_dump(exclude_none=True)
    return {"content": message.get("content") or "", "tool_calls": message.get("tool_calls") or []}


async def _streamed(client: Any, fields: Mapping[str, Any], messages: list[Any]) -> dict[str, Any]:
    """Assemble the chunks like a client that trusts ids more than indexes."""
    content, calls = "", list[dict[str, Any]]()
    stream = await client.chat.completions.create(
        messages=messages, tools=[WEATHER], stream=True, **fields
    )
    async for chunk in stream:
        for choice in chunk.choices:
            content += choice.delta.content or ""
            for part in choice.delta.tool_calls or ():
                if part.id:
                    function = {"name": part.function.name, "arguments": ""}
                    calls.append({"id": part.id, "type": "function", "function": function})
                calls[-1]["function"]["arguments"] += part.function.arguments or ""
    return {"content": content, "tool_calls": calls}


@pytest.mark.parametrize("ask", [_complete, _streamed], ids=["complete", "streamed"])
@pytest.mark.parametrize("provider", FORMS)
async def test_calls_and_results_make_a_round_trip(provider: str, ask: Any) -> None:
    """Every response validates; providers that reject their own ids return an error message."""
    async with _client(provider) as (client, _, fields):
        messages: list[Any] = [QUESTION]
        answer = await ask(client, fields, messages)
        while answer["tool_calls"] and provider not in FORGETFUL:
            messages += [{"role": "assistant", **answer, "content": None}, *_results(answer)]
            answer = await ask(client, fields, messages)
        if provider in FORGETFUL:
            messages += [{"role": "assistant", **answer, "content": None}, *_results(answer)]
            with pytest.raises(openai.APIStatusError) as refused:
                await ask(client, fields, messages)
            assert "length of 9" in refused.value.response.text
            return

    assert answer["content"] == ANSWER


def _results(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    weather = {"Oslo": "rain", "Bergen": "sun"}
    return [
        {
            "role": "tool",
            "tool_call_id": call["id"],
            "content": weather[json.loads(call["function"]["arguments"])["city"]],
        }
        for call in answer["tool_calls"]
    ]


@pytest.mark.parametrize("provider", FORMS)
async def test_the_models_are_listed(provider: str) -> None:
    """And one model can be retrieved."""
    async with _client(provider) as (client, _, fields):
        listed = [model.id async for model in client.models.list()]
        one = await client.models.retrieve(fields["model"])

    assert fields["model"] in listed
    assert one.id == fields["model"]


@pytest.mark.parametrize(
    "provider", [n for n in FORMS if "bearer" in PROVIDERS[n].request.key_locations]
)
async def test_a_wrong_key_is_an_authentication_error(provider: str) -> None:
    """The client recognizes it by its status."""
    async with _client(provider) as (client, _, fields):
        other = client.with_options(api_key="wrong")

        with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
            await other.chat.completions.create(messages=[QUESTION], **fields)


async def test_the_client_validates_strictly() -> None:
    """It rejects the arguments of a provider that violates the format."""
    async with _client("tgi") as (client, _, fields):
        with pytest.raises(openai.APIResponseValidationError):
            await _complete(client, fields, [QUESTION])


@pytest.mark.parametrize(
    "provider", [n for n, f in PROVIDERS.items() if "completions" in f.endpoints.values()]
)
async def test_raw_text_is_completed(provider: str) -> None:
    """Streamed or not, the text is the same, and has no marker.

    The client's type of a chunk does not allow the null that all providers send before the last
    chunk, so the stream is read without validation.
    """
    offer = json.dumps([WEATHER])
    prompt = f"[AVAILABLE_TOOLS] {offer}[/AVAILABLE_TOOLS][INST] {QUESTION['content']}[/INST]"
    async with _client(provider) as (client, _, fields):
        request = {"prompt": prompt, "max_tokens": 200, **fields}
        completion = await client.completions.create(**request)
        own_client = openai.DefaultAsyncHttpxClient(verify=TLS)
        lenient = openai.AsyncOpenAI(
            base_url=client.base_url, api_key="none", http_client=own_client
        )
        async with lenient, await lenient.completions.create(**request, stream=True) as stream:
            pieces = [choice.text async for chunk in stream for choice in chunk.choices]

    text = completion.choices[0].text
    assert json.loads(text)[0] == {"name": "weather", "arguments": {"city": "Oslo"}}
    assert "".join(pieces) == text
