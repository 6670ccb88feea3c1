"""The queue of runs: the statements that change which run is done, and by whom.

In:  transactions on the database.
Out: runs that were taken, put back, ended.

Each function is one step inside a transaction. It decides by the rows that an `UPDATE` returns,
never by what was read before: other workers do the same at the same time.
"""

from collections.abc import Collection, Sequence

from agentkit.durable.event_rows import event_of, insert_records
from agentkit.durable.run_info import COLUMNS, ENDED, TakenRun, error_codec, read_run
from agentkit.errors import RunLost
from agentkit.event import (
    EventRecord,
    RunError,
    RunEvent,
    RunFailed,
    RunFinished,
    RunResumed,
    RunStarted,
)
from agentkit.store.base import Row, SqlValue, StoreKind, Transaction
from agentkit.surrogates import dump_json
from agentkit.usage import Usage
from agentkit.value import dataclass

QUEUE_TOPIC = "agentkit-runs"
"""Wakes workers: a run is due, or is to be cancelled."""

HAS_WORK = (
    "SELECT count(*) FROM ak_runs WHERE (status = 'queued' AND due_at <= ?) "
    "OR (status = 'running' AND worker = ? AND cancel_requested = 1)"
)
TO_CANCEL = (
    "SELECT id FROM ak_runs WHERE status = 'running' AND worker = ? AND cancel_requested = 1"
)

_SKIP = {"sqlite": "", "postgresql": " FOR UPDATE SKIP LOCKED"}
_TAKE = (
    "UPDATE ak_runs SET status = 'running', life = life + 1, attempts = attempts + 1, worker = ?, "
    "started_at = coalesce(started_at, ?) WHERE id IN (SELECT id FROM ak_runs "
    "WHERE status = 'queued' AND due_at <= ? ORDER BY created_at, id LIMIT ?{skip}) "
    "RETURNING {columns}"
)
_COUNT = (
    "UPDATE ak_runs SET event_count = event_count + CAST(? AS BIGINT), "
    "begun_segment = CASE WHEN ? = 1 THEN segment ELSE begun_segment END "
    "WHERE id = ? AND life = ? AND event_count = ? RETURNING segment"
)
_END = (
    "UPDATE ak_runs SET status = ?, worker = NULL, stop_reason = ?, result = ?, error = ?, "
    "usage = ?, cost_usd = CAST(? AS DOUBLE PRECISION), history = coalesce(?, history), "
    "attempts = ?, ended_at = CAST(? AS BIGINT) WHERE id = ? AND life = ?"
)
_FIND = "SELECT status, life, event_count FROM ak_runs WHERE id = ?"
_ABANDONED = (
    "SELECT id, life, segment, attempts, event_count, cancel_requested FROM ak_runs "
    "WHERE status = 'running' AND worker = ?{skip}"
)
_REQUEUE = (
    "UPDATE ak_runs SET status = 'queued', worker = NULL, attempts = ? "
    "WHERE id = ? AND life = ? AND status = 'running' AND worker = ? RETURNING id"
)
_CLOSE = (
    "UPDATE ak_runs SET status = ?, life = life + 1, worker = NULL, stop_reason = ?, error = ?, "
    "ended_at = ?, event_count = event_count + 1 "
    "WHERE id = ? AND life = ? AND status = ? RETURNING segment, event_count"
)


def run_topic(run_id: str) -> str:
    """Return the topic that is notified when something happens to a run."""
    return f"run:{run_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeEnding:
    """How a life of a run ended, as it is stored.

    Attributes:
        history: JSON text; None leaves what is stored.
        attempts: how many lives of the present segment count from now on.
    """

    status: str
    stop_reason: str | None = None
    result: str | None = None
    error: str | None = None
    usage: str | None = None
    cost_usd: float | None = None
    history: str | None = None
    attempts: int = 0


def take_runs(
    transaction: Transaction, *, kind: StoreKind, worker: str, now: int, limit: int
) -> list[TakenRun]:
    """Begin the next life of up to `limit` runs that are due, oldest first.

    A life that follows one without an end begins with the event `run_resumed`.
    """
    rows = transaction.run(
        _TAKE.format(skip=_SKIP[kind], columns=COLUMNS), (worker, now, now, limit)
    )
    return [_taken(transaction, row, now=now) for row in sorted(rows, key=lambda row: row[12])]


def _taken(transaction: Transaction, row: Row, *, now: int) -> TakenRun:
    run_id, segment, life, attempts, count = row[0], row[4], row[5], row[17], row[18]
    if attempts > 1 or row[19] == segment:
        resumed = event_of(run_id, RunResumed(life=life), at=now)
        count = insert_records(transaction, run_id, segment=segment, last=count, records=[resumed])
        transaction.run("UPDATE ak_runs SET event_count = ? WHERE id = ?", (count, run_id))
        transaction.notify(run_topic(run_id))
    return TakenRun(
        info=read_run(row), attempts=attempts, event_count=count, is_cancelled=bool(row[20])
    )


def store_events(
    transaction: Transaction, run_id: str, *, life: int, last: int, records: Sequence[EventRecord]
) -> None:
    """Store the events of a life, numbered from `last` on; does nothing if that was done before.

    Raises:
        RunLost: another process took the run over.
    """
    if not records:
        return
    is_beginning = any(
        record.run_id == run_id and isinstance(record.event, RunStarted) for record in records
    )
    counted = transaction.run(_COUNT, (len(records), int(is_beginning), run_id, life, last))
    if not counted:
        [found] = transaction.run(_FIND, (run_id,)) or [("", 0, 0)]
        if found[1:] == (life, last + len(records)):
            return
        raise lost(run_id, life)
    insert_records(transaction, run_id, segment=counted[0][0], last=last, records=records)
    transaction.notify(run_topic(run_id))


def end_life(
    transaction: Transaction, run_id: str, *, life: int, ending: LifeEnding, now: int
) -> None:
    """Store how a life ended, after its events, if the life is still the run's.

    A run that was to be cancelled when it was suspended does not wait for a decision.

    Raises:
        RunLost: another process took the run over.
    """
    values: tuple[SqlValue, ...] = (
        ending.status,
        ending.stop_reason,
        ending.result,
        ending.error,
        ending.usage,
        ending.cost_usd,
        ending.history,
        ending.attempts,
        now if ending.status in ENDED else None,
        run_id,
        life,
    )
    rows = transaction.run(f"{_END} RETURNING cancel_requested", values)
    if not rows:
        raise lost(run_id, life)
    if ending.status == "suspended" and rows[0][0]:
        close_run(transaction, run_id, life=life, status="suspended", now=now)
    transaction.notify(run_topic(run_id))
    if ending.status == "queued":
        transaction.notify(QUEUE_TOPIC)


def requeue_runs(
    transaction: Transaction,
    worker: str,
    *,
    kind: StoreKind,
    now: int,
    max_lives: int,
    only: Collection[str] | None = None,
    is_dead: bool = True,
) -> list[str]:
    """Queue the runs that a worker left, and return their ids.

    Those that have ended `max_lives` workers are dead, or cancelled if someone asked for that. The
    next life of another one that is to be cancelled only reads what the lives before it did.

    Args:
        transaction: where.
        worker: who had them.
        kind: of the database.
        now: the time, in microseconds.
        max_lives: how many lives of one segment may end without a result.
        only: these of its runs; None for all.
        is_dead: the worker ended, so the life counts against the run.
    """
    # A row that is locked is being written by its worker after all, or by one that was frozen.
    rows = transaction.run(_ABANDONED.format(skip=_SKIP[kind]), (worker,))
    changed = []
    for run_id, life, _, attempts, _, is_cancelled in rows:
        if only is not None and run_id not in only:
            continue
        if is_dead and attempts >= max_lives:
            if is_cancelled:
                close_run(transaction, run_id, life=life, status="running", now=now)
            else:
                _bury(transaction, run_id, life=life, attempts=attempts, now=now)
        else:
            left = attempts if is_dead else attempts - 1
            transaction.run(_REQUEUE, (left, run_id, life, worker))
        changed.append(run_id)
    if changed:
        transaction.notify(QUEUE_TOPIC)
    return changed


def close_run(transaction: Transaction, run_id: str, *, life: int, status: str, now: int) -> bool:
    """Cancel a run that no worker does, and return whether it still was as the caller saw it."""
    finished = RunFinished(text="", stop_reason="cancelled", usage=Usage(), turns=0)
    return _close(
        transaction,
        run_id,
        life=life,
        status=status,
        to=("cancelled", "cancelled", None),
        event=finished,
        now=now,
    )


def _bury(transaction: Transaction, run_id: str, *, life: int, attempts: int, now: int) -> None:
    """End a run that took its workers with it."""
    error = RunError(
        kind="RunDead",
        message=(
            f"{attempts} workers ended while they did this run. If the cause is gone, retry it: "
            f"agentkit runs retry {run_id}"
        ),
    )
    _close(
        transaction,
        run_id,
        life=life,
        status="running",
        to=("dead", None, dump_json(error_codec(), error)),
        event=RunFailed(error=error),
        now=now,
    )


def _close(
    transaction: Transaction,
    run_id: str,
    *,
    life: int,
    status: str,
    to: tuple[str, str | None, str | None],
    event: RunEvent,
    now: int,
) -> bool:
    new_status, stop_reason, error = to
    rows = transaction.run(_CLOSE, (new_status, stop_reason, error, now, run_id, life, status))
    for segment, count in rows:
        record = event_of(run_id, event, at=now)
        insert_records(transaction, run_id, segment=segment, last=count - 1, records=[record])
        transaction.notify(run_topic(run_id))
    return bool(rows)


def lost(run_id: str, life: int) -> RunLost:
    """Return what ends a life whose run another process took over."""
    return RunLost(f"Another process took the run {run_id!r} over from its life {life}.")
