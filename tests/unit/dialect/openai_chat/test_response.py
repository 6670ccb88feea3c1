"""Answers in the OpenAI format, as providers really write them."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from agentkit.dialect.base import (
    CallDelta,
    Delta,
    DoneDelta,
    FinishDelta,
    HeadDelta,
    ReasoningDelta,
    TextDelta,
    UsageDelta,
)
from agentkit.dialect.openai_chat.response import OpenAIChatDecoder
from agentkit.dialect.openai_chat.token_usage import read_usage
from agentkit.errors import ErrorKind, ProtocolError, ProviderError, StatusError
from agentkit.usage import Usage
from agentkit.wire import WireHead

JSON = WireHead(status=200, headers={"content-type": "application/json"})
STREAM = WireHead(status=200, headers={"content-type": "text/event-stream", "x-request-id": "r"})


def read(*chunks: bytes, head: WireHead = STREAM) -> list[Delta]:
    """Return all deltas of an answer that came in these chunks."""
    decoder = OpenAIChatDecoder(head)
    deltas = [delta for chunk in chunks for delta in decoder.feed(chunk)]
    return [*deltas, *decoder.close()]


def complete(message: dict[str, Any], **more: object) -> bytes:
    """Return a complete answer."""
    return json.dumps({"choices": [{"message": message, **more}]}).encode()


def events(*values: object) -> bytes:
    """Return a stream of these events."""
    texts = (value if isinstance(value, str) else json.dumps(value) for value in values)
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def chunk(delta: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return one chunk of a stream."""
    return {"choices": [{"index": 0, "delta": delta, **more}]}


def test_a_complete_answer_is_read_like_a_stream_of_one_chunk() -> None:
    """Head, text, finish, usage, end: in the order of a stream."""
    body = {
        "id": "c1",
        "model": "m",
        "provider": "Up",
        "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    }

    assert read(json.dumps(body).encode(), head=JSON) == [
        HeadDelta(response_id="c1", model="m", upstream="Up"),
        TextDelta(text="Hi"),
        FinishDelta(reason="stop"),
        UsageDelta(usage=Usage(input_tokens=3, output_tokens=1)),
        DoneDelta(),
    ]


def test_a_stream_yields_its_pieces_as_they_come() -> None:
    """Empty choices, null fields and empty finish reasons mean nothing."""
    body = events(
        {"id": "", "choices": []},
        chunk({"role": "assistant", "content": ""}, finish_reason=None),
        chunk({"content": "Hi", "tool_calls": None}, finish_reason=""),
        chunk({}, finish_reason="stop"),
        {"choices": [], "usage": {"prompt_tokens": 3}},
        "[DONE]",
        chunk({"content": "too late"}),
    )

    assert read(body) == [
        TextDelta(text="Hi"),
        FinishDelta(reason="stop"),
        UsageDelta(usage=Usage(input_tokens=3)),
        DoneDelta(is_finish=False),
    ]


@pytest.mark.parametrize("head", [JSON, STREAM, WireHead(status=200)], ids=["json", "sse", "none"])
@pytest.mark.parametrize("lead", [b"", b"\xef\xbb\xbf", b"\n\n  "], ids=["plain", "bom", "space"])
def test_the_body_decides_about_the_format_not_the_header(head: WireHead, lead: bytes) -> None:
    """Proxies change headers, and providers answer a stream request with a document."""
    said = [TextDelta(text="Hi")]

    document = read(lead, complete({"content": "Hi"}), head=head)
    stream = read(lead, events(chunk({"content": "Hi"})), head=head)

    assert [delta for delta in document if isinstance(delta, TextDelta)] == said
    assert stream == said


@pytest.mark.parametrize("start", [b": PROCESSING\n\n", b"event: x\n", b"id: 1\n", b"retry: 1\n"])
def test_a_stream_is_recognised_by_any_of_its_lines(start: bytes) -> None:
    """Not every stream begins with data."""
    body = start + events(chunk({"content": "Hi"}))

    assert read(*(body[i : i + 1] for i in range(len(body))), head=JSON) == [TextDelta(text="Hi")]


def test_white_space_before_an_answer_is_not_buffered() -> None:
    """Some providers send blanks for minutes; they take no memory and no time."""
    decoder = OpenAIChatDecoder(JSON)

    for _ in range(10_000):
        assert list(decoder.feed(b" \n")) == []

    decoder.feed(complete({"content": "Hi"}))
    assert TextDelta(text="Hi") in decoder.close()


@pytest.mark.parametrize(
    ("content", "deltas"),
    [
        pytest.param(None, [], id="null"),
        pytest.param("", [], id="empty"),
        pytest.param("a", [TextDelta(text="a")], id="text"),
        pytest.param(
            [{"type": "text", "text": "a"}, {"type": "reference", "reference_ids": [1]}, "b"],
            [TextDelta(text="a"), TextDelta(text="b")],
            id="chunks",
        ),
        pytest.param({"type": "text", "text": "a"}, [TextDelta(text="a")], id="one chunk"),
        pytest.param(
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}, 3]},
                {"type": "reasoning", "text": "so"},
                {"type": "thinking", "thinking": []},
            ],
            [ReasoningDelta(text="hm"), ReasoningDelta(text="so")],
            id="thinking",
        ),
    ],
)
def test_content_has_many_formats(content: object, deltas: list[Delta]) -> None:
    """A text, nothing, a list of chunks."""
    assert read(complete({"content": content})) == [*deltas, DoneDelta()]


@pytest.mark.parametrize(
    ("message", "deltas"),
    [
        pytest.param({"reasoning_content": "hm"}, [ReasoningDelta(text="hm")], id="DeepSeek's"),
        pytest.param(
            {"reasoning": "hm", "content": "a"},
            [ReasoningDelta(text="hm"), TextDelta(text="a")],
            id="OpenRouter's",
        ),
        pytest.param(
            {"reasoning": "hm", "reasoning_content": "hm"}, [ReasoningDelta(text="hm")], id="both"
        ),
        pytest.param({"refusal": "No.", "content": None}, [TextDelta(text="No.")], id="refusal"),
        pytest.param({"refusal": "No.", "content": "a"}, [TextDelta(text="a")], id="next to text"),
    ],
)
def test_reasoning_and_refusals_are_read(message: dict[str, Any], deltas: list[Delta]) -> None:
    """Reasoning once, however many names it has; a refusal is an answer."""
    assert read(complete(message)) == [*deltas, DoneDelta()]


CALL = CallDelta(id="1", name="f", arguments="{}", is_complete=True)


@pytest.mark.parametrize(
    ("message", "calls"),
    [
        pytest.param({"tool_calls": []}, [], id="empty list"),
        pytest.param(
            {"tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]},
            [CALL],
            id="the form's own",
        ),
        pytest.param(
            {"tool_calls": {"id": "1", "function": {"name": "f", "arguments": "{}"}}},
            [CALL],
            id="no list",
        ),
        pytest.param(
            {"tool_calls": [{"id": "1", "name": "f", "arguments": "{}"}]}, [CALL], id="flat"
        ),
        pytest.param(
            {"tool_calls": [{"id": 1, "function": {"name": "f", "arguments": {"a": "é"}}}]},
            [CallDelta(id="1", name="f", arguments='{"a": "é"}', is_complete=True, is_object=True)],
            id="arguments as an object, a number as id",
        ),
        pytest.param(
            {"tool_calls": [{"index": True, "id": None, "function": {"name": 5}}]},
            [CallDelta(is_complete=True)],
            id="odd types",
        ),
        pytest.param(
            {"function_call": {"name": "f", "arguments": "{}"}},
            [CallDelta(index=0, name="f", arguments="{}", is_complete=True)],
            id="the form of 2023",
        ),
    ],
)
def test_calls_have_many_formats(message: dict[str, Any], calls: list[Delta]) -> None:
    """Each is passed on as the provider sent it, for the response builder to assemble."""
    assert read(complete(message)) == [*calls, DoneDelta()]


def test_a_message_in_a_stream_is_read_if_there_is_no_delta() -> None:
    """Some servers stream complete messages, some send both."""
    only = events({"choices": [{"message": {"content": "Hi"}}]})
    both = events({"choices": [{"message": {"content": "Hi there"}, "delta": {"content": "Hi"}}]})

    assert read(only) == [TextDelta(text="Hi")]
    assert read(both) == [TextDelta(text="Hi")]


def test_the_text_of_a_completion_is_read() -> None:
    """Some servers answer a chat in the older format."""
    assert read(json.dumps({"choices": [{"text": "Hi"}]}).encode()) == [
        TextDelta(text="Hi"),
        DoneDelta(),
    ]


def test_events_without_blank_lines_between_them_are_separated() -> None:
    """Their data runs together, one value a line."""
    body = (
        f"data: {json.dumps(chunk({'content': 'a'}))}\ndata: {json.dumps(chunk({'content': 'b'}))}"
        "\ndata: [DONE]\n\n"
    ).encode()

    assert read(body) == [TextDelta(text="a"), TextDelta(text="b"), DoneDelta(is_finish=False)]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"", "empty_response", id="nothing"),
        pytest.param(b" \n ", "empty_response", id="space"),
        pytest.param(b"<!DOCTYPE html><html></html>", "bad_response", id="HTML"),
        pytest.param(b"upstream connect error", "bad_response", id="words"),
        pytest.param(b'{"choices": ', "bad_response", id="half a document"),
        pytest.param(b"[" * 100_000, "bad_response", id="brackets without end"),
        pytest.param(b"[1]", "bad_response", id="a list"),
        pytest.param(b'"Hi"', "bad_response", id="a text"),
        pytest.param(b"{}", "bad_response", id="no choices"),
        pytest.param(b'{"choices": []}', "bad_response", id="empty choices"),
        pytest.param(b'{"choices": [1]}', "bad_response", id="an odd choice"),
        pytest.param(complete({"content": 5}), "bad_response", id="a number as content"),
        pytest.param(complete({"tool_calls": "f()"}), "bad_response", id="a text as calls"),
        pytest.param(complete({"tool_calls": ["f()"]}), "bad_response", id="a text as a call"),
        pytest.param(b"event: ping\n\n", "bad_response", id="no data"),
        pytest.param(b"data: \n\n", "bad_response", id="empty data"),
        pytest.param(b"data: {oops}\n\n", "bad_response", id="no JSON"),
        pytest.param(b"data: 5\n\n", "bad_response", id="a number"),
        pytest.param(b'data: {"choices": [{"del', "stream_interrupted", id="half an event"),
    ],
)
def test_an_invalid_answer_is_an_error(body: bytes, kind: ErrorKind) -> None:
    """Never an empty success; the same request may be sent again."""
    with pytest.raises(ProtocolError) as caught:
        read(body, head=WireHead(status=200, headers={"x-request-id": "r"}))

    assert (caught.value.kind, caught.value.retry) == (kind, "same")
    assert caught.value.request_id == "r"
    assert len(str(caught.value)) < 300


def collect(chunks: Sequence[bytes]) -> tuple[list[Delta], ProviderError | None]:
    """Return what came before an error, and the error."""
    decoder = OpenAIChatDecoder(STREAM)
    deltas: list[Delta] = []
    try:
        for data in chunks:
            deltas.extend(decoder.feed(data))
        deltas.extend(decoder.close())
    except ProviderError as error:
        return deltas, error
    return deltas, None


@pytest.mark.parametrize(
    "last",
    [
        {"error": {"message": "Overloaded", "code": 503}},
        {"object": "error", "message": "EngineCore", "code": 500},
        chunk({"content": ""}, finish_reason="error", error={"code": 502, "message": "up"}),
        chunk({}, finish_reason="error"),
        chunk({}, error={"message": "bad"}),
    ],
    ids=["object", "vLLM", "OpenRouter", "no words", "in the choice"],
)
def test_an_error_in_a_stream_comes_after_the_text_before_it(last: dict[str, Any]) -> None:
    """However the network splits the stream."""
    body = events(chunk({"content": "The"}), last)

    for cut in (len(body), 1):
        deltas, error = collect([body[i : i + cut] for i in range(0, len(body), cut)])

        assert deltas == [TextDelta(text="The")]
        assert isinstance(error, StatusError)
        assert (error.kind, error.retry, error.request_id) == ("server", "same", "r")


def test_an_error_as_plain_json_in_a_stream_is_read() -> None:
    """A proxy writes it there when its upstream fails."""
    deltas, error = collect([events(chunk({"content": "a"})), b'{"error": {"code": 429}}\n'])

    assert deltas == [TextDelta(text="a")]
    assert error is not None
    assert error.kind == "rate_limit"


def test_an_error_at_the_very_end_is_raised_there() -> None:
    """The last event has no blank line after it, and neither has the error."""
    said = f"data: {json.dumps(chunk({'content': 'a'}))}\n".encode()

    _, error = collect([said, b'{"error": {"code": 429}}'])

    assert error is not None
    assert error.kind == "rate_limit"


def test_an_event_may_have_its_json_over_several_lines() -> None:
    """The event format allows it."""
    lines = json.dumps(chunk({"content": "a"}), indent=1).split("\n")
    body = "".join(f"data: {line}\n" for line in lines)

    assert read(f"{body}\n".encode()) == [TextDelta(text="a")]


@pytest.mark.parametrize(
    ("value", "usage"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"usage": None}, None, id="null"),
        pytest.param({"usage": {}}, None, id="empty"),
        pytest.param(
            {
                "usage": {
                    "prompt_tokens": 10,
                    "completion_tokens": 5.0,
                    "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
                    "completion_tokens_details": {"reasoning_tokens": 3},
                    "cost": 0.00014,
                }
            },
            Usage(
                input_tokens=10,
                output_tokens=5,
                cache_read_tokens=4,
                cache_write_tokens=2,
                reasoning_tokens=3,
                cost_usd=Decimal("0.00014"),
            ),
            id="all of it",
        ),
        pytest.param(
            {"x_groq": {"usage": {"prompt_tokens": 1}}}, Usage(input_tokens=1), id="Groq's stream"
        ),
        pytest.param({"x_groq": 5, "usage": 5}, None, id="odd types"),
        pytest.param(
            {"usage": {"input_tokens": 1, "output_tokens": 2, "estimated_cost": "0.5"}},
            Usage(input_tokens=1, output_tokens=2, cost_usd=Decimal("0.5")),
            id="other names",
        ),
        pytest.param(
            {
                "usage": {
                    "prompt_tokens": "many",
                    "completion_tokens": -1,
                    "prompt_tokens_details": 5,
                    "cost": "free",
                    "estimated_cost": True,
                }
            },
            Usage(),
            id="no counts",
        ),
        pytest.param(
            {"usage": {"prompt_tokens": 1.5, "cost": "NaN"}}, Usage(), id="not a number at all"
        ),
    ],
)
def test_valid_usage_is_read(value: dict[str, Any], usage: Usage | None) -> None:
    """An invalid count is not reported."""
    assert read_usage(value) == usage
