"""The event log of one life of a run.

In:  records of the run and of the runs inside it, as its listener.
Out: rows that any process can read, numbered without gap or double over all lives.

Records are written together after a short time, in one fenced transaction, or with the end of the
life. What an earlier life did is replayed by the run. Such a record is stored only if that life
ended before it could store it: a replayed record equals the first one but for its time.

The life of a run that was to be cancelled ends before its first record of something new.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio
from anyio.lowlevel import checkpoint

from agentkit.clock import Clock
from agentkit.durable.event_rows import READ_SEGMENT
from agentkit.durable.persistence import persist
from agentkit.durable.run_info import TakenRun
from agentkit.durable.run_queue import store_events
from agentkit.durable.trace_rows import find_trace, store_trace
from agentkit.event import EventRecord, RunEvent, RunFailed, RunFinished
from agentkit.store.base import Store, Transaction

WRITE_AFTER_SECONDS = 0.05
"""How long records wait for others; a reader sees them this much later."""

MAX_WAITING = 500
"""Records that wait at most; then the run waits for the database."""


class EventLog:
    """A listener that stores what a life of a run reports.

    Attributes:
        wants_deltas: pieces of text are stored too.
        has_failure: the run has reported that it failed.
        has_end: the run has reported that it failed, ended or was suspended.
    """

    def __init__(
        self,
        store: Store,
        taken: TakenRun,
        *,
        wants_deltas: bool = False,
        stop: Callable[[], None] | None = None,
    ) -> None:
        """Prepare for the records of a life.

        Args:
            store: where they are stored.
            taken: the run in this life.
            wants_deltas: see `EventLog`.
            stop: cancels the run; called before it does anything that an earlier life did not do.
        """
        self.wants_deltas = wants_deltas
        self.has_failure: bool = False
        self.has_end: bool = False
        self._stop = stop
        self._is_closed = False
        self._has_trace = False
        self._store = store
        self._run_id = taken.info.id
        self._life = taken.info.life
        self._segment = taken.info.segment
        self._stored: Counter[str] | None = None
        self._last = taken.event_count
        self._waiting: list[EventRecord] = []
        self._has_some = anyio.Event()
        self._writing = anyio.Lock()

    async def __call__(self, record: EventRecord) -> None:
        """Keep a record until it is written."""
        if self._is_closed or (record.is_replay and await self._is_stored(record)):
            return
        is_end = isinstance(record.event, RunFailed | RunFinished)
        if self._stop is not None and not record.is_replay and not is_end:
            self._stop()
            await checkpoint()  # raises the cancellation
        if record.run_id == self._run_id and is_end:
            self.has_end = True
            self.has_failure = isinstance(record.event, RunFailed)
        self._waiting.append(record)
        self._has_some.set()
        if len(self._waiting) >= MAX_WAITING:
            await self.write()

    async def _is_stored(self, record: EventRecord) -> bool:
        """Return whether an earlier life stored a replayed record; each stored one counts once."""
        if self._stored is None:
            rows = await persist(
                lambda: self._store.run(READ_SEGMENT, (self._run_id, self._segment)),
                run_id=self._run_id,
            )
            self._stored = Counter(_identity(text) for [text] in rows)
        identity = _identity(record.to_json())
        self._stored[identity] -= 1
        return self._stored[identity] >= 0

    async def keep_writing(self) -> None:
        """Write what arrives until this is cancelled.

        Raises:
            RunLost: another process took the run over.
            JournalError: the database refused the records.
        """
        while True:
            await self._has_some.wait()
            await anyio.sleep(WRITE_AFTER_SECONDS)
            # Whether a transaction that is interrupted took effect could not be known.
            with anyio.CancelScope(shield=True):
                await self.write()

    async def write(self) -> None:
        """Write what has arrived, but the end of the run: its state is stored with that."""
        async with self._writing:
            last, records = self._take(self._count_before_end())
            if not records:
                return
            trace = self.new_trace()

            def work(transaction: Transaction) -> None:
                store_events(transaction, self._run_id, life=self._life, last=last, records=records)
                store_trace(transaction, self._run_id, life=self._life, trace=trace)

            await persist(lambda: self._store.transaction(work), run_id=self._run_id)

    def new_trace(self) -> str | None:
        """Return the trace of this life, to be stored with its events; None if that was done."""
        if self._has_trace:
            return None
        trace = find_trace(self._run_id)
        self._has_trace = trace is not None
        return trace

    def add(self, event: RunEvent, *, clock: Clock) -> None:
        """Keep an event that the run does not report itself, because it could not begin."""
        record = EventRecord(run_id=self._run_id, event=event, at=clock.now())
        self._waiting.append(record)

    def give_up(self) -> None:
        """Take no more records: the run goes on in another life, so its end here is none."""
        self._is_closed = True
        self._waiting = [
            record
            for record in self._waiting
            if record.run_id != self._run_id or not isinstance(record.event, RunFinished)
        ]

    @asynccontextmanager
    async def last_records(self) -> AsyncIterator[tuple[int, Sequence[EventRecord]]]:
        """Yield what is left to store with the end of the life; see `_take`."""
        async with self._writing:
            yield self._take(len(self._waiting))

    def _count_before_end(self) -> int:
        """Return how many records come before the end of the run.

        A reader who sees the end asks for the state of the run, e.g. for the calls that wait.
        """
        if not self.has_end:
            return len(self._waiting)
        return next(
            (at for at, record in enumerate(self._waiting) if self._is_end(record)),
            len(self._waiting),
        )

    def _is_end(self, record: EventRecord) -> bool:
        return record.run_id == self._run_id and isinstance(record.event, RunFailed | RunFinished)

    def _take(self, count: int) -> tuple[int, Sequence[EventRecord]]:
        """Return the number of the last stored record and some of those to store after it.

        The caller stores them; nothing else may be writing.
        """
        last, records = self._last, self._waiting[:count]
        self._last += count
        self._waiting = self._waiting[count:]
        self._has_some = anyio.Event()
        return last, records


def _identity(text: str) -> str:
    """Return what a stored record and its replay have in common."""
    record = json.loads(text)
    event = record["event"]
    if event["type"] == "run_started":  # new code may have another model or budget
        event = event["type"]
    return json.dumps([record["run_id"], record["call_id"], event], sort_keys=True)
