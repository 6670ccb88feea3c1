"""The quirks of each provider's responses."""

import json

import pytest

from agentkit.json_schema import JsonValue
from tests.unit.sandbox.server_client import CHATS, WEATHER, holds, on_provider


@pytest.mark.parametrize(
    ("provider", "calls"),
    [
        ("oxen", "together"),
        ("ollama", "separate"),
        ("together", "fragments"),
        ("llamacpp", "characters"),
    ],
)
async def test_calls_come_in_a_stream_as_the_provider_sends_them(provider: str, calls: str) -> None:
    """All in one chunk, one a chunk, in pieces, or a character at a time."""
    async with on_provider(provider) as on:
        events = await on.events(tools=[WEATHER])
    parts = [
        event["choices"][0]["delta"]["tool_calls"]
        for event in events
        if isinstance(event, dict) and event["choices"][0]["delta"].get("tool_calls")
    ]
    indexes = [part[0]["index"] for part in parts]
    sizes = [len(part[0]["function"]["arguments"]) for part in parts]

    match calls:
        case "together":
            assert [[one["index"] for one in part] for part in parts] == [[0, 1]]
        case "separate":
            assert indexes == [0, 0]
        case "fragments":
            assert (indexes[0], indexes[-1]) == (0, 1)
            assert max(sizes) > 1
        case _:
            assert set(indexes) == {0}  # one call at a time, unless more are asked for
            assert set(sizes) == {0, 1}


@pytest.mark.parametrize(
    ("provider", "asks", "where"),
    [
        ("mistral", False, "last"),
        ("oxen", False, "last"),
        ("modelslab", True, "nowhere"),
        ("vllm", False, "nowhere"),
        ("vllm", True, "own_chunk"),
        ("groq", False, "x_groq"),
    ],
)
async def test_usage_is_where_the_provider_puts_it(provider: str, asks: bool, where: str) -> None:
    """In the last chunk, in one of its own, in a vendor's field, or not at all."""
    more: dict[str, JsonValue] = {"stream_options": {"include_usage": True}} if asks else {}
    async with on_provider(provider) as on:
        events = await on.events(**more)
    assert events[-1] == "data: [DONE]"
    last, before = events[-2], events[-3]

    match where:
        case "last":
            assert (last["usage"]["total_tokens"] > 0, last["choices"] == []) == (True, False)
        case "own_chunk":
            assert (last["choices"], "usage" in last, "usage" in before) == ([], True, False)
        case "x_groq":
            assert last["x_groq"]["usage"]["total_tokens"] > 0
        case _:
            assert all("usage" not in event for event in events[:-1])


async def test_a_router_reports_the_upstream_and_the_cost() -> None:
    """The cost on request; comments keep its stream alive."""
    async with on_provider("openrouter") as on:
        complete = await on.chat(usage={"include": True})
        free = await on.chat()
        events = await on.events(usage={"include": True})

    body = complete.json()
    usage = body["usage"]
    assert body["provider"] == "Mistral"
    assert body["choices"][0]["native_finish_reason"] == "stop"
    assert usage["cost"] == pytest.approx(
        (usage["prompt_tokens"] * 2 + usage["completion_tokens"] * 6) / 1e6
    )
    assert "cost" not in free.json()["usage"]
    assert complete.headers["x-generation-id"] == body["id"]
    assert events[0] == ": OPENROUTER PROCESSING"
    assert events[-2]["usage"]["cost"] > 0
    assert events[-3]["choices"][0]["native_finish_reason"] == "stop"


async def test_odd_answers_of_single_providers() -> None:
    """An empty list of calls, arguments as an object, ids that repeat, another finish, timings."""
    async with on_provider("aimlapi") as on:
        plain = (await on.chat()).json()["choices"][0]["message"]
    async with on_provider("tgi") as on:
        calls = (await on.chat(tools=[WEATHER])).json()["choices"][0]["message"]["tool_calls"]
        cut = (await on.chat(tools=[WEATHER], max_tokens=3)).json()["choices"][0]
    async with on_provider("vllm") as on:
        forced = (await on.chat(tools=[WEATHER], tool_choice="required")).json()["choices"][0]
    async with on_provider("deepinfra") as on:
        cost = (await on.chat()).json()["usage"]["estimated_cost"]
    async with on_provider("llamacpp") as on:
        timings = (await on.chat()).json()["timings"]

    assert plain["tool_calls"] == []
    assert [call["function"]["arguments"] for call in calls] == [
        {"city": "Oslo"},
        {"city": "Bergen"},
    ]
    assert [call["id"] for call in calls] == ["0", "0"]
    assert isinstance(cut["message"]["tool_calls"][0]["function"]["arguments"], str)
    assert (forced["finish_reason"], len(forced["message"]["tool_calls"])) == ("stop", 2)
    assert cost > 0
    assert timings["predicted_n"] > 0


async def test_a_server_without_a_parser_lets_calls_through_as_text() -> None:
    """With the marker before them."""
    async with on_provider("nvidia") as on:
        message = (await on.chat(tools=[WEATHER])).json()["choices"][0]["message"]

    assert message["content"].startswith('[TOOL_CALLS] [{"name": "weather"')
    assert "tool_calls" not in message


@pytest.mark.parametrize("provider", CHATS)
async def test_every_answer_says_that_it_is_of_no_language_model(provider: str) -> None:
    """Complete and streamed."""
    async with on_provider(provider) as on:
        complete = (await on.chat()).json()
        first = next(event for event in await on.events() if isinstance(event, dict))

    assert complete["sandbox"]["is_language_model"] is False
    assert "no language model" in first["sandbox"]["note"]


@pytest.mark.parametrize(
    ("provider", "part"),
    [
        ("oxen", {"context_length": 64_000}),
        ("openrouter", {"pricing": {"prompt": "0.000002", "completion": "0.000006"}}),
        ("mistral", {"max_context_length": 65_536}),
        ("vllm", {"max_model_len": 65_536}),
        ("llamacpp", {"meta": {"n_ctx": 65_536}}),
        ("together", {"object": "model"}),
        ("anthropic", {"type": "model"}),
    ],
)
async def test_a_model_is_told_of_as_the_provider_does(provider: str, part: JsonValue) -> None:
    """In the list and by itself; one that is not there is not found."""
    async with on_provider(provider) as on:
        listed = await on.client.get("/models", headers=on.key)
        one = await on.client.get(f"/models/{on.model}", headers=on.key)
        none = await on.client.get("/models/unknown", headers=on.key)

    assert holds(one.json(), part)
    assert one.json() in listed.json()["data"]
    assert none.status_code == 404


async def test_oxen_lists_the_fields_that_it_accepts() -> None:
    """As a JSON Schema, in text."""
    async with on_provider("oxen") as on:
        described = (await on.client.get(f"/models/{on.model}", headers=on.key)).json()

    assert "tools" in json.loads(described["json_request_schema"])["properties"]


async def test_a_provider_with_two_formats_has_an_endpoint_for_each() -> None:
    """Each with its own errors; the messages format requires its version header."""
    async with on_provider("modelslab") as on:
        body = {"model": on.model, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
        headers = {**on.key, "anthropic-version": "2023-06-01"}
        answer = await on.client.post("/v1/messages", json=body, headers=headers)
        plain = await on.client.post("/v1/messages", json=body, headers=on.key)
        chat = await on.client.post("/chat/completions", json={}, headers=on.key)
        other = await on.client.post("/v2/messages", json=body, headers=headers)
        verb = await on.client.get("/v1/messages", headers=headers)

    assert answer.json()["type"] == "message"
    assert plain.json()["error"]["message"] == "anthropic-version: header is required"
    assert (plain.status_code, chat.status_code) == (400, 200)
    assert chat.json() == {"status": "error", "message": "model: Field required"}
    assert other.json()["status"] == "error"
    assert (verb.status_code, verb.headers["allow"]) == (405, "POST")
    assert len(on.running.chats) == 3


async def test_what_is_not_below_the_base_path_is_not_found() -> None:
    """With the places that there are."""
    async with on_provider("oxen") as on:
        url = on.running.base_url.removesuffix("/api/ai")
        answer = await on.client.post(f"{url}/chat/completions", json={})

    assert answer.status_code == 404
    assert "/api/ai/chat/completions" in answer.json()["error"]["message"]
