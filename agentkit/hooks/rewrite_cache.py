"""Conversations told with some messages changed.

In:  a function of one message; the growing histories of a connection's exchanges.
Out: the same histories with each message changed once.

What was told once is not told again: the next history of a conversation is the last one with what
is new, so that messages that were encoded keep their bytes.
"""

from collections import OrderedDict
from collections.abc import Callable
from operator import is_

from agentkit.history import History
from agentkit.message import Message
from agentkit.value import dataclass

_KEPT_CONVERSATIONS = 64


@dataclass(frozen=True, slots=True)
class _Told:
    """A history as it came and as it was told; the very same one if nothing was changed."""

    source: History
    told: History

    def is_start_of(self, history: History) -> bool:
        """Say whether `history` goes on from here, by the identity of its messages."""
        return len(self.source) <= len(history) and all(map(is_, self.source, history))


class Retold:
    """Tells histories with each message changed by one function."""

    def __init__(self, change: Callable[[Message], Message]) -> None:
        """Take a function that returns the very same message where it changes nothing."""
        self._change = change
        self._kept: OrderedDict[int, _Told] = OrderedDict()  # by the last message's address

    def retell(self, history: History) -> History:
        """Return `history` as it is to be told; itself if nothing in it is changed."""
        if not history:
            return history
        known = self._take(history)
        new = history[len(known.source) :]
        changed = [self._change(message) for message in new]
        if known.told is known.source and all(map(is_, new, changed)):
            told = history
        else:
            told = known.told.add(*changed)
        # What is kept holds the message, so that its address stays its own.
        self._kept[id(history[-1])] = _Told(history, told)
        if len(self._kept) > _KEPT_CONVERSATIONS:
            self._kept.popitem(last=False)
        return told

    def _take(self, history: History) -> _Told:
        """Take out what was told last of the conversation that `history` goes on with."""
        for message in reversed(history):
            known = self._kept.get(id(message))
            if known is not None and known.is_start_of(history):
                return self._kept.pop(id(message))
        empty = History()
        return _Told(empty, empty)
