"""Rewrite the messages of a growing conversation, each only once.

In:  a function of one message; the growing histories of a connection's exchanges.
Out: the same histories with each message changed by the function.

A message that was rewritten once is not rewritten again: the next history of a conversation is the
last rewritten one with the new messages added. The encoder recognises messages by identity, so that
those it has encoded keep their bytes.
"""

from collections import OrderedDict
from collections.abc import Callable
from operator import is_

from agentkit.history import History
from agentkit.message import Message
from agentkit.value import dataclass

_MAX_CONVERSATIONS = 64


@dataclass(frozen=True, slots=True)
class _Rewrite:
    """A history before and after the rewrite; the very same one if nothing was changed."""

    source: History
    rewritten: History

    def is_start_of(self, history: History) -> bool:
        """Return whether `history` continues this one, by the identity of its messages."""
        return len(self.source) <= len(history) and all(map(is_, self.source, history))


class RewriteCache:
    """Rewrites histories with a function of one message."""

    def __init__(self, change: Callable[[Message], Message]) -> None:
        """Set the function; it returns the very same message if it changes nothing."""
        self._change = change
        self._rewrites: OrderedDict[int, _Rewrite] = OrderedDict()  # by id of the last message

    def rewrite(self, history: History) -> History:
        """Return `history` with its messages rewritten; itself if nothing in it is changed."""
        if not history:
            return history
        known = self._pop_start_of(history)
        new = history[len(known.source) :]
        changed = [self._change(message) for message in new]
        if known.rewritten is known.source and all(map(is_, new, changed)):
            rewritten = history
        else:
            rewritten = known.rewritten + changed
        # The entry holds the message, so that its id is not reused.
        self._rewrites[id(history[-1])] = _Rewrite(history, rewritten)
        if len(self._rewrites) > _MAX_CONVERSATIONS:
            self._rewrites.popitem(last=False)
        return rewritten

    def _pop_start_of(self, history: History) -> _Rewrite:
        """Remove and return the last rewrite of the conversation that `history` continues."""
        for message in reversed(history):
            known = self._rewrites.get(id(message))
            if known is not None and known.is_start_of(history):
                return self._rewrites.pop(id(message))
        empty = History()
        return _Rewrite(empty, empty)
