"""Part of a conversation: its newest messages, or those before another one.

In:  a store, a conversation, how many messages.
Out: `PathPage`, which begins with a message of the user, so that no answer is cut in two.
"""

from collections.abc import Mapping, Sequence

from agentkit.history import History
from agentkit.message import ToolCall
from agentkit.session import SessionEntry, SessionInfo, SessionNotFoundError, tables
from agentkit.store.base import SqlValue, Store
from agentkit.value import dataclass

_PATH = (
    "WITH RECURSIVE path (seq, parent_id, role, number) AS ("
    "SELECT seq, parent_id, role, 1 FROM ak_entries WHERE id = ? "
    "UNION ALL SELECT e.seq, e.parent_id, e.role, path.number + 1 "
    "FROM path JOIN ak_entries e ON e.id = path.parent_id "
    "WHERE path.number < ? OR path.role <> 'user') "
    "SELECT e.id, e.parent_id, e.depth, e.message_version, e.message, e.run_id, e.created_at "
    "FROM path CROSS JOIN ak_entries e WHERE e.seq = path.seq"
)
_VERSIONS = (
    "SELECT id, parent_id FROM ak_entries WHERE conversation_id = ? AND role = 'user' "
    "AND parent_id IN ({marks}) ORDER BY seq"
)
_FIRST_VERSIONS = (
    "SELECT id, parent_id FROM ak_entries WHERE conversation_id = ? AND role = 'user' "
    "AND parent_id IS NULL ORDER BY seq"
)
_SHARED = (
    "WITH RECURSIVE shared (id, parent_id, role) AS ("
    "SELECT id, parent_id, role FROM ak_entries WHERE id = ? "
    "UNION ALL SELECT e.id, e.parent_id, e.role "
    "FROM shared JOIN ak_entries e ON e.id = shared.parent_id) "
    "SELECT id, parent_id FROM shared WHERE role = 'user'"
)
"""What a fork shares with the conversation that it came from, without the branches there."""

_STATUSES = "SELECT id, status FROM ak_runs WHERE tenant = ? AND id IN ({marks})"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPage:
    """Messages that follow each other, the oldest first.

    Attributes:
        entries: the messages.
        versions: the ids of the messages of the user that follow the same message, in the order in
            which they were written, by the id of each message of the user in `entries`.
        statuses: the states of the stored runs of `entries`, by id.
        open_calls: calls at the end that have no result.
    """

    entries: Sequence[SessionEntry]
    versions: Mapping[str, Sequence[str]]
    statuses: Mapping[str, str]
    open_calls: Sequence[ToolCall]


async def read_page(
    store: Store, info: SessionInfo, *, limit: int, before: str | None = None
) -> PathPage:
    """Return the newest messages up to the head, or those before one of them.

    Args:
        store: an open store.
        info: the conversation.
        limit: how many; a few more if the first one would not be a message of the user.
        before: the id of a message; those that it follows are returned.

    Raises:
        SessionNotFoundError: the conversation has no message `before`.
    """
    if before is None:
        entries = await _read_path(store, info.head, limit)
    else:
        if not await store.run(tables.IS_IN_SESSION, (info.id, before, info.id)):
            raise SessionNotFoundError(f"The session {info.id!r} has no entry {before!r}.")
        entries = (await _read_path(store, before, limit + 1))[:-1]
    calls = History.from_stored(one.message for one in entries).open_calls
    return PathPage(
        entries=entries,
        versions=await _read_versions(store, info, entries),
        statuses=await _read_statuses(store, info, entries),
        open_calls=() if before is not None else calls,
    )


async def _read_path(store: Store, end: str | None, limit: int) -> list[SessionEntry]:
    return [] if end is None else tables.read_path(await store.run(_PATH, (end, limit)))


async def _read_versions(
    store: Store, info: SessionInfo, entries: Sequence[SessionEntry]
) -> dict[str, list[str]]:
    questions = [one for one in entries if one.message.role == "user"]
    parents = [one.parent_id for one in questions if one.parent_id is not None]
    fork = info.forked_from
    rows = [] if fork is None else list(await store.run(_SHARED, (fork,)))
    if len(parents) < len(questions):
        rows += await store.run(_FIRST_VERSIONS, (info.id,))
    if parents:
        rows += await store.run(_with_marks(_VERSIONS, parents), (info.id, *parents))
    found: dict[str | None, list[str]] = {}
    for entry_id, parent_id in rows:
        found.setdefault(parent_id, []).append(entry_id)
    return {one.id: found[one.parent_id] for one in questions}


async def _read_statuses(
    store: Store, info: SessionInfo, entries: Sequence[SessionEntry]
) -> dict[str, str]:
    names = list(dict.fromkeys(one.run_id for one in entries if one.run_id is not None))
    if not names:
        return {}
    rows = await store.run(_with_marks(_STATUSES, names), (info.tenant, *names))
    return {row[0]: row[1] for row in rows}


def _with_marks(sql: str, values: Sequence[SqlValue]) -> str:
    return sql.format(marks=", ".join("?" * len(values)))
