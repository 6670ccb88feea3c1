"""Measure stored runs: an effect, a run, a run that waits, and two workers against one.

In:  which database.
Out: figures by name. CPU is that of the client; on PostgreSQL the server's is not part of it.
"""

import gc
import os
import shutil
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import anyio
from pydantic import TypeAdapter

from agentkit import Agent, AssistantMessage, Tool, tool
from agentkit.chat import ModelRequest, ModelResponse
from agentkit.config.profile import ModelProfile
from agentkit.durable import Runs, SqlJournal, open_runs
from agentkit.event import Emit
from agentkit.message import ToolCall
from agentkit.model.model import ModelConnection
from agentkit.store.open_store import open_store
from benchmarks.rounds import Figures
from tests.postgres_server import PostgresServer

EFFECTS = 500
RUNS = 60
PARKED = 200
WORKER_RUNS = 1000
PROVIDER_SECONDS = 0.2
TURNS = ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))
"""Five turns of two calls each, then an answer: six exchanges."""


class _Model:
    """Asks for two calls in each of five turns, then answers."""

    name = "bench:model"
    profile = ModelProfile(family="bench", id="model")

    def __init__(self, *, seconds: float = 0, turns: int = len(TURNS)) -> None:
        self._seconds = seconds
        self._turns = turns

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        """Open it."""
        yield self

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:  # noqa: ARG002
        """Answer by the number of answers there are."""
        if self._seconds:
            await anyio.sleep(self._seconds)
        turn = sum(isinstance(message, AssistantMessage) for message in request.history)
        if turn >= self._turns:
            return ModelResponse(message=AssistantMessage("done"), finish_reason="stop")
        calls = [
            ToolCall(id=f"call{number:05}", name="note", arguments=f'{{"text": "{number}"}}')
            for number in TURNS[turn]
        ]
        message = AssistantMessage(tool_calls=calls)
        return ModelResponse(message=message, finish_reason="tool_calls")


def _agent(*, approval: Any = "allow", **options: Any) -> Agent[Any]:
    @tool(approval=approval)
    async def note(text: str) -> str:
        """Keep a note; must happen once."""
        return text

    tools: list[Tool[..., Any]] = [note]
    return Agent(_Model(**options), tools=tools)


async def stored_runs(_: int, *, kind: str) -> Figures:
    """Measure one database."""
    with _database(kind) as url:
        return {
            "effect CPU ms": await _effect(url),
            "run CPU ms": await _run(url),
            "bytes per waiting run": await _parked(url),
        }


async def two_workers(_: int, *, rounds: int = 3) -> Figures:
    """Compare two workers with one on PostgreSQL; the provider takes 200 ms."""
    found = []
    for _round in range(rounds):
        with _database("postgresql") as url:
            alone = await anyio.to_thread.run_sync(partial(_work, url, 1))
        with _database("postgresql") as url:
            together = await anyio.to_thread.run_sync(partial(_work, url, 2))
        found.append((alone, together))
    return {
        "one worker s": median(one for one, _ in found),
        "two workers s": median(two for _, two in found),
        "ratio": median(two / one for one, two in found),
    }


@contextmanager
def _database(kind: str) -> Iterator[str]:
    """Yield the address of an empty database in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="agentkit-"))
    server: PostgresServer | None = None
    try:
        if kind == "postgresql":
            server = PostgresServer(folder)
            yield server.url()
        else:
            yield f"sqlite:{folder / 'bench.db'}"
    finally:
        if server is not None:
            server.close()
        shutil.rmtree(folder, ignore_errors=True)


async def _effect(url: str) -> float:
    """Return the median CPU milliseconds of an effect with one write."""
    codec = TypeAdapter(str)

    async def act() -> str:
        return "x" * 200

    async with open_store(url) as store:
        await Runs(store).start("bench", "go", run_id="effects")
        await store.run("UPDATE ak_runs SET life = 1, status = 'done' WHERE id = 'effects'")
        journal = SqlJournal(store, "effects", life=1)
        costs = []
        for number in range(EFFECTS):
            start = time.process_time()
            await journal.do(f"s1/m{number}/model", act, codec=lambda: codec)
            costs.append(time.process_time() - start)
    return median(costs) * 1000


async def _run(url: str) -> float:
    """Return the CPU milliseconds of a run of 6 exchanges and 10 tools that act once."""
    async with open_runs(url, agents={"bench": _agent()}) as runs:
        for number in range(5):
            await runs.start("bench", "go", run_id=f"warm-{number}")
            await runs.wait(f"warm-{number}")
        start = time.process_time()
        for number in range(RUNS):
            await runs.start("bench", "go", run_id=f"run-{number}")
        for number in range(RUNS):
            await runs.wait(f"run-{number}")
        cost = time.process_time() - start
    return cost / RUNS * 1000


async def _parked(url: str) -> float:
    """Return the memory that each further run keeps while it waits for an approval."""
    grown = []
    async with open_runs(url, agents={"bench": _agent(approval="ask")}) as runs:
        await _park(runs, "parked-first", PARKED)
        for count in (PARKED, 5 * PARKED):
            gc.collect()
            tracemalloc.start()
            try:
                before, _ = tracemalloc.get_traced_memory()
                await _park(runs, f"parked-{count}", count)
                gc.collect()
                after, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            grown.append(after - before)
    # What does not grow with the runs are the caches of the driver.
    return max(0.0, round((grown[1] - grown[0]) / (4 * PARKED)))


async def _park(runs: Runs, name: str, count: int) -> None:
    """Start runs, and return when all are suspended."""
    for number in range(count):
        await runs.start("bench", "go", run_id=f"{name}-{number}")
    for number in range(count):
        info = await runs.wait(f"{name}-{number}")
        if info.status != "suspended":
            raise RuntimeError(f"The run is {info.status}.")


def _work(url: str, workers: int) -> float:
    """Return the seconds that a number of worker processes take for all runs."""

    async def start() -> None:
        async with open_runs(url) as runs:
            for number in range(WORKER_RUNS):
                await runs.start("bench", "go", run_id=f"run-{number}")

    async def work() -> None:
        agents = {"bench": _agent(seconds=PROVIDER_SECONDS)}
        async with open_runs(url, agents=agents, concurrency=100) as runs:
            for number in range(WORKER_RUNS):
                await runs.wait(f"run-{number}")

    anyio.run(start)
    begun = time.perf_counter()
    children = []
    for _ in range(workers):
        child = os.fork()
        if child == 0:
            anyio.run(work)
            os._exit(0)
        children.append(child)
    for child in children:
        if os.waitpid(child, 0)[1]:
            raise RuntimeError("A worker failed.")
    return time.perf_counter() - begun
