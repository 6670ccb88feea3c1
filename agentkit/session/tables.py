"""The statements that read and write conversations.

In:  ids, and a `Transaction` if something is written.
Out: rows as values; nothing here waits.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter

from agentkit.history import VERSION
from agentkit.message import AssistantMessage, Message, UserMessage
from agentkit.session.message_codec import decode_messages, encode_message
from agentkit.session.search_text import index_text
from agentkit.session.session_errors import SessionConflictError, SessionNotFoundError
from agentkit.session.values import SessionEntry, SessionInfo, from_microseconds, to_microseconds
from agentkit.store.base import Row, SqlValue, StoreKind, Transaction
from agentkit.store.text_repair import repair_text
from agentkit.value import dataclass

TITLE_LENGTH = 80
ROWS_AT_ONCE = 500
"""How many entries one statement writes: SQLite takes 32,766 values, and each has eleven."""

SEARCHED_FIRST = 1_000
"""Entries that PostgreSQL searches from the newest on before it asks its index."""

_COLUMNS = {
    "SESSION_COLUMNS": (
        "id, tenant, agent, title, head, version, forked_from, created_at, updated_at"
    ),
    "ENTRY_COLUMNS": "id, parent_id, depth, message_version, message, run_id, created_at",
    "E_COLUMNS": "e.id, e.parent_id, e.depth, e.message_version, e.message, e.run_id, e.created_at",
}


def _with_columns(sql: str) -> str:
    """Return a statement with the lists of columns that are named in it."""
    for name, columns in _COLUMNS.items():
        sql = sql.replace(name, columns)
    return sql


READ_SESSION = _with_columns(
    "SELECT SESSION_COLUMNS FROM ak_conversations "
    "WHERE id = ? AND tenant = ? AND deleted_at IS NULL"
)
LIST_SESSIONS = _with_columns(
    "SELECT SESSION_COLUMNS FROM ak_conversations "
    "WHERE tenant = ? AND deleted_at IS NULL AND (updated_at, id) < (?, ?) "
    "ORDER BY updated_at DESC, id DESC LIMIT ?"
)
LIST_SESSIONS_OF_AGENT = _with_columns(
    "SELECT SESSION_COLUMNS FROM ak_conversations "
    "WHERE tenant = ? AND deleted_at IS NULL AND (updated_at, id) < (?, ?) AND agent = ? "
    "ORDER BY updated_at DESC, id DESC LIMIT ?"
)
_PATH = (
    "WITH RECURSIVE path (seq, parent_id) AS ("
    "SELECT seq, parent_id FROM ak_entries WHERE id = ? "
    "UNION ALL SELECT e.seq, e.parent_id FROM path JOIN ak_entries e ON e.id = path.parent_id) "
    "SELECT {} FROM path CROSS JOIN ak_entries e WHERE e.seq = path.seq"
)
"""In any order: to sort in the database would copy all messages once more."""

READ_PATH = _with_columns(_PATH.format("E_COLUMNS"))
READ_MESSAGES = _PATH.format("e.depth, e.message_version, e.message")

READ_OWN_ENTRIES = _with_columns(
    "SELECT ENTRY_COLUMNS FROM ak_entries WHERE conversation_id = ? ORDER BY seq"
)

_UP_FROM_FORK = (
    "WITH RECURSIVE up (seq, id, parent_id, depth) AS ("
    "SELECT e.seq, e.id, e.parent_id, e.depth "
    "FROM ak_conversations c JOIN ak_entries e ON e.id = c.forked_from WHERE c.id = ? "
    "UNION ALL SELECT e.seq, e.id, e.parent_id, e.depth "
    "FROM up JOIN ak_entries e ON e.id = up.parent_id)"
)
"""The entries that a conversation shares with those it was forked from."""

IS_IN_SESSION = " ".join(
    (
        _UP_FROM_FORK,
        "SELECT 1 FROM ak_entries",
        "WHERE id = ? AND (conversation_id = ? OR id IN (SELECT id FROM up))",
    )
)
NEWEST_BELOW = " ".join(
    (
        _UP_FROM_FORK,
        ", down (seq, id) AS (SELECT seq, id FROM (",
        "SELECT seq, id FROM ak_entries WHERE id = ?",
        "UNION SELECT seq, id FROM up WHERE depth > (SELECT depth FROM up WHERE id = ?)) starts",
        "UNION ALL SELECT e.seq, e.id FROM down",
        "JOIN ak_entries e ON e.conversation_id = ? AND e.parent_id = down.id)",
        "SELECT id FROM down ORDER BY seq DESC LIMIT 1",
    )
)
"""The newest entry below another one; what is shared below it is one line without branches."""

RENAME = (
    "UPDATE ak_conversations SET title = ? WHERE id = ? AND tenant = ? AND deleted_at IS NULL "
    "RETURNING id"
)
DELETE = (
    "UPDATE ak_conversations SET deleted_at = ? WHERE id = ? AND tenant = ? "
    "AND deleted_at IS NULL RETURNING id"
)
RESTORE = (
    "UPDATE ak_conversations SET deleted_at = NULL WHERE id = ? AND tenant = ? "
    "AND deleted_at IS NOT NULL RETURNING id"
)

_CREATE = _with_columns(
    "INSERT INTO ak_conversations (SESSION_COLUMNS) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING RETURNING id"
)
_MOVE_HEAD = (
    "UPDATE ak_conversations SET head = ?, version = version + 1, updated_at = ?, "
    "title = CASE WHEN title = '' THEN ? ELSE title END "
    "WHERE id = ? AND tenant = ? AND version = ? AND deleted_at IS NULL RETURNING title"
)
_INSERT_ENTRIES = (
    "INSERT INTO ak_entries (id, conversation_id, parent_id, depth, role, message, "
    "message_version, search_text, run_id, created_at) VALUES "
)
_VALUES = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_READ_VERSION = (
    "SELECT version FROM ak_conversations WHERE id = ? AND tenant = ? AND deleted_at IS NULL"
)

_FOUND = (
    "SELECT e.conversation_id, c.title, e.id, e.role, e.message_version, e.message, e.created_at "
)
_MATCHING = (
    # `OFFSET 0` makes PostgreSQL look up each conversation by its id. Before it has analysed the
    # tables, it would read all those of the tenant for each entry.
    "e CROSS JOIN LATERAL (SELECT * FROM ak_conversations WHERE id = e.conversation_id OFFSET 0) c "
    "WHERE e.search @@ CAST(? AS TSQUERY) AND c.tenant = ? AND c.deleted_at IS NULL "
    "ORDER BY e.seq DESC LIMIT ?"
)
_NEWEST = "(SELECT * FROM ak_entries ORDER BY seq DESC LIMIT {}) "

SEARCH: Mapping[StoreKind, Sequence[str]] = {
    # The index is asked first; it gives the newest entries first without sorting.
    "sqlite": (
        f"{_FOUND}FROM ak_search s CROSS JOIN ak_entries e ON e.seq = s.rowid "
        "CROSS JOIN ak_conversations c ON c.id = e.conversation_id "
        "WHERE ak_search MATCH ? AND c.tenant = ? AND c.deleted_at IS NULL "
        "ORDER BY s.rowid DESC LIMIT ?",
    ),
    # A GIN index has no order: of a word that is in every second entry, half of the table would be
    # read and sorted. PostgreSQL knows such words, but only once it has analysed the table.
    "postgresql": (
        f"{_FOUND}FROM {_NEWEST.format(SEARCHED_FIRST)}{_MATCHING}",
        f"{_FOUND}FROM ak_entries {_MATCHING}",
    ),
}
"""Statements for the same entries; the next one is needed if one has found too few."""


def read_session(row: Row) -> SessionInfo:
    """Return a conversation from its row."""
    name, tenant, agent, title, head, version, forked_from, created_at, updated_at = row
    return SessionInfo(
        id=name,
        tenant=tenant,
        agent=agent,
        title=title,
        head=head,
        version=version,
        forked_from=forked_from,
        created_at=from_microseconds(created_at),
        updated_at=from_microseconds(updated_at),
    )


def read_path(rows: list[Row]) -> list[SessionEntry]:
    """Return the entries of a path from their rows, the first message first.

    Raises:
        HistoryError: a message cannot be read.
    """
    rows.sort(key=itemgetter(2))
    return read_entries(rows)


def read_messages(rows: list[Row]) -> list[Message]:
    """Return the messages of a path from the rows of `READ_MESSAGES`, the first one first.

    Raises:
        HistoryError: a message cannot be read.
    """
    rows.sort(key=itemgetter(0))
    return decode_messages([(version, text) for _, version, text in rows])


def read_entries(rows: Sequence[Row]) -> list[SessionEntry]:
    """Return entries from their rows, in the same order.

    Raises:
        HistoryError: a message cannot be read.
    """
    messages = decode_messages([(version, text) for _, _, _, version, text, _, _ in rows])
    return [
        SessionEntry(
            id=row[0],
            parent_id=row[1],
            depth=row[2],
            message=message,
            run_id=row[5],
            created_at=from_microseconds(row[6]),
        )
        for row, message in zip(rows, messages, strict=True)
    ]


def insert_session(transaction: Transaction, info: SessionInfo) -> bool:
    """Write a new conversation; return whether its id was free."""
    values = (
        *(info.id, info.tenant, info.agent, info.title, info.head, info.version),
        *(info.forked_from, to_microseconds(info.created_at), to_microseconds(info.updated_at)),
    )
    return bool(transaction.run(_CREATE, values))


def insert_entries(
    transaction: Transaction, entries: Sequence[SessionEntry], *, info: SessionInfo
) -> None:
    """Write new entries of a conversation; parents come before their children."""
    for start in range(0, len(entries), ROWS_AT_ONCE):
        part = entries[start : start + ROWS_AT_ONCE]
        values: list[SqlValue] = []
        for entry in part:
            values += _entry_values(entry, info)
        transaction.run(_INSERT_ENTRIES + ", ".join([_VALUES] * len(part)), values)


def _entry_values(entry: SessionEntry, info: SessionInfo) -> Sequence[SqlValue]:
    message = entry.message
    return (
        *(entry.id, info.id, entry.parent_id, entry.depth, message.role),
        *(encode_message(message), VERSION, _indexed(message, info.tenant)),
        *(entry.run_id, to_microseconds(entry.created_at)),
    )


def _indexed(message: Message, tenant: str) -> str | None:
    """Return the words by which a message is found; only what was said to each other counts."""
    if not isinstance(message, UserMessage | AssistantMessage) or not message.text:
        return None
    return index_text(message.text, tenant=tenant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of a conversation.

    Attributes:
        info: the conversation as its writer knows it.
        head: where it goes on afterwards.
        entries: what is new, parents before their children.
    """

    info: SessionInfo
    head: str | None
    entries: Sequence[SessionEntry] = ()
    at: datetime


def apply_change(transaction: Transaction, change: Change) -> SessionInfo:
    """Write a change, if nothing was changed since its writer looked, and return what is then.

    A change that was written already (the connection was lost while it was committed) is not
    written again.

    Raises:
        SessionConflictError: another writer came first.
        SessionNotFoundError: the conversation was deleted.
    """
    info, entries = change.info, change.entries
    title = title_of(entry.message for entry in entries)
    rows = transaction.run(
        _MOVE_HEAD,
        (
            *(change.head, to_microseconds(change.at), title),
            *(info.id, info.tenant, info.version),
        ),
    )
    if rows:
        insert_entries(transaction, entries, info=info)
        title = rows[0][0]
    elif not _is_written(transaction, entries):
        raise conflict(info, transaction.run(_READ_VERSION, (info.id, info.tenant)))
    return SessionInfo(
        id=info.id,
        tenant=info.tenant,
        agent=info.agent,
        title=title or info.title,
        head=change.head,
        version=info.version + 1,
        forked_from=info.forked_from,
        created_at=info.created_at,
        updated_at=change.at,
    )


def _is_written(transaction: Transaction, entries: Sequence[SessionEntry]) -> bool:
    if not entries:
        return False
    return bool(transaction.run("SELECT 1 FROM ak_entries WHERE id = ?", (entries[0].id,)))


def conflict(
    info: SessionInfo, present: Sequence[Row]
) -> SessionConflictError | SessionNotFoundError:
    """Return the error for a change that came too late; `present` is the row of the version."""
    if not present:
        return not_found(info.id)
    [[version]] = present
    return SessionConflictError(
        f"The session {info.id!r} was changed by another writer: it has version {version}, not "
        f"{info.version}. Refresh it and try again.",
        version=version,
    )


def not_found(session_id: str) -> SessionNotFoundError:
    """Return the error for a conversation that is not there, or is of another tenant."""
    return SessionNotFoundError(f"There is no session {session_id!r}.")


def title_of(messages: Iterable[Message]) -> str:
    """Return the first words of the first user message; "" if there is none."""
    for message in messages:
        if isinstance(message, UserMessage) and message.text.strip():
            return short_title(message.text)
    return ""


def short_title(text: str) -> str:
    """Return a text as one line that fits into a list."""
    line = repair_text(" ".join(text[: 4 * TITLE_LENGTH].split()))
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1]}…"
