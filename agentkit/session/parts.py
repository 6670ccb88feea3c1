"""What the conversations of one database share.

In:  a store, a clock, where ids come from.
Out: `SessionParts`, with which conversations are read and new ones are made.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from agentkit.clock import Clock
from agentkit.history import History
from agentkit.message import Message
from agentkit.session import tables
from agentkit.session.values import SessionEntry, SessionInfo
from agentkit.store.base import Store
from agentkit.value import dataclass


class Parent(Protocol):
    """What new entries need to know of the one that they follow."""

    @property
    def id(self) -> str:
        """Return its id."""

    @property
    def depth(self) -> int:
        """Return how many messages are before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastEntry:
    """The entry at a place, of which only this was read."""

    id: str
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in the tree.

    Attributes:
        history: the messages up to it.
        last: the entry at it; None before the first message.
        path: the entries up to it; None if only their messages were read.
    """

    history: History
    last: Parent | None
    path: Sequence[SessionEntry] | None

    @property
    def last_id(self) -> str | None:
        """Return the id of the entry at it; None before the first message."""
        return None if self.last is None else self.last.id

    @classmethod
    def at_end(cls, path: Sequence[SessionEntry]) -> "Place":
        """Return the place after the entries of a path."""
        return cls(
            history=History.from_stored(entry.message for entry in path),
            last=path[-1] if path else None,
            path=path,
        )

    def after(self, entries: Sequence[SessionEntry], *, history: History) -> "Place":
        """Return the place after entries that follow it; `history` has their messages too."""
        path = None if self.path is None else [*self.path, *entries]
        return Place(history=history, last=entries[-1], path=path)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionParts:
    """A store that is open, and what makes new entries."""

    store: Store
    clock: Clock
    new_id: Callable[[], str]

    async def read(self, session_id: str, *, tenant: str) -> SessionInfo:
        """Return a conversation as it is now.

        Raises:
            SessionNotFoundError: there is none with this id for the tenant.
        """
        rows = await self.store.run(tables.READ_SESSION, (session_id, tenant))
        if not rows:
            raise tables.not_found(session_id)
        return tables.read_session(rows[0])

    async def read_path(self, entry_id: str) -> Sequence[SessionEntry]:
        """Return the entries from the first one to this one; none if there is no such entry.

        Raises:
            HistoryError: a message cannot be read.
        """
        return tables.read_path(await self.store.run(tables.READ_PATH, (entry_id,)))

    async def read_place(self, entry_id: str | None, *, with_path: bool = False) -> Place:
        """Return the place after an entry; before the first message if there is no such entry.

        Raises:
            HistoryError: a message cannot be read.
        """
        if entry_id is None or with_path:
            return Place.at_end(() if entry_id is None else await self.read_path(entry_id))
        messages = tables.read_messages(await self.store.run(tables.READ_MESSAGES, (entry_id,)))
        last = LastEntry(id=entry_id, depth=len(messages) - 1) if messages else None
        return Place(history=History.from_stored(messages), last=last, path=None)

    def entries_after(
        self, parent: Parent | None, messages: Iterable[Message], *, run_id: str | None = None
    ) -> Sequence[SessionEntry]:
        """Return new entries for messages that follow each other after `parent`."""
        now = self.clock.now()
        entries: list[SessionEntry] = []
        for message in messages:
            parent = SessionEntry(
                id=self.new_id(),
                parent_id=None if parent is None else parent.id,
                depth=0 if parent is None else parent.depth + 1,
                message=message,
                run_id=run_id,
                created_at=now,
            )
            entries.append(parent)
        return entries

    def new_session(
        self,
        *,
        tenant: str,
        agent: str = "",
        title: str = "",
        session_id: str | None = None,
        forked_at: SessionEntry | None = None,
    ) -> SessionInfo:
        """Return a new conversation: empty, or one that begins at an entry of another one."""
        now = self.clock.now()
        head = None if forked_at is None else forked_at.id
        return SessionInfo(
            id=session_id or self.new_id(),
            tenant=tenant,
            agent=agent,
            title=tables.short_title(title),
            head=head,
            version=0,
            forked_from=head,
            created_at=now,
            updated_at=now,
        )
