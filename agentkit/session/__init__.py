"""Conversations that are kept, as trees of messages, in SQLite or PostgreSQL."""

from agentkit.session.errors import (
    ImportFormatError,
    SessionConflictError,
    SessionError,
    SessionExistsError,
    SessionNotFoundError,
)
from agentkit.session.session import Session
from agentkit.session.sessions import Sessions, open_sessions
from agentkit.session.values import Entry, SearchHit, SessionInfo, SessionPage

__all__ = [
    "Entry",
    "ImportFormatError",
    "SearchHit",
    "Session",
    "SessionConflictError",
    "SessionError",
    "SessionExistsError",
    "SessionInfo",
    "SessionNotFoundError",
    "SessionPage",
    "Sessions",
    "open_sessions",
]
