"""Runs that begin again and again at times of a cron expression.

In:  schedules, by name.
Out: a run in the queue at each time, once over all workers.

A time that passed while no worker was there begins one run, not one for each time that was missed.
"""

from datetime import datetime

from agentkit.durable.cron import parse_cron
from agentkit.durable.new_run import NewRun, insert_run
from agentkit.durable.run_info import from_moment, to_moment
from agentkit.store.base import Row, Store, StoreKind, Transaction
from agentkit.value import dataclass

HAS_DUE = "SELECT count(*) FROM ak_schedules WHERE next_at <= ?"

_COLUMNS = "name, tenant, agent, input, labels, cron, next_at"
_SKIP = {"sqlite": "", "postgresql": " FOR UPDATE SKIP LOCKED"}
_DUE = "SELECT {columns} FROM ak_schedules WHERE next_at <= ? ORDER BY next_at LIMIT 100{skip}"
_PUT = (
    "INSERT INTO ak_schedules (name, tenant, agent, input, labels, cron, next_at, created_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET agent = excluded.agent, "
    "input = excluded.input, labels = excluded.labels, cron = excluded.cron, "
    "next_at = excluded.next_at WHERE ak_schedules.tenant = excluded.tenant RETURNING name"
)
_LIST = "SELECT {columns} FROM ak_schedules WHERE tenant = ? ORDER BY name"
_REMOVE = "DELETE FROM ak_schedules WHERE name = ? AND tenant = ? RETURNING name"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleInfo:
    """A stored schedule; `next_at` is when its next run begins, in UTC."""

    name: str
    agent: str
    cron: str
    next_at: datetime


async def put_schedule(store: Store, name: str, *, run: NewRun, cron: str, now: datetime) -> bool:
    """Store a schedule, or change the one of this name; return False if it is another tenant's.

    Raises:
        ConfigError: the cron expression is not one.
    """
    next_at = from_moment(parse_cron(cron).next_after(now))
    values = (name, run.tenant, run.agent, run.input, run.labels, cron, next_at, run.created_at)
    return bool(await store.run(_PUT, values))


async def list_schedules(store: Store, *, tenant: str) -> list[ScheduleInfo]:
    """Return the schedules of a tenant, by name."""
    rows = await store.run(_LIST.format(columns=_COLUMNS), (tenant,))
    return [
        ScheduleInfo(name=row[0], agent=row[2], cron=row[5], next_at=_moment(row)) for row in rows
    ]


async def remove_schedule(store: Store, name: str, *, tenant: str) -> bool:
    """Remove a schedule, and return whether there was one; its runs stay."""
    return bool(await store.run(_REMOVE, (name, tenant)))


def start_due(transaction: Transaction, *, kind: StoreKind, now: datetime) -> None:
    """Queue a run for each schedule whose time has come."""
    sql = _DUE.format(columns=_COLUMNS, skip=_SKIP[kind])
    for row in transaction.run(sql, (from_moment(now),)):
        name, tenant, agent, given, labels, cron, _ = row
        run = NewRun(
            # The time is part of the id, so that no time begins two runs.
            id=f"{name}@{_moment(row):%Y-%m-%dT%H:%MZ}",
            tenant=tenant,
            agent=agent,
            input=given,
            labels=labels,
            due_at=0,
            created_at=from_moment(now),
        )
        insert_run(transaction, run)
        next_at = from_moment(parse_cron(cron).next_after(now))
        transaction.run("UPDATE ak_schedules SET next_at = ? WHERE name = ?", (next_at, name))


def _moment(row: Row) -> datetime:
    found = to_moment(row[6])
    assert found is not None  # noqa: S101 - the column is never null
    return found
