"""What was spelled of a conversation is kept, and only what is new is spelled."""

from agentkit.chat import ToolSpec
from agentkit.dialect.encoding_cache import ToolCache, TranscriptStore
from agentkit.history import History
from agentkit.message import Message, UserMessage

A, B, C = (UserMessage.of(text) for text in "abc")


class Notes:
    """A transcript of texts that writes down what it was asked to spell."""

    def __init__(self, spelled: list[str]) -> None:
        self.texts: list[str] = []
        self._spelled = spelled

    @property
    def size_bytes(self) -> int:
        """Count ten bytes for each message."""
        return 10 * len(self.texts)

    def add(self, message: Message) -> None:
        """Take a message; one that says `bad` cannot be spelled."""
        if message.text == "bad":
            raise ValueError(message.text)
        self.texts.append(message.text)
        self._spelled.append(message.text)


class Spelling:
    """A store, and all that was spelled through it."""

    def __init__(self, max_kept_bytes: int = 1000) -> None:
        self.spelled: list[str] = []
        self.store: TranscriptStore[Notes] = TranscriptStore(max_kept_bytes)

    def follow(self, *messages: Message, variant: str = "") -> list[str]:
        """Return the texts of the transcript for a history."""
        notes = self.store.follow(History(messages), lambda: Notes(self.spelled), variant=variant)
        return list(notes.texts)


def test_a_growing_conversation_is_spelled_once() -> None:
    """Each turn spells what is new."""
    spelling = Spelling()

    results = [spelling.follow(A), spelling.follow(A, B), spelling.follow(A, B, C)]

    assert results == [["a"], ["a", "b"], ["a", "b", "c"]]
    assert spelling.spelled == ["a", "b", "c"]


def test_a_conversation_that_goes_another_way_is_spelled_anew() -> None:
    """Going back, or going on otherwise, never gives what was said in the other branch."""
    spelling = Spelling()

    results = [spelling.follow(A, B), spelling.follow(A, C), spelling.follow(A)]

    assert results == [["a", "b"], ["a", "c"], ["a"]]


def test_an_equal_message_is_not_the_same_message() -> None:
    """Only identity is proof enough, and it is cheap."""
    spelling = Spelling()
    spelling.follow(A)

    spelling.follow(UserMessage.of("a"))

    assert spelling.spelled == ["a", "a"]


def test_variants_are_kept_apart() -> None:
    """One history may be spelled into several things."""
    spelling = Spelling()

    spelling.follow(A, variant="x")
    spelling.follow(A, variant="y")
    spelling.follow(A, B, variant="x")

    assert spelling.spelled == ["a", "a", "b"]


def test_beyond_the_limit_the_longest_unused_goes_first() -> None:
    """What was used last is kept."""
    spelling = Spelling(max_kept_bytes=20)
    spelling.follow(A)
    spelling.follow(B)
    spelling.follow(A)

    spelling.follow(C)
    spelling.follow(A)
    spelling.follow(B)

    assert spelling.spelled == ["a", "b", "c", "b"]


def test_an_empty_conversation_is_never_kept() -> None:
    """It has no message to be known by."""
    spelling = Spelling()

    assert spelling.follow() == spelling.follow() == []
    assert spelling.follow(A) == ["a"]


def test_a_transcript_that_failed_is_not_used_again() -> None:
    """The next request starts from nothing."""
    spelling = Spelling()
    spelling.follow(A)

    try:
        spelling.follow(A, UserMessage.of("bad"))
    except ValueError:
        spelling.follow(A)

    assert spelling.spelled == ["a", "a"]


def test_tools_are_spelled_once_while_they_stay_the_same() -> None:
    """Other tools, or more of them, are spelled anew."""
    seen: list[int] = []

    def encode(tools: tuple[ToolSpec, ...]) -> str:
        seen.append(len(tools))
        return ",".join(tool.name for tool in tools)

    cache = ToolCache(encode)
    f, g = (ToolSpec(name=name, description="", input_schema={}) for name in "fg")

    results = [cache.encode(tools) for tools in ((f,), (f,), (f, g), (g, f), (g, f), (f,), ())]

    assert results == ["f", "f", "f,g", "g,f", "g,f", "f", ""]
    assert seen == [1, 2, 2, 1, 0]


def test_nothing_is_kept_of_a_conversation_that_nobody_has_any_more() -> None:
    """It could not go on, and a process that makes many runs would only grow."""
    spelling = Spelling()
    spelling.follow(UserMessage.of("x"), B)

    assert spelling.store.kept_bytes == 0
