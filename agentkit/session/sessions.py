"""Stored conversations of one database.

In:  the address of a database.
Out: `Sessions`: create, find, list, search, delete; each conversation as a `Session`.
"""

import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from agentkit.clock import Clock, SystemClock
from agentkit.session import tables
from agentkit.session.gc import remove_deleted
from agentkit.session.json_format import read_json
from agentkit.session.markdown_format import read_markdown
from agentkit.session.message_codec import decode_messages
from agentkit.session.parts import SessionParts
from agentkit.session.search_text import excerpt, index_query
from agentkit.session.session import Session
from agentkit.session.session_errors import SessionExistsError
from agentkit.session.values import (
    NewSession,
    SearchHit,
    SessionPage,
    from_microseconds,
    to_microseconds,
)
from agentkit.store.base import Row, SqlValue, Store, Transaction
from agentkit.store.open_store import open_store

KEPT_AFTER_DELETION = timedelta(days=30)
MAX_NAME_LENGTH = 200
_LAST_OF_ALL = 2**62


def make_id() -> str:
    """Return a new id that no one can guess: milliseconds since 1970 and 80 random bits.

    Ids of one time are near each other in an index, which makes an insertion cheaper.
    """
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


class Sessions:
    """The stored conversations of one database. Safe to use from many tasks at once.

    Each call is for one tenant; what belongs to another one is not found. Without tenants, leave
    it out.
    """

    def __init__(
        self, store: Store, *, clock: Clock | None = None, new_id: Callable[[], str] = make_id
    ) -> None:
        """Use a store that is open and has current tables; see `open_sessions`."""
        self._parts = SessionParts(store=store, clock=clock or SystemClock(), new_id=new_id)
        self._store = store

    async def create(
        self, *, agent: str = "", tenant: str = "", title: str = "", session_id: str | None = None
    ) -> Session:
        """Create an empty conversation.

        Args:
            agent: the name of the agent that it is with.
            tenant: whose it is.
            title: shown in lists; without one, the first words of the first user message.
            session_id: a name for it, unique in the database; made up if not given.

        Raises:
            SessionExistsError: a conversation with this id exists, or was deleted a short time ago.
        """
        info = self._parts.new_session(
            tenant=_name("tenant", tenant),
            agent=_name("agent", agent),
            title=title,
            session_id=_name("session_id", session_id or ""),
        )
        return await self._insert(NewSession(info=info))

    async def get(self, session_id: str, *, tenant: str = "") -> Session:
        """Return a conversation.

        Raises:
            SessionNotFoundError: there is none with this id for the tenant.
        """
        return Session(self._parts, await self._parts.read(session_id, tenant=tenant))

    async def list(
        self,
        *,
        tenant: str = "",
        agent: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> SessionPage:
        """Return the conversations of a tenant, last used first.

        Args:
            tenant: whose.
            agent: only those with this agent.
            limit: how many at most, 1 or more.
            after: `next` of the page before.

        Raises:
            ValueError: `after` is not the `next` of a page, or `limit` is less than 1.
        """
        if limit < 1:
            raise ValueError(f"A page holds 1 conversation or more, not {limit}.")
        updated_at, name = (_LAST_OF_ALL, "") if after is None else _parse_cursor(after)
        values: list[SqlValue] = [tenant, updated_at, name]
        sql = tables.LIST_SESSIONS
        if agent is not None:
            sql = tables.LIST_SESSIONS_OF_AGENT
            values.append(agent)
        rows = await self._store.run(sql, [*values, limit + 1])
        found = [tables.read_session(row) for row in rows[:limit]]
        if len(rows) <= limit:
            return SessionPage(sessions=found)
        last = found[-1]
        return SessionPage(sessions=found, next=f"{to_microseconds(last.updated_at)}:{last.id}")

    async def search(self, query: str, *, tenant: str = "", limit: int = 20) -> Sequence[SearchHit]:
        """Return the messages of users and models that hold all words of a query, newest first.

        Case and accents do not count. `refund*` finds all words that begin so.

        Args:
            query: words; without any, nothing is found.
            tenant: whose conversations are searched.
            limit: how many at most.
        """
        words = index_query(query, tenant=tenant, kind=self._store.kind)
        if words is None:
            return ()
        rows: list[Row] = []
        for statement in tables.SEARCH[self._store.kind]:
            rows = await self._store.run(statement, (words, tenant, limit))
            if len(rows) >= limit:
                break
        messages = decode_messages([(version, text) for _, _, _, _, version, text, _ in rows])
        return [
            SearchHit(
                session_id=row[0],
                title=row[1],
                entry_id=row[2],
                role=row[3],
                excerpt=excerpt(getattr(message, "text", ""), query),
                created_at=from_microseconds(row[6]),
            )
            for row, message in zip(rows, messages, strict=True)
        ]

    async def delete(self, session_id: str, *, tenant: str = "") -> None:
        """Delete a conversation; until `gc` removes it, `restore` brings it back.

        Raises:
            SessionNotFoundError: there is none with this id for the tenant.
        """
        await (await self.get(session_id, tenant=tenant)).delete()

    async def restore(self, session_id: str, *, tenant: str = "") -> Session:
        """Bring back a conversation that was deleted.

        Raises:
            SessionNotFoundError: none was deleted with this id, or `gc` has removed it.
        """
        rows = await self._store.run(tables.RESTORE, (session_id, tenant))
        if not rows:
            raise tables.not_found(session_id)
        return await self.get(session_id, tenant=tenant)

    async def gc(self, older_than: timedelta = KEPT_AFTER_DELETION) -> int:
        """Remove for good what was deleted, and return how many conversations that were.

        Messages that a fork shares with a removed conversation belong to the fork from then on.

        Args:
            older_than: how long ago they were deleted, at least.
        """
        before = to_microseconds(self._parts.clock.now() - older_than)
        return await self._store.transaction(
            lambda transaction: remove_deleted(transaction, before=before)
        )

    async def import_json(self, text: str, *, tenant: str = "") -> Session:
        """Create a conversation from what `Session.export_json` wrote, with new ids.

        Raises:
            ImportFormatError: the text is not such an export, or its messages are not a history.
        """
        return await self._insert(
            read_json(text, tenant=_name("tenant", tenant), parts=self._parts)
        )

    async def import_markdown(self, text: str, *, tenant: str = "") -> Session:
        """Create a conversation from what `Session.export_markdown` wrote, with new ids.

        Raises:
            ImportFormatError: the text is not such an export, or its messages are not a history.
        """
        return await self._insert(
            read_markdown(text, tenant=_name("tenant", tenant), parts=self._parts)
        )

    async def _insert(self, new: NewSession) -> Session:
        """Write a new conversation with its entries."""

        def insert(transaction: Transaction) -> bool:
            is_free = tables.insert_session(transaction, new.info)
            if is_free:
                tables.insert_entries(transaction, new.entries, info=new.info)
            return is_free

        if not await self._store.transaction(insert):
            raise SessionExistsError(f"There is already a session {new.info.id!r}.")
        return Session(self._parts, new.info)


@asynccontextmanager
async def open_sessions(url: str, *, migrate: bool = True) -> AsyncIterator[Sessions]:
    """Open the conversations of a database, and close it at the end.

    Args:
        url: `sqlite:FILE`, `sqlite:///ABSOLUTE/FILE`, or `postgresql://…` (needs the extra
            `postgres`).
        migrate: create or update the tables if they are missing or older.

    Raises:
        ConfigError: the address or the database cannot be used; see `open_store`.
        StoreError: the database cannot be reached.
    """
    async with open_store(url, migrate=migrate) as store:
        yield Sessions(store)


def _name(field: str, value: str) -> str:
    """Return a name that a caller chose, if both databases keep and find it as it is.

    Raises:
        ValueError: it is too long, or holds characters that no name needs.
    """
    if len(value) > MAX_NAME_LENGTH or not value.isprintable():
        raise ValueError(
            f"The {field} {value[:MAX_NAME_LENGTH]!r} is not a name: it has up to "
            f"{MAX_NAME_LENGTH} printable characters."
        )
    return value


def _parse_cursor(after: str) -> tuple[int, str]:
    moment, colon, name = after.partition(":")
    if not colon or not moment.isascii() or not moment.isdigit():
        raise ValueError(f"{after!r} is not the 'next' of a page of sessions.")
    return int(moment), name
