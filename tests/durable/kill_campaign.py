"""Kill workers again and again while they do runs, and judge by what was really done.

usage: kill_campaign.py --db sqlite|postgres --workers N --runs N --kills N --seed N [--freeze]

The ledger of effects is outside the database. Each worker is a forked process that has a database
connection of its own; a kill is SIGKILL. With `--freeze`, every other one is SIGSTOP: on PostgreSQL
the session that holds its lock is ended, as a lost network would, its runs are taken over, and then
it goes on with SIGCONT.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from agentkit.durable import Runs, StoredRunError, open_runs
from agentkit.store.base import LockingStore
from agentkit.store.open_store import connect_store
from agentkit.store.session_lock import lock_number
from agentkit.tools.approval import Approval
from tests.durable.campaign_worker import EFFECTS, KINDS, Ledger, work
from tests.postgres_server import PostgresServer

LIMIT_SECONDS = 600.0
READERS = 6

_OPEN = "SELECT count(*) FROM ak_runs WHERE status IN ('queued', 'running', 'suspended')"
_HELD = "SELECT count(*) FROM ak_runs WHERE status = 'running' AND worker LIKE ?"
_NAMES = "SELECT DISTINCT worker FROM ak_runs WHERE worker LIKE ?"
_END_SESSION = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND (classid::bigint << 32) | objid::bigint = ?"
)


@dataclass(slots=True, kw_only=True)
class Report:
    """What a campaign found; what `faults` counts must be 0."""

    runs: int = 0
    kills: int = 0
    freezes: int = 0
    lives: int = 0
    lives_refused: int = 0
    effects: int = 0
    outcomes_unknown: int = 0
    not_done: int = 0
    effects_twice: int = 0
    effects_lost: int = 0
    events_gap_or_double: int = 0
    readers_gap_or_double: int = 0
    takeover_seconds: list[float] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """Return how much was wrong."""
        return (
            self.not_done
            + self.effects_twice
            + self.effects_lost
            + self.events_gap_or_double
            + self.readers_gap_or_double
        )


class Campaign:
    """The processes of one campaign, and what is known of them."""

    def __init__(self, url: str, folder: Path, *, seed: int, freeze: bool) -> None:
        self.url = url
        self.folder = folder
        self.report = Report()
        self._freezes = freeze
        self.run_ids: list[str] = []
        self._random = random.Random(seed)  # noqa: S311 - no secrets
        self._workers: list[int] = []
        self._end = time.monotonic() + LIMIT_SECONDS
        (folder / "ledger").mkdir()

    @property
    def is_postgres(self) -> bool:
        """Return which database it is."""
        return self.url.startswith("postgresql")

    def run(self, *, workers: int, runs: int, kills: int) -> Report:
        """Kill as often as asked for, wait for the end of all runs, and judge."""
        self._start_runs(runs)
        readers = [
            self._fork(read_events, self.url, self.folder, run_id)
            for run_id in self.run_ids[:READERS]
        ]
        for _ in range(workers if self.is_postgres else 1):
            self._workers.append(self._fork(work, self.url, self.folder, self._freezes))
        try:
            for number in range(kills):
                self._pause(self._random.uniform(0.2, 0.8))
                if self._open_runs() < 4 * workers:
                    self._start_runs(4 * workers)
                victim = self._workers.pop(self._random.randrange(len(self._workers)))
                if self._freezes and number % 2:
                    self._freeze(victim)
                else:
                    self._kill(victim)
            while self._open_runs() and time.monotonic() < self._end:
                self._pause(0.2)
            for reader in readers:
                self._wait_or_kill(reader)
        finally:
            for worker in self._workers:
                os.kill(worker, signal.SIGKILL)
                os.waitpid(worker, 0)
        self._ask(self._judge)
        return self.report

    def _start_runs(self, count: int) -> None:
        first = len(self.run_ids)
        new = [f"run-{number}" for number in range(first, first + count)]
        self.run_ids += new

        async def start() -> None:
            async with open_runs(self.url) as runs:
                for number, run_id in enumerate(new, start=first):
                    await runs.start(KINDS[number % len(KINDS)], "go", run_id=run_id)

        anyio.run(start)

    def _kill(self, worker: int) -> None:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
        self._workers.append(self._fork(work, self.url, self.folder, self._freezes))
        self.report.kills += 1
        self._measure_takeover(worker)

    def _freeze(self, worker: int) -> None:
        os.kill(worker, signal.SIGSTOP)
        if self.is_postgres:
            for [name] in self._query(_NAMES, (f"w{worker}-%",)):
                self._query(_END_SESSION, (lock_number(name),))
            self._measure_takeover(worker)
        else:
            time.sleep(0.5)
        os.kill(worker, signal.SIGCONT)
        self._workers.append(worker)
        self.report.freezes += 1

    def _measure_takeover(self, worker: int) -> None:
        """Wait until the runs of a worker are not its own any more."""
        begun = time.monotonic()
        if self._ask(partial(self._wait_until_free, worker)):
            self.report.takeover_seconds.append(round(time.monotonic() - begun, 2))

    async def _wait_until_free(self, worker: int, store: LockingStore) -> bool:
        """Wait over one connection until a worker has no runs; return whether it had any."""
        had_any = False
        while (await store.run(_HELD, (f"w{worker}-%",)))[0][0] and time.monotonic() < self._end:
            had_any = True
            await anyio.sleep(0.05)
        return had_any

    def _pause(self, seconds: float) -> None:
        """Approve what is asked meanwhile."""
        end = time.monotonic() + seconds
        self._ask(approve_all)
        time.sleep(max(0.0, end - time.monotonic()))

    def _open_runs(self) -> int:
        return int(self._query(_OPEN)[0][0])

    def _query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        async def ask(store: LockingStore) -> list[Any]:
            return await store.run(sql, values)

        found: list[Any] = self._ask(ask)
        return found

    def _ask(self, question: Callable[[LockingStore], Awaitable[Any]]) -> Any:
        async def ask() -> Any:
            async with connect_store(self.url) as store:
                return await question(store)

        return anyio.run(ask)

    def _fork(self, program: Callable[..., Awaitable[None]], *words: Any) -> int:
        """Start a process; this one has no threads and no connections at this moment."""
        child = os.fork()
        if child:
            return child
        try:
            anyio.run(partial(program, *words))
        except BaseException as error:  # noqa: BLE001 - the process ends here, whatever it was
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)

    def _wait_or_kill(self, process: int) -> None:
        """Wait for a reader; one that does not end has lost events."""
        while os.waitpid(process, os.WNOHANG) == (0, 0):
            if time.monotonic() > self._end:
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)
                return
            time.sleep(0.05)

    async def _judge(self, store: LockingStore) -> None:
        report, ledger, runs = self.report, Ledger(self.folder / "ledger"), Runs(store)
        report.runs = len(self.run_ids)
        for run_id in self.run_ids:
            info = await runs.get(run_id)
            report.lives += info.life
            report.not_done += info.status != "done" or bool(info.history.open_calls)
            lines, unknown = ledger.of_run(run_id)
            report.effects += len(lines)
            report.outcomes_unknown += len(unknown)
            report.effects_twice += len(lines) - len(set(lines))
            report.effects_lost += EFFECTS[info.agent] - len(unknown.union(lines))
            places = [record.seq async for record in runs.events(run_id)]
            report.events_gap_or_double += places != list(range(1, len(places) + 1))
            seen = self.folder / f"seen-{run_id}.json"
            if run_id in self.run_ids[:READERS]:
                read = json.loads(seen.read_text()) if seen.exists() else None
                report.readers_gap_or_double += read != places
        log = self.folder / "log.txt"
        report.lives_refused = log.read_text().count("run_lost") if log.exists() else 0


async def approve_all(store: LockingStore) -> None:
    """Approve all open calls of all runs."""
    runs = Runs(store)
    for info in (await runs.list(status="suspended", limit=1000)).runs:
        try:
            await runs.decide(info.id, [Approval.approve(call) for call in info.open_calls])
        except StoredRunError:
            continue


async def read_events(url: str, folder: Path, run_id: str) -> None:
    """Read the events of a run in many short readings, each after the last one's end."""
    places: list[int] = []
    after: str | None = None
    async with open_runs(url, migrate=False) as runs:
        while True:
            async for record in runs.events(run_id, after=after):
                places.append(record.seq or 0)
                after = f"{record.segment}:{record.seq}"
                if len(places) % 5 == 0:
                    break
            else:
                if (await runs.get(run_id)).has_ended:
                    break
                await anyio.sleep(0.05)
    (folder / f"seen-{run_id}.json").write_text(json.dumps(places))


def run_campaign(
    db: str, *, workers: int, runs: int, kills: int, seed: int, freeze: bool = False
) -> Report:
    """Run a campaign on a database of its own."""
    folder = Path(tempfile.mkdtemp(prefix="agentkit-"))
    data = Path(tempfile.mkdtemp(prefix="agentkit-"))
    server: PostgresServer | None = None
    try:
        url = f"sqlite:{data / 'campaign.db'}"
        if db == "postgres":
            server = PostgresServer(data)
            url = server.url()
        campaign = Campaign(url, folder, seed=seed, freeze=freeze)
        return campaign.run(workers=workers, runs=runs, kills=kills)
    finally:
        if server is not None:
            server.close()
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Run the campaign of the command line, and print its report."""
    parser = argparse.ArgumentParser(prog="kill-campaign")
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    for name, default in (("workers", 3), ("runs", 100), ("kills", 10), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--freeze", action="store_true")
    report = run_campaign(**vars(parser.parse_args()))
    facts = asdict(report)
    seconds = sorted(facts.pop("takeover_seconds"))
    for name, value in facts.items():
        sys.stdout.write(f"{name.replace('_', ' '):24}{value}\n")
    if seconds:
        sys.stdout.write(f"{'takeover seconds':24}{seconds[0]} … {seconds[-1]}\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
