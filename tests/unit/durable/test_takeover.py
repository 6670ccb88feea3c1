"""Runs whose worker has ended, was frozen, or cannot reach its database."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import psycopg
import pytest

from agentkit import Agent, tool
from agentkit.durable import Runs, liveness, open_runs
from agentkit.store.base import LockingStore, Store
from agentkit.store.open_store import open_store
from agentkit.testing import ScriptedModel, tool_call
from tests.postgres_server import PostgresServer
from tests.unit.durable.test_runs import Waiting, kinds

LEFT = (
    "UPDATE ak_runs SET status = 'running', worker = 'gone-1', life = life + 1, "
    "attempts = attempts + 1"
)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "SWEEP_SECONDS", 0.05)


@pytest.fixture
async def left(database_url: str) -> AsyncIterator[Store]:
    """Return a database with a run that a worker left when it ended."""
    async with open_runs(database_url) as runs:
        await runs.start("a", "Hello", run_id="r")
    async with open_store(database_url) as store:
        await store.run(LEFT)
        yield store


def greeter() -> dict[str, Agent[Any]]:
    """Return the agent of the run."""
    return {"a": Agent(ScriptedModel("Hi!", "Hi!"))}


async def test_another_worker_takes_the_run_of_one_that_ended(
    database_url: str, left: Store
) -> None:
    """And reports that it goes on."""
    async with open_runs(database_url, agents=greeter()) as runs:
        done = await runs.wait("r")
        events = [one.split()[1] for one in await kinds(runs, "r")]

    assert (done.status, done.life) == ("done", 2)
    assert (events[0], events[1]) == ("run_resumed", "run_started")
    assert left.kind in database_url


async def test_a_run_that_ends_its_workers_is_dead_and_can_be_retried(
    database_url: str, left: Store
) -> None:
    """Others go on; a retry has all its lives again."""
    await left.run("UPDATE ak_runs SET attempts = 2")
    async with open_runs(database_url, agents=greeter(), max_lives=2) as runs:
        dead = await runs.wait("r")
        await runs.start("a", "Hello", run_id="other")
        assert (await runs.wait("other")).status == "done"
        events = [one.split()[1] for one in await kinds(runs, "r")]
        await runs.retry("r")
        done = await runs.wait("r")

    assert dead.status == "dead"
    assert dead.error is not None
    assert "2 workers ended while they did this run" in dead.error.message
    assert "agentkit runs retry r" in dead.error.message
    assert events == ["run_failed"]
    assert (done.status, done.text) == ("done", "Hi!")


async def test_a_run_that_was_to_be_cancelled_is_not_taken_over(
    database_url: str, left: Store
) -> None:
    """Its worker ended before it noticed."""
    async with open_runs(database_url) as runs:
        assert (await runs.cancel("r")).status == "running"
    async with open_runs(database_url, agents=greeter()) as runs:
        assert (await runs.wait("r")).status == "cancelled"
    assert left.kind in database_url


async def test_a_worker_that_lives_keeps_its_runs(postgres_url: str) -> None:
    """However often another one looks, and if both have one name."""
    model = Waiting()
    agents: dict[str, Agent[Any]] = {"a": Agent(model)}
    async with (
        open_runs(postgres_url, agents=agents, worker_name="same") as first,
        open_runs(postgres_url, agents={}, worker_name="same", concurrency=1) as second,
    ):
        await second.stop()
        await first.start("a", "Hello", run_id="r")
        await model.asked.wait()
        await anyio.sleep(0.5)
        model.may_answer.set()
        done = await second.wait("r")

    assert (done.status, done.life) == ("done", 1)


async def test_a_worker_that_wakes_up_after_a_takeover_changes_nothing(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its life is over; the run ends once, with the answer of the next life; its log names both."""
    slow, quick = Waiting(), Agent[Any](ScriptedModel("from the second"))
    async with open_runs(postgres_url, agents={"a": Agent(slow)}) as first:
        await first.start("a", "Hello", run_id="r")
        await slow.asked.wait()
        first.stop_taking()
        async with open_runs(postgres_url, agents={"a": quick}) as second:
            await _queue_again(postgres_url)
            done = await second.wait("r")
            slow.may_answer.set()
            await first.stop(30)
            events = [one.split()[1] for one in await kinds(second, "r")]

            assert await second.get("r") == done
    [line] = [vars(one) for one in caplog.records if vars(one).get("event") == "run_lost"]
    assert (line["run_id"], line["agent"], line["life"]) == ("r", "a", 1)
    assert (done.text, done.life) == ("from the second", 2)
    assert events.count("run_finished") == events.count("run_started") == 1


async def test_a_worker_may_take_over_from_itself(database_url: str) -> None:
    """It was frozen, another one queued its run, and it is the first to look."""
    model = Waiting()
    async with open_runs(database_url, agents={"a": Agent(model)}) as runs:
        await runs.start("a", "Hello", run_id="r")
        await model.asked.wait()
        await _queue_again(database_url)
        with anyio.fail_after(60):
            while (await runs.get("r")).life < 2:  # noqa: ASYNC110 - of the database
                await anyio.sleep(0.01)
        model.may_answer.set()
        done = await runs.wait("r")
        await runs.start("a", "Hello", run_id="next")

        assert (await runs.wait("next")).status == "done"
    assert (done.status, done.life) == ("done", 2)


async def _queue_again(url: str) -> None:
    """Do what a sweep does for a worker whose lock is gone."""
    async with open_store(url) as store:
        await store.run("UPDATE ak_runs SET status = 'queued', worker = NULL")


async def test_a_lock_is_taken_again_after_a_lost_connection(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """The worker lives on, and others see that."""
    async with open_store(postgres_url) as store:
        assert not await store.is_held("worker-1")
        async with store.hold("worker-1"):
            assert await store.is_held("worker-1")
            with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                )
            await _see(store, is_held=False)
            await _see(store, is_held=True)
        await _see(store, is_held=False)


async def _see(store: LockingStore, *, is_held: bool) -> None:
    """Return when the name is held, or is not."""
    with anyio.fail_after(60):
        while True:
            if await store.is_held("worker-1") == is_held:
                return
            await anyio.sleep(0.01)


async def test_runs_outlive_a_restart_of_the_server(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """Forty are under way or queued when the database goes away and comes back."""
    model = Waiting()
    agents: dict[str, Agent[Any]] = {"a": Agent(model)}
    async with open_runs(postgres_url, agents=agents, concurrency=20) as runs:
        for number in range(40):
            await runs.start("a", "Hello", run_id=f"r{number}")
        await model.asked.wait()
        postgres_server.stop()
        model.may_answer.set()
        await anyio.sleep(0.5)
        await anyio.to_thread.run_sync(postgres_server.start)
        done = [await _wait_long(runs, f"r{number}") for number in range(40)]

    assert set(done) == {"done"}


async def _wait_long(runs: Runs, run_id: str) -> str:
    with anyio.fail_after(100):
        return (await runs.wait(run_id)).status


async def test_a_value_that_new_code_cannot_read_fails_the_run_by_name(database_url: str) -> None:
    """It is not done again; with code that reads it, a retry goes on."""
    model = Waiting()
    async with open_runs(database_url, agents={"a": Agent(model)}) as runs:
        await runs.start("a", "Hello", run_id="r")
        await model.asked.wait()
    async with open_store(database_url) as store:
        sql = (
            "INSERT INTO ak_effects (run_id, key, life, value, begun_at, done_at) "
            "VALUES ('r', 's1/m1/model', 1, '42', 0, 0)"
        )
        await store.run(sql)
        async with open_runs(database_url, agents=greeter()) as runs:
            failed = await runs.wait("r")
            await store.run("DELETE FROM ak_effects WHERE key = 's1/m1/model'")
            await runs.retry("r")
            done = await runs.wait("r")

    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.kind == "JournalError"
    assert "'s1/m1/model' cannot be read by this version" in failed.error.message
    assert (done.status, done.text) == ("done", "Hi!")


async def test_a_run_goes_on_under_new_code(database_url: str) -> None:
    """With other instructions and tools; what old code did stays done."""
    done: list[str] = []

    @tool
    async def act() -> str:
        """Act."""
        done.append("old")
        return "acted"

    @tool(name="act")
    async def changed(where: str = "here") -> str:
        """Act somewhere."""
        done.append("new")
        return f"acted {where}"

    @tool(idempotent=True)
    async def hold() -> str:
        """Hold."""
        holds.set()
        await anyio.sleep_forever()
        return ""

    holds = anyio.Event()
    calls = ScriptedModel(tool_call("act"), tool_call("hold"))
    old: Agent[Any] = Agent(calls, tools=[act, hold], instructions="Be brief.")
    async with open_runs(database_url, agents={"a": old}) as runs:
        await runs.start("a", "Hello", run_id="r")
        await holds.wait()
    new: Agent[Any] = Agent(ScriptedModel("after the deploy"), tools=[changed])
    async with open_runs(database_url, agents={"a": new}) as runs:
        ended = await runs.wait("r")

    assert (ended.status, ended.text, done) == ("done", "after the deploy", ["old"])
    results = [message.text for message in ended.history if message.role == "tool"]
    assert results[0] == "acted"
    assert "hold" in results[1]  # the tool is gone, and the model is told so
