"""A program that ends a worker at every effect and write of a stored run; prints the outcomes.

usage: crash_program.py FOLDER URL BACKEND

Each life is forked from this process, which has loaded everything. Run by `test_crash_points.py`.
"""

import gc
import json
import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
from pydantic import TypeAdapter

from agentkit.clock import SystemClock
from agentkit.durable import Runs, event_log, liveness, worker
from agentkit.durable.liveness import Liveness
from agentkit.durable.sql_journal import SqlJournal
from agentkit.durable.worker import Worker
from agentkit.durable.worker_options import WorkerSettings
from agentkit.store import sqlite
from agentkit.store.base import LockingStore, Transaction
from agentkit.store.open_store import connect_store, open_store
from agentkit.tools.approval import Approval
from tests.integration.crash_scenarios import AGENTS, Ledger, Life, Moments
from tests.integration.durable_program import KILLED, in_a_process

T = TypeVar("T")
SCENARIOS = ("two_turns", "agents_in_parallel", "suspended_twice")
_UNDER_WAY = "SELECT DISTINCT worker FROM ak_runs WHERE status = 'running' AND id = ?"


class StoppingStore:
    """A store that reaches `moments` before and after each transaction that a worker makes."""

    def __init__(self, store: Any, moments: Moments) -> None:
        self._store = store
        self._moments = moments

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def transaction(self, work: Callable[[Transaction], T]) -> T:
        """Run it."""
        self._moments.reach()
        value: T = await self._store.transaction(work)
        self._moments.reach()
        return value


class StoppingSqlJournal(SqlJournal):
    """A journal that reaches `moments` before and after each effect and write."""

    moments: Moments

    async def do(
        self,
        key: str,
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]] | None = None,
    ) -> T:
        """Do it."""

        async def between(act: Callable[[], Awaitable[T]]) -> T:
            self.moments.reach()
            return await act()  # the moment after it is the one before the write

        return await super().do(
            key,
            partial(between, effect),
            codec=codec,
            unknown=None if unknown is None else partial(between, unknown),
        )

    async def _note(self, entry: Any) -> None:
        self.moments.reach()
        await super()._note(entry)
        self.moments.reach()


async def live(folder: Path, url: str, scenario: str, *, run_id: str, at: int | None) -> None:
    """Be the worker of one run until its end, or until a moment; approve what is asked."""
    moments = StoppingSqlJournal.moments = Moments(partial(os._exit, KILLED), at=at)
    agent = AGENTS[scenario](Life(None, Ledger(folder / "ledger.txt")))
    async with connect_store(url) as plain:
        store: Any = StoppingStore(plain, moments)
        settings = WorkerSettings(name=f"worker-{os.getpid()}", concurrency=1)
        doing = Worker(store, {"a": agent}, settings=settings, clock=SystemClock())
        sweep = Liveness(store, doing, settings=settings, clock=SystemClock())
        runs = Runs(plain)
        await runs.start("a", "go", run_id=run_id)
        for [name] in await plain.run(_UNDER_WAY, (run_id,)):
            await sweep.requeue(name)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(doing.work)
            while not (info := await runs.wait(run_id)).has_ended:
                moments.reach()
                await runs.decide(run_id, [Approval.approve(call) for call in info.open_calls])
                moments.reach()
            tasks.cancel_scope.cancel()
    (folder / "moments.txt").write_text(str(moments.count))


async def read(runs: Runs, store: LockingStore, run_id: str) -> Any:
    """Return what is stored of a run."""
    info = await runs.get(run_id)
    records = [record async for record in runs.events(run_id, follow=False)]
    rows = await store.run("SELECT key, value FROM ak_effects WHERE run_id = ?", (run_id,))
    return {
        "status": info.status,
        "history": info.history.to_json(),
        "places": [record.seq for record in records],
        "events": [f"{record.run_id} {record.event.type}" for record in records],
        "keys": sorted(key for key, _ in rows),
        "begun": [key for key, value in rows if value is None],
    }


def try_point(folder: Path, url: str, backend: str, *, scenario: str, at: int | None) -> Any:
    """End a worker at one moment, start another one, and return how that went."""
    run_id = f"{scenario}-{at}"
    place = folder / run_id
    place.mkdir()
    lives = [at] if at is None else [at, None]
    ends = [
        in_a_process(
            partial(
                anyio.run,
                partial(live, place, url, scenario, run_id=run_id, at=one),
                backend=backend,
            )
        )
        for one in lives
    ]
    ledger = Ledger(place / "ledger.txt")
    return {
        "scenario": scenario,
        "at": at,
        "run_id": run_id,
        "ends": ends,
        "moments": int((place / "moments.txt").read_text()) if ends[-1] == 0 else 0,
        "lines": ledger.lines,
        "twice": ledger.done_twice(),
    }


async def read_all(url: str, outcomes: Any) -> None:
    """Add to each outcome what is stored."""
    async with connect_store(url) as store:
        for outcome in outcomes:
            outcome.update(await read(Runs(store), store, outcome["run_id"]))


async def migrate(url: str) -> None:
    """Create the tables."""
    async with open_store(url):
        pass


def main() -> None:
    """Try every moment of every scenario."""
    folder, url, backend = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    # What a process has written outlives it; only a power failure would need the disk.
    sqlite.SYNCHRONOUS = "OFF"
    worker.SqlJournal = StoppingSqlJournal  # type: ignore[attr-defined]  # in place of it
    # Events are written with others or at the end, and nothing is written or asked because time
    # passes, so that each life has the same moments, however busy the machine is.
    event_log.WRITE_AFTER_SECONDS = 3600
    liveness.SWEEP_SECONDS = 3600
    worker.POLL_SECONDS = 3600
    anyio.run(migrate, url, backend=backend)
    outcomes = []
    for scenario in SCENARIOS:
        # Once here, so that the processes that follow need not load everything anew.
        warm = folder / f"{scenario}-warm"
        warm.mkdir()
        work = partial(live, warm, url, scenario, run_id=f"{scenario}-warm", at=None)
        anyio.run(work, backend=backend)
    gc.collect()
    gc.freeze()
    for scenario in SCENARIOS:
        complete = try_point(folder, url, backend, scenario=scenario, at=None)
        outcomes.append(complete)
        outcomes += [
            try_point(folder, url, backend, scenario=scenario, at=at)
            for at in range(1, complete["moments"] + 1)
        ]
    anyio.run(read_all, url, outcomes, backend=backend)
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
