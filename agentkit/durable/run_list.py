"""Lists of stored runs, in pages.

In:  whose, and which of them.
Out: a page, newest first, and where the next one begins.
"""

from agentkit.durable.run_info import COLUMNS, RunPage, RunStatus, from_moment, read_run
from agentkit.store.base import SqlValue, Store

_LAST_OF_ALL = 2**62
_LIST = (
    "SELECT {columns} FROM ak_runs WHERE tenant = ? AND (created_at, id) < (?, ?) "
    "AND (? = '' OR status = ?) AND (? = '' OR agent = ?) ORDER BY created_at DESC, id DESC LIMIT ?"
)


async def list_runs(
    store: Store,
    *,
    tenant: str,
    status: RunStatus | None,
    agent: str | None,
    limit: int,
    after: str | None,
) -> RunPage:
    """Return a page of runs; see `Runs.list`.

    Raises:
        ValueError: `after` is not the `next` of a page, or `limit` is less than 1.
    """
    if limit < 1:
        raise ValueError(f"A page holds 1 run or more, not {limit}.")
    moment, name = (_LAST_OF_ALL, "") if after is None else _parse_cursor(after)
    chosen: list[SqlValue] = [status or "", status or "", agent or "", agent or ""]
    sql = _LIST.format(columns=COLUMNS)
    rows = await store.run(sql, [tenant, moment, name, *chosen, limit + 1])
    found = [read_run(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return RunPage(runs=found)
    return RunPage(runs=found, next=f"{from_moment(found[-1].created_at)}:{found[-1].id}")


def _parse_cursor(after: str) -> tuple[int, str]:
    moment, colon, name = after.partition(":")
    if not colon or not moment.isascii() or not moment.isdigit():
        raise ValueError(f"{after!r} is not the 'next' of a page of runs.")
    return int(moment), name
