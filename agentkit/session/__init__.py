"""Conversations that are kept, as trees of messages, in SQLite or PostgreSQL."""

from agentkit.session.session import Session
from agentkit.session.session_errors import (
    ImportFormatError,
    SessionConflictError,
    SessionError,
    SessionExistsError,
    SessionNotFoundError,
)
from agentkit.session.sessions import Sessions, open_sessions
from agentkit.session.values import SearchHit, SessionEntry, SessionInfo, SessionPage

__all__ = [
    "ImportFormatError",
    "SearchHit",
    "Session",
    "SessionConflictError",
    "SessionEntry",
    "SessionError",
    "SessionExistsError",
    "SessionInfo",
    "SessionNotFoundError",
    "SessionPage",
    "Sessions",
    "open_sessions",
]
