"""User messages for a run that is under way.

In:  what the user says in the meantime.
Out: the same, in order, each taken once, at the next turn.
"""

from agentkit.message import UserMessage


class Inbox:
    """Holds messages until the run takes them in."""

    def __init__(self) -> None:
        self._waiting: list[UserMessage] = []

    def put(self, message: UserMessage) -> None:
        """Add a message; safe while the run is busy."""
        self._waiting.append(message)

    def take(self) -> tuple[UserMessage, ...]:
        """Return what has come in since the last time."""
        if not self._waiting:
            return ()
        taken = tuple(self._waiting)
        del self._waiting[: len(taken)]
        return taken
