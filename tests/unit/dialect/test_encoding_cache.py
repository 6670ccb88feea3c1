"""What was encoded of a conversation is kept, and only what is new is encoded."""

from agentkit.chat import ToolSpec
from agentkit.dialect.encoding_cache import ToolCache, TranscriptStore
from agentkit.history import History
from agentkit.message import Message, UserMessage

A, B, C = (UserMessage(text) for text in "abc")


class Notes:
    """A transcript of texts that writes down what it was asked to encode."""

    def __init__(self, encoded: list[str]) -> None:
        self.texts: list[str] = []
        self._encoded = encoded

    @property
    def size_bytes(self) -> int:
        """Count ten bytes for each message."""
        return 10 * len(self.texts)

    def add(self, message: Message) -> None:
        """Take a message; one that says `bad` cannot be encoded."""
        if message.text == "bad":
            raise ValueError(message.text)
        self.texts.append(message.text)
        self._encoded.append(message.text)


class Recorder:
    """A store, and all that was encoded through it."""

    def __init__(self, max_kept_bytes: int = 1000) -> None:
        self.encoded: list[str] = []
        self.store: TranscriptStore[Notes] = TranscriptStore(max_kept_bytes)

    def follow(self, *messages: Message, variant: str = "") -> list[str]:
        """Return the texts of the transcript for a history."""
        notes = self.store.follow(History(messages), lambda: Notes(self.encoded), variant=variant)
        return list(notes.texts)


def test_a_growing_conversation_is_encoded_once() -> None:
    """Each turn encodes only the new messages."""
    recorder = Recorder()

    results = [recorder.follow(A), recorder.follow(A, B), recorder.follow(A, B, C)]

    assert results == [["a"], ["a", "b"], ["a", "b", "c"]]
    assert recorder.encoded == ["a", "b", "c"]


def test_a_branch_of_a_conversation_is_encoded_again() -> None:
    """After going back or continuing differently, no message of the other branch is sent."""
    recorder = Recorder()

    results = [recorder.follow(A, B), recorder.follow(A, C), recorder.follow(A)]

    assert results == [["a", "b"], ["a", "c"], ["a"]]


def test_an_equal_message_is_not_the_same_message() -> None:
    """Messages are compared by identity, which is safe and cheap."""
    recorder = Recorder()
    recorder.follow(A)

    recorder.follow(UserMessage("a"))

    assert recorder.encoded == ["a", "a"]


def test_variants_are_cached_separately() -> None:
    """One history may be encoded into several formats."""
    recorder = Recorder()

    recorder.follow(A, variant="x")
    recorder.follow(A, variant="y")
    recorder.follow(A, B, variant="x")

    assert recorder.encoded == ["a", "a", "b"]


def test_beyond_the_limit_the_least_recently_used_is_dropped() -> None:
    """The most recently used ones are kept."""
    recorder = Recorder(max_kept_bytes=20)
    recorder.follow(A)
    recorder.follow(B)
    recorder.follow(A)

    recorder.follow(C)
    recorder.follow(A)
    recorder.follow(B)

    assert recorder.encoded == ["a", "b", "c", "b"]


def test_an_empty_conversation_is_never_cached() -> None:
    """It has no message to identify it."""
    recorder = Recorder()

    assert recorder.follow() == recorder.follow() == []
    assert recorder.follow(A) == ["a"]


def test_a_transcript_that_failed_is_not_reused() -> None:
    """The next request starts anew."""
    recorder = Recorder()
    recorder.follow(A)

    try:
        recorder.follow(A, UserMessage("bad"))
    except ValueError:
        recorder.follow(A)

    assert recorder.encoded == ["a", "a"]


def test_tools_are_encoded_once_while_they_stay_the_same() -> None:
    """Other tools, or more of them, are encoded anew."""
    seen: list[int] = []

    def encode(tools: tuple[ToolSpec, ...]) -> str:
        seen.append(len(tools))
        return ",".join(tool.name for tool in tools)

    cache = ToolCache(encode)
    f, g = (ToolSpec(name=name, description="", input_schema={}) for name in "fg")

    results = [cache.encode(tools) for tools in ((f,), (f,), (f, g), (g, f), (g, f), (f,), ())]

    assert results == ["f", "f", "f,g", "g,f", "g,f", "f", ""]
    assert seen == [1, 2, 2, 1, 0]


def test_nothing_is_cached_of_a_conversation_that_was_collected() -> None:
    """It cannot continue, and the memory of a process with many runs would only grow."""
    recorder = Recorder()
    recorder.follow(UserMessage("x"), B)

    assert recorder.store.kept_bytes == 0
