"""From the bytes of a response to a probe result."""

import json
from typing import Any

import pytest

from agentkit.config.load import resolve_model
from agentkit.doctor.diagnosis import Diagnosis, respects_choice
from agentkit.doctor.probe import Probe, ProbeName, ProbeResult
from agentkit.doctor.probe_request import build_probe
from agentkit.doctor.probe_response import form_of, read_answer, read_failure
from agentkit.errors import TransportError
from agentkit.wire import WireHead

RESOLVED = resolve_model("openai-compatible:mixtral-8x22b", environ={}, base_url="http://h/v1")
OK = WireHead(status=200, headers={"content-type": "application/json"})


def probe(name: ProbeName = "tools") -> Probe:
    """Return a probe for an unknown provider."""
    return build_probe(name, Diagnosis(provider=RESOLVED.provider, model=RESOLVED.model))


def see(value: Any, head: WireHead = OK, name: ProbeName = "tools") -> ProbeResult:
    """Decode a JSON response."""
    return read_answer(probe(name), head, json.dumps(value).encode())


def answer(message: dict[str, Any], reason: str = "stop", **more: object) -> dict[str, Any]:
    """Return a non-streaming answer."""
    return {"choices": [{"message": message, "finish_reason": reason}], **more}


def call(call_id: str | None, arguments: str = '{"city":"Oslo"}') -> dict[str, Any]:
    """Return a call in the OpenAI format."""
    return {"id": call_id, "function": {"name": "weather", "arguments": arguments}}


def test_calls_keep_the_ids_of_the_provider() -> None:
    """Even if agentkit rewrites them later."""
    result = see(answer({"tool_calls": [call("a-b"), call("c")]}, "tool_calls"))

    assert result.call_ids == ("a-b", "c")
    assert result.call_names == ("weather", "weather")
    assert result.is_answered
    assert not result.is_refused
    assert not result.has_usage


def test_calls_without_distinct_ids_are_counted_by_their_index() -> None:
    """A non-streaming answer has each call once."""
    result = see(answer({"tool_calls": [call("a"), call("a"), call(None)]}, "tool_calls"))

    assert result.call_ids == ("a",)
    assert len(result.call_names) == 3


def test_a_name_that_a_stream_repeats_counts_once() -> None:
    """Some providers send it with each chunk."""
    pieces: list[dict[str, Any]] = [
        {"index": 0, "id": "a", "function": {"name": "weather", "arguments": ""}},
        {"index": 0, "function": {"name": "weather", "arguments": '{"city":'}},
        {"index": 0, "id": "a", "function": {"name": "weather", "arguments": '"Oslo"}'}},
        {"index": 1, "id": "b", "function": {"name": "weather", "arguments": "{}"}},
    ]
    chunks: list[dict[str, Any]] = [
        {"choices": [{"delta": {"tool_calls": [piece]}}]} for piece in pieces
    ]
    chunks.append({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
    body = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks)

    result = read_answer(probe("stream_plain"), OK, body)

    assert result.call_names == ("weather", "weather")
    assert result.is_stream


def test_a_truncated_call_counts_as_a_call() -> None:
    """The request was accepted; an agent would allow more tokens."""
    result = see(answer({"tool_calls": [call("a", '{"ci')]}, "length"))

    assert result.is_answered
    assert result.response is None
    assert result.call_names == ("weather",)
    assert result.error_form == ""


def test_an_empty_answer_is_no_rejection() -> None:
    """Its usage counts."""
    usage = {"prompt_tokens": 3, "completion_tokens": 0}

    result = see(answer({"content": ""}, usage=usage))

    assert result.is_answered
    assert result.has_usage
    assert result.usage.input_tokens == 3


def test_an_error_body_with_a_success_status_is_a_rejection() -> None:
    """Routers do that."""
    result = see({"error": {"message": "tools: extra inputs are not permitted", "code": 400}})

    assert result.is_refused
    assert result.error_form == "{error: {message, code}}"


def test_a_body_without_an_answer_is_unclear() -> None:
    """Neither accepted nor rejected."""
    result = see("hello")

    assert not result.is_answered
    assert not result.is_refused
    assert result.error_form == ""


def test_a_missing_response_is_unclear() -> None:
    """The next attempt may succeed."""
    error = TransportError("gone", kind="connection", retry="same")

    result = read_failure(probe(), error, attempts=2)

    assert (result.is_answered, result.is_refused) == (False, False)
    assert (result.error_text, result.status, result.attempts) == ("gone", None, 2)


@pytest.mark.parametrize(
    ("status", "attempts", "is_refused"),
    [(400, 1, True), (500, 1, False), (500, 2, True), (503, 2, False), (429, 2, False)],
)
def test_a_permanent_failure_is_a_rejection(status: int, attempts: int, is_refused: bool) -> None:
    """A server that fails twice in the same way fails because of the request."""
    result = read_answer(probe(), WireHead(status=status), b"{}", attempts=attempts)

    assert result.is_refused == is_refused
    assert not result.is_answered


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b'{"error": {"message": "a", "code": 1}, "id": 3}', "{error: {message, code}, id}"),
        (b'{"message": {"detail": []}}', "{message: {detail}}"),
        (b'{"error": "text"}', "{error}"),
        (b'{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1}', "{a, b, c, d, e, f, …}"),
        (b"[1]", "JSON, not an object"),
        (b" <html>", "HTML"),
        (b"Bad Request", "plain text"),
        (b" ", "nothing"),
        (b"\xff", "plain text"),
    ],
)
def test_the_format_of_an_error_has_no_values(body: bytes, form: str) -> None:
    """Values may hold parts of the request."""
    assert form_of(body) == form


@pytest.mark.parametrize(
    ("text", "has_marker"),
    [('[TOOL_CALLS] [{"name": "other"}]', True), ("<tool_call>", True), ("no call", False)],
)
def test_a_call_marker_is_found_for_any_tool_name(text: str, *, has_marker: bool) -> None:
    """A call of an unknown tool stays text, but is not an answer."""
    result = see(answer({"content": text}), name="none")
    diagnosis = Diagnosis(provider=RESOLVED.provider, model=RESOLVED.model).add(result)

    assert result.has_marker == has_marker
    assert respects_choice(diagnosis, "none") == (not has_marker)
