"""Rewrite the messages of a growing conversation, each only once.

In:  a function of one message; the growing histories of a connection's exchanges.
Out: the same histories with each message changed by the function.

A message that was rewritten once is not rewritten again: the next history of a conversation is the
last rewritten one with the new messages added. The encoder recognises messages by identity, so that
those it has encoded keep their bytes.
"""

from collections.abc import Callable
from operator import is_

from agentkit.conversation_cache import ConversationCache
from agentkit.history import History
from agentkit.message import Message

_MAX_CONVERSATIONS = 64


class RewriteCache:
    """Rewrites histories with a function of one message."""

    def __init__(self, change: Callable[[Message], Message]) -> None:
        """Set the function; it returns the very same message if it changes nothing."""
        self._change = change
        # The rewritten history; None if nothing was changed.
        self._rewritten: ConversationCache[History | None] = ConversationCache(_MAX_CONVERSATIONS)

    def rewrite(self, history: History) -> History:
        """Return `history` with its messages rewritten; itself if nothing in it is changed."""
        known = self._rewritten.take(history, lambda: None)
        new = history[known.length :]
        changed = [self._change(message) for message in new]
        if known.value is not None:
            known.value += changed
        elif not all(map(is_, new, changed)):
            known.value = History.from_stored(history[: known.length]) + changed
        self._rewritten.keep(known, history)
        return history if known.value is None else known.value
