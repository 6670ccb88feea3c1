"""`GET /metrics`: what the runs of a service did."""

from pathlib import Path

import pytest

from agentkit import Agent, ToolError, tool
from agentkit.service import Tokens, build_service
from agentkit.service.access_tokens import FileTokens
from agentkit.telemetry.prometheus import PrometheusMetrics
from agentkit.testing import ScriptedModel, tool_call
from tests.service.rule_model import RuleModel
from tests.service.test_security import BODY, CHAT, client_of


async def test_metrics_are_served_if_wanted() -> None:
    """In the form of Prometheus, and nothing of the texts in them."""
    metrics = PrometheusMetrics()
    metrics.start()
    try:
        service = build_service({"a": Agent(RuleModel(), name="a")}, metrics=metrics)
        async with client_of(service) as client:
            answered = await client.post(CHAT, json=BODY)
            found = await client.get("/metrics")
            listed = (await client.get("/openapi.json")).json()["paths"]
    finally:
        metrics.stop()

    assert (answered.status_code, found.status_code) == (200, 200)
    assert found.headers["content-type"].startswith("text/plain")
    assert 'agentkit_runs_total{agent="a",stop_reason="answered"} 1.0' in found.text
    assert 'agentkit_database_seconds_count{database="sqlite",table="runs"}' in found.text
    assert "# TYPE agentkit_queue_runs gauge" in found.text
    assert "/metrics" in listed


async def test_metrics_are_not_served_otherwise() -> None:
    """There is no such address."""
    async with client_of(build_service({"a": Agent(RuleModel())})) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_metrics_need_a_token_like_everything_else(tmp_path: Path) -> None:
    """They name agents and models."""
    tokens = Tokens(FileTokens(tmp_path / "tokens.toml"))
    text = await tokens.add()
    service = build_service({"a": Agent(RuleModel())}, metrics=PrometheusMetrics(), auth=tokens)
    async with client_of(service) as client:
        refused = await client.get("/metrics")
        allowed = await client.get("/metrics", headers={"Authorization": f"Bearer {text}"})

    assert (refused.status_code, allowed.status_code) == (401, 200)


async def test_lines_of_a_request_carry_its_id_and_those_of_its_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The id is that of the response's header."""

    @tool(read_only=True)
    async def fail() -> str:
        """Fail."""
        raise ToolError("no")

    agent = Agent(ScriptedModel(tool_call("fail"), "It failed."), tools=[fail], name="a")
    service = build_service({"a": agent})
    async with client_of(service) as client:
        answered = await client.post(CHAT, json=BODY)

    [line] = [vars(one) for one in caplog.records if vars(one).get("event") == "tool_call_failed"]
    assert line["request_id"] == answered.headers["x-request-id"]
    assert (line["agent"], len(line["run_id"])) == ("a", 32)
