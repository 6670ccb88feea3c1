"""Runs in lists, and what is refused."""

from typing import Any

import pytest

from agentkit import Agent, ConfigError
from agentkit.durable import RunNotFoundError, open_runs
from agentkit.testing import ScriptedModel
from tests.unit.durable.test_runs import kinds


async def test_runs_are_listed_newest_first_in_pages(database_url: str) -> None:
    """By status and agent too, each tenant its own."""
    async with open_runs(database_url) as runs:
        for number in range(5):
            await runs.start("ab"[number % 2], "x", run_id=f"r{number}")
        await runs.start("a", "x", run_id="other", tenant="t")
        await runs.cancel("r3")
        pages, after = [], None
        while True:
            page = await runs.list(limit=2, after=after)
            pages.append([run.id for run in page.runs])
            if (after := page.next) is None:
                break

        assert pages == [["r4", "r3"], ["r2", "r1"], ["r0"]]
        assert [run.id for run in (await runs.list(agent="b")).runs] == ["r3", "r1"]
        assert [run.id for run in (await runs.list(status="cancelled")).runs] == ["r3"]
        assert [run.id for run in (await runs.list(tenant="t")).runs] == ["other"]
        for call in (runs.get, runs.cancel, runs.retry, runs.wait):
            with pytest.raises(RunNotFoundError, match="no run 'r0'"):
                await call("r0", tenant="t")
        with pytest.raises(ValueError, match="not the 'next'"):
            await runs.list(after="x")
        with pytest.raises(ValueError, match="1 run or more"):
            await runs.list(limit=0)
        with pytest.raises(ValueError, match="form '2:17'"):
            runs.events("r0", after="2")
        with pytest.raises(RunNotFoundError):
            await kinds(runs, "r0", tenant="t")


async def test_a_second_process_on_one_sqlite_file_is_refused(sqlite_url: str) -> None:
    """By the name of the file; it may still start and read runs."""
    agents: dict[str, Agent[Any]] = {"a": Agent(ScriptedModel("Hi!"))}
    async with open_runs(sqlite_url, agents=agents), open_runs(sqlite_url) as client:
        with pytest.raises(ConfigError, match=r"does the runs of the database '.*test\.db'"):
            async with open_runs(sqlite_url, agents=agents):
                pass
        await client.start("a", "Hello", run_id="r")

        assert (await client.wait("r")).text == "Hi!"


async def test_wrong_options_are_refused(sqlite_url: str) -> None:
    """Before anything is opened."""
    for options, error in (
        ({"concurrency": 0}, ValueError),
        ({"max_lives": 0}, ValueError),
        ({"workers": 3}, TypeError),
    ):
        with pytest.raises(error):
            async with open_runs(sqlite_url, agents={}, **options):  # type: ignore[arg-type]  # wrong on purpose
                pass
