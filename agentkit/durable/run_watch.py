"""Wake those who wait for changes of stored runs, with one query a second for all of them.

In:  the ids of runs.
Out: `Subscription`s, woken when a run has new events or another state.

A notification wakes a reader at once, but it may be lost, or come from another process. If each of
thousands of idle readers read the database itself, that alone would keep it busy.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio

from agentkit.durable.run_queue import run_topic
from agentkit.log import Log
from agentkit.store.base import Row, Store, StoreError, Subscription

POLL_SECONDS = 1.0
BATCH = 500
"""How many runs one statement reads; SQLite takes 32,766 values."""

log: Log = Log("agentkit.durable")


class RunWatch:
    """The readers of the runs of one database, in this process."""

    def __init__(self, store: Store) -> None:
        """Use a store that is open; see `Runs.new_watch`."""
        self._store = store
        self._readers: dict[str, set[Subscription]] = {}
        self._known: dict[str, Row] = {}

    @asynccontextmanager
    async def changes(self, run_id: str) -> AsyncIterator[Subscription]:
        """Yield what is woken when a run changes; read its state afterwards.

        Raises:
            StoreError: the database cannot be reached.
        """
        async with self._store.listen(run_topic(run_id)) as subscription:
            readers = self._readers.setdefault(run_id, set())
            readers.add(subscription)
            try:
                yield subscription
            finally:
                readers.discard(subscription)
                if not readers:
                    self._readers.pop(run_id, None)
                    self._known.pop(run_id, None)

    async def run(self) -> None:
        """Look for changes until cancelled."""
        while True:
            await anyio.sleep(POLL_SECONDS)
            names = tuple(self._readers)
            for start in range(0, len(names), BATCH):
                try:
                    self._compare(await self._states(names[start : start + BATCH]))
                except StoreError as error:
                    log.warning("run_changes_not_read", exc_info=error)

    async def _states(self, names: Sequence[str]) -> Sequence[Row]:
        places = ", ".join("?" * len(names))
        sql = f"SELECT id, status, segment, event_count FROM ak_runs WHERE id IN ({places})"  # noqa: S608 - places for values
        return await self._store.run(sql, names)

    def _compare(self, rows: Sequence[Row]) -> None:
        """Wake the readers of runs that have another state than before, or are new here."""
        for row in rows:
            if self._known.get(row[0]) == row:
                continue
            readers = self._readers.get(row[0], ())
            if readers:
                self._known[row[0]] = row
            for subscription in readers:
                subscription.wake()
