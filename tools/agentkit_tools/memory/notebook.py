"""Notes of one owner and one agent, in agentkit's database.

In:  an open store, or the address of one; text.
Out: notes by number, newest first, or by the words they share with a query.

A note is found by the words of the search of conversations, so that both databases find the same,
in any language. An owner has so few notes for an agent that each search looks at all of them.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from agentkit.clock import Clock, SystemClock
from agentkit.config.user_files import user_database
from agentkit.session.search_text import index_text
from agentkit.store.base import Row, Store, Transaction
from agentkit.store.open_store import open_store
from agentkit.store.text_repair import repair_text

MAX_NOTES = 1_000
_MICROSECONDS = 1_000_000

_INSERT = (
    "INSERT INTO ak_notes (owner, agent, digest, note, created_at) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)
_FIND = "SELECT seq FROM ak_notes WHERE owner = ? AND agent = ? AND digest = ?"
_COUNT = "SELECT count(*) FROM ak_notes WHERE owner = ? AND agent = ?"
_LIST = (
    "SELECT seq, note, created_at FROM ak_notes WHERE owner = ? AND agent = ? "
    "ORDER BY seq DESC LIMIT ?"
)
_DELETE = "DELETE FROM ak_notes WHERE owner = ? AND agent = ? AND seq = ? RETURNING seq"

OpenStore = Callable[[], AbstractAsyncContextManager[Store]]


class NotebookFullError(Exception):
    """There are as many notes as there may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that was remembered."""

    number: int
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteScope:
    """Whose notes they are; neither part ever comes from a model."""

    owner: str
    agent: str

    @property
    def key(self) -> tuple[str, str]:
        """Return the values of the columns."""
        return repair_text(self.owner), repair_text(self.agent)


class Notebook:
    """The notes in a database."""

    def __init__(self, open_store: OpenStore, *, clock: Clock | None = None) -> None:
        """Take what opens the database for each use."""
        self._open = open_store
        self._clock = clock or SystemClock()

    async def add(self, text: str, *, scope: NoteScope) -> Note:
        """Keep a note and return it; the same text again is the same note.

        Raises:
            NotebookFullError: there are `MAX_NOTES` already.
        """
        text = repair_text(text.strip())
        now = self._clock.now()
        digest = sha256(text.encode()).hexdigest()
        created = int(now.timestamp() * _MICROSECONDS)

        def insert(transaction: Transaction) -> int:
            found = transaction.run(_FIND, (*scope.key, digest))
            if not found:
                [[count]] = transaction.run(_COUNT, scope.key)
                if count >= MAX_NOTES:
                    raise NotebookFullError
                transaction.run(_INSERT, (*scope.key, digest, text, created))
                found = transaction.run(_FIND, (*scope.key, digest))
            return int(found[0][0])

        async with self._open() as store:
            number = await store.transaction(insert)
        return Note(number=number, text=text, created_at=now)

    async def list(self, *, scope: NoteScope) -> Sequence[Note]:
        """Return all notes, newest first."""
        async with self._open() as store:
            rows = await store.run(_LIST, (*scope.key, MAX_NOTES))
        return [_note(row) for row in rows]

    async def search(self, query: str, *, scope: NoteScope) -> Sequence[Note]:
        """Return the notes that share words with a query, those that share most first."""
        wanted = _words(query)
        notes = await self.list(scope=scope)
        shared = {note.number: len(wanted & _words(note.text)) for note in notes}
        found = [note for note in notes if shared[note.number]]
        return sorted(found, key=lambda note: -shared[note.number])

    async def remove(self, number: int, *, scope: NoteScope) -> bool:
        """Delete a note and return whether there was one."""
        async with self._open() as store:
            return bool(await store.run(_DELETE, (*scope.key, number)))


def opening(url: str | None) -> OpenStore:
    """Return what opens a database by its address; None is the user's own."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Store]:
        async with open_store(url or user_database()) as store:
            yield store

    return opened


def sharing(store: Store) -> OpenStore:
    """Return what gives access to an open store, and leaves it open."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Store]:
        yield store

    return opened


def _words(text: str) -> frozenset[str]:
    """Return the normalised words of a text."""
    tenant, *words = index_text(text, tenant="").split()
    return frozenset(words) - {tenant}


def _note(row: Row) -> Note:
    number, text, created = row
    return Note(
        number=number,
        text=text,
        created_at=datetime.fromtimestamp(created / _MICROSECONDS, tz=UTC),
    )
