"""Errors of stored conversations.

In:  what was asked for, and what is there.
Out: one family under `SessionError`, each with what its caller needs to go on.
"""

from agentkit.errors import AgentKitError
from agentkit.history import History


class SessionError(AgentKitError):
    """A stored conversation cannot do what was asked."""


class SessionNotFoundError(SessionError):
    """There is no such conversation or entry for this tenant, or it was deleted."""


class SessionExistsError(SessionError):
    """A conversation with this id exists already."""


class SessionConflictError(SessionError):
    """Another writer changed the conversation first; nothing was stored.

    Attributes:
        version: the version that the conversation has now.
        history: the turn that was not stored, with what it answered; None if there was none.
    """

    def __init__(
        self, message: str, *, version: int | None = None, history: History | None = None
    ) -> None:
        super().__init__(message)
        self.version = version
        self.history = history


class ImportFormatError(SessionError):
    """A file is not a conversation that was exported."""
