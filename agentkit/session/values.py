"""What is known of a stored conversation.

In:  rows of the database.
Out: frozen values: `SessionInfo`, `SessionEntry`, `SessionPage`, `SearchHit`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from agentkit.message import Message
from agentkit.value import dataclass

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """Return an aware moment as the database keeps it."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """Return a moment of the database, in UTC."""
    return datetime.fromtimestamp(count / 1_000_000, UTC)  # exact for some 250 years


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """A conversation without its messages.

    Attributes:
        id: unique in the database.
        tenant: whose it is; "" if there are no tenants.
        agent: the name of the agent that it is with, as its creator gave it.
        title: the first words of the first user message, unless it was named.
        head: the entry where the conversation goes on; None while it is empty.
        version: raised by one with each change of the tree or the head.
        forked_from: the entry of another conversation at which this one began.
        updated_at: when the tree or the head was last changed.
    """

    id: str
    tenant: str
    agent: str
    title: str
    head: str | None
    version: int
    forked_from: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEntry:
    """One message at its place in the tree.

    Attributes:
        parent_id: the message before it; None for a first message.
        depth: how many messages are before it.
        run_id: the run that wrote it, if that has an id.
    """

    id: str
    parent_id: str | None
    depth: int
    message: Message
    run_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A conversation that is not stored yet; parents come before their children."""

    info: SessionInfo
    entries: Sequence[SessionEntry] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage:
    """A part of a list of conversations, last used first.

    Attributes:
        next: give it as `after` for the next part; None at the end.
    """

    sessions: Sequence[SessionInfo]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A message in which all words of a search were found.

    Attributes:
        excerpt: the text around the first word that was found, in one line.
    """

    session_id: str
    title: str
    entry_id: str
    role: str
    excerpt: str
    created_at: datetime
