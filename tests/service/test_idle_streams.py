"""Many readers of events that wait: each gets the end, and idle ones cost one query for all."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from agentkit import Agent
from agentkit.durable import open_runs, run_watch
from agentkit.durable.run_watch import RunWatch
from agentkit.service import build_service, open_port
from agentkit.store.base import Row, SqlValue
from agentkit.store.open_store import open_store
from tests.service.conftest import pay
from tests.service.rule_model import RuleModel
from tests.service.test_runs import ended, started

READERS = 200


class Reader:
    """Reads a stream of events from a socket."""

    def __init__(self, port: int, run_id: str) -> None:
        self._port = port
        self._run_id = run_id
        self.waits = anyio.Event()
        self.text = b""

    async def read(self) -> None:
        """Read to the end."""
        async with await anyio.connect_tcp("127.0.0.1", self._port) as stream:
            head = f"GET /runs/{self._run_id}/events HTTP/1.1\r\nhost: localhost\r\n"
            await stream.send(f"{head}connection: close\r\n\r\n".encode())
            try:
                while True:
                    self.text += await stream.receive()
                    if b'"suspended"' in self.text:
                        self.waits.set()
            except anyio.EndOfStream:
                pass


async def test_each_of_many_idle_readers_gets_the_end() -> None:
    """Of a run that waited for a decision meanwhile."""
    service = build_service({"a": Agent(RuleModel(), tools=[pay])})
    async with (
        open_port(service, port=0) as running,
        httpx.AsyncClient(base_url=running.url, timeout=60) as client,
    ):
        run_id = await started(client, "call pay")
        [call] = (await ended(client, run_id, "suspended"))["open_calls"]
        readers = [Reader(int(running.url.rpartition(":")[2]), run_id) for _ in range(READERS)]
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for reader in readers:
                    tasks.start_soon(reader.read)
                for reader in readers:
                    await reader.waits.wait()
                decision = {"call_id": call["id"], "verdict": "deny"}
                path = f"/runs/{run_id}/decisions"
                await client.post(path, json={"decisions": [decision]})

    assert [reader.text.count(b'"answered"') for reader in readers] == [1] * READERS


class CountingStore:
    """Counts the statements of a store."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def run(self, sql: str, values: Sequence[SqlValue] = ()) -> Sequence[Row]:
        """Run a statement."""
        self.statements += 1
        found: Sequence[Row] = await self._store.run(sql, values)
        return found


async def test_idle_readers_cost_one_query_for_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that no notification reported wakes those of its run, and no others."""
    monkeypatch.setattr(run_watch, "POLL_SECONDS", 0.05)
    url = f"sqlite:{tmp_path / 'a.db'}"
    async with open_store(url) as other, open_runs(url) as runs, AsyncExitStack() as stack:
        names = [(await runs.start("a", "x", run_id=f"r{at}")).id for at in range(3)]
        store = CountingStore(other)
        watch = RunWatch(store)  # type: ignore[arg-type]  # it passes on what it has not
        readers = [await stack.enter_async_context(watch.changes(name)) for name in names * 400]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch.run)
            with anyio.fail_after(60):
                for reader in readers:
                    await reader.wait()  # once, since their state is new to the watch
                before = store.statements
                await runs.cancel("r1")
                await readers[1].wait()
                tasks.cancel_scope.cancel()
        woken = [reader for at, reader in enumerate(readers) if is_woken(reader) or at == 1]

    assert before < 10
    assert len(woken) == 400
    assert all(readers.index(reader) % 3 == 1 for reader in woken)


def is_woken(subscription: Any) -> bool:
    """Return whether the next call of `wait` would return at once."""
    found: bool = subscription._event.is_set()
    return found
