"""OpenAI's own client, which validates strictly, judges the chat completions of the service."""

import json
from typing import Any

import httpx
import pytest

from tests.service.chat_client import (
    BOTH,
    PNG,
    SCHEMA,
    WEATHER,
    complete,
    said,
    streamed,
)
from tests.service.rule_model import RuleModel

openai = pytest.importorskip("openai")


ANSWERS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "text": ("hello there", {}, {"text": "You said: hello there"}),
    "emoji": ("héllo 🙂 \u2028 x", {}, {"text": "You said: héllo 🙂 \u2028 x"}),
    "reasoning": ("think", {}, {"text": "Done.", "reasoning": "Hm, hm."}),
    "limit": ("long", {}, {"text": "It is lon", "reason": "length"}),
    "filter": ("filtered", {}, {"text": "I ", "reason": "content_filter"}),
    "own tool": (
        "call add", {}, {"text": "Let me see.\n\nThe result is 3.", "tokens": 70},
    ),
    "denied tool": (
        "call pay",
        {},
        {
            "text": "Let me see.\n\nThe result is The call of 'pay' was refused and was not run. "
            "The reason given: This call needs the approval of a person, and no one can be asked "
            "here..",
            "tokens": 70,
        },
    ),
    "client's tool": (
        "call weather",
        {"tools": [WEATHER]},
        {
            "text": "Let me see.",
            "calls": [("call00000", "weather", '{"city": "Oslo"}')],
            "reason": "tool_calls",
        },
    ),
    "own and client's tool": (
        "call add weather",
        {"tools": [WEATHER]},
        {
            "text": "Let me see.",
            "calls": [("call00001", "weather", '{"city": "Oslo"}')],
            "reason": "tool_calls",
        },
    ),
    "two calls of the client's tool": (
        "call weather weather",
        {"tools": [WEATHER]},
        {
            "text": "Let me see.",
            "calls": [(f"call0000{at}", "weather", '{"city": "Oslo"}') for at in range(2)],
            "reason": "tool_calls",
        },
    ),
    "schema": ("json", {"response_format": SCHEMA}, {"text": '{"city": "Oslo"}'}),
    "object": ("json", {"response_format": {"type": "json_object"}}, {"text": '{"city": "Oslo"}'}),
    "text format": ("hi", {"response_format": {"type": "text"}}, {"text": "You said: hi"}),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_is_the_same_complete_and_streamed(
    client: Any, name: str, ask: Any
) -> None:
    """Text, calls, reason and usage."""
    text, fields, expected = ANSWERS[name]
    usual = {"text": "", "reasoning": "", "calls": [], "reason": "stop", "tokens": 35}

    found = await ask(client, messages=said(text), **fields)

    if name in ("schema", "object"):
        found["text"] = json.dumps(json.loads(found["text"]))
    assert found == {**usual, **expected}


@BOTH
async def test_the_results_of_the_clients_tool_come_with_the_next_request(
    client: Any, ask: Any
) -> None:
    """The conversation goes on from there."""
    messages = said("call weather")
    first = await ask(client, messages=messages, tools=[WEATHER])
    calls = [
        {"id": call[0], "type": "function", "function": {"name": call[1], "arguments": call[2]}}
        for call in first["calls"]
    ]
    messages += [
        {"role": "assistant", "content": first["text"], "tool_calls": calls},
        {"role": "tool", "tool_call_id": calls[0]["id"], "content": "rain"},
    ]

    found = await ask(client, messages=messages, tools=[WEATHER])

    assert (found["text"], found["reason"]) == ("The result is rain.", "stop")


FAILURES = {
    "rate_limit": openai.RateLimitError,
    "invalid_request": openai.BadRequestError,
    "content_filter": openai.BadRequestError,
    "auth": openai.InternalServerError,
    "server": openai.InternalServerError,
    "connection": openai.InternalServerError,
    "timeout": openai.InternalServerError,
}
STATUS = {"auth": 502, "server": 502, "connection": 502, "timeout": 504}


@BOTH
@pytest.mark.parametrize("kind", FAILURES)
async def test_a_failure_of_the_provider_is_a_status(client: Any, kind: str, ask: Any) -> None:
    """Nothing was sent before it."""
    with pytest.raises(FAILURES[kind]) as failed:
        await ask(client, messages=said(f"fail {kind}"))

    assert failed.value.code == kind
    assert failed.value.status_code == STATUS.get(kind, failed.value.status_code)
    if kind == "rate_limit":
        assert failed.value.response.headers["retry-after"] == "3"


async def test_a_failure_after_the_first_text_ends_the_stream(client: Any, url: str) -> None:
    """With an error as the last event, and without the mark of a good end."""
    with pytest.raises(openai.APIError, match="The provider failed"):
        await streamed(client, messages=said("late fail"))

    body = {"model": "helper", "messages": said("late fail"), "stream": True}
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{url}/v1/chat/completions", json=body)

    assert answer.status_code == 200
    assert "[DONE]" not in answer.text
    assert json.loads(answer.text.strip().rpartition("data: ")[2])["error"]["type"]


async def test_structured_output_that_never_fits_is_an_error(client: Any) -> None:
    """Also for a stream, of which nothing was sent."""
    for ask in (complete, streamed):
        with pytest.raises(openai.InternalServerError) as failed:
            await ask(client, messages=said("nojson"), response_format=SCHEMA)
        assert failed.value.code == "invalid_output"


async def test_the_stream_helper_of_the_client_works(client: Any) -> None:
    """It assembles the same answer."""
    async with client.chat.completions.stream(
        model="helper", messages=said("call weather"), tools=[WEATHER]
    ) as stream:
        kinds = {event.type async for event in stream}
        final = await stream.get_final_completion()

    assert {"content.delta", "content.done", "chunk"} <= kinds
    (call,) = final.choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("weather", '{"city": "Oslo"}')


async def test_messages_of_all_roles_reach_the_model(client: Any) -> None:
    """System messages are added to the agent's own instructions."""
    messages = [
        {"role": "system", "content": "Speak French."},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "system"}]},
    ]

    found = await complete(client, messages=messages)

    assert json.loads(found["text"]) == ["Be brief.", "Speak French.", "Be kind."]


async def test_an_image_reaches_the_model(client: Any) -> None:
    """Inside the request; nothing is fetched."""
    parts = [
        {"type": "text", "text": "image"},
        {"type": "image_url", "image_url": {"url": PNG}},
    ]

    found = await complete(client, messages=said(parts))

    assert json.loads(found["text"]) == ["image/png"]


@pytest.mark.parametrize(
    ("choice", "offered", "mode"),
    [
        ("auto", True, "auto"),
        ("none", False, "auto"),
        ("required", True, "required"),
        ({"type": "function", "function": {"name": "weather"}}, True, "required"),
    ],
    ids=["auto", "none", "required", "named"],
)
async def test_the_choice_is_about_the_clients_tools(
    client: Any, model: RuleModel, choice: Any, offered: bool, mode: str
) -> None:
    """With `none` they are not offered; the agent's own tools are."""
    await complete(client, messages=said("hi"), tools=[WEATHER], tool_choice=choice)

    request = model.requests[-1]
    names = [tool.name for tool in request.tools]
    assert names == ["add", "pay", "wait", *(["weather"] if offered else [])]
    assert model.requests[-1].tool_choice.mode == mode or mode == "required"


async def test_the_agents_are_the_models(client: Any) -> None:
    """In a list and one by one."""
    listed = [one.id async for one in client.models.list()]

    assert listed == ["helper", "plain"]
    assert (await client.models.retrieve("plain")).id == "plain"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("other")
    with pytest.raises(openai.NotFoundError) as missing:
        await complete(client, model="other", messages=said("hi"))
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")


async def test_the_agents_tools_are_notes_on_empty_deltas(client: Any) -> None:
    """A chunk without choices would break clients; arguments and results are not shown."""
    stream = await client.chat.completions.create(
        model="helper", messages=said("call add"), stream=True
    )
    notes = [
        chunk.model_extra["agentkit"]
        async for chunk in stream
        if chunk.choices and "agentkit" in (chunk.model_extra or {})
    ]

    assert [(note["event"], note["tool_name"]) for note in notes] == [
        ("tool_call_started", "add"),
        ("tool_call_finished", "add"),
    ]
    assert all("arguments" not in note and "result" not in note for note in notes)


async def test_a_stream_without_the_option_has_no_usage(client: Any) -> None:
    """Its last chunk has the reason."""
    stream = await client.chat.completions.create(model="helper", messages=said("hi"), stream=True)
    chunks = [chunk async for chunk in stream]

    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_usage_has_its_parts(client: Any) -> None:
    """Of the cache and of reasoning."""
    answer = await client.chat.completions.create(model="helper", messages=said("hi"))

    assert answer.usage.prompt_tokens_details.cached_tokens == 10
    assert answer.usage.completion_tokens_details.reasoning_tokens == 2


async def test_a_key_gives_the_same_answer_again(client: Any, model: RuleModel) -> None:
    """Complete or streamed, without a second run; another request with it is refused."""
    key = {"extra_headers": {"Idempotency-Key": "k1"}}
    request = {"model": "helper", "messages": said("call add")}
    first = await client.chat.completions.create(**request, **key)
    count = len(model.requests)

    second = await client.chat.completions.create(**request, **key)

    assert second.model_dump() == first.model_dump()
    assert len(model.requests) == count
    with pytest.raises(openai.UnprocessableEntityError):
        await client.chat.completions.create(model="helper", messages=said("x"), **key)


async def test_a_streamed_answer_is_given_again(client: Any) -> None:
    """With the same text."""
    key = {"extra_headers": {"Idempotency-Key": "k2"}}

    first = await streamed(client, messages=said("hi"), **key)
    second = await streamed(client, messages=said("hi"), **key)

    assert first == second


async def test_a_key_whose_request_failed_can_be_used_again(client: Any) -> None:
    """Nothing is kept of a failure."""
    key = {"extra_headers": {"Idempotency-Key": "k3"}}
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            await complete(client, messages=said("fail server"), **key)
