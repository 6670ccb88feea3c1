"""The quirks of each provider's requests, and its rejections."""

from pathlib import Path

import pytest

from agentkit.errors import ConfigError
from agentkit.json_schema import JsonValue
from agentkit.sandbox.wire.providers import PROVIDERS, find_provider_format
from tests.unit.sandbox.server_client import USER, WEATHER, holds, on_provider


def test_every_form_has_the_path_and_the_models_of_its_profile() -> None:
    """A family or an alias of the catalog is no id of the provider."""
    oxen = find_provider_format("oxen", model="mixtral-8x22b")
    short = find_provider_format("openrouter", model="mixtral-8x22b-instruct")

    assert (oxen.base_path, oxen.models) == ("/api/ai", ("open-mixtral-8x22b",))
    assert short.models[0] == "mistralai/mixtral-8x22b-instruct"
    assert find_provider_format("oxen", model="new").models == ("new", "open-mixtral-8x22b")
    assert find_provider_format("local", model="x").request == PROVIDERS["llamacpp"].request


def test_a_provider_of_a_user_s_own_is_the_plainest_of_its_dialect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the path of its base URL."""
    catalog = tmp_path / "catalog.toml"
    catalog.write_text('[mine]\ntitle = "Mine"\nbase_url = "http://mine.example/api"\n')
    monkeypatch.setenv("AGENTKIT_CATALOG", str(catalog))

    form = find_provider_format("mine", model="m")

    assert (form.name, form.base_path) == ("mine", "/api")
    assert form.request == PROVIDERS["openai-compatible"].request


def test_an_unknown_provider_is_rejected() -> None:
    """With the names of those there are."""
    with pytest.raises(ConfigError, match=r"no provider 'unknown'.*openrouter"):
        find_provider_format("unknown", model="m")


@pytest.mark.parametrize(
    ("provider", "error"),
    [
        ("openrouter", {"error": {"message": "Incorrect API key provided.", "code": 401}}),
        ("modelslab", {"status": "error", "message": "Incorrect API key provided."}),
        ("oxen", {"error": {"code": "invalid_api_key"}}),
        ("mistral", {"object": "error", "message": "Incorrect API key provided."}),
        ("nvidia", {"error": {"type": "Unauthorized", "code": 401}}),
        ("modelslab-anthropic", {"type": "error", "error": {"type": "authentication_error"}}),
    ],
)
async def test_a_wrong_key_gets_the_provider_s_own_401(provider: str, error: JsonValue) -> None:
    """And one that is missing too, in other words; the key is not repeated."""
    path = "/messages" if provider == "modelslab-anthropic" else "/chat/completions"
    async with on_provider(provider) as on:
        bad = {"authorization": "Bearer wrong-key", "anthropic-version": "2023-06-01"}
        wrong = await on.client.post(path, json={}, headers=bad)
        missing = await on.client.post(path, json={})

    assert (wrong.status_code, missing.status_code) == (401, 401)
    assert holds(wrong.json(), error)
    assert "wrong-key" not in wrong.text
    assert wrong.text != missing.text


async def test_a_key_in_the_body_is_looked_for_there() -> None:
    """And the model under its other name; the list of models needs no key."""
    async with on_provider("modelslab-body") as on:
        body = {"model_id": on.model, "messages": [USER]}
        right = await on.client.post("/chat/completions", json={"key": "sandbox-key", **body})
        wrong = await on.client.post("/chat/completions", json={"key": 7, **body})
        missing = await on.client.post("/chat/completions", json=body, headers=on.key)
        broken = await on.client.post("/chat/completions", content=b"[")
        listed = await on.client.get("/models")

    statuses = [one.status_code for one in (right, wrong, missing, broken, listed)]
    assert statuses == [200, 401, 401, 401, 200]


@pytest.mark.parametrize(
    ("provider", "status", "error"),
    [
        ("openrouter", 200, None),
        ("aimlapi", 200, None),
        ("modelslab", 200, None),
        ("vllm", 200, None),
        ("lmstudio", 200, None),
        ("oxen", 400, {"error": {"message": "user: Extra inputs are not permitted"}}),
        ("fireworks", 400, {"error": {"message": "user: Extra inputs are not permitted"}}),
        ("nvidia", 400, {"error": {"type": "BadRequestError", "code": 400}}),
        ("mistral", 422, {"object": "error", "code": "3001"}),
        ("sandbox", 422, {"object": "error", "code": "3001"}),
    ],
)
async def test_a_field_that_is_not_known_is_rejected_by_a_strict_provider(
    provider: str, status: int, error: JsonValue
) -> None:
    """Others ignore it."""
    async with on_provider(provider) as on:
        answer = await on.chat(user="me")

    assert answer.status_code == status
    assert error is None or holds(answer.json(), error)
    assert ("choices" in answer.json()) == (error is None)


NAMED: JsonValue = {"type": "function", "function": {"name": "weather"}}


@pytest.mark.parametrize(
    ("provider", "choice", "status", "words"),
    [
        ("mistral", "any", 200, None),
        ("mistral", "required", 422, "Input should be 'any', 'auto' or 'none'"),
        ("mistral", NAMED, 422, "Input should be"),
        ("openrouter", "any", 404, "No endpoints found"),
        ("openrouter", NAMED, 200, None),
        ("nvidia", "auto", 400, "--enable-auto-tool-choice"),
        ("lmstudio", NAMED, 400, "Invalid tool_choice type: 'object'"),
        ("lmstudio", "required", 200, None),
        ("deepinfra", "required", 400, "Input should be 'auto' or 'none'"),
        ("modelslab", NAMED, 200, "Input should be"),
        ("ollama", "any", 200, None),
        ("llamacpp", NAMED, 200, None),
        ("vllm", 7, 400, "tool_choice"),
    ],
)
async def test_a_tool_choice_is_accepted_as_the_provider_writes_it(
    provider: str, choice: JsonValue, status: int, words: str | None
) -> None:
    """Others are rejected, or read as `auto`."""
    async with on_provider(provider) as on:
        answer = await on.chat(tools=[WEATHER], tool_choice=choice)

    assert answer.status_code == status
    assert words is None or words in answer.text
    assert ("choices" in answer.json()) == (words is None)


async def test_a_model_without_tools_refuses_them() -> None:
    """It answers without them."""
    async with on_provider("ollama") as on:
        on.model = "mixtral:8x7b"
        refused = await on.chat(tools=[WEATHER])
        answer = await on.chat()

    assert refused.status_code == 400
    assert "does not support tools" in refused.json()["error"]["message"]
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("provider", "status", "part"),
    [
        ("llamacpp", 500, {"error": {"code": 500, "type": "server_error"}}),
        ("mlx", 404, {}),
        ("vllm", 400, {"error": {"code": 400}}),
        ("openrouter", 400, {"error": {"code": 400, "message": "Provider returned error"}}),
        ("mistral", 400, {"code": "3280"}),
    ],
)
async def test_an_id_that_the_template_does_not_accept_is_rejected(
    provider: str, status: int, part: JsonValue
) -> None:
    """In the words of the validator, with the status of the provider."""
    call: JsonValue = {
        "id": "call_0123456789",
        "type": "function",
        "function": {"name": "weather", "arguments": "{}"},
    }
    result: JsonValue = {"role": "tool", "tool_call_id": "call_0123456789", "content": "x"}
    async with on_provider(provider) as on:
        answer = await on.chat(USER, {"role": "assistant", "tool_calls": [call]}, result)

    assert answer.status_code == status
    assert "length of 9" in answer.text
    assert holds(answer.json(), part)


async def test_a_lenient_provider_ignores_unknown_fields_inside_messages() -> None:
    """Other roles' names, lists as results, text with calls, empty lists of tools and calls."""
    call: JsonValue = {
        "id": "call_1", "type": "function", "odd": 1,
        "function": {"name": "weather", "arguments": '{"city": "Oslo"}', "odd": 1},
    }  # fmt: skip
    function: JsonValue = {"name": "hello", "odd": 1}
    chunks: JsonValue = [{"type": "text", "text": "ra"}, {"type": "text", "text": "in"}, 7]
    async with on_provider("together") as on:
        answer = await on.chat(
            {"role": "developer", "content": "Be kind.", "name": "bob"},
            {"role": "user", "content": "What is the weather in Oslo?", "name": "eve"},
            {"role": "assistant", "content": "Let me see.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": chunks, "is_error": False},
            {"role": "assistant", "content": "Rain.", "tool_calls": []},
            {"role": "user", "content": "What is the weather in Oslo?"},
            temperature=1.9,
            n=3,
            tools=[WEATHER, {"type": "function", "function": function, "odd": 1}],
        )
        none = await on.chat(tools=[])
        odd = await on.chat("words", tools=["words"])

    assert answer.status_code == 200, answer.text
    assert none.status_code == 200
    assert odd.status_code == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"], ids=["cut", "list", "bytes"])
async def test_a_body_that_is_not_an_object_is_rejected(body: bytes) -> None:
    """Whatever the provider."""
    async with on_provider("vllm") as on:
        answer = await on.client.post("/chat/completions", content=body)

    assert answer.status_code == 400
    assert "not" in answer.json()["error"]["message"]


async def test_the_messages_format_counts_tokens_and_lists_its_models() -> None:
    """An unknown model is an error of the messages format."""
    async with on_provider("modelslab") as on:
        one = await on.client.get("/v1/models/unknown", headers=on.key)
        counted = await on.client.post(
            "/v1/messages/count_tokens",
            json={"model": on.model, "messages": [USER]},
            headers={**on.key, "anthropic-version": "2023-06-01"},
        )

    assert one.json()["error"]["type"] == "not_found_error"
    assert counted.json()["input_tokens"] > 0
