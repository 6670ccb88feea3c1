"""The metrics of runs, read by the parser of Prometheus' own client."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agentkit import Agent, ToolError, tool
from agentkit.durable import open_runs
from agentkit.errors import StatusError
from agentkit.event import RunStarted
from agentkit.hooks.model_middleware import wrapped_model
from agentkit.model.route import RouteModel
from agentkit.store.base import StoreError
from agentkit.telemetry.prometheus import PrometheusMetrics
from agentkit.telemetry.prometheus.prometheus_metrics import MAX_NAMES
from agentkit.testing import ScriptedModel, tool_call
from tests.unit.telemetry.explain.recorded import RECORDS

CANARY = "canary-7193"


@tool
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
async def fail(text: str) -> str:
    """Fail."""
    raise ToolError(text)


@pytest.fixture
def metrics() -> Iterator[PrometheusMetrics]:
    """Count all runs of the test."""
    counted = PrometheusMetrics()
    counted.start()
    yield counted
    counted.stop()


def values(metrics: PrometheusMetrics) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the samples by name and by the values of their labels, in the order of their names."""
    data, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(data.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[
                tuple(value for _, value in sorted(sample.labels.items()))
            ] = sample.value
    return found


async def test_runs_calls_and_tokens_are_counted(metrics: PrometheusMetrics) -> None:
    """Those of all agents of the process."""
    model = ScriptedModel(
        [tool_call("add", a=1, b=2), tool_call("fail", text=CANARY), tool_call(CANARY)], "3."
    )
    result = await Agent(model, tools=[add, fail], name="adder").run(CANARY)
    with pytest.raises(StatusError):
        error = StatusError(CANARY, kind="server", retry="never", status=500)
        await Agent(ScriptedModel(error), name="other").run("Hi.")

    found = values(metrics)
    assert found["agentkit_runs_total"] == {
        ("adder", "answered"): 1,
        ("other", "failed"): 1,
    }
    assert set(found["agentkit_runs_running"].values()) == {0}
    assert found["agentkit_tool_calls_total"] == {
        ("ok", "add"): 1,
        ("error", "fail"): 1,
        ("rejected", ""): 1,
    }
    assert sum(found["agentkit_tokens_total"].values()) == result.usage.total_tokens
    assert CANARY not in metrics.render()[0].decode()


async def test_the_time_to_the_first_token_is_measured(metrics: PrometheusMetrics) -> None:
    """Once for each exchange that gives text."""
    model = ScriptedModel(tool_call("add", a=1, b=2), "It is three.")

    await Agent(model, tools=[add], name="adder").run("Add.")

    found = values(metrics)
    assert found["agentkit_first_token_seconds_count"] == {("adder",): 1}


async def test_retries_failovers_and_repairs_are_counted() -> None:
    """By their kinds."""
    metrics = PrometheusMetrics()
    for record in RECORDS:
        await metrics(record)

    found = values(metrics)
    assert found["agentkit_repairs_total"] == {("value",): 1}
    assert found["agentkit_model_calls_total"] == {
        ("", "", "rate_limit"): 1,
        ("together:mixtral", "", "rate_limit"): 1,
        ("mixtral", "openrouter", "ok"): 5,
    }
    assert found["agentkit_cost_usd_total"] == {("mixtral", "openrouter"): pytest.approx(0.005)}


async def test_labels_do_not_grow_without_end() -> None:
    """An agent may be made for each user."""
    metrics = PrometheusMetrics()
    started = RECORDS[0].event
    assert isinstance(started, RunStarted)
    for number in range(2 * MAX_NAMES):
        event = replace(started, agent=f"agent-{number}")
        await metrics(replace(RECORDS[0], event=event, run_id=f"run-{number}"))

    running = values(metrics)["agentkit_runs_running"]
    assert len(running) == MAX_NAMES + 1
    assert running["other",] == MAX_NAMES


async def test_databases_and_the_queue_are_measured(
    metrics: PrometheusMetrics, sqlite_url: str
) -> None:
    """Writes of the journal are those of the table of effects."""
    later = datetime(2099, 1, 1, tzinfo=UTC)
    agents: dict[str, Agent[Any]] = {"a": Agent(ScriptedModel("Hi!"))}
    async with open_runs(sqlite_url) as runs:
        await runs.start("a", CANARY, run_id="later", at=later)
        await runs.start("a", CANARY, run_id="now", tenant=CANARY)
        metrics.set_queue(await runs.queue())
    queued = values(metrics)
    async with open_runs(sqlite_url, agents=agents) as runs:
        await runs.wait("now", tenant=CANARY)
        with pytest.raises(StoreError):
            await runs._store.run("SELECT broken")
        metrics.set_queue(await runs.queue())
    done = values(metrics)

    assert queued["agentkit_queue_runs"] == {("a", "queued"): 1}
    assert 0 <= queued["agentkit_queue_oldest_seconds"]["a",] < 60
    assert "agentkit_queue_runs" not in done
    assert done["agentkit_database_seconds_count"]["sqlite", "effects"] > 0
    assert done["agentkit_database_seconds_count"]["sqlite", "transaction"] > 0
    assert done["agentkit_database_errors_total"] == {("sqlite",): 1}
    assert CANARY not in metrics.render()[0].decode()


async def test_circuit_breakers_are_shown() -> None:
    """Of routes, also inside wrappers."""
    error = StatusError("no", kind="server", retry="never", status=500)
    models = [ScriptedModel(*[error] * 3, name="one:m"), ScriptedModel(*["Hi!"] * 3, name="two:m")]
    route = RouteModel(models)
    agent = Agent(wrapped_model(route, before=lambda request: request))
    metrics = PrometheusMetrics()
    metrics.watch_agents([agent, Agent(ScriptedModel("Hi!"))])

    before = values(metrics)["agentkit_circuit_state"]
    for _ in range(3):
        await agent.run("Hello")
    after = values(metrics)["agentkit_circuit_state"]

    assert before["one:m", "closed"] == before["two:m", "closed"] == 1
    assert (after["one:m", "closed"], after["one:m", "open"]) == (0, 1)
    assert after["two:m", "closed"] == 1


async def test_replayed_records_are_not_counted_again() -> None:
    """The life that did it counted it."""
    metrics = PrometheusMetrics()
    for record in RECORDS:
        await metrics(replace(record, is_replay=True))

    assert "agentkit_runs_total" not in values(metrics)
