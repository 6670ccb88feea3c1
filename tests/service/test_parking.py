"""Calls that need approval wait in a stored run; requests for titles run no tool."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from agentkit import Agent, tool
from agentkit.service import ServedAgent, TokenLimits, Tokens, build_service
from agentkit.service.access_tokens import FileTokens
from tests.service.conftest import add
from tests.service.rule_model import RuleModel

PATHS = {
    "chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages",
}  # fmt: skip


@tool(approval="ask", name="pay")
def pay_now(amount: int) -> str:
    """Pay money."""
    return f"paid {amount}"


def body(route: str, said: str, **fields: Any) -> dict[str, Any]:
    """Return a request in one of the formats."""
    if route == "responses":
        return {"model": "a", "input": said, **fields}
    extra = {"max_tokens": 100} if route == "messages" else {}
    return {"model": "a", "messages": [{"role": "user", "content": said}], **extra, **fields}


def client_of(**options: Any) -> tuple[Any, httpx.AsyncClient]:
    """Return a service whose agent parks, and a client of it."""
    agent = Agent(RuleModel(), tools=[add, pay_now])
    service = build_service({"a": ServedAgent(agent, on_ask="park")}, **options)
    transport = httpx.ASGITransport(app=service)
    return service, httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60)


async def ended(client: httpx.AsyncClient, run_id: str, status: str) -> dict[str, Any]:
    """Wait until a run has a status."""
    with anyio.fail_after(60):
        while True:
            found: dict[str, Any] = (await client.get(f"/runs/{run_id}")).json()
            if found["status"] == status:
                return found
            await anyio.sleep(0.02)


@pytest.mark.parametrize("stream", [False, True], ids=["complete", "streamed"])
@pytest.mark.parametrize("route", PATHS)
async def test_a_call_that_needs_approval_waits_in_a_run(route: str, stream: bool) -> None:
    """The client reads so; after the decision the tool runs."""
    service, client = client_of()
    async with service.open(), client:
        answer = await client.post(PATHS[route], json=body(route, "call pay", stream=stream))
        (run,) = (await client.get("/runs")).json()["runs"]
        waiting = await ended(client, run["id"], "suspended")
        (call,) = waiting["open_calls"]
        decisions = [{"call_id": call["id"], "verdict": "allow"}]
        await client.post(f"/runs/{run['id']}/decisions", json={"decisions": decisions})
        done = await ended(client, run["id"], "done")

    assert answer.status_code == 200
    assert f"Waiting for the approval of pay; the decision is made about the run {run['id']}." in (
        answer.text
    )
    assert "Let me see." in answer.text or stream
    assert '"tool_calls"' not in answer.text
    assert done["text"] == "The result is paid 7."


async def test_a_stored_response_goes_on_while_the_call_waits() -> None:
    """Its conversation has what the client read."""
    service, client = client_of()
    async with service.open(), client:
        first = (await client.post("/v1/responses", json=body("responses", "call pay"))).json()
        second = await client.post(
            "/v1/responses", json=body("responses", "hi", previous_response_id=first["id"])
        )

    assert second.json()["output"][0]["content"][0]["text"] == "You said: hi"


async def test_a_token_with_a_limit_of_money_leaves_no_run_behind(tmp_path: Path) -> None:
    """The call is denied, as without the option."""
    tokens = Tokens(FileTokens(tmp_path / "t.toml"))
    service, client = client_of(auth=tokens)
    limits = TokenLimits(cost_usd_per_day=Decimal(1))
    client.headers["x-api-key"] = await tokens.add(limits=limits)
    async with service.open(), client:
        answer = await client.post(PATHS["chat"], json=body("chat", "call pay"))
        runs = (await client.get("/runs")).json()["runs"]

    assert "no one can be asked" in answer.json()["choices"][0]["message"]["content"]
    assert runs == []


@pytest.mark.parametrize("has_title_model", [False, True], ids=["own model", "title model"])
async def test_a_request_for_a_title_is_answered_without_tools(has_title_model: bool) -> None:
    """By the model that is named for it; a question that only looks like one is not."""
    model, titles = RuleModel(), RuleModel()
    agent = Agent(model, tools=[add], instructions="Be brief.")
    title_model = titles if has_title_model else None
    service = build_service({"a": ServedAgent(agent, title_model=title_model)})
    transport = httpx.ASGITransport(app=service)
    said = "### Task:\nGenerate a title."
    async with (
        service.open(),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        answer = await client.post(PATHS["chat"], json=body("chat", said))
        await client.post(PATHS["chat"], json=body("chat", said, stream=True))

    asked = titles if has_title_model else model
    assert answer.json()["choices"][0]["message"]["content"] == f"You said: {said}"
    assert (asked.requests[0].tools, asked.requests[0].instructions) == ((), "")
    assert [one.name for one in model.requests[-1].tools] == ["add"]
    assert len(model.requests) + len(titles.requests) == 2
