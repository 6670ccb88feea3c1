"""Server-sent events, as servers and proxies really send them."""

import pytest

from agentkit.dialect.sse import ServerEvent, SSEDecoder


def read(*chunks: bytes) -> list[ServerEvent]:
    """Return all events of a stream that came in these chunks."""
    decoder = SSEDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [*events, *decoder.close()]


def event(data: str, name: str | None = None) -> ServerEvent:
    """Return one event."""
    return ServerEvent(data=data, name=name)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(b"data: a\n\ndata: b\n\n", [event("a"), event("b")], id="LF"),
        pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", [event("a"), event("b")], id="CR LF"),
        pytest.param(b"data: a\r\rdata: b\r\r", [event("a"), event("b")], id="CR"),
        pytest.param(b"data:a\n\n", [event("a")], id="no space after the colon"),
        pytest.param(b"data:  a\n\n", [event(" a")], id="only one space is the form's"),
        pytest.param(b": hi\n\n: hi\ndata: a\n: hi\n\n", [event("a")], id="comments"),
        pytest.param(b"event: error\ndata: a\n\n", [event("a", "error")], id="a name"),
        pytest.param(b"event: ping\n\ndata: a\n\n", [event("a")], id="a name without data"),
        pytest.param(b"id: 7\nretry: 5\nfoo: 1\ndata: a\n\n", [event("a")], id="other fields"),
        pytest.param(b"data: a\ndata: b\n\n", [event("a\nb")], id="several lines of data"),
        pytest.param(b"data: a\r\ndata: b\r\n\r\n", [event("a\nb")], id="several, with CR LF"),
        pytest.param(b"data\n\n", [event("")], id="a field without a colon"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", [event("a")], id="a byte order mark"),
        pytest.param(b"data: a", [event("a")], id="no line end at all"),
        pytest.param(b"data: a\n", [event("a")], id="no blank line at the end"),
        pytest.param(b'data: a\n\n{"error": 1}\n', [event("a"), event('{"error": 1}')], id="JSON"),
        pytest.param(b'data: a\n{"e": 1}\n', [event("a"), event('{"e": 1}')], id="JSON at once"),
        pytest.param(b"\n\n\n", [], id="nothing"),
        pytest.param(b"", [], id="no bytes"),
        pytest.param(b"data: \xff\n\n", [event("�")], id="bytes that are not UTF-8"),
    ],
)
def test_a_stream_gives_the_same_events_byte_by_byte(
    stream: bytes, events: list[ServerEvent]
) -> None:
    """However the network splits it, even inside a character or a line end."""
    assert read(stream) == events
    assert read(*(stream[i : i + 1] for i in range(len(stream)))) == events


def test_an_event_is_returned_as_soon_as_it_is_complete() -> None:
    """The next event is not needed for that."""
    decoder = SSEDecoder()

    first = decoder.feed(b"data: a\r\n\r")

    assert first == [event("a")]
    assert decoder.feed(b"\ndata: b\r\n\r\n") == [event("b")]


def test_a_character_cut_in_the_middle_is_joined() -> None:
    """UTF-8 is decoded only when the event is complete."""
    assert read(b"data: \xc3", b"\xa9\n\n") == [event("é")]
