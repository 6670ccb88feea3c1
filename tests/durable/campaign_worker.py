"""The agents and the worker of a kill campaign; what they do is noted outside the database.

In:  the address of a database, a folder.
Out: lines in the ledger of each run, one for each effect.
"""

import logging
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from agentkit import Agent, AssistantMessage, RunContext, Tool, tool
from agentkit.chat import ModelRequest, ModelResponse
from agentkit.config.profile import ModelProfile
from agentkit.durable import open_runs
from agentkit.event import Emit
from agentkit.message import ToolCall
from agentkit.model.model import ModelConnection

EFFECTS = {"plain": 6, "team": 8, "asking": 4}
"""How many effects a complete run of each agent has."""

KINDS = tuple(EFFECTS)


class CampaignModel:
    """Makes the same calls in each life, after a short wait."""

    def __init__(self, name: str, turns: list[list[tuple[str, str]]]) -> None:
        self.name = f"campaign:{name}"
        self.profile = ModelProfile(family="campaign", id=name)
        self._turns = turns

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        """Open it."""
        yield self

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:  # noqa: ARG002
        """Answer by the number of answers there are."""
        await anyio.sleep(random.uniform(0.01, 0.06))  # noqa: S311 - no secrets
        turn = sum(isinstance(message, AssistantMessage) for message in request.history)
        if turn >= len(self._turns):
            return ModelResponse(message=AssistantMessage("done"), finish_reason="stop")
        calls = [
            ToolCall(id=f"{name[:4]}{turn}{number}".ljust(9, "0"), name=name, arguments=arguments)
            for number, (name, arguments) in enumerate(self._turns[turn])
        ]
        message = AssistantMessage(tool_calls=calls)
        return ModelResponse(message=message, finish_reason="tool_calls")


class Ledger:
    """What was really done, one file for each run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, key: str) -> None:
        """Note an effect in one write, which is complete or not there."""
        handle = os.open(self._path(key), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(handle, f"{key}\n".encode())
        os.close(handle)

    def has(self, key: str) -> bool:
        """Return whether an effect happened."""
        path = self._path(key)
        return path.exists() and key in path.read_text().splitlines()

    def of_run(self, run_id: str) -> tuple[list[str], set[str]]:
        """Return the effects of a run, and those whose outcome was reported as unknown."""
        path = self._path(run_id)
        lines = path.read_text().splitlines() if path.exists() else []
        unknown = {line.removesuffix(" unknown") for line in lines if line.endswith(" unknown")}
        return [line for line in lines if not line.endswith(" unknown")], unknown

    def _path(self, key: str) -> Path:
        return self._folder / f"{key.partition('/')[0]}.txt"


def build_agents(ledger: Ledger, *, may_be_frozen: bool) -> dict[str, Agent[Any]]:
    """Return the agents of a campaign.

    Args:
        ledger: where effects are noted.
        may_be_frozen: a worker may go on after its run was taken over. What it had begun may still
            happen then, so an effect that is not found has an unknown outcome.
    """

    async def perform(key: str) -> str:
        await anyio.sleep(random.uniform(0, 0.02))  # noqa: S311 - no secrets
        ledger.add(key)
        await anyio.sleep(random.uniform(0, 0.02))  # noqa: S311 - no secrets
        return "done"

    async def find(context: RunContext[None], _: dict[str, Any]) -> str | None:
        key = context.idempotency_key
        if ledger.has(key):
            return "done"
        if not may_be_frozen:
            return await perform(key)
        ledger.add(f"{key} unknown")
        return None

    @tool(find_outcome=find)
    async def act(context: RunContext[None], what: str) -> str:  # noqa: ARG001 - for the digest
        """Do something that must happen once."""
        return await perform(context.idempotency_key)

    @tool(read_only=True)
    async def look() -> str:
        """Look."""
        await anyio.sleep(0.01)
        return "looked"

    tools: list[Tool[..., Any]] = [act, look]
    two = [("act", '{"what": "a"}'), ("act", '{"what": "b"}'), ("look", "{}")]
    members = [
        Agent(CampaignModel(name, [two[:2], two[:2]]), name=name, tools=tools)
        for name in ("left", "right")
    ]
    both = [("left", '{"prompt": "go"}'), ("right", '{"prompt": "go"}')]
    return {
        "plain": Agent(CampaignModel("plain", [two, two, two]), tools=tools),
        "team": Agent(
            CampaignModel("team", [both]),
            tools=[member.as_tool(parallel=True) for member in members],
        ),
        "asking": Agent(
            CampaignModel("asking", [two[:2], two[:2]]), tools=tools, approve=lambda _call: "ask"
        ),
    }


async def work(url: str, folder: Path, may_be_frozen: bool) -> None:
    """Be a worker until the process is killed."""
    handler = logging.FileHandler(folder / "log.txt")
    logging.getLogger("agentkit").addHandler(handler)
    agents = build_agents(Ledger(folder / "ledger"), may_be_frozen=may_be_frozen)
    async with open_runs(
        url, agents=agents, worker_name=f"w{os.getpid()}", concurrency=8, max_lives=1000
    ):
        await anyio.sleep_forever()
