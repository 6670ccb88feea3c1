"""Cache what was made of a conversation, found again when the conversation has grown.

In:  histories, each of which may continue an earlier one.
Out: `Known`: the value that was kept for the earlier one, and how many messages it covers.

A conversation grows at its end and is passed on completely every turn. Its messages are immutable
and shared by the histories that grow from each other, so a conversation is recognised by their
identity. What is kept does not keep the first message alive: with it the entry is dropped, since
such a conversation cannot continue.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from itertools import islice
from operator import is_
from typing import Generic, TypeAlias, TypeVar
from weakref import ref

from agentkit.history import History
from agentkit.message import Message

ValueT = TypeVar("ValueT")

_Key: TypeAlias = tuple[int, str]


class Known(Generic[ValueT]):
    """What is known of one conversation.

    Attributes:
        value: what was made of its messages.
        length: how many messages that covers.
        key: under which it was kept last.
        size: see `ConversationCache`; as of the last `keep`.
    """

    __slots__ = ("__weakref__", "_first", "_lineage", "_rest", "key", "length", "size", "value")

    def __init__(self, value: ValueT) -> None:
        self.value: ValueT = value
        self.length: int = 0
        self.key: _Key | None = None
        self.size: int = 0
        self._first: ref[Message] | None = None
        self._rest: list[Message] = []
        self._lineage: ref[object] | None = None  # most conversations are found again by it

    def is_start_of(self, history: History) -> bool:
        """Return whether `history` begins with the very messages of this conversation."""
        if self._first is None or self.length > len(history):
            return False
        if self._lineage is not None and self._lineage() is history.lineage:
            return True
        is_same = self._first() is history[0]
        return is_same and all(map(is_, self._rest, islice(history, 1, None)))

    def cover(
        self, history: History, forget: Callable[["ref[Known[ValueT]]", object], None]
    ) -> None:
        """Cover all messages of a history that continues this one and is not empty."""
        if self._first is None:
            self._first = ref(history[0], partial(forget, ref(self)))
        self._rest += history[len(self._rest) + 1 :]
        self._lineage = ref(history.lineage)
        self.length = len(history)


class ConversationCache(Generic[ValueT]):
    """Keeps what is known of conversations; the least recently used are dropped first."""

    def __init__(self, max_size: int, *, size_of: Callable[[ValueT], int] | None = None) -> None:
        """Make an empty cache.

        Args:
            max_size: how much is kept; without `size_of`, how many conversations.
            size_of: returns the size of a value.
        """
        self._max_size = max_size
        self._size_of = size_of
        # By the last message: conversations may begin with the same message.
        self._known: OrderedDict[_Key | None, Known[ValueT]] = OrderedDict()
        self._size = 0
        own = ref(self)  # the callbacks of weak references must not keep the cache alive

        def forget(of: "ref[Known[ValueT]]", _: object) -> None:
            cache, known = own(), of()
            if cache is not None and known is not None and cache._known.get(known.key) is known:
                cache._drop(known.key)

        self._forget = forget

    @property
    def size(self) -> int:
        """Return the size of all that is kept."""
        return self._size

    def take(
        self, history: History, begin: Callable[[], ValueT], *, variant: str = ""
    ) -> Known[ValueT]:
        """Remove and return what is known of the conversation that `history` continues.

        Args:
            history: the conversation now.
            begin: makes the value of a conversation of which nothing is known.
            variant: separates several values of one conversation.
        """
        for message in reversed(history):
            key = (id(message), variant)
            known = self._known.get(key)
            if known is not None and known.is_start_of(history):
                del self._known[key]
                self._size -= known.size
                return known
        return Known(begin())

    def keep(self, known: Known[ValueT], history: History, *, variant: str = "") -> None:
        """Keep what is known of `history` by now, as the newest; nothing of an empty one."""
        last = history.last
        if last is None:
            return
        key = (id(last), variant)
        if key in self._known:
            self._drop(key)
        known.cover(history, self._forget)
        known.key = key
        known.size = 1 if self._size_of is None else self._size_of(known.value)
        self._known[key] = known
        self._size += known.size
        while self._size > self._max_size:
            self._size -= self._known.popitem(last=False)[1].size

    def _drop(self, key: _Key | None) -> None:
        known = self._known.pop(key, None)
        if known is not None:
            self._size -= known.size
