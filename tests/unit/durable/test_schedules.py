"""Schedules: a run at each time, once over all workers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from agentkit import Agent, ConfigError
from agentkit.durable import RunExistsError, RunNotFoundError, open_runs
from agentkit.testing import ScriptedModel
from agentkit.testing.clock import ManualClock

START = datetime(2026, 11, 29, 21, 7, 30, tzinfo=UTC)


async def test_a_run_begins_at_each_time(database_url: str) -> None:
    """Times that passed without a worker begin one run."""
    clock = ManualClock(START)
    agents: dict[str, Agent[Any]] = {"a": Agent(ScriptedModel(*["done"] * 5))}
    async with open_runs(database_url, clock=clock) as runs:
        await runs.schedule("tidy", "a", "Tidy up", cron="*/10 * * * *", labels={"k": "v"})
        [info] = await runs.schedules()
        assert (info.agent, info.cron) == ("a", "*/10 * * * *")
        assert info.next_at == START + timedelta(minutes=2, seconds=30)
    clock.advance(3600)
    async with (
        open_runs(database_url, agents=agents, clock=clock) as runs,
        open_runs(database_url, clock=clock) as client,
    ):
        await _until(client, 1)
        clock.advance(600)
        await _until(client, 2)
        await runs.unschedule("tidy")
        clock.advance(6000)
        done = [await runs.wait(run.id) for run in (await client.list()).runs]

        assert [run.id for run in done] == ["tidy@2026-11-29T22:10Z", "tidy@2026-11-29T21:10Z"]
        assert {run.status for run in done} == {"done"}
        assert done[0].labels == {"k": "v"}
        assert await runs.schedules() == []


async def _until(runs: Any, count: int) -> None:
    with anyio.fail_after(60):
        while len((await runs.list()).runs) < count:  # noqa: ASYNC110 - of the database
            await anyio.sleep(0.02)


async def test_a_schedule_is_changed_and_refused(sqlite_url: str) -> None:
    """By its name and tenant."""
    agents: dict[str, Agent[Any]] = {"a": Agent(ScriptedModel("x"))}
    async with open_runs(sqlite_url, agents=agents) as runs:
        await runs.schedule("s", "a", "x", cron="0 7 * * *")
        await runs.schedule("s", "a", "x", cron="0 8 * * *")

        assert [info.cron for info in await runs.schedules()] == ["0 8 * * *"]
        with pytest.raises(RunExistsError, match="already a schedule 's'"):
            await runs.schedule("s", "a", "x", cron="0 7 * * *", tenant="other")
        with pytest.raises(ConfigError, match="no agent 'b'"):
            await runs.schedule("t", "b", "x", cron="0 7 * * *")
        with pytest.raises(ConfigError, match="has 1 fields"):
            await runs.schedule("t", "a", "x", cron="daily")
        with pytest.raises(RunNotFoundError, match="no schedule 'u'"):
            await runs.unschedule("u")
