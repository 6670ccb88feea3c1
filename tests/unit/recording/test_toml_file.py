"""The file form of recordings."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.recording.recording import (
    RecordedExchange,
    RecordedFault,
    RecordedResponse,
    RecordingError,
)
from agentkit.recording.toml_file import (
    format_recording,
    load_recording,
    parse_recording,
    save_recording,
)
from agentkit.wire import WireHead, WireRequest

STREAMED = RecordedExchange(
    provider="oxen",
    request=WireRequest(
        path="/chat/completions",
        headers={"accept": "text/event-stream"},
        body=b'{"model":"mixtral","messages":[{"role":"user","content":"It\'s \\u00e9"}]}',
        stream=True,
    ),
    outcome=RecordedResponse(
        head=WireHead(status=200, headers={"content-type": "text/event-stream"}),
        chunks=(
            b'data: {"content":"Hel"}\n\n',
            b"data: it's ",
            b"here\r\n\r\n",
            b"half of \xc3",
        ),
        end="abandoned",
        fault=RecordedFault(message="cut", kind="stream_interrupted", retry="same"),
    ),
)
STREAMED_TEXT = """\
# HTTP exchanges with a model provider, recorded by agentkit. To change them, record again.
version = 2

[[exchange]]
provider = 'oxen'
method = 'POST'
path = '/chat/completions'
stream = true
headers = { 'accept' = 'text/event-stream' }
json = '''
{
  "model": "mixtral",
  "messages": [
    {
      "role": "user",
      "content": "It's é"
    }
  ]
}
'''
[exchange.answer]
status = 200
headers = { 'content-type' = 'text/event-stream' }
end = 'abandoned'
chunks = [
    ['data: {"content":"Hel"}', '', ''],
    ['''data: it's '''],
    ["here\\r", "\\r", ''],
    { base64 = 'aGFsZiBvZiDD' },
]
[exchange.fault]
kind = 'stream_interrupted'
retry = 'same'
message = 'cut'
"""


def _complete(body: bytes) -> RecordedExchange:
    """Return an exchange whose answer is one chunk."""
    return RecordedExchange(
        provider="",
        request=WireRequest(path="/models", method="GET"),
        outcome=RecordedResponse(head=WireHead(status=200), chunks=(body,)),
    )


def test_a_stream_is_written_as_a_person_would_read_it() -> None:
    """A request is indented; each chunk is a line; quotes need no escapes."""
    assert format_recording([STREAMED]) == STREAMED_TEXT


def test_what_is_written_is_read_back() -> None:
    """The answer is the same byte for byte, the request has the same JSON value."""
    (read,) = parse_recording(STREAMED_TEXT)

    assert read.outcome == STREAMED.outcome
    assert read.request.body.decode() == (
        '{"model":"mixtral","messages":[{"role":"user","content":"It\'s é"}]}'
    )
    assert format_recording([read]) == STREAMED_TEXT


def test_a_recording_made_before_0_2_still_reads() -> None:
    """It has the name of the provider under `host`."""
    assert parse_recording(STREAMED_TEXT.replace("provider = ", "host = ")) == parse_recording(
        STREAMED_TEXT
    )


@pytest.mark.parametrize(
    ("body", "line"),
    [
        pytest.param(b'{"a":[1,2.50]}', """['{"a":[1,2.50]}'],""", id="a number would change"),
        pytest.param(b'{"a":[1,2]}', "{ compact = '''", id="compact"),
        pytest.param(b'{"a": [1, 2]}', "{ spaced = '''", id="spaced"),
        pytest.param(b'{"a": [1,2]}', """['{"a": [1,2]}'],""", id="another spacing"),
        pytest.param(b'{"a":1,"a":2}', """['{"a":1,"a":2}'],""", id="a field twice"),
        pytest.param(b'{"a":"\\ud800"}', """['{"a":"\\ud800"}'],""", id="half a surrogate"),
        pytest.param(b'{"a":"\'\'\'"}', """["{\\"a\\":\\"\'\'\'\\"}"],""", id="three quotes"),
        pytest.param(b"[" * 2000, f"['{'[' * 2000}'],", id="too deep"),
        pytest.param(b"a\x00b\x7f", '["a\\u0000b\\u007f"],', id="control characters"),
        pytest.param(b"ends in '", """["ends in '"],""", id="a quote at the end"),
        pytest.param(b"", "[''],", id="empty"),
    ],
)
def test_any_body_is_kept_byte_for_byte(body: bytes, line: str) -> None:
    """JSON is indented only where its bytes can be made again."""
    text = format_recording([_complete(body)])

    assert f"    {line}" in text
    assert parse_recording(text) == (_complete(body),)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        pytest.param(b"plain", "text = 'plain'", id="text"),
        pytest.param(b"two\nlines", 'text = "two\\nlines"', id="lines"),
        pytest.param(b"\xff", "base64 = '/w=='", id="no text"),
    ],
)
def test_a_request_that_is_not_json_is_kept_byte_for_byte(body: bytes, line: str) -> None:
    """A strange request is matched by its bytes."""
    fault = RecordedFault(
        message="no", kind="connection", retry="never", status=502, request_id="r",
        retry_after_seconds=1,
    )  # fmt: skip
    exchange = RecordedExchange(
        provider="", request=WireRequest(path="/x", body=body), outcome=fault
    )

    text = format_recording([exchange])

    assert line in text.splitlines()
    assert parse_recording(text) == (exchange,)


def test_line_ends_of_another_system_do_not_matter() -> None:
    """A checkout may turn every LF into CR LF."""
    assert parse_recording(STREAMED_TEXT.replace("\n", "\r\n")) == parse_recording(STREAMED_TEXT)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("version = ", r"not TOML: Invalid value", id="not TOML"),
        pytest.param("", r"version None, and this agentkit reads versions 1 to 2", id="no version"),
        pytest.param("version = 3", r"version 3, .* update agentkit", id="a later version"),
        pytest.param("version = 1\nextra = 1", r"at extra: Extra inputs", id="unknown field"),
        pytest.param(
            "version = 1\n[[exchange]]\nmethod = 'GET'", r"at exchange\.0\.path: ", id="no path"
        ),
        pytest.param(
            "version = 1\n[[exchange]]\nmethod = 'GET'\npath = '/x'",
            r"the exchange GET /x has no answer and no fault",
            id="no outcome",
        ),
        pytest.param(
            "version = 1\n[[exchange]]\nmethod = 'GET'\npath = '/x'\nbase64 = '?'\n"
            "answer.status = 200",
            r"'\?' is not base64",
            id="not base64",
        ),
        pytest.param(
            "version = 1\n[[exchange]]\nmethod = 'GET'\npath = '/x'\njson = '{'\n"
            "answer.status = 200",
            r"Expecting property name",
            id="not JSON",
        ),
    ],
)
def test_a_file_that_is_not_a_recording_is_an_error_with_the_position(
    tmp_path: Path, text: str, problem: str
) -> None:
    """Files are changed by hand and merged."""
    path = tmp_path / "x.toml"
    path.write_text(text)

    with pytest.raises(RecordingError, match=problem) as caught:
        load_recording(path)

    assert str(path) in str(caught.value)


VERSION_1_TEXT = (
    STREAMED_TEXT.replace("version = 2", "version = 1")
    .replace("provider = ", "host = ")
    .replace("'abandoned'", "'left'")
)


def test_a_file_of_version_1_is_still_read() -> None:
    """Its words for the provider and for the ends of a body were others."""
    assert "host = 'oxen'" in VERSION_1_TEXT
    assert parse_recording(VERSION_1_TEXT) == parse_recording(STREAMED_TEXT)


@pytest.mark.parametrize(
    ("stored", "end"), [("whole", "complete"), ("left", "abandoned"), ("silent", "stalled")]
)
def test_each_end_of_version_1_has_its_name_of_today(stored: str, end: str) -> None:
    """A test that was recorded with version 1 replays the same."""
    text = VERSION_1_TEXT.replace("end = 'left'", f"end = '{stored}'")
    (exchange,) = parse_recording(text)

    assert isinstance(exchange.outcome, RecordedResponse)
    assert exchange.outcome.end == end


def test_the_names_of_version_1_are_errors_in_version_2() -> None:
    """Nothing is guessed."""
    with pytest.raises(RecordingError, match="at exchange"):
        parse_recording(VERSION_1_TEXT.replace("version = 1", "version = 2"))


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A folder in its place, or bytes that are not text."""
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff")

    with pytest.raises(RecordingError, match=r"x\.toml cannot be read"):
        load_recording(path)
    with pytest.raises(RecordingError, match="cannot be read"):
        load_recording(tmp_path)


def test_saving_leaves_one_whole_file(tmp_path: Path) -> None:
    """Nothing temporary stays behind."""
    path = tmp_path / "new" / "x.toml"

    save_recording(path, [STREAMED])
    save_recording(path, [_complete(b"x")])

    assert [file.name for file in path.parent.iterdir()] == ["x.toml"]
    assert load_recording(path) == (_complete(b"x"),)


@given(chunks=st.lists(st.binary(max_size=20) | st.text(max_size=20).map(str.encode), max_size=5))
@settings(max_examples=200)
def test_any_chunks_are_read_back(chunks: list[bytes]) -> None:
    """Whatever a provider sends, wherever the network cuts it."""
    exchange = RecordedExchange(
        provider="",
        request=WireRequest(path="/x", stream=True),
        outcome=RecordedResponse(head=WireHead(status=200), chunks=tuple(chunks)),
    )

    assert parse_recording(format_recording([exchange])) == (exchange,)


@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
@settings(max_examples=200)
def test_any_text_is_read_back_from_every_field(text: str) -> None:
    """Quotes, control characters and line ends included."""
    fault = RecordedFault(message=text, kind="server", retry="same", request_id=text)
    head = WireHead(status=200, headers={text: text})
    exchange = RecordedExchange(
        provider=text,
        request=WireRequest(path=text, method=text, headers={text: text}),
        outcome=RecordedResponse(head=head, fault=fault, end="stalled"),
    )

    assert parse_recording(format_recording([exchange])) == (exchange,)
