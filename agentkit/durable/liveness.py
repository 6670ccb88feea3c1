"""Take over the runs of workers that have ended.

In:  a store that knows which workers live.
Out: their runs in the queue again, or dead after too many lives.

A worker holds its name by a lock of its database session. If the lock is gone at several looks in a
row, its runs are queued. A worker that only lost its connection, or was frozen, gets `RunLost` at
its next write; so an error here costs time and never an effect.
"""

from collections.abc import Sequence
from typing import Protocol

import anyio

from agentkit.clock import Clock
from agentkit.durable.run_info import from_moment
from agentkit.durable.run_queue import requeue_runs
from agentkit.durable.worker_options import WorkerSettings
from agentkit.log import Log
from agentkit.store.base import LockingStore, StoreError

SWEEP_SECONDS = 1.0
LOOKS = 3
"""How often a name must be free in a row; a connection that was lost comes back within one look."""

_WORKERS = "SELECT DISTINCT worker FROM ak_runs WHERE status = 'running' AND worker IS NOT NULL"

_OF_WORKER = "SELECT id FROM ak_runs WHERE status = 'running' AND worker = ?"

log: Log = Log("agentkit.durable")


class BusyWorker(Protocol):
    """What is read of the worker of this process."""

    @property
    def under_way(self) -> Sequence[str]:
        """Return the ids of its runs."""


class Liveness:
    """Looks for runs whose worker has ended."""

    def __init__(
        self, store: LockingStore, worker: BusyWorker, *, settings: WorkerSettings, clock: Clock
    ) -> None:
        self._store = store
        self._worker = worker
        self._name = settings.name
        self._max_lives = settings.max_lives
        self._clock = clock
        self._missing: dict[str, int] = {}
        self._orphans: frozenset[str] = frozenset()

    async def take_over_all(self) -> None:
        """Queue the runs that an earlier process left in a database of one process."""
        if self._store.kind == "sqlite":
            for [name] in await self._store.run(_WORKERS):
                await self.requeue(name)

    async def sweep(self) -> None:
        """Look again and again until this is cancelled."""
        while True:
            await anyio.sleep(SWEEP_SECONDS)
            try:
                await self._look()
            except StoreError as error:
                self._missing.clear()
                log.warning("sweep_failed", worker=self._name, error=str(error))

    async def _look(self) -> None:
        names = [name for [name] in await self._store.run(_WORKERS)]
        self._missing = {name: self._missing.get(name, 0) for name in names}
        for name in names:
            if name == self._name:
                await self._requeue_own()
            elif await self._store.is_held(name):
                self._missing[name] = 0
            else:
                self._missing[name] += 1
                if self._missing[name] >= LOOKS:
                    await self.requeue(name)

    async def requeue(self, name: str) -> None:
        """Queue the runs of a worker that has ended."""
        now = from_moment(self._clock.now())
        changed = await self._store.transaction(
            lambda transaction: requeue_runs(
                transaction, name, kind=self._store.kind, now=now, max_lives=self._max_lives
            )
        )
        if changed:
            log.warning("runs_taken_over", worker=name, run_ids=changed)

    async def _requeue_own(self) -> None:
        """Queue runs that this worker has, but does not do: the database was away at their end."""
        rows = await self._store.run(_OF_WORKER, (self._name,))
        orphans = {run_id for [run_id] in rows}.difference(self._worker.under_way)
        # One that was just taken may not be under way yet; so it counts at the second look.
        left, self._orphans = orphans & self._orphans, frozenset(orphans)
        if not left:
            return
        now = from_moment(self._clock.now())
        await self._store.transaction(
            lambda transaction: requeue_runs(
                transaction,
                self._name,
                kind=self._store.kind,
                now=now,
                max_lives=self._max_lives,
                only=left,
                is_dead=False,
            )
        )
