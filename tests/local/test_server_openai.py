"""Properties of llama.cpp's server in the OpenAI format, which its clients must handle.

- A complete call has `content: ""` and `finish_reason: "tool_calls"`. In a stream the arguments are
  fragments, the first one `{`, and each fragment has an index.
- It makes new ids of 32 letters and digits for every response, and a template that requires nine
  then rejects them with a 400 "Unable to generate parser …", not retryable. An id that the model
  itself writes is passed on unchanged, and may be the same in every turn.
- `tool_choice` is `auto`, `required` or `none`. A named tool works like `auto`, even one that was
  not offered; `any` is a 400. `none` leaves the tools in the prompt and disables the parser, so the
  call is returned as text with its marker. `required` without tools is ignored; after a tool result
  it gives text and a call in one message.
- A token limit inside a call gives `finish_reason: "length"` with the incomplete call; inside its
  name it gives `[TOOL_CALLS] [{"name…` as text; just after it, a complete, valid call, still with
  `length`.
- Arguments fit the schema, except for patterns that its grammar cannot express, which it ignores
  silently. A schema with an unknown type or a broken `$ref` is a 400.
- Broken JSON in the arguments of an earlier call is a 500, not retryable. So is a tool of another
  format, and an image.
- The last message may be the assistant's: its text is continued and comes back with the answer.
  No messages at all is a 200 with an empty text.
- Unknown fields and the model's name are ignored; `n` over 1 is a 400.
- A prompt over the context is a 400 `exceed_context_size_error` with both numbers.
- After a stream it closes the connection, though the head said `Keep-Alive`: a pooled connection
  that is used again at once breaks before anything is answered.
"""

import json
import socket
from typing import Any

import httpx
import jsonschema
import pytest

from tests.local.exchange import ARGUMENTS, QUESTION, SCHEMA, error, function, read_events

model = pytest.importorskip("tests.local.tiny_mixtral")

WEATHER = function("get_weather", SCHEMA)
MINTED = 32


def chat(client: httpx.Client, **fields: object) -> httpx.Response:
    """Send a request for a chat completion with the weather tool, at temperature 0."""
    body = {"messages": [QUESTION], "tools": [WEATHER], "temperature": 0, "max_tokens": 200}
    return client.post("/chat/completions", json=body | fields)


def choice(response: httpx.Response) -> Any:
    """Return the only choice of a complete response."""
    assert response.status_code == 200, response.text
    (only,) = response.json()["choices"]
    return only


def answered(call_id: str, *, arguments: str = json.dumps(ARGUMENTS)) -> list[dict[str, Any]]:
    """Return a conversation in which the tool was called and has returned."""
    called = {"name": "get_weather", "arguments": arguments}
    call = {"id": call_id, "type": "function", "function": called}
    return [
        QUESTION,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": "21 degrees"},
    ]


def test_a_question_with_a_tool_is_answered_with_a_call(client: httpx.Client) -> None:
    """The complete response has an empty text with the call, and usage."""
    response = chat(client)

    only = choice(response)
    (call,) = only["message"]["tool_calls"]
    assert only["finish_reason"] == "tool_calls"
    assert only["message"]["content"] == ""
    assert call["type"] == "function"
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"]) == ARGUMENTS
    assert response.json()["usage"]["prompt_tokens"] > 60


def test_each_response_has_new_ids(client: httpx.Client) -> None:
    """They are long, and the same request never gets the same one."""
    ids = {choice(chat(client))["message"]["tool_calls"][0]["id"] for _ in range(3)}

    assert len(ids) == 3
    assert {len(minted) for minted in ids} == {MINTED}


def test_an_id_that_the_model_writes_is_passed_on(client: httpx.Client) -> None:
    """Two turns have the same one, and it does not have nine characters."""
    no_arguments = function("now", {"type": "object", "properties": {}})

    calls = [choice(chat(client, tools=[no_arguments]))["message"]["tool_calls"] for _ in range(2)]

    assert [[call["id"] for call in turn] for turn in calls] == [["London"], ["London"]]
    assert calls[0][0]["function"]["arguments"] == "{}"


def test_a_call_is_streamed_in_deltas(client: httpx.Client) -> None:
    """Role, then id and name with a brace, then fragments, then the reason, then usage."""
    response = chat(client, stream=True, stream_options={"include_usage": True})

    *chunks, usage, done = read_events(response)
    first, *called, last = [chunk["choices"][0] for chunk in chunks]
    (opened,) = called[0]["delta"]["tool_calls"]
    fragments = [part["delta"]["tool_calls"][0]["function"]["arguments"] for part in called]
    assert first["delta"] == {"role": "assistant", "content": None}
    assert (opened["index"], opened["type"], len(opened["id"])) == (0, "function", MINTED)
    assert opened["function"] == {"name": "get_weather", "arguments": "{"}
    assert all(set(part["delta"]["tool_calls"][0]) == {"index", "function"} for part in called[1:])
    assert len(fragments) > 4
    assert json.loads("".join(fragments)) == ARGUMENTS
    assert (last["delta"], last["finish_reason"]) == ({}, "tool_calls")
    assert (usage["choices"], done) == ([], "[DONE]")
    assert usage["usage"]["completion_tokens"] > 10


def test_a_result_is_answered_with_the_sentence(client: httpx.Client) -> None:
    """Its id has nine letters or digits."""
    only = choice(chat(client, messages=answered("abcdefghi")))

    assert only["message"] == {"role": "assistant", "content": model.ANSWER}
    assert only["finish_reason"] == "stop"


def test_a_text_answer_is_streamed_in_deltas(client: httpx.Client) -> None:
    """No chunk repeats the role."""
    *chunks, done = read_events(chat(client, messages=answered("abcdefghi"), stream=True))

    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": None}
    assert "".join(delta["content"] for delta in deltas[1:-1]) == model.ANSWER
    assert (deltas[-1], done) == ({}, "[DONE]")


def test_without_tools_there_is_no_call(client: httpx.Client) -> None:
    """The leading space is the model's."""
    only = choice(chat(client, tools=[]))

    assert only["message"]["content"] == " " + model.ANSWER_WITHOUT_TOOLS
    assert "tool_calls" not in only["message"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_servers_own_ids_are_rejected(client: httpx.Client, stream: bool) -> None:
    """With the template's message inside another one; a stream is rejected before it begins."""
    status, kind, message = error(chat(client, messages=answered("x" * MINTED), stream=stream))

    assert (status, kind) == (400, "invalid_request_error")
    assert message.startswith("Unable to generate parser for this template.")
    assert message.endswith("Jinja Exception: Tool call ids must be nine letters or digits.")


def test_a_question_right_after_a_result_is_rejected(client: httpx.Client) -> None:
    """As the templates of this family do."""
    status, _, message = error(chat(client, messages=[*answered("abcdefghi"), QUESTION]))

    assert status == 400
    assert message.endswith("Conversation roles must alternate: user, then assistant.")


@pytest.mark.parametrize("name", ["add", "never_offered"])
def test_a_named_tool_choice_works_like_auto(client: httpx.Client, name: str) -> None:
    """The model calls any tool."""
    add = function("add", {"type": "object", "properties": {}})
    wanted = {"type": "function", "function": {"name": name}}

    only = choice(chat(client, tools=[WEATHER, add], tool_choice=wanted))

    assert [call["function"]["name"] for call in only["message"]["tool_calls"]] == ["get_weather"]


def test_the_older_name_of_required_is_rejected(client: httpx.Client) -> None:
    """Only La Plateforme and similar providers accept `any`."""
    assert error(chat(client, tool_choice="any")) == (
        400,
        "invalid_request_error",
        "Invalid tool_choice: any",
    )


def test_none_leaves_the_tools_in_the_prompt_and_the_call_in_the_text(
    client: httpx.Client,
) -> None:
    """To prevent calls, send no tools."""
    only = choice(chat(client, tool_choice="none"))

    assert only["message"]["content"] == f"[TOOL_CALLS] {model.CALL}"
    assert only["finish_reason"] == "stop"


def test_required_after_a_result_gives_text_and_a_call(client: httpx.Client) -> None:
    """Such a message cannot be sent back to a model of this family unchanged."""
    only = choice(chat(client, messages=answered("abcdefghi"), tool_choice="required"))

    assert only["message"]["content"] == model.ANSWER
    assert len(only["message"]["tool_calls"]) == 1


def test_required_without_tools_is_ignored(client: httpx.Client) -> None:
    """The answer is text, without an error."""
    only = choice(chat(client, tools=[], tool_choice="required"))

    assert only["message"]["content"] == " " + model.ANSWER_WITHOUT_TOOLS


@pytest.mark.parametrize(
    ("max_tokens", "text", "arguments"),
    [
        (3, '[TOOL_CALLS] [{"', None),
        (12, "", "{"),
        (18, "", '{"city":"London"}'),
    ],
    ids=["in the name", "in the arguments", "just after the arguments"],
)
def test_a_call_cut_by_the_limit_is_returned_incomplete(
    client: httpx.Client, max_tokens: int, text: str, arguments: str | None
) -> None:
    """Only the finish reason shows it; a complete call has the same one."""
    only = choice(chat(client, max_tokens=max_tokens))

    calls = only["message"].get("tool_calls", [])
    assert only["finish_reason"] == "length"
    assert only["message"]["content"] == text
    assert [call["function"]["arguments"] for call in calls] == ([arguments] if arguments else [])


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {}},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {
            "type": "object",
            "properties": {
                "amount": {"type": "number"},
                "count": {"$ref": "#/$defs/count"},
                "mode": {"enum": ["slow", "fast"]},
                "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
                "when": {"type": "string", "format": "date"},
                "note": {"type": ["null", "string"]},
                "deep": {
                    "type": "object",
                    "properties": {"text": {"type": "string", "minLength": 9}},
                    "required": ["text"],
                },
                "either": {"oneOf": [{"type": "boolean"}, {"const": "k"}]},
                "optional": {"type": "string"},
            },
            "required": ["amount", "count", "mode", "tags", "when", "note", "deep", "either"],
            "$defs": {"count": {"type": "integer", "minimum": 10, "maximum": 20}},
        },
    ],
    ids=["nothing", "any names", "all kinds"],
)
@pytest.mark.parametrize("tool_choice", ["auto", "required"])
def test_arguments_fit_the_schema(
    client: httpx.Client, schema: dict[str, Any], tool_choice: str
) -> None:
    """The grammar enforces it."""
    only = choice(chat(client, tools=[function("other", schema)], tool_choice=tool_choice))

    (call,) = only["message"]["tool_calls"]
    jsonschema.validate(json.loads(call["function"]["arguments"]), schema)
    assert (call["function"]["name"], only["finish_reason"]) == ("other", "tool_calls")


def test_a_pattern_that_its_grammar_cannot_express_is_dropped(client: httpx.Client) -> None:
    """So arguments must still be validated."""
    schema = {
        "type": "object",
        "properties": {"code": {"type": "string", "pattern": "(?=x)y"}},
        "required": ["code"],
    }

    only = choice(chat(client, tools=[function("other", schema)]))

    assert only["message"]["tool_calls"][0]["function"]["arguments"] == '{"code":"London"}'


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "strange"}, "JSON schema error at #: unrecognized type strange"),
        ({"$ref": "#/$defs/x"}, "cannot resolve $ref #/$defs/x, $defs not found"),
    ],
    ids=["unknown type", "broken reference"],
)
def test_an_unsupported_schema_is_rejected(
    client: httpx.Client, schema: dict[str, Any], reason: str
) -> None:
    """One bad tool makes it reject the complete request."""
    outer = {"type": "object", "properties": {"a": schema}, "required": ["a"]}

    status, kind, message = error(chat(client, tools=[function("other", outer)]))

    assert (status, kind) == (400, "invalid_request_error")
    assert message.endswith(reason.replace("#:", "#/properties/a:"))


def test_broken_arguments_in_the_history_are_an_error_of_the_server(client: httpx.Client) -> None:
    """The 500 is the client's fault; a retry would not help."""
    broken = answered("abcdefghi", arguments='{"city":')

    status, kind, message = error(chat(client, messages=broken))

    assert (status, kind) == (500, "server_error")
    assert message.startswith("Failed to parse tool call arguments as JSON")


def test_a_prompt_over_the_context_is_rejected_with_token_counts(client: httpx.Client) -> None:
    """So that a client can shorten it."""
    long = {"role": "user", "content": "word " * model.CONTEXT_TOKENS}

    response = chat(client, messages=[long])

    status, kind, _ = error(response)
    assert (status, kind) == (400, "exceed_context_size_error")
    assert response.json()["error"]["n_ctx"] == model.CONTEXT_TOKENS
    assert response.json()["error"]["n_prompt_tokens"] > model.CONTEXT_TOKENS


def test_a_last_message_of_the_assistant_is_continued(client: httpx.Client) -> None:
    """Its text is returned before the answer."""
    only = choice(chat(client, messages=[QUESTION, {"role": "assistant", "content": "Sunny"}]))

    assert only["message"]["content"] == "Sunny"


def test_no_messages_are_an_empty_success(client: httpx.Client) -> None:
    """A 200 with nothing in it."""
    assert choice(chat(client, messages=[]))["message"] == {"role": "assistant", "content": ""}


def test_unknown_fields_are_ignored(client: httpx.Client) -> None:
    """It is not strict."""
    assert choice(chat(client, bogus=1, model="another"))["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"messages": None}, (400, "Expected 'messages' to be an array")),
        ({"n": 2}, (400, "Field 'n': Value must be between 1 <= value <= 1, but got 2")),
        ({"tools": [{"name": "x"}]}, (500, "Failed to parse tools: Missing tool type")),
    ],
    ids=["no messages", "two choices", "a tool of another form"],
)
def test_a_wrong_request_is_an_error_that_names_the_field(
    client: httpx.Client, fields: dict[str, object], expected: tuple[int, str]
) -> None:
    """The status is not always a 400."""
    status, _, message = error(chat(client, **fields))

    assert status == expected[0]
    assert message.startswith(expected[1])


def test_it_closes_a_kept_connection_after_a_stream(base_url: str) -> None:
    """A client with a connection pool must expect the next request to fail."""
    url = httpx.URL(base_url)
    body = json.dumps({"messages": [QUESTION], "max_tokens": 1, "stream": True})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
    received = b""

    with socket.create_connection((url.host, url.port or 0), timeout=60) as connection:
        connection.sendall((head + body).encode())
        while data := connection.recv(65536):  # an end before the timeout: it closed
            received += data

    assert b"\r\nKeep-Alive: timeout=5" in received
    assert received.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
