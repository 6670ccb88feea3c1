"""A conversation is found again when it has grown."""

import gc

from agentkit.conversation_cache import ConversationCache
from agentkit.history import History
from agentkit.message import AssistantMessage, UserMessage

HI, HELLO, MORE = UserMessage("Hi"), AssistantMessage("Hello"), UserMessage("More")


def follow(cache: ConversationCache[list[str]], history: History) -> tuple[int, list[str]]:
    """Return how many messages were known, and the texts of all."""
    known = cache.take(history, list)
    length = known.length
    known.value += [message.text for message in history[length:]]
    cache.keep(known, history)
    return length, known.value


def test_a_conversation_is_found_by_the_identity_of_its_messages() -> None:
    """Equal messages are another conversation."""
    cache: ConversationCache[list[str]] = ConversationCache(9)
    start = History([HI])
    grown = start + [HELLO, MORE]

    assert follow(cache, start) == (0, ["Hi"])
    assert follow(cache, grown) == (1, ["Hi", "Hello", "More"])
    assert follow(cache, grown) == (3, ["Hi", "Hello", "More"])
    assert follow(cache, History([UserMessage("Hi")])) == (0, ["Hi"])


def test_conversations_may_begin_with_the_same_message() -> None:
    """Each is found by its own last message."""
    cache: ConversationCache[list[str]] = ConversationCache(9)
    start = History([HI])
    left, right = start + [HELLO], start + [AssistantMessage("Hey")]

    assert [follow(cache, one)[0] for one in (left, right)] == [0, 0]
    assert [follow(cache, one + [MORE])[0] for one in (left, right)] == [2, 2]


def test_what_is_kept_is_bounded_by_its_size() -> None:
    """The conversation that was used last stays."""
    cache: ConversationCache[list[str]] = ConversationCache(3, size_of=len)
    first, second = History([HI, HELLO]), History([MORE, AssistantMessage("Yes")])
    follow(cache, first)
    follow(cache, second)

    assert cache.size == 2
    assert follow(cache, second)[0] == 2
    assert follow(cache, first)[0] == 0


def test_a_conversation_is_dropped_with_its_first_message() -> None:
    """It cannot continue."""
    cache: ConversationCache[list[str]] = ConversationCache(9)
    history = History([UserMessage("x"), HELLO])
    follow(cache, history)
    assert cache.size == 1

    del history
    gc.collect()

    assert cache.size == 0


def test_nothing_is_kept_of_an_empty_conversation() -> None:
    """It has no message to be found by."""
    cache: ConversationCache[list[str]] = ConversationCache(9)

    assert follow(cache, History()) == (0, [])
    assert cache.size == 0
