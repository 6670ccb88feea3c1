"""Runs over HTTP: started once, followed without a gap, decided, cancelled, by their tenant."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from agentkit import Agent
from agentkit.service import Service, TokenLimits, Tokens, build_service, open_port
from agentkit.service.access_tokens import FileTokens
from tests.service.conftest import add, pay
from tests.service.rule_model import RuleModel

ENDED = ("done", "failed", "cancelled", "suspended")


def service_of(model: RuleModel, **options: Any) -> Service:
    """Return a service."""
    agent = Agent(model, tools=[add, pay, model.wait])
    return build_service({"a": agent, "b": Agent(model)}, first_byte_seconds=0.1, **options)


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[httpx.AsyncClient, RuleModel]]:
    """Serve on loopback and return a client."""
    model = RuleModel()
    async with (
        open_port(service_of(model, **options), port=0) as running,
        httpx.AsyncClient(base_url=running.url, timeout=60) as client,
    ):
        yield client, model
        model.release.set()


async def started(client: httpx.AsyncClient, prompt: str, **fields: Any) -> str:
    """Start a run and return its id."""
    answer = await client.post("/runs", json={"agent": "a", "prompt": prompt, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def ended(client: httpx.AsyncClient, run_id: str, *statuses: str) -> dict[str, Any]:
    """Wait until a run has one of the statuses."""
    with anyio.fail_after(60):
        while True:
            found: dict[str, Any] = (await client.get(f"/runs/{run_id}")).json()
            if found["status"] in (statuses or ENDED):
                return found
            await anyio.sleep(0.02)


async def events(client: httpx.AsyncClient, run_id: str, **headers: str) -> list[tuple[str, Any]]:
    """Return the events of a run to its end, each with its place."""
    answer = await client.get(f"/runs/{run_id}/events", headers=headers)
    found = list[tuple[str, Any]]()
    place = ""
    for line in answer.text.splitlines():
        if line.startswith("id: "):
            place = line[4:]
        if line.startswith("data: "):
            found.append((place, json.loads(line[6:])["event"]["type"]))
    return found


async def test_a_run_is_started_once_and_followed_from_any_place() -> None:
    """The same id and prompt give the same run; after the end there is nothing more."""
    async with serving() as (client, model):
        run_id = await started(client, "call add", run_id="r-1", labels={"order": "7"})
        again = await started(client, "call add", run_id="r-1")
        other = await client.post("/runs", json={"agent": "a", "prompt": "x", "run_id": "r-1"})
        unknown = await client.post("/runs", json={"agent": "z", "prompt": "x"})
        found = await ended(client, run_id)
        every = await events(client, run_id)
        rest = await events(client, run_id, **{"Last-Event-ID": every[3][0]})
        over = await client.get(f"/runs/{run_id}/events?after={every[-1][0]}")
        wrong = await client.get(f"/runs/{run_id}/events?after=x")

    assert again == run_id == "r-1"
    assert (other.status_code, unknown.status_code) == (409, 404)
    assert (found["status"], found["text"]) == ("done", "The result is 3.")
    assert found["labels"] == {"order": "7"}
    assert every[0][1] == "run_started"
    assert every[-1][1] == "run_finished"
    assert "text_received" in {kind for _, kind in every}
    assert rest == every[4:]
    assert (over.status_code, wrong.status_code) == (204, 400)
    assert len(model.requests) == 2


async def test_a_call_that_needs_approval_waits_for_a_decision() -> None:
    """A reader goes on over both segments; a second decision comes too late."""
    async with serving() as (client, _), anyio.create_task_group() as tasks:
        run_id = await started(client, "call pay")
        seen = list[tuple[str, Any]]()

        async def follow() -> None:
            seen.extend(await events(client, run_id))

        tasks.start_soon(follow)
        waiting = await ended(client, run_id, "suspended")
        [call] = waiting["open_calls"]
        decision = {"call_id": call["id"], "verdict": "deny", "reason": "Too much."}
        address, content = f"/runs/{run_id}/decisions", {"decisions": [decision]}
        nothing = await client.post(
            address, json={"decisions": [{"call_id": "none", "verdict": "allow"}]}
        )
        decided = await client.post(address, json=content)
        found = await ended(client, run_id, "done")
        late = await client.post(address, json=content)

    kinds = [kind for _, kind in seen]
    assert (call["name"], json.loads(call["arguments"])) == ("pay", {"amount": 7})
    assert (nothing.status_code, decided.status_code, late.status_code) == (404, 200, 409)
    assert "Too much." in found["text"]
    assert "approval_decided" in kinds
    assert kinds[-1] == "run_finished"
    assert [place for place, _ in seen] == sorted(
        {place for place, _ in seen}, key=lambda place: [int(part) for part in place.split(":")]
    )


async def test_a_run_can_be_cancelled() -> None:
    """Once; then it can be retried."""
    async with serving() as (client, model):
        run_id = await started(client, "silent")
        while not model.has_begun.is_set():  # noqa: ASYNC110  # set by a task of the service
            await anyio.sleep(0.01)
        first = await client.post(f"/runs/{run_id}/cancel")
        found = await ended(client, run_id, "cancelled")
        second = await client.post(f"/runs/{run_id}/cancel")
        model.release.set()
        retried = await client.post(f"/runs/{run_id}/retry")
        done = await ended(client, run_id, "done")

    assert [first.status_code, second.status_code, retried.status_code] == [200, 409, 200]
    assert found["stop_reason"] in (None, "cancelled")
    assert done["text"] == "You said: silent"


async def test_runs_are_listed_page_by_page() -> None:
    """Newest first."""
    async with serving() as (client, _):
        ids = [await started(client, "hi") for _ in range(3)]
        for run_id in ids:
            await ended(client, run_id)
        first = (await client.get("/runs?limit=2&status=done")).json()
        second = (await client.get(f"/runs?limit=2&after={first['next']}")).json()
        bad = [
            (await client.get(f"/runs?{query}")).status_code
            for query in ("limit=0", "limit=x", "status=what")
        ]

    assert [run["id"] for run in [*first["runs"], *second["runs"]]] == ids[::-1]
    assert second["next"] is None
    assert bad == [400, 400, 400]


async def test_runs_of_another_tenant_do_not_exist(tmp_path: Path) -> None:
    """On every route; nor do those of an agent that a token may not use."""
    tokens = Tokens(FileTokens(tmp_path / "t.toml"))
    own, foreign = await tokens.add(tenant="a"), await tokens.add(tenant="b")
    narrow = await tokens.add(tenant="a", agents=["b"])
    database = f"sqlite:{tmp_path / 'a.db'}"
    async with serving(auth=tokens, database=database) as (client, _):
        client.headers["x-api-key"] = own
        run_id = await started(client, "call pay")
        await ended(client, run_id, "suspended")
        statuses = set()
        for token in (foreign, narrow):
            client.headers["x-api-key"] = token
            for method, path in (
                ("GET", ""), ("GET", "/events"), ("POST", "/decisions"), ("POST", "/cancel"),
                ("POST", "/retry"),
            ):  # fmt: skip
                content = {"decisions": [{"call_id": "c", "verdict": "allow"}]}
                answer = await client.request(
                    method,
                    f"/runs/{run_id}{path}",
                    json=content if path == "/decisions" else None,
                )
                statuses.add(answer.status_code)
            assert (await client.get("/runs")).json()["runs"] == []

    assert statuses == {404}


async def test_a_token_with_a_limit_of_money_starts_no_runs(tmp_path: Path) -> None:
    """They could cost more than it may spend."""
    tokens = Tokens(FileTokens(tmp_path / "t.toml"))
    text = await tokens.add(limits=TokenLimits(cost_usd_per_day=Decimal(1)))
    async with serving(auth=tokens) as (client, _):
        client.headers["x-api-key"] = text
        answers = [
            await client.post("/runs", json={"agent": "a", "prompt": "hi"}),
            await client.post("/runs/x/retry"),
        ]

    assert [one.status_code for one in answers] == [403, 403]


@pytest.mark.parametrize(
    "body",
    [{}, {"agent": "a"}, {"agent": "a", "prompt": ""}, {"agent": "a", "prompt": "x", "king": 1}],
    ids=str,
)
async def test_a_run_needs_an_agent_and_a_prompt(body: dict[str, Any]) -> None:
    """By name of the field."""
    model = RuleModel()
    service = service_of(model)
    transport = httpx.ASGITransport(app=service)
    async with (
        service.open(),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        answer = await client.post("/runs", json=body)

    assert answer.status_code == 400
    assert model.requests == []
