"""The same work for the baseline loop and for agentkit.

In:  a case, the stub server's port.
Out: two coroutine functions that each make one run.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from math import inf
from typing import Any

import httpx

from agentkit import Agent, Budget, Tool, build_model, tool
from agentkit.model import HttpSettings
from benchmarks import baseline
from benchmarks.case import PROMPT, Case, Run


def agent_of(case: Case, port: int, tools: Iterable[Tool]) -> Agent[Any]:
    """Return the agent that runs a case."""
    model = build_model(
        "openai-compatible:m",
        base_url=case.url(port),
        http=HttpSettings(max_connections=case.max_connections),
    )
    return Agent(model, tools=tools, budget=Budget(turns=case.calls + 1, tool_calls=inf))


@asynccontextmanager
async def opened(case: Case, port: int) -> AsyncIterator[tuple[Run, Run]]:
    """Yield a run of the baseline loop and a run of agentkit, each with kept connections."""
    tools = [tool(name=name)(function) for name, function in case.functions().items()]
    agent = agent_of(case, port, tools)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=300))
        if case.is_entered:
            await stack.enter_async_context(agent)
        yield baseline.run_of(case, client, port), run_of(case, agent)


@asynccontextmanager
async def opened_both_ways(case: Case, port: int) -> AsyncIterator[tuple[Run, Run]]:
    """Yield a run of an entered agent and a run of one that is not entered."""
    async with (
        opened(replace(case, is_entered=True), port) as (_, entered),
        opened(replace(case, is_entered=False), port) as (_, not_entered),
    ):
        yield entered, not_entered


def run_of(case: Case, agent: Agent[Any]) -> Run:
    """Return a coroutine function that makes one run of an agent."""

    async def run_ours() -> object:
        if not case.deltas:
            return case.checked((await agent.run(PROMPT)).output)
        async with agent.stream(PROMPT) as run:
            async for _ in run:
                pass
        return case.checked(run.result.output)

    return run_ours
