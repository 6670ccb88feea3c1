"""Recording exchanges and replaying them."""

from pathlib import Path

import pytest

from agentkit.errors import TransportError
from agentkit.recording.exchange_redaction import Redaction
from agentkit.recording.record_replay import Recorder, open_recording
from agentkit.recording.recording import RecordingError
from agentkit.wire import WireHead, WireRequest
from tests.unit.transport.scripted_provider import (
    SSE,
    STREAM,
    FakeProvider,
    ask,
    put,
    read,
    recorded,
    text_of,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a recording that does not exist, in a folder that does not either."""
    return tmp_path / "recordings" / "one.toml"


async def test_a_replay_gives_the_same_head_and_the_same_chunks(path: Path) -> None:
    """The cuts are kept, also inside a character."""
    provider = FakeProvider(STREAM)
    await recorded(path, provider, ask("hello"))

    with open_recording(path) as recorder:
        replayed = await read(recorder.wrap(), ask("hello"))

    assert replayed == (SSE, list(STREAM))
    assert provider.requests == [ask("hello")]


async def test_recording_hands_the_exchange_on_unchanged(path: Path) -> None:
    """Who is recorded sees what the provider sent."""
    provider = FakeProvider(STREAM)

    with open_recording(path, mode="record") as recorder:
        transport = recorder.wrap(provider)
        answer = await read(transport, ask("hello"))
        await transport.aclose()

    assert answer == (SSE, list(STREAM))
    assert (provider.left, provider.closed) == (1, 1)


async def test_equal_requests_get_their_answers_in_the_order_they_had(path: Path) -> None:
    """A third one was never recorded."""
    await recorded(path, FakeProvider((b"one",), (b"two",)), ask("x"), ask("x"))

    transport = Recorder(path).wrap()

    assert (await read(transport, ask("x")))[1] == [b"one"]
    assert (await read(transport, ask("x")))[1] == [b"two"]
    with pytest.raises(RecordingError, match=r"more often than it is recorded .* exchange 1"):
        await read(transport, ask("x"))


async def test_a_lenient_replay_repeats_the_last_answer_and_may_leave_some_out(path: Path) -> None:
    """For tests that ask as often as they like."""
    await recorded(path, FakeProvider((b"one",), (b"two",), (b"y",)), ask("x"), ask("x"), ask("y"))

    with open_recording(path, is_strict=False) as recorder:
        transport = recorder.wrap()
        answers = [(await read(transport, ask("x")))[1] for _ in range(4)]

    assert answers == [[b"one"], [b"two"], [b"two"], [b"two"]]


async def test_the_order_of_fields_and_the_spacing_of_a_request_mean_nothing(path: Path) -> None:
    """The body is compared as a JSON value."""
    await recorded(
        path, FakeProvider((b"one",)), WireRequest(path="/chat", body=b'{"a": 1, "b": [2]}')
    )

    answer = await read(Recorder(path).wrap(), WireRequest(path="/chat", body=b'{"b":[2],"a":1}'))

    assert answer == (SSE, [b"one"])


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(WireRequest(path="/chat", body=b'{"a": 1.0}'), id="a number of another kind"),
        pytest.param(WireRequest(path="/chat", body=b'{"a": true}'), id="a boolean"),
        pytest.param(WireRequest(path="/chat", body=b'{"a": 1, "b": null}'), id="one field more"),
        pytest.param(WireRequest(path="/chat", body=b"{}"), id="one field less"),
        pytest.param(WireRequest(path="/models", body=b'{"a": 1}'), id="another path"),
        pytest.param(WireRequest(path="/chat", body=b'{"a": 1}', method="PUT"), id="method"),
        pytest.param(WireRequest(path="/chat", body=b'{"a": 1}', stream=True), id="streamed"),
        pytest.param(WireRequest(path="/chat", body=b'"{\\"a\\": 1}"'), id="a text"),
        pytest.param(WireRequest(path="/chat", body=b'{"a": 1'), id="not JSON"),
    ],
)
async def test_a_request_that_means_something_else_is_a_miss(
    path: Path, other: WireRequest
) -> None:
    """Nothing is answered on a guess."""
    await recorded(path, FakeProvider((b"one",)), WireRequest(path="/chat", body=b'{"a": 1}'))

    with pytest.raises(RecordingError, match="Nearest is exchange 1 of 1, which differs at"):
        await read(Recorder(path).wrap(), other)


async def test_a_miss_names_the_nearest_recording_and_the_first_difference(path: Path) -> None:
    """The reader sees where to look, and what to do."""
    same = "the same words at the start of a text that is too long for a line and incomplete, "
    known, wanted = ask(f"{same}two and two is four"), ask(f"{same}two and two is five")
    await recorded(path, FakeProvider((b"1",), (b"2",), (b"3",)), ask("other"), known, ask("third"))

    with pytest.raises(RecordingError) as caught:
        await read(Recorder(path).wrap(), wanted)

    assert str(caught.value) == (
        f"There is no response for POST /chat in {path}. Nearest is exchange 2 of 3, which differs "
        'at body.messages[0].content: recorded …te, two and two is four", sent …te, two and two '
        "is five\". Record with the mode 'new' to add it, or 'record' to write a new file."
    )


async def test_a_miss_looks_first_among_what_was_not_played(path: Path) -> None:
    """An exchange that had its turn is no longer a candidate, while others are."""
    await recorded(path, FakeProvider((b"1",), (b"2",)), ask("abc"), ask("xyz"))
    transport = Recorder(path).wrap()
    await read(transport, ask("abc"))

    with pytest.raises(RecordingError, match="Nearest is exchange 2 of 2"):
        await read(transport, ask("abd"))
    await read(transport, ask("xyz"))
    with pytest.raises(RecordingError, match="Nearest is exchange 1 of 2"):
        await read(transport, ask("abd"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [(None, "does not exist"), ("version = 1\n", "is empty")],
    ids=["no file", "empty file"],
)
async def test_a_miss_without_any_recording_says_so(
    path: Path, text: str | None, problem: str
) -> None:
    """The usual state before the first recording."""
    if text is not None:
        put(path, text)
    closed = FakeProvider()
    transport = Recorder(path).wrap(closed, provider="oxen")

    with pytest.raises(RecordingError, match=f"POST /chat to 'oxen': .* {problem}"):
        await read(transport, ask("x"))
    await transport.aclose()

    assert (closed.requests, closed.closed) == ([], 1)


async def test_a_replay_that_does_not_ask_for_all_is_an_error(path: Path) -> None:
    """A recording holds what the test needs and nothing else."""
    await recorded(path, FakeProvider((b"1",), (b"2",)), ask("x"), ask("y"))

    with (
        pytest.raises(RecordingError, match=r"1 of 2 exchanges .* exchange 2, POST /chat"),
        open_recording(path) as recorder,
    ):
        await read(recorder.wrap(), ask("x"))


async def test_two_providers_are_distinguished(path: Path) -> None:
    """A route asks the same of both."""
    with open_recording(path, mode="record") as recorder:
        await read(recorder.wrap(FakeProvider((b"a",)), provider="a"), ask("x"))
        await read(recorder.wrap(FakeProvider((b"b",)), provider="b"), ask("x"))

    with open_recording(path) as recorder:
        from_b = await read(recorder.wrap(provider="b"), ask("x"))
        from_a = await read(recorder.wrap(provider="a"), ask("x"))

    assert (from_a[1], from_b[1]) == ([b"a"], [b"b"])


async def test_the_mode_new_asks_the_provider_for_what_is_missing(path: Path) -> None:
    """What is there is played, what is new is added at the end."""
    await recorded(path, FakeProvider((b"old",)), ask("x"))
    provider = FakeProvider((b"new",), (b"again",))

    with open_recording(path, mode="new") as recorder:
        transport = recorder.wrap(provider)
        answers = [(await read(transport, ask(text)))[1] for text in ("x", "y", "x")]

    assert answers == [[b"old"], [b"new"], [b"again"]]
    assert provider.requests == [ask("y"), ask("x")]
    with open_recording(path) as recorder:
        transport = recorder.wrap()
        again = [(await read(transport, ask(text)))[1] for text in ("x", "y", "x")]
    assert again == answers


async def test_the_mode_new_leaves_a_complete_recording_as_it_is(path: Path) -> None:
    """No byte of the file changes."""
    await recorded(path, FakeProvider((b"old",)), ask("x"))
    put(path, f"{text_of(path)}# a note\n")

    with open_recording(path, mode="new") as recorder:
        await read(recorder.wrap(FakeProvider()), ask("x"))

    assert str(text_of(path)).endswith("# a note\n")


async def test_recording_anew_replaces_the_file(path: Path) -> None:
    """Nothing of the old one is kept, and a test without exchanges has no file."""
    await recorded(path, FakeProvider((b"old",)), ask("x"))
    await recorded(path, FakeProvider((b"new",)), ask("y"))
    assert len(Recorder(path).exchanges) == 1

    await recorded(path, FakeProvider())

    assert text_of(path) is None


async def test_a_recording_that_ends_in_an_error_leaves_the_old_file(path: Path) -> None:
    """An incomplete conversation must not replace a complete one."""
    await recorded(path, FakeProvider((b"old",)), ask("x"))
    before = text_of(path)

    with pytest.raises(KeyError), open_recording(path, mode="record") as recorder:
        await read(recorder.wrap(FakeProvider((b"new",))), ask("y"))
        raise KeyError("a bug")

    assert text_of(path) == before


async def test_the_mode_off_does_nothing(path: Path) -> None:
    """The transport is the provider's own, and no file is made."""
    provider = FakeProvider((b"one",))

    with open_recording(path, mode="off") as recorder:
        assert recorder.wrap(provider) is provider

    assert text_of(path) is None


@pytest.mark.parametrize("mode", ["record", "new", "off"])
def test_asking_a_provider_needs_a_transport(path: Path, mode: str) -> None:
    """Only a replay goes without."""
    recorder = Recorder(path, mode=mode)  # type: ignore[arg-type]  # a mode, as text

    with pytest.raises(ValueError, match="needs a transport"):
        recorder.wrap()


async def test_no_secret_reaches_the_file_or_a_message(path: Path) -> None:
    """Neither as header, field or echo, nor across the cuts of a stream."""
    secret = "k3y/with+odd=signs"  # noqa: S105 - made up
    head = WireHead(status=401, headers={"set-cookie": "session", "x-echo": f"<{secret}>"})
    fault = TransportError(f"https://provider/?key={secret} refused {secret}", kind="connection")
    request = WireRequest(
        path=f"/chat?key={secret}",
        headers={"Authorization": f"Bearer {secret}", "x-title": "demo"},
        body=f'{{"key": "another-key", "properties": {{"key": 1}}, "x": "{secret}"}}'.encode(),
    )
    body = f'bad key {secret} and "k3y\\/with+odd=signs"'.encode()
    with open_recording(path, mode="record") as recorder:
        cut = tuple(bytes([byte]) for byte in body)
        transport = recorder.wrap(FakeProvider(cut, fault, head=head), secrets=[secret])
        await read(transport, request)
        with pytest.raises(TransportError):
            await read(transport, request)

    text = str(text_of(path))
    transport = Recorder(path, redaction=Redaction(secrets=[secret])).wrap()
    answer = await read(transport, request)

    assert secret not in text
    assert "another-key" not in text
    assert '"properties": {\n    "key": 1\n  }' in text
    assert "x-title' = 'demo'" in text
    assert answer[0].headers == {"set-cookie": "REDACTED", "x-echo": "<REDACTED>"}
    assert b"".join(answer[1]) == b'bad key REDACTED and "REDACTED"'
    assert len(answer[1]) == len(body)
    with pytest.raises(TransportError, match=r"key=REDACTED refused REDACTED"):
        await read(transport, request)
    with pytest.raises(RecordingError) as caught:
        await read(transport, request)
    assert secret not in str(caught.value)
