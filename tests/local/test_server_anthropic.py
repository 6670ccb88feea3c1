"""Properties of llama.cpp's server in the Anthropic format.

- Blocks, stop reasons (`tool_use`, `end_turn`, `max_tokens`) and stream events are Anthropic's. Ids
  of messages begin with `chatcmpl-`, those of calls are 32 letters and digits, which the template
  rejects when they are sent back.
- The start of a streamed tool block has no `input`; its JSON follows in deltas.
- `tool_choice` `any` and `auto` work; with `tool` the model calls any tool; `none` is ignored: the
  model still calls.
- Arguments that the limit cut are an empty `input`, as if the model had meant none, or complete;
  only
  `stop_reason: "max_tokens"` shows it. A stream contains the cut JSON.
- `input_tokens` excludes cached tokens. `max_tokens` may be missing.
- Errors have llama.cpp's own format, without `type: "error"` around it; missing messages are a 500.
"""

import json
from typing import Any

import httpx
import pytest

from tests.local.exchange import ARGUMENTS, QUESTION, SCHEMA, error, read_events

model = pytest.importorskip("tests.local.tiny_mixtral")

WEATHER = {"name": "get_weather", "description": "For a test.", "input_schema": SCHEMA}


def ask(client: httpx.Client, path: str = "/messages", **fields: object) -> httpx.Response:
    """Send a message with the weather tool, at temperature 0."""
    body = {"model": "any", "messages": [QUESTION], "tools": [WEATHER], "temperature": 0}
    return client.post(path, json={**body, "max_tokens": 200, **fields})


def answered(call_id: str) -> list[dict[str, Any]]:
    """Return a conversation in which the tool was called and has returned."""
    use = {"type": "tool_use", "id": call_id, "name": "get_weather", "input": ARGUMENTS}
    result = {"type": "tool_result", "tool_use_id": call_id, "content": "21 degrees"}
    return [
        QUESTION,
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]


def test_a_question_with_a_tool_is_answered_with_a_tool_block(client: httpx.Client) -> None:
    """There is no text block."""
    body = ask(client).json()

    (block,) = body["content"]
    assert (block["type"], block["name"], block["input"]) == ("tool_use", "get_weather", ARGUMENTS)
    assert len(block["id"]) == 32
    assert (body["type"], body["role"], body["stop_reason"]) == ("message", "assistant", "tool_use")


def test_a_tool_block_is_streamed_in_deltas(client: httpx.Client) -> None:
    """The events are Anthropic's, in order."""
    start, block, *deltas, block_end, message_delta, stop = read_events(ask(client, stream=True))

    fragments = [event["delta"]["partial_json"] for event in deltas]
    assert start["type"] == "message_start"
    assert start["message"]["content"] == []
    assert set(block["content_block"]) == {"type", "id", "name"}
    assert block["content_block"]["name"] == "get_weather"
    assert {event["delta"]["type"] for event in deltas} == {"input_json_delta"}
    assert len(fragments) > 4
    assert json.loads("".join(fragments)) == ARGUMENTS
    assert block_end == {"type": "content_block_stop", "index": 0}
    assert message_delta["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert stop == {"type": "message_stop"}


def test_a_result_is_answered_with_the_sentence(client: httpx.Client) -> None:
    """The turn ends."""
    body = ask(client, messages=answered("abcdefghi")).json()

    assert body["content"] == [{"type": "text", "text": model.ANSWER}]
    assert body["stop_reason"] == "end_turn"


def test_a_text_answer_is_streamed_in_deltas(client: httpx.Client) -> None:
    """In one text block."""
    response = ask(client, messages=answered("abcdefghi"), stream=True)

    _, block, *deltas, _, message_delta, _ = read_events(response)
    assert block["content_block"] == {"type": "text", "text": ""}
    assert "".join(event["delta"]["text"] for event in deltas) == model.ANSWER
    assert message_delta["delta"]["stop_reason"] == "end_turn"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_servers_own_ids_are_rejected(client: httpx.Client, stream: bool) -> None:
    """With llama.cpp's own error format."""
    response = ask(client, messages=answered("x" * 32), stream=stream)

    status, kind, message = error(response)
    assert (status, kind) == (400, "invalid_request_error")
    assert message.endswith("Tool call ids must be nine letters or digits.")
    assert set(response.json()) == {"error"}


@pytest.mark.parametrize(
    "tool_choice",
    [{"type": "any"}, {"type": "none"}, {"type": "tool", "name": "never_offered"}],
    ids=["any", "none", "named"],
)
def test_the_model_calls_a_tool_with_every_tool_choice(
    client: httpx.Client, tool_choice: dict[str, str]
) -> None:
    """To prevent calls, send no tools; to require one tool, send only that."""
    body = ask(client, tool_choice=tool_choice).json()

    assert [block.get("name") for block in body["content"]] == ["get_weather"]


@pytest.mark.parametrize(
    ("max_tokens", "arguments"), [(12, {}), (18, ARGUMENTS)], ids=["cut", "whole"]
)
def test_only_the_stop_reason_shows_that_arguments_were_cut(
    client: httpx.Client, max_tokens: int, arguments: dict[str, str]
) -> None:
    """Cut arguments look like none."""
    body = ask(client, max_tokens=max_tokens).json()

    assert [block["input"] for block in body["content"]] == [arguments]
    assert body["stop_reason"] == "max_tokens"


def test_a_stream_contains_arguments_that_were_cut(client: httpx.Client) -> None:
    """They are not JSON."""
    _, _, *deltas, _, message_delta, _ = read_events(ask(client, max_tokens=12, stream=True))

    assert "".join(event["delta"]["partial_json"] for event in deltas) == "{"
    assert message_delta["delta"]["stop_reason"] == "max_tokens"


def test_cached_tokens_are_not_counted_as_input(client: httpx.Client) -> None:
    """The sum is the length of the prompt, which `count_tokens` returns in advance."""
    counted = ask(client, "/messages/count_tokens").json()["input_tokens"]

    ask(client)
    usage = ask(client).json()["usage"]

    assert usage["cache_read_input_tokens"] > usage["input_tokens"]
    assert usage["cache_read_input_tokens"] + usage["input_tokens"] == counted


def test_the_limit_may_be_missing(client: httpx.Client) -> None:
    """Anthropic itself rejects that."""
    assert ask(client, max_tokens=None).json()["stop_reason"] == "tool_use"


def test_missing_messages_are_an_error_of_the_server(client: httpx.Client) -> None:
    """The OpenAI format has a 400 for the same."""
    assert error(client.post("/messages", json={})) == (
        500,
        "server_error",
        "'messages' is required",
    )
