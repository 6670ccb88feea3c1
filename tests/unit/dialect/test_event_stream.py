"""Server-sent events that we send are read back by the decoder that reads those of others."""

from agentkit.dialect.event_stream import StreamEvent, comment, compact_json, encode_event
from agentkit.dialect.sse import ServerEvent, SSEDecoder
from agentkit.json_schema import JsonValue

VALUE: JsonValue = {"text": "é\n\nx"}


def test_an_event_is_read_back_with_its_name_and_its_value() -> None:
    """A line break inside the value does not end the event."""
    data = encode_event(StreamEvent(data=VALUE, name="delta")) + encode_event(
        StreamEvent(data=VALUE)
    )

    text = compact_json(VALUE)
    assert SSEDecoder().feed(data) == [
        ServerEvent(data=text, name="delta"),
        ServerEvent(data=text),
    ]


def test_a_comment_is_not_an_event() -> None:
    """It only keeps the connection open."""
    assert encode_event(comment("ping")) == b": ping\n\n"
    assert SSEDecoder().feed(encode_event(comment("ping"))) == []


def test_a_lone_surrogate_does_not_break_the_stream() -> None:
    """A model may cut a character in two."""
    assert encode_event(StreamEvent(data="\ud800")) == 'data: "\ufffd"\n\n'.encode()
