"""Anthropic's own client, which validates strictly, judges the messages of the service."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agentkit.chat import ModelSettings
from tests.sdk.anthropic_sdk import anthropic
from tests.service.rule_model import RuleModel
from tests.shared_tls import TLS

httpx2 = pytest.importorskip("httpx2")  # which that client uses

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "weather", "description": "Return the weather.", "input_schema": CITY}
SCHEMA = {"format": {"type": "json_schema", "schema": CITY}}
IMAGE = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
}


@pytest.fixture
async def client(url: str) -> AsyncIterator[Any]:
    """Return a client that neither retries nor forgives."""
    async with anthropic.AsyncAnthropic(
        base_url=url,
        api_key="none",
        max_retries=0,
        http_client=httpx2.AsyncClient(verify=TLS),
        _strict_response_validation=True,
    ) as client:
        yield client


def said(text: Any) -> list[dict[str, Any]]:
    """Return a conversation of one message."""
    return [{"role": "user", "content": text}]


async def complete(client: Any, **request: Any) -> Any:
    """Return a complete answer."""
    return await client.messages.create(**{"model": "helper", "max_tokens": 50, **request})


async def streamed(client: Any, **request: Any) -> Any:
    """Return a streamed answer, as the client's helper assembles it."""
    async with client.messages.stream(**{"model": "helper", "max_tokens": 50, **request}) as stream:
        return await stream.get_final_message()


def values(message: Any) -> dict[str, Any]:
    """Return an answer in plain values."""
    texts = [block.text for block in message.content if block.type == "text"]
    thoughts = [block.thinking for block in message.content if block.type == "thinking"]
    return {
        "text": "".join(texts),
        "thinking": "".join(thoughts),
        "calls": [
            (block.id, block.name, block.input)
            for block in message.content
            if block.type == "tool_use"
        ],
        "reason": message.stop_reason,
        "tokens": (
            message.usage.input_tokens,
            message.usage.cache_read_input_tokens,
            message.usage.output_tokens,
        ),
    }


BOTH = pytest.mark.parametrize("ask", [complete, streamed])
OSLO = {"city": "Oslo"}
ANSWERS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "text": ("hello there", {}, {"text": "You said: hello there"}),
    "emoji": ("héllo 🙂 \u2028 x", {}, {"text": "You said: héllo 🙂 \u2028 x"}),
    "thinking": ("think", {}, {"text": "Done.", "thinking": "Hm, hm."}),
    "limit": ("long", {}, {"text": "It is lon", "reason": "max_tokens"}),
    "filter": ("filtered", {}, {"text": "I ", "reason": "refusal"}),
    "own tool": (
        "call add",
        {},
        {"text": "Let me see.\n\nThe result is 3.", "tokens": (40, 20, 10)},
    ),
    "client's tool": (
        "call weather",
        {"tools": [WEATHER]},
        {
            "text": "Let me see.",
            "calls": [("call00000", "weather", OSLO)],
            "reason": "tool_use",
        },
    ),
    "own and client's tool": (
        "call add weather",
        {"tools": [WEATHER]},
        {
            "text": "Let me see.",
            "calls": [("call00001", "weather", OSLO)],
            "reason": "tool_use",
        },
    ),
    "two calls of the client's tool": (
        "call weather weather",
        {"tools": [WEATHER]},
        {
            "text": "Let me see.",
            "calls": [(f"call0000{at}", "weather", OSLO) for at in range(2)],
            "reason": "tool_use",
        },
    ),
    "schema": ("json", {"output_config": SCHEMA}, {"text": '{"city": "Oslo"}'}),
}


@BOTH
@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_is_the_same_complete_and_streamed(
    client: Any, name: str, ask: Any
) -> None:
    """Text, calls, reason and usage."""
    text, fields, expected = ANSWERS[name]
    usual = {
        "text": "", "thinking": "", "calls": [], "reason": "end_turn", "tokens": (20, 10, 5),
    }  # fmt: skip

    found = values(await ask(client, messages=said(text), **fields))

    if name == "schema":
        found["text"] = json.dumps(json.loads(found["text"]))
    assert found == {**usual, **expected}


@BOTH
async def test_the_results_of_the_clients_tool_come_with_the_next_request(
    client: Any, ask: Any
) -> None:
    """The conversation goes on from there."""
    first = await ask(client, messages=said("call weather"), tools=[WEATHER])
    call = first.content[-1]
    messages = [
        *said("call weather"),
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": call.id, "name": call.name, "input": call.input},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"}],
        },
    ]

    found = values(await ask(client, messages=messages, tools=[WEATHER]))

    assert (found["text"], found["reason"]) == ("The result is rain.", "end_turn")


SETTINGS: dict[str, tuple[dict[str, Any], ModelSettings]] = {
    "max_tokens": ({"max_tokens": 9}, ModelSettings(max_tokens=9)),
    "temperature": (
        {"extra_body": {"temperature": 0.5}}, ModelSettings(max_tokens=50, temperature=0.5),
    ),
    "top_p": ({"extra_body": {"top_p": 0.25}}, ModelSettings(max_tokens=50, top_p=0.25)),
    "stop": ({"stop_sequences": ["A", "B"]}, ModelSettings(max_tokens=50, stop=("A", "B"))),
    "one call": (
        {"tools": [WEATHER], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ModelSettings(max_tokens=50, parallel_tool_calls=False),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
async def test_a_setting_reaches_the_model(client: Any, model: RuleModel, name: str) -> None:
    """As a value of ours."""
    fields, expected = SETTINGS[name]

    await complete(client, messages=said("hi"), **fields)

    assert model.requests[-1].settings == expected


HARMLESS: dict[str, Any] = {
    "cache_control": {"type": "ephemeral"},
    "metadata": {"user_id": "u"},
    "service_tier": "auto",
    "inference_geo": "eu",
    "speed": "standard",
    "thinking": {"type": "disabled"},
}


@pytest.mark.parametrize("field", HARMLESS)
async def test_a_field_that_changes_nothing_is_accepted(client: Any, field: str) -> None:
    """A label, a cache, or a neutral value."""
    extra = {field: HARMLESS[field]}

    found = await complete(client, messages=said("hi"), extra_body=extra)

    assert values(found)["text"] == "You said: hi"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "thinking": ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking"),
    "top_k": ({"extra_body": {"top_k": 3}}, "top_k"),
    "container": ({"extra_body": {"container": "c"}}, "container"),
    "unknown field": ({"extra_body": {"top_a": 1}}, "top_a"),
    "temperature": ({"extra_body": {"temperature": 2}}, "temperature"),
    "max_tokens": ({"max_tokens": 0}, "max_tokens"),
    "no message": ({"messages": []}, "messages"),
    "the first role": ({"messages": [{"role": "assistant", "content": "x"}]}, "messages"),
    "an image elsewhere": (
        {
            "messages": said(
                [{"type": "image", "source": {"type": "url", "url": "http://169.254.169.254/"}}]
            )
        },
        r"messages\.0\.content",
    ),
    "a tool of the agent": ({"tools": [{**WEATHER, "name": "add"}]}, r"tools\.0"),
    "two tools": ({"tools": [WEATHER, WEATHER]}, "tools"),
    "a provider's tool": (
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, r"tools\.0",
    ),
    "a choice": (
        {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "other"}}, "tool_choice",
    ),
    "too many messages": ({"messages": said("x") * 51}, "messages"),
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_done_is_refused_by_name(client: Any, name: str, stream: bool) -> None:
    """Before the first byte, so with a status, also for a stream."""
    fields, place = REFUSED[name]
    request = {"model": "helper", "max_tokens": 50, "messages": said("hi"), **fields}

    with pytest.raises(anthropic.BadRequestError, match=place) as refused:
        await client.messages.create(**request, stream=stream)

    assert refused.value.body["error"]["type"] == "invalid_request_error"


FAILURES = {
    "rate_limit": (429, "rate_limit_error"),
    "invalid_request": (400, "invalid_request_error"),
    "auth": (502, "api_error"),
    "server": (502, "api_error"),
    "timeout": (504, "timeout_error"),
}


@BOTH
@pytest.mark.parametrize("kind", FAILURES)
async def test_a_failure_of_the_provider_is_a_status(client: Any, kind: str, ask: Any) -> None:
    """Nothing was sent before it."""
    with pytest.raises(anthropic.APIStatusError) as failed:
        await ask(client, messages=said(f"fail {kind}"))

    assert (failed.value.status_code, failed.value.body["error"]["type"]) == FAILURES[kind]


async def test_a_failure_after_the_first_text_ends_the_stream(client: Any) -> None:
    """With an error as the last event."""
    with pytest.raises(anthropic.APIError, match="The provider failed"):
        await streamed(client, messages=said("late fail"))


async def test_blocks_come_one_after_the_other(client: Any) -> None:
    """Each is opened, filled and closed."""
    stream = await client.messages.create(
        model="helper", max_tokens=50, messages=said("think"), stream=True
    )
    kinds = [event.type async for event in stream]

    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert [kind for kind in kinds if kind.startswith("content_block_st")] == [
        "content_block_start", "content_block_stop",
    ] * 2  # fmt: skip


async def test_the_system_text_reaches_the_model(client: Any) -> None:
    """After the agent's own instructions."""
    found = await complete(client, messages=said("system"), system="Speak French.")

    assert json.loads(values(found)["text"]) == ["Be brief.", "Speak French."]


async def test_an_image_reaches_the_model(client: Any) -> None:
    """Inside the request."""
    parts = [{"type": "text", "text": "image"}, IMAGE]

    found = await complete(client, messages=said(parts))

    assert json.loads(values(found)["text"]) == ["image/png"]


async def test_tokens_are_counted(client: Any) -> None:
    """With the agent's instructions and tools; longer messages have more."""
    request = {"model": "helper", "messages": said("hi")}

    short = await client.messages.count_tokens(**request)
    longer = await client.messages.count_tokens(model="helper", messages=said("hi there " * 20))
    plain = await client.messages.count_tokens(model="plain", messages=said("hi"))
    with_tool = await client.messages.count_tokens(**request, tools=[WEATHER])

    assert 0 < plain.input_tokens < short.input_tokens < longer.input_tokens
    assert with_tool.input_tokens > short.input_tokens
    with pytest.raises(anthropic.NotFoundError):
        await client.messages.count_tokens(model="other", messages=said("hi"))


async def test_the_agents_are_the_models(client: Any) -> None:
    """In the format's own form."""
    listed = [one.id async for one in client.models.list()]

    assert listed == ["helper", "plain"]
    assert (await client.models.retrieve("plain")).id == "plain"
    with pytest.raises(anthropic.NotFoundError) as missing:
        await complete(client, model="other", messages=said("hi"))
    assert missing.value.body["error"]["type"] == "not_found_error"
