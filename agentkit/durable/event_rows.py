"""Stored events of runs.

In:  events with their run; numbers that were counted inside a fenced write.
Out: rows of `ak_events`; records with the stored numbers.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agentkit.event import EventRecord, RunEvent
from agentkit.store.base import SqlValue, Transaction

BATCH = 200
"""Rows of one statement; SQLite takes up to 32,766 values."""

READ_EVENTS = (
    "SELECT event FROM ak_events WHERE run_id = ? AND (segment > ? OR (segment = ? AND seq > ?)) "
    "ORDER BY segment, seq LIMIT ?"
)

READ_SEGMENT = "SELECT event FROM ak_events WHERE run_id = ? AND segment = ?"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def insert_records(
    transaction: Transaction,
    run_id: str,
    *,
    segment: int,
    last: int,
    records: Sequence[EventRecord],
) -> int:
    """Store records with the numbers after `last`, and return the last one.

    The caller has made sure, in the same transaction, that no one else counts.
    """
    values: list[SqlValue] = []
    for record in records:
        last += 1
        numbered = replace(record, segment=segment, seq=last, is_replay=False)
        at = (record.at - _EPOCH) // timedelta(microseconds=1)
        values += [run_id, segment, last, at, numbered.to_json()]
    for start in range(0, len(records), BATCH):
        part = values[5 * start : 5 * (start + BATCH)]
        rows = ", ".join(["(?, ?, ?, ?, ?)"] * (len(part) // 5))
        transaction.run(
            f"INSERT INTO ak_events (run_id, segment, seq, at, event) VALUES {rows}",  # noqa: S608 - only marks
            part,
        )
    return last


def event_of(run_id: str, event: RunEvent, *, at: int) -> EventRecord:
    """Return the record of an event that happened to a run outside its lives.

    Args:
        run_id: the run.
        event: what happened.
        at: when, in microseconds since 1970.
    """
    return EventRecord(run_id=run_id, event=event, at=_EPOCH + timedelta(microseconds=at))
