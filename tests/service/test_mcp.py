"""The official MCP client at the service: the same agents, tokens and limits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import httpx2
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client

from agentkit import Agent, RunContext, tool
from agentkit.errors import ConfigError
from agentkit.service import ServedAgent, TokenLimits, Tokens, build_service, open_port
from agentkit.service.access_tokens import FileTokens
from tests.service.conftest import add, pay
from tests.service.rule_model import RuleModel
from tests.unit.mcp.serving import Mode, Person, both_revisions, call, text_of

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}
ACCEPT = {"accept": "application/json, text/event-stream"}


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[str]:
    """Serve two agents on loopback and return the address."""
    model = RuleModel()
    agents: dict[str, Agent | ServedAgent] = {
        "helper": ServedAgent(
            Agent(model, tools=[add, pay], name="h"), description="Helps.", shares_tools=True
        ),
        "plain": Agent(model),
    }
    async with open_port(build_service(agents, mcp=True, **options), port=0) as running:
        yield running.url


@asynccontextmanager
async def client_of(
    url: str, token: str = "", mode: Mode = "auto", **options: Any
) -> AsyncIterator[mcp.Client]:
    """Return the SDK's client."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        async with mcp.Client(transport, mode=mode, **options) as client:
            yield client


@both_revisions
async def test_agents_and_the_tools_that_they_share_are_called(mode: Mode) -> None:
    """Under the names that the service has for them; a person approves at the client."""
    person = Person(lambda _: None)
    async with (
        serving() as url,
        client_of(url, mode=mode, elicitation_callback=person) as client,
    ):
        listed = {one.name: one.description for one in (await client.list_tools()).tools}
        asked = await call(client, "helper", {"prompt": "call add"})
        denied = await call(client, "helper", {"prompt": "call pay"})
        summed = await call(client, "add", {"a": 3, "b": 4})

    assert sorted(listed) == ["add", "helper", "pay", "plain"]
    assert listed["helper"] == "Helps."
    assert text_of(asked) == "The result is 3."
    assert "refused" in text_of(denied)
    assert text_of(summed) == "7"
    assert len(person.asked) == 1


async def test_a_caller_sees_the_agents_of_its_token(tmp_path: Path) -> None:
    """Nothing without a token; a session belongs to the token that began it."""
    tokens = Tokens(FileTokens(tmp_path / "t.toml"))
    every, narrow = await tokens.add(tenant="a"), await tokens.add(tenant="b", agents=["plain"])
    seen: list[list[str]] = []
    statuses: list[int] = []
    async with serving(auth=tokens) as url:
        for token in (every, narrow):
            async with client_of(url, token) as client:
                seen.append([one.name for one in (await client.list_tools()).tools])
                await call(client, "plain", {"prompt": "hi"})
        async with httpx.AsyncClient(base_url=url, headers=ACCEPT) as http:
            opened = await http.post("/mcp", json=INITIALIZE, headers={"x-api-key": every})
            session = {"mcp-session-id": opened.headers["mcp-session-id"]}
            ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
            for key in ({}, {"x-api-key": narrow}, {"x-api-key": every}):
                answer = await http.post("/mcp", json=ping, headers={**session, **key})
                statuses.append(answer.status_code)
            ended = await http.delete("/mcp", headers={**session, "x-api-key": every})

    assert seen == [["helper", "plain", "add", "pay"], ["plain"]]
    assert statuses == [401, 404, 200]
    assert ended.status_code == 200
    assert opened.headers["x-request-id"].startswith("req_")


async def test_limits_hold_for_mcp_clients(tmp_path: Path) -> None:
    """Money is reserved before the run of an agent, and charged after it."""
    tokens = Tokens(FileTokens(tmp_path / "t.toml"))
    limits = TokenLimits(cost_usd_per_day=Decimal("0.02"), cost_usd_per_request=Decimal("0.02"))
    async with (
        serving(auth=tokens) as url,
        client_of(url, await tokens.add(limits=limits)) as client,
    ):
        answers = [await call(client, "plain", {"prompt": "hi"}) for _ in range(2)]

    assert [one.is_error for one in answers] == [False, True]
    assert "money" in text_of(answers[1])


async def test_deps_are_made_for_the_caller(tmp_path: Path) -> None:
    """As in the other formats."""

    @tool(name="add", read_only=True)
    async def who(context: RunContext[str], a: int, b: int) -> str:  # noqa: ARG001
        """Return the deps."""
        return context.deps

    agent = Agent(RuleModel(), tools=[who], deps_type=str)
    tokens = Tokens(FileTokens(tmp_path / "t.toml"))
    service = build_service(
        {"a": ServedAgent(agent, deps=lambda caller: caller.tenant)}, auth=tokens, mcp=True
    )
    token = await tokens.add(tenant="acme")
    async with open_port(service, port=0) as running, client_of(running.url, token) as client:
        found = await call(client, "a", {"prompt": "call add"})

    assert text_of(found) == "The result is acme."


async def test_without_the_option_there_is_no_such_address() -> None:
    """And other hosts are refused with it."""
    for has_mcp, expected in ((False, 404), (True, 421)):
        service = build_service({"a": Agent(RuleModel())}, mcp=has_mcp)
        transport = httpx.ASGITransport(app=service)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            headers = {**ACCEPT, "host": "evil.example"} if has_mcp else ACCEPT
            answer = await http.post("/mcp", json=INITIALIZE, headers=headers)
        assert answer.status_code == expected


def test_tools_that_cannot_be_shared_are_refused() -> None:
    """When the service is built."""

    @tool(name="add", read_only=True)
    def other(a: int) -> int:
        """Return it."""
        return a

    model = RuleModel()
    shared = [ServedAgent(Agent(model, tools=[one]), shares_tools=True) for one in (add, other)]
    with pytest.raises(ConfigError, match="'add'"):
        build_service({"a": shared[0], "b": shared[1]}, mcp=True)
    with pytest.raises(ConfigError, match="share"):
        ServedAgent(Agent(model, deps_type=str), deps=str, shares_tools=True)
