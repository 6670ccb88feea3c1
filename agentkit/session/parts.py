"""What the conversations of one database share.

In:  a store, a clock, where ids come from.
Out: `SessionParts`, with which conversations are read and new ones are made.
"""

from collections.abc import Callable, Iterable, Sequence

from agentkit.clock import Clock
from agentkit.history import History
from agentkit.message import Message
from agentkit.session import tables
from agentkit.session.values import SessionEntry, SessionInfo
from agentkit.store.base import Store
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in the tree: the entries up to it, and the history that they make."""

    path: Sequence[SessionEntry]
    history: History

    @property
    def last(self) -> SessionEntry | None:
        """Return the entry at the place; None before the first message."""
        return self.path[-1] if self.path else None

    @classmethod
    def at_end(cls, path: Sequence[SessionEntry]) -> "Place":
        """Return the place after the entries of a path."""
        return cls(path=path, history=History.from_stored(entry.message for entry in path))


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

    def entries_after(
        self, parent: SessionEntry | None, messages: Iterable[Message], *, run_id: str | None = None
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
