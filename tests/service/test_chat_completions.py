"""OpenAI's own client, which validates strictly, judges the chat completions of the service."""

import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from agentkit.chat import ModelSettings
from tests.service.rule_model import RuleModel

openai = pytest.importorskip("openai")

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Return the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "place", "schema": CITY, "strict": True}}
TLS = ssl.create_default_context()
"""Loaded once: it takes a tenth of a second."""

PNG = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture
async def client(url: str) -> AsyncIterator[Any]:
    """Return a client that neither retries nor forgives."""
    async with openai.AsyncOpenAI(
        base_url=f"{url}/v1",
        api_key="none",
        max_retries=0,
        http_client=httpx.AsyncClient(verify=TLS),
        _strict_response_validation=True,
    ) as client:
        yield client


def said(text: Any) -> list[dict[str, Any]]:
    """Return a conversation of one message."""
    return [{"role": "user", "content": text}]


async def complete(client: Any, **request: Any) -> dict[str, Any]:
    """Return a complete answer in plain values."""
    answer = await client.chat.completions.create(**{"model": "helper", **request})
    (choice,) = answer.choices
    message = choice.message.model_dump()
    return {
        "text": message["content"] or "",
        "reasoning": message.get("reasoning_content", ""),
        "calls": [
            (call["id"], call["function"]["name"], call["function"]["arguments"])
            for call in message["tool_calls"] or ()
        ],
        "reason": choice.finish_reason,
        "tokens": answer.usage.total_tokens,
    }


async def streamed(client: Any, **request: Any) -> dict[str, Any]:
    """Return a streamed answer in the same values."""
    text, reasoning, calls = "", "", list[list[str]]()
    reason, tokens = None, None
    options = {"stream": True, "stream_options": {"include_usage": True}}
    stream = await client.chat.completions.create(**{"model": "helper", **request, **options})
    async for chunk in stream:
        if chunk.usage is not None:
            tokens = chunk.usage.total_tokens
        for choice in chunk.choices:
            delta = choice.delta.model_dump()
            text += delta["content"] or ""
            reasoning += delta.get("reasoning_content", "")
            reason = choice.finish_reason or reason
            for part in delta["tool_calls"] or ():
                if part["id"]:
                    calls.append([part["id"], part["function"]["name"], ""])
                calls[part["index"]][2] += part["function"]["arguments"]
    found = [(call[0], call[1], call[2]) for call in calls]
    return {
        "text": text, "reasoning": reasoning, "calls": found, "reason": reason, "tokens": tokens,
    }  # fmt: skip


BOTH = pytest.mark.parametrize("ask", [complete, streamed])

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
    whole = {"text": "", "reasoning": "", "calls": [], "reason": "stop", "tokens": 35}

    found = await ask(client, messages=said(text), **fields)

    if name in ("schema", "object"):
        found["text"] = json.dumps(json.loads(found["text"]))
    assert found == {**whole, **expected}


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


SETTINGS: dict[str, tuple[dict[str, Any], ModelSettings]] = {
    "temperature": ({"temperature": 0.5}, ModelSettings(temperature=0.5)),
    "top_p": ({"top_p": 0.25}, ModelSettings(top_p=0.25)),
    "seed": ({"seed": 7}, ModelSettings(seed=7)),
    "stop": ({"stop": "END"}, ModelSettings(stop=("END",))),
    "stops": ({"stop": ["A", "B"]}, ModelSettings(stop=("A", "B"))),
    "max_tokens": ({"max_tokens": 9}, ModelSettings(max_tokens=9)),
    "max_completion_tokens": ({"max_completion_tokens": 8}, ModelSettings(max_tokens=8)),
    "parallel_tool_calls": (
        {"parallel_tool_calls": False, "tools": [WEATHER]},
        ModelSettings(parallel_tool_calls=False),
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
async def test_a_setting_reaches_the_model(client: Any, model: RuleModel, name: str) -> None:
    """As a value of ours."""
    fields, expected = SETTINGS[name]

    await complete(client, messages=said("hi"), **fields)

    assert model.requests[-1].settings == expected


HARMLESS: dict[str, Any] = {
    "metadata": {"a": "b"},
    "prediction": {"type": "content", "content": "x"},
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "safety_identifier": "s",
    "service_tier": "auto",
    "store": False,
    "user": "u",
    "n": 1,
    "logprobs": False,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logit_bias": {},
    "modalities": ["text"],
    "verbosity": "medium",
}


@pytest.mark.parametrize("field", HARMLESS)
async def test_a_field_that_changes_nothing_is_accepted(client: Any, field: str) -> None:
    """A label, a cache, or a neutral value."""
    found = await complete(client, messages=said("hi"), **{field: HARMLESS[field]})

    assert found["text"] == "You said: hi"


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "n": ({"n": 2}, "n", "unsupported_value"),
    "logprobs": ({"logprobs": True}, "logprobs", "unsupported_value"),
    "audio": ({"audio": {"voice": "ash", "format": "wav"}}, "audio", "unsupported_value"),
    "modalities": ({"modalities": ["text", "audio"]}, "modalities", "unsupported_value"),
    "penalty": ({"frequency_penalty": 0.5}, "frequency_penalty", "unsupported_value"),
    "web search": ({"web_search_options": {}}, "web_search_options", "unsupported_value"),
    "reasoning effort": ({"reasoning_effort": "high"}, "reasoning_effort", "unsupported_value"),
    "unknown field": ({"extra_body": {"top_a": 1}}, "top_a", "unknown_parameter"),
    "temperature": ({"temperature": 3}, "temperature", "invalid_value"),
    "no message": ({"messages": []}, "messages", "invalid_value"),
    "a role": ({"messages": [{"role": "king", "content": "x"}]}, "messages[0]", "invalid_value"),
    "an image elsewhere": (
        {
            "messages": said(
                [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}]
            )
        },
        "messages[0].content[0].image_url.url",
        "unsupported_value",
    ),
    "a call without result": (
        {
            "messages": [
                *said("x"),
                {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "id": "c",
                            "type": "function",
                            "function": {"name": "f", "arguments": "{}"},
                        }
                    ],
                },
            ]
        },
        "messages",
        "invalid_value",
    ),
    "a tool of the agent": (
        {"tools": [{"type": "function", "function": {"name": "add", "parameters": {}}}]},
        "tools[0]",
        "invalid_value",
    ),
    "a schema": (
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "parameters": {"type": "what"}}}
            ]
        },
        "tools[0]",
        "invalid_value",
    ),
    "a format": (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"type": "array"}},
            }
        },
        "response_format",
        "invalid_value",
    ),
    "too many messages": ({"messages": said("x") * 51}, "messages", "too_many_messages"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_done_is_refused_by_name(client: Any, name: str, stream: bool) -> None:
    """Before the first byte, so with a status, also for a stream."""
    fields, param, code = REFUSED[name]
    request = {"model": "helper", "messages": said("hi"), **fields}

    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(**request, stream=stream)

    assert (refused.value.param, refused.value.code) == (param, code)


async def test_a_field_on_the_agents_list_is_dropped(client: Any) -> None:
    """Open WebUI sends it; another agent refuses it."""
    extra = {"min_p": 0.1}

    found = await complete(client, messages=said("hi"), extra_body=extra)

    assert found["text"] == "You said: hi"
    with pytest.raises(openai.BadRequestError, match="min_p"):
        await complete(client, model="plain", messages=said("hi"), extra_body=extra)


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


async def test_messages_of_all_roles_reach_the_model(client: Any, model: RuleModel) -> None:
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


async def test_the_agents_tools_are_notes_beside_an_empty_delta(client: Any) -> None:
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
