"""Stored runs under bad conditions: a full disk, a clock that jumps, many readers."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from agentkit import Agent, tool
from agentkit.durable import Runs, liveness, open_runs, persistence
from agentkit.store.base import Store
from agentkit.store.open_store import open_store
from agentkit.testing import ScriptedModel, tool_call
from tests.unit.durable.test_runs import Waiting

READERS = 50


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def writer(done: list[str]) -> Agent[Any]:
    """Return an agent that acts once, and then gets a long text."""

    @tool
    async def act() -> str:
        """Act once."""
        done.append("acted")
        return "acted"

    @tool(read_only=True)
    async def look() -> str:
        """Get a long text."""
        return "x" * 40_000

    calls = [tool_call("act"), *[tool_call("look")] * 4]
    return Agent(ScriptedModel(*calls, "done", *calls, "done"), tools=[act, look])


def file_size(url: str) -> int:
    """Return the size of a file of SQLite."""
    return Path(url.removeprefix("sqlite:")).stat().st_size


async def set_pages(store: Store, count: int) -> None:
    """Limit the size of a file of SQLite, as a full disk does."""
    await store.transaction(lambda transaction: transaction.run(f"PRAGMA max_page_count = {count}"))


@pytest.mark.parametrize("limit", ["pages", "file size"])
async def test_a_run_outlives_a_full_disk(
    sqlite_url: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on when there is room; what was done before is not done again."""
    monkeypatch.setattr(liveness, "SWEEP_SECONDS", 0.05)
    monkeypatch.setattr(persistence, "RETRY_LIMIT_SECONDS", 0.2)
    done: list[str] = []
    async with open_store(sqlite_url):
        pass
    size = file_size(sqlite_url)
    async with open_runs(sqlite_url, agents={"a": writer(done)}) as runs:
        if limit == "pages":
            await set_pages(runs._store, size // 4096 + 12)
            await start_and_fail(runs)
            await set_pages(runs._store, 1_000_000)
        else:
            with largest_file(size + 60_000):
                await start_and_fail(runs)
        with anyio.fail_after(60):
            ended = await runs.wait("r")
            if ended.status == "failed":
                assert ended.error is not None
                assert "cannot be recorded" in ended.error.message
                await runs.retry("r")
                ended = await runs.wait("r")

    assert (ended.status, ended.text) == ("done", "done")
    assert done == ["acted"]


async def start_and_fail(runs: Runs) -> None:
    """Start a run, and wait until the disk is full for it, so that no one does it."""
    await runs.start("a", "Go", run_id="r")
    worker = runs._worker
    assert worker is not None
    with anyio.fail_after(60):
        while True:
            info = await runs.get("r")
            if info.life > 0 and not worker.under_way:
                assert info.status != "done"
                return
            await anyio.sleep(0.02)


class JumpingClock:
    """A clock that is an hour off, one way and then the other."""

    def __init__(self) -> None:
        self._count = 0

    def now(self) -> datetime:
        """Return the time, an hour early or late."""
        self._count += 1
        return datetime.now(tz=UTC) + timedelta(hours=1 if self._count % 2 else -1)

    def monotonic(self) -> float:
        """Return what no clock of a wall changes."""
        return anyio.current_time()


async def test_a_clock_that_jumps_changes_no_run(database_url: str) -> None:
    """Who lives and who has a run does not depend on it."""
    agents: dict[str, Agent[Any]] = {"a": Agent(ScriptedModel(*["Hi!"] * 20))}
    async with open_runs(database_url, agents=agents, clock=JumpingClock()) as runs:
        for number in range(10):
            await runs.start("a", "Hello", run_id=f"r{number}")
        with anyio.fail_after(60):
            done = [await runs.wait(f"r{number}") for number in range(10)]

    assert {(one.status, one.life) for one in done} == {("done", 1)}


async def test_fifty_readers_see_the_same_events(database_url: str) -> None:
    """Each is interrupted and goes on; the run changes its worker meanwhile."""
    models = [Waiting(), Waiting()]
    seen: list[list[str]] = []

    async def read(runs: Runs, every: int) -> None:
        places: list[str] = []
        while not places or not places[-1].endswith("run_finished"):
            after = places[-1].split()[0] if places else None
            async for record in runs.events("r", after=after):
                places.append(f"{record.segment}:{record.seq} {record.event.type}")
                if len(places) % every == 0:
                    break
            await anyio.sleep(0.01)
        seen.append(places)

    async with open_runs(database_url) as client, anyio.create_task_group() as tasks:
        await client.start("a", "Hello", run_id="r")
        for number in range(READERS):
            tasks.start_soon(read, client, number % 5 + 1)
        async with open_runs(database_url, agents={"a": Agent(models[0])}):
            await models[0].asked.wait()
        models[1].may_answer.set()
        async with open_runs(database_url, agents={"a": Agent(models[1])}) as runs:
            await runs.wait("r")

    assert len(seen) == READERS
    assert all(places == seen[0] for places in seen)
    numbers = [int(place.split()[0].partition(":")[2]) for place in seen[0]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert "run_resumed" in " ".join(seen[0])
