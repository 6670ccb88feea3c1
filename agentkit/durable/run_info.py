"""What is stored of a run, as values.

In:  rows of `ak_runs`.
Out: `RunInfo`, and `TakenRun` for the worker that does it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal, TypeAlias, cast

from pydantic import TypeAdapter

from agentkit.event import RunError
from agentkit.event.run_events import StopReason
from agentkit.history import History
from agentkit.message import ToolCall
from agentkit.store.base import Row
from agentkit.usage import Usage
from agentkit.value import dataclass

RunStatus: TypeAlias = Literal[
    "queued", "running", "suspended", "done", "failed", "cancelled", "dead"
]
ENDED: frozenset[RunStatus] = frozenset({"done", "failed", "cancelled", "dead"})

COLUMNS = (
    "id, tenant, agent, status, segment, life, labels, stop_reason, result, usage, error, due_at, "
    "created_at, started_at, ended_at, history, input, attempts, event_count, "
    "begun_segment, cancel_requested"
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_moment(value: int | None) -> datetime | None:
    """Return the moment of a stored number of microseconds."""
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def from_moment(moment: datetime) -> int:
    """Return a moment as it is stored.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; write datetime(…, tzinfo=UTC).")
    return (moment - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """A stored run.

    Attributes:
        id: given at its start or made; unique in the database.
        tenant: whose it is.
        agent: the name under which a worker finds the agent.
        status: `queued`, `running`, `suspended`, `done`, `failed`, `cancelled`, or `dead` after
            too many lives that ended without a result.
        segment: 1, then one more each time its approvals were decided.
        life: how often a worker took it.
        labels: text to find the run by.
        stop_reason: why it ended or was suspended; None before.
        text: the text of its answer; empty before.
        output: its structured output as a JSON value; the text of other answers.
        usage: tokens and money of its present segment.
        error: why it failed.
        due_at: when it may start, if that was given.
        stored_history: see `history`, as JSON text.
    """

    id: str
    tenant: str
    agent: str
    status: RunStatus
    segment: int
    life: int
    labels: Mapping[str, str]
    stop_reason: StopReason | None
    text: str
    output: Any
    usage: Usage
    error: RunError | None
    due_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    stored_history: str = field(repr=False)

    @property
    def history(self) -> History:
        """Return the conversation at the run's start, at its last suspension or at its end.

        That of a run that was cancelled while it was running is complete: each call has a result.

        Raises:
            HistoryError: it was written by a newer version.
        """
        return History.from_json(self.stored_history)

    @property
    def open_calls(self) -> Sequence[ToolCall]:
        """Return the calls of a suspended run that need a decision."""
        return self.history.open_calls if self.status == "suspended" else ()

    @property
    def has_ended(self) -> bool:
        """Return whether nothing more will happen to it, unless it is retried."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenRun:
    """A run in the life that a worker took.

    Attributes:
        attempts: how many lives the present segment has had, with this one.
        event_count: how many events are stored.
        is_cancelled: its worker ended before it could cancel the run; this life only finds out
            what that one did.
    """

    info: RunInfo
    attempts: int
    event_count: int
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """Runs, and where the next page begins; `next` is None on the last."""

    runs: Sequence[RunInfo]
    next: str | None = None


def read_run(row: Row) -> RunInfo:
    """Return the run of a row of `COLUMNS`."""
    result = json.loads(row[8]) if row[8] else {}
    return RunInfo(
        id=row[0],
        tenant=row[1],
        agent=row[2],
        status=cast(RunStatus, row[3]),  # the table checks it
        segment=row[4],
        life=row[5],
        labels=json.loads(row[6]),
        stop_reason=row[7],
        text=result.get("text", ""),
        output=result.get("output"),
        usage=usage_codec().validate_json(row[9]) if row[9] else Usage(),
        error=error_codec().validate_json(row[10]) if row[10] else None,
        due_at=to_moment(row[11] or None),
        created_at=_EPOCH + timedelta(microseconds=row[12]),
        started_at=to_moment(row[13]),
        ended_at=to_moment(row[14]),
        # A run that was cancelled under way keeps its last segment's start too, to be retried from.
        stored_history=(result.get("history") if row[3] == "cancelled" else None)
        or row[15]
        or row[16],
    )


@cache
def usage_codec() -> TypeAdapter[Usage]:
    """Return the reader and writer of stored usage."""
    return TypeAdapter(Usage)


@cache
def error_codec() -> TypeAdapter[RunError]:
    """Return the reader and writer of stored errors."""
    return TypeAdapter(RunError)
