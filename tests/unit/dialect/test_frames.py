"""The JSON values of an answer: what only keeps a connection open, and where an answer ends."""

import pytest

from agentkit.dialect.frames import Frame, Frames
from agentkit.errors import ProtocolError
from agentkit.wire import WireHead

STREAM = WireHead(status=200, headers={"content-type": "text/event-stream"})
TEXT = b'data: {"a": 1}\n\n'


def read(data: bytes, *, size: int | None = None) -> list[Frame]:
    """Read a stream at once, or in pieces of one size."""
    frames = Frames(STREAM, form="a message")
    step = size or len(data)
    found = [
        frame for at in range(0, len(data), step) for frame in frames.feed(data[at : at + step])
    ]
    return [*found, *frames.close()]


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(
    "keep_alive",
    [
        b": ping\n\n",
        b"data: ping\n\n",
        b"data: [PING]\n\n",
        b'data: "ping"\n\n',
        b"data: keep-alive\n\n",
        b"data: : keep-alive\n\n",
        b"data: HEARTBEAT\n\n",
        b"event: ping\ndata: 1764439200\n\n",
        b'event: ping\ndata: {"type": "ping"}\n\n',
        b"event: keep-alive\ndata: still here\n\n",
        b"event: heartbeat\ndata: {}\n\n",
        b"data:\n\n",
        b"data: null\n\n",
    ],
)
def test_events_that_only_keep_the_connection_open_are_skipped(
    keep_alive: bytes, size: int | None
) -> None:
    """Before, between and after those with content."""
    data = keep_alive + TEXT + keep_alive * 2 + TEXT + b"data: [DONE]\n\n" + keep_alive

    assert read(data, size=size) == [
        Frame(value={"a": 1}),
        Frame(value={"a": 1}),
        Frame(value={}, is_done=True),
    ]


def test_other_words_in_place_of_json_are_an_error() -> None:
    """They may be the message of a proxy."""
    for word in (b"pinging", b"overloaded", b"please keep alive your requests"):
        with pytest.raises(ProtocolError, match="not a message"):
            read(TEXT + b"data: " + word + b"\n\n")


def test_a_name_does_not_hide_events_whose_blank_lines_are_missing() -> None:
    """Then the name is that of the last one."""
    assert read(b'data: {"a": 1}\ndata: {"b": 2}\nevent: ping\n\n') == [
        Frame(value={"a": 1}),
        Frame(value={"b": 2}),
    ]


def test_nothing_after_the_end_mark_is_read() -> None:
    """Not even text that is invalid JSON."""
    assert read(TEXT + b"data: [DONE]\n\ndata: nonsense\n\n")[-1].is_done
