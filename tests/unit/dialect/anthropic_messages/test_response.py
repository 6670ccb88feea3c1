"""Answers in the Anthropic format, complete and streamed, cut anywhere."""

import json
from typing import Any

import pytest
from hypothesis import given

from agentkit.chat import ModelRequest, ModelResponse, ToolSpec
from agentkit.content import ReasoningContent, TextContent
from agentkit.dialect.anthropic_messages.response import AnthropicDecoder
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
from agentkit.errors import ProtocolError, StatusError
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, UserMessage
from agentkit.model.response_builder import ResponseBuilder
from agentkit.usage import Usage
from agentkit.wire import WireHead
from tests.unit.dialect.answers import (
    CUTS,
    DOCUMENT,
    STREAM,
    cut,
    document,
    events,
    named_events,
    read,
)

TOOLS = tuple(
    ToolSpec(name=name, description="", input_schema={"type": "object"}) for name in ("f", "now")
)
REQUEST = ModelRequest(history=History([UserMessage("go")]), tools=TOOLS)
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "mixtral",
    "content": [
        {"type": "thinking", "thinking": "Hm…", "signature": "x"},
        {"type": "text", "text": "Ça va ✓"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": [1, "é"]}},
        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 5,
        "output_tokens": 7,
    },
}
COMPLETE = document(MESSAGE)


def start(index: int, **block: Any) -> dict[str, Any]:
    """Return the event that opens a block."""
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **piece: Any) -> dict[str, Any]:
    """Return an event with a piece of a block."""
    return {"type": "content_block_delta", "index": index, "delta": piece}


def stop(index: int) -> dict[str, Any]:
    """Return the event that closes a block."""
    return {"type": "content_block_stop", "index": index}


ONE = {**MESSAGE["usage"], "output_tokens": 1}
BEGUN: dict[str, Any] = {"content": [], "stop_reason": None, "usage": ONE}
OPENING = {"type": "message_start", "message": {**MESSAGE, **BEGUN}}
ENDED = {"stop_reason": "tool_use", "stop_sequence": None}
ENDING = (
    {"type": "message_delta", "delta": ENDED, "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
)
STREAMED = named_events(
    OPENING,
    start(0, type="thinking", thinking="", signature=""),
    {"type": "ping"},
    delta(0, type="thinking_delta", thinking="Hm…"),
    delta(0, type="signature_delta", signature="x"),
    stop(0),
    start(1, type="text", text=""),
    delta(1, type="text_delta", text="Ça"),
    delta(1, type="text_delta", text=" va ✓"),
    stop(1),
    start(2, type="tool_use", id="toolu_1", name="f", input={}),
    delta(2, type="input_json_delta", partial_json=""),
    delta(2, type="input_json_delta", partial_json='{"x": [1,'),
    delta(2, type="input_json_delta", partial_json=' "é"]}'),
    stop(2),
    start(3, type="tool_use", id="toolu_2", name="now", input={}),
    stop(3),
    *ENDING,
)


def decode(data: bytes, head: WireHead = STREAM) -> list[Delta]:
    """Return the deltas of an answer that arrives at once."""
    return read(AnthropicDecoder(head), [data])


def response(deltas: list[Delta]) -> ModelResponse:
    """Return what the deltas make."""
    builder = ResponseBuilder(REQUEST)
    builder.feed(deltas)
    builder.close()
    return builder.finish()


@given(cuts=CUTS)
def test_a_complete_answer_is_read_however_it_is_cut(cuts: list[int]) -> None:
    """Reasoning, text and calls, in their order; cached tokens are input tokens."""
    assert read(AnthropicDecoder(DOCUMENT), cut(COMPLETE, cuts)) == [
        HeadDelta(response_id="msg_1", model="mixtral"),
        UsageDelta(
            usage=Usage(input_tokens=18, output_tokens=7, cache_read_tokens=5, cache_write_tokens=3)
        ),
        ReasoningDelta(text="Hm…"),
        TextDelta(text="Ça va ✓"),
        CallDelta(id="toolu_1", name="f", arguments='{"x": [1, "é"]}', is_complete=True),
        CallDelta(id="toolu_2", name="now", arguments="", is_complete=True),
        FinishDelta(reason="tool_use"),
        DoneDelta(),
    ]


@given(cuts=CUTS)
def test_a_streamed_answer_is_read_however_it_is_cut(cuts: list[int]) -> None:
    """The same pieces, however the network splits the bytes."""
    deltas = read(AnthropicDecoder(STREAM), cut(STREAMED, cuts))

    assert deltas == decode(STREAMED)


def test_a_complete_and_a_streamed_answer_are_the_same() -> None:
    """One message, however it came."""
    complete, streamed = response(decode(COMPLETE, DOCUMENT)), response(decode(STREAMED))

    assert complete == streamed
    assert complete.repairs == ()
    assert complete.raw_finish_reason == "tool_use"
    assert complete.message == AssistantMessage(
        content=(ReasoningContent("Hm…"), TextContent("Ça va ✓")),
        tool_calls=(
            ToolCall(id="toolu_1", name="f", arguments='{"x": [1, "é"]}'),
            ToolCall(id="toolu_2", name="now", arguments="{}"),
        ),
    )


def test_input_in_the_first_event_is_used_if_none_follows() -> None:
    """Some providers put all of a block into its first event."""
    data = events(
        OPENING,
        start(0, type="text", text="Well."),
        stop(0),
        start(1, type="tool_use", id="a", name="f", input={"x": 1}),
        stop(1),
        start(2, type="tool_use", id="b", name="f", input={"x": "place holder"}),
        delta(2, type="input_json_delta", partial_json='{"x": 2}'),
        stop(2),
        *ENDING,
    )

    message = response(decode(data)).message

    assert message.text == "Well."
    assert [(call.id, call.arguments) for call in message.tool_calls] == [
        ("a", '{"x": 1}'),
        ("b", '{"x": 2}'),
    ]


def test_unknown_blocks_and_events_are_ignored() -> None:
    """The format may grow; a provider's own tools are not run here."""
    data = events(
        OPENING,
        start(0, type="server_tool_use", id="s", name="web_search", input={}),
        delta(0, type="input_json_delta", partial_json='{"query": "x"}'),
        stop(0),
        start(1, type="redacted_thinking", data="xyz"),
        stop(1),
        {"type": "something_new", "index": 1},
        start(2, type="text", text=""),
        delta(2, type="citations_delta", citation={}),
        delta(2, type="text_delta", text="Found."),
        stop(2),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    )

    answer = response(decode(data))

    assert answer.message == AssistantMessage("Found.")


def test_calls_without_an_index_are_separated() -> None:
    """Each start opens a call."""
    data = [
        OPENING,
        start(0, type="tool_use", id="a", name="f", input={}),
        delta(0, type="input_json_delta", partial_json='{"x": 1}'),
        stop(0),
        start(1, type="tool_use", id="b", name="f", input={}),
        delta(1, type="input_json_delta", partial_json='{"x": 2}'),
        stop(1),
        *ENDING,
    ]
    no_index = [{key: value for key, value in event.items() if key != "index"} for event in data]

    message = response(decode(events(*no_index))).message

    assert [(c.id, c.arguments) for c in message.tool_calls] == [
        ("a", '{"x": 1}'),
        ("b", '{"x": 2}'),
    ]


@pytest.mark.parametrize(
    ("data", "head"),
    [(events(MESSAGE), STREAM), (COMPLETE, STREAM), (STREAMED, DOCUMENT)],
    ids=["document as an event", "document for a stream", "stream for a document"],
)
def test_the_body_decides_not_the_header(data: bytes, head: WireHead) -> None:
    """Proxies answer with a stream to a request without one, and the other way round."""
    assert response(decode(data, head)).message.tool_calls[0].id == "toolu_1"


def test_arguments_as_text_stay_as_they_came() -> None:
    """Some providers send text in place of an object; the validation reads it."""
    block = {"type": "tool_use", "id": 7, "name": "f", "input": '{"x": 1}'}

    deltas = decode(document({**MESSAGE, "content": [block]}), DOCUMENT)

    assert CallDelta(id="7", name="f", arguments='{"x": 1}', is_complete=True) in deltas


def test_content_may_be_plain_text() -> None:
    """It may be in requests, and some providers answer so."""
    deltas = decode(document({**MESSAGE, "content": "Hi."}), DOCUMENT)

    assert TextDelta(text="Hi.") in deltas


def test_the_largest_of_growing_counts_is_used() -> None:
    """A zero at the end does not reset the count of the start; an invalid count is ignored."""
    data = events(
        OPENING,
        {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 0, "output_tokens": 4}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": None, "cost": 0.5}},
        {"type": "message_delta", "delta": {}, "usage": "none"},
        {"type": "message_stop"},
    )

    usages = [d.usage for d in decode(data) if isinstance(d, UsageDelta)]

    assert [(u.input_tokens, u.output_tokens) for u in usages] == [(18, 1), (18, 4), (18, 4)]
    assert str(usages[-1].cost_usd) == "0.5"


def test_an_answer_without_usage_or_names_is_an_answer() -> None:
    """No field of the head is required."""
    data = document({"content": [{"type": "text", "text": "Hi."}], "usage": {}})

    assert decode(data, DOCUMENT) == [TextDelta(text="Hi."), DoneDelta()]


@pytest.mark.parametrize(
    ("reason", "ours"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
    ],
)
def test_the_providers_reason_is_kept_next_to_agentkits(reason: str, ours: str) -> None:
    """The reasons of this format are known."""
    content = [{"type": "text", "text": "Hi."}]

    answer = response(
        decode(document({**MESSAGE, "content": content, "stop_reason": reason}), DOCUMENT)
    )

    assert (answer.raw_finish_reason, answer.finish_reason) == (reason, ours)


ERROR = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "Overloaded"},
    "request_id": "req_1",
}


@pytest.mark.parametrize(
    ("data", "head"),
    [
        (document(ERROR), DOCUMENT),
        (named_events(OPENING, ERROR), STREAM),
        (events(OPENING, start(0, type="text", text="So"), ERROR), STREAM),
    ],
    ids=["complete", "named event", "after text"],
)
def test_an_error_inside_an_answer_is_raised(data: bytes, head: WireHead) -> None:
    """A retry may succeed."""
    with pytest.raises(StatusError, match="Overloaded") as caught:
        decode(data, head)
    assert (caught.value.kind, caught.value.retry) == ("server", "same")


@pytest.mark.parametrize(
    ("data", "head", "said"),
    [
        (b"", DOCUMENT, "empty body"),
        (b"  \n", STREAM, "empty body"),
        (b"<html>blocked</html>", DOCUMENT, "not a message: '<html>"),
        (b"[1]", DOCUMENT, "not a message"),
        (b'{"id": 1}', DOCUMENT, "without content"),
        (document({**MESSAGE, "content": ["x"]}), DOCUMENT, "block that is not an object"),
        (b": ping\n\n", STREAM, "without an event"),
        (events("nonsense", OPENING), STREAM, "not a message: 'nonsense'"),
        (events({"type": "message_start"}), STREAM, "a message that is not an object"),
        (events({"type": "content_block_start"}), STREAM, "block that is not an object"),
        (events({"type": "content_block_delta"}), STREAM, "delta that is not an object"),
        (events({"type": "message_delta"}), STREAM, "delta that is not an object"),
        (
            events(delta(0, type="input_json_delta", partial_json="{")),
            STREAM,
            "never begun",
        ),
    ],
)
def test_a_response_of_another_format_is_an_error(data: bytes, head: WireHead, said: str) -> None:
    """The message quotes it, and the same request may be sent again."""
    with pytest.raises(ProtocolError, match=said) as caught:
        decode(data, head)
    assert caught.value.retry == "same"


def test_a_stream_that_ends_early_is_an_error() -> None:
    """In the middle of an event here; between events in the response builder."""
    with pytest.raises(ProtocolError, match="ended in the middle") as caught:
        decode(STREAMED[:100])
    assert caught.value.kind == "stream_interrupted"

    between = events(OPENING, start(0, type="text", text="So"))
    with pytest.raises(ProtocolError) as caught:
        response(decode(between))
    assert caught.value.kind == "stream_interrupted"


def test_events_without_blank_lines_between_them_are_separated() -> None:
    """Some proxies lose the blank lines."""
    lines = STREAMED.replace(b"\n\n", b"\n").replace(b"event: ", b"event:")

    assert response(decode(lines)) == response(decode(STREAMED))


def test_the_end_marker_of_the_other_format_is_an_end_too() -> None:
    """Some proxies close every stream alike."""
    data = events(OPENING, start(0, type="text", text="Hi."), "[DONE]")

    assert response(decode(data)).message == AssistantMessage("Hi.")


def test_bytes_after_the_end_are_not_read() -> None:
    """The provider decides when the message is over."""
    data = STREAMED + events(delta(1, type="text_delta", text="more"))

    assert decode(data) == decode(STREAMED)


def test_a_slow_provider_may_send_white_space_first() -> None:
    """It keeps the connection open; a byte order mark is accepted too."""
    chunks = [b"\xef\xbb", b"\xbf\r\n", *[b" "] * 50, COMPLETE]

    assert read(AnthropicDecoder(DOCUMENT), chunks) == decode(COMPLETE, DOCUMENT)


def test_an_event_over_several_lines_is_one_value() -> None:
    """A provider may print its JSON in many lines."""
    pretty = json.dumps(MESSAGE, indent=1)
    data = "".join(f"data: {line}\n" for line in pretty.split("\n")) + "\ndata:\n\n"

    assert response(decode(data.encode())) == response(decode(COMPLETE, DOCUMENT))
