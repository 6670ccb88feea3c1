"""Over the wire: complete and streamed answers, and every kind of rejection."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from agentkit.json_schema import JsonValue
from agentkit.sandbox import Sandbox, launch, sandbox
from agentkit.sandbox.http_server import ServerLimits
from agentkit.testing import ManualClock
from tests.shared_tls import TLS

ADD: JsonValue = {
    "type": "function",
    "function": {
        "name": "calculate",
        "description": "Calculate an arithmetic expression.",
        "parameters": {
            "type": "object",
            "properties": {"expression": {"type": "string", "description": "what to work out"}},
            "required": ["expression"],
        },
    },
}
ASKED: JsonValue = {"role": "user", "content": "What is 2 + 2? What is 3 \u00d7 3?"}


def _body(*messages: JsonValue, **more: JsonValue) -> dict[str, JsonValue]:
    return {"model": "mixtral-8x22b", "messages": [*messages], **more}


@asynccontextmanager
async def _running(
    limits: ServerLimits | None = None,
) -> AsyncIterator[tuple[Sandbox, httpx.AsyncClient]]:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    async with (
        sandbox(clock=clock, limits=limits) as running,
        httpx.AsyncClient(base_url=running.base_url, timeout=60, verify=TLS) as client,
    ):
        yield running, client


async def _chat(client: httpx.AsyncClient, body: Mapping[str, JsonValue]) -> httpx.Response:
    return await client.post("/chat/completions", json=body)


def _events(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


async def test_a_complete_answer_has_calls_usage_and_a_note_that_there_is_no_model() -> None:
    """In the format of La Plateforme."""
    async with _running() as (running, client):
        answer = (await _chat(client, _body(ASKED, tools=[ADD]))).json()

    (choice,) = answer["choices"]
    calls = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == ""
    assert [call["function"]["arguments"] for call in calls] == [
        '{"expression": "2 + 2"}',
        '{"expression": "3 * 3"}',
    ]
    assert all(len(call["id"]) == 9 and call["type"] == "function" for call in calls)
    assert answer["usage"]["total_tokens"] == (
        answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]
    )
    assert answer["object"] == "chat.completion"
    assert answer["created"] == 1767225600
    assert answer["sandbox"]["is_language_model"] is False
    assert "no-language-model" in answer["system_fingerprint"]
    assert running.chats == [_body(ASKED, tools=[ADD])]


async def test_a_streamed_answer_is_the_complete_one_in_chunks() -> None:
    """Calls, text and usage; the same ids, since they follow from the conversation."""
    joke = _body({"role": "user", "content": "Tell me a joke"}, tools=[ADD])
    async with _running() as (_, client):
        for body in (joke, _body(ASKED, tools=[ADD])):
            complete = (await _chat(client, body)).json()
            response = await _chat(client, {**body, "stream": True})
            chunks = _events(response.text)

            message = complete["choices"][0]["message"]
            deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
            calls: dict[int, dict[str, str]] = {}
            for delta in deltas:
                for part in delta.get("tool_calls", []):
                    call = calls.setdefault(part["index"], {"id": "", "name": "", "arguments": ""})
                    call["id"] += part.get("id", "")
                    call["name"] += part["function"].get("name", "")
                    call["arguments"] += part["function"]["arguments"]
            assert response.headers["content-type"].startswith("text/event-stream")
            assert "".join(delta.get("content", "") for delta in deltas) == message["content"]
            assert list(calls.values()) == [
                {"id": call["id"], **call["function"]} for call in message["tool_calls"] or []
            ]
            assert chunks[-1]["usage"] == complete["usage"]
            assert (
                chunks[-1]["choices"][0]["finish_reason"] == complete["choices"][0]["finish_reason"]
            )
            assert {chunk["id"] for chunk in chunks} == {complete["id"]}
            assert all(chunk["sandbox"] for chunk in chunks)


async def test_results_are_paired_with_their_calls_by_id() -> None:
    """In any order; a broken call earlier in the conversation changes nothing."""
    calls: JsonValue = [
        {
            "id": "abcdefgh1",
            "function": {"name": "calculate", "arguments": {"expression": "2 + 2"}},
        },
        {
            "id": "abcdefgh2",
            "function": {"name": "calculate", "arguments": '{"expression": "3 * 3"}'},
        },
    ]
    broken: JsonValue = [{"id": "abcdefgh3", "function": {"name": "calculate", "arguments": "{"}}]
    conversation: list[JsonValue] = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "What?"},
        {"role": "assistant", "tool_calls": broken},
        {"role": "tool", "content": "Error", "tool_call_id": "abcdefgh3"},
        {"role": "assistant", "content": "Sorry."},
        {"role": "user", "content": [{"type": "text", "text": "What is 2 + 2 and what is 3 * 3?"}]},
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "content": "9", "tool_call_id": "abcdefgh2"},
        {"role": "tool", "content": "4", "tool_call_id": "abcdefgh1"},
    ]
    async with _running() as (_, client):
        answer = (await _chat(client, _body(*conversation, tools=[ADD]))).json()

    assert answer["choices"][0]["message"]["content"] == "2 + 2 is 4. 3 \u00d7 3 is 9."


async def test_a_conversation_without_a_question_is_answered() -> None:
    """A system message alone is accepted, so it gets an answer."""
    async with _running() as (_, client):
        answer = await _chat(client, _body({"role": "system", "content": "be kind"}))

    assert "not a language model" in answer.json()["choices"][0]["message"]["content"]


async def test_the_limit_and_the_stop_texts_are_kept() -> None:
    """The answer says that it was cut."""
    joke: JsonValue = {"role": "user", "content": "Tell me a joke"}
    async with _running() as (_, client):
        cut = (await _chat(client, _body(joke, max_tokens=3))).json()
        stopped = (await _chat(client, _body(joke, stop="sandbox"))).json()
        also = (await _chat(client, _body(joke, stop=["zebra", "sandbox"]))).json()

    assert cut["choices"][0]["finish_reason"] == "length"
    assert cut["usage"]["completion_tokens"] == 3
    assert stopped["choices"][0]["message"]["content"] == "This is agentkit's "
    assert also["choices"] == stopped["choices"]


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        (_body(ASKED, seed=1), ["body", "seed"], "extra_forbidden"),
        (_body(ASKED, stream_options={}), ["body", "stream_options"], "extra_forbidden"),
        (_body(ASKED, tools=[]), ["body", "tools"], "too_short"),
        (_body(ASKED, tool_choice="force"), None, None),
        (_body(ASKED, response_format={"type": "json_object"}), None, "literal_error"),
        (_body({"role": "bot"}), ["body", "messages", 0], "union_tag_invalid"),
        (
            _body({"role": "user", "content": "x", "name": "bob"}),
            ["body", "messages", 0, "user", "name"],
            "extra_forbidden",
        ),
        ({"messages": [ASKED]}, ["body", "model"], "missing"),
    ],
    ids=["seed", "stream_options", "no tools", "choice", "format", "role", "name", "no model"],
)
async def test_a_field_that_is_not_known_is_rejected(
    body: dict[str, JsonValue], loc: list[JsonValue] | None, kind: str | None
) -> None:
    """With status 422, the place, and no word of what was sent."""
    async with _running() as (_, client):
        response = await _chat(client, body)

    error = response.json()
    first = error["message"]["detail"][0]
    assert response.status_code == 422
    assert (error["object"], error["code"]) == ("error", "3001")
    assert loc is None or first["loc"] == loc
    assert kind is None or first["type"] == kind
    assert "input" not in first


async def test_other_refusals_have_their_status() -> None:
    """Not JSON, a model it does not have, what the model refuses, another path, another verb."""
    prefixed: JsonValue = {"role": "assistant", "content": "x"}
    async with _running() as (_, client):
        broken = await client.post("/chat/completions", content=b"{")
        model = await _chat(client, {**_body(ASKED), "model": "gpt"})
        order = await _chat(client, _body(ASKED, prefixed))
        path = await client.post("/embeddings", json={})
        verb = await client.get("/chat/completions")

    assert (broken.status_code, broken.json()["message"][:21]) == (400, "The body is not JSON:")
    assert (model.status_code, model.json()["code"]) == (400, "1500")
    assert (order.status_code, order.json()["code"]) == (400, "3230")
    assert (path.status_code, path.json()["type"]) == (404, "not_found")
    assert (verb.status_code, verb.headers["allow"]) == (405, "POST")


async def test_a_body_over_the_limit_is_rejected_before_it_is_read() -> None:
    """By the server, in plain text."""
    async with _running(ServerLimits(max_body_bytes=1000)) as (running, client):
        response = await _chat(client, _body({"role": "user", "content": "x" * 2000}))

    assert response.status_code == 413
    assert running.requests == []


async def test_the_models_are_listed() -> None:
    """With the one it was launched for."""
    async with launch("my-model") as url, httpx.AsyncClient(base_url=url, verify=TLS) as client:
        listed = (await client.get("/models")).json()
        answer = await client.post("/chat/completions", json={**_body(ASKED), "model": "my-model"})

    names = [model["id"] for model in listed["data"]]
    assert names == ["my-model", "mixtral-8x22b", "open-mixtral-8x22b"]
    assert answer.json()["model"] == "my-model"


async def test_half_a_surrogate_pair_is_rejected_or_survived() -> None:
    """JSON can name one; UTF-8 cannot hold it."""
    body = json.dumps(_body({"role": "user", "content": "\ud800"})).encode()
    async with _running() as (_, client):
        response = await client.post("/chat/completions", content=body)

    assert response.status_code == 400
