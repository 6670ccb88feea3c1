"""The same work for the baseline loop and for agentkit.

In:  a case, the stub server's port.
Out: two coroutine functions that each make one run.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from agentkit import Agent, Budget, tool
from benchmarks import baseline
from benchmarks.case import PROMPT, Case, Run


@asynccontextmanager
async def opened(case: Case, port: int) -> AsyncIterator[tuple[Run, Run]]:
    """Yield a run of the baseline loop and a run of agentkit, each with kept connections."""
    agent: Agent[Any] = Agent(
        "openai-compatible:m",
        base_url=case.url(port),
        tools=[tool(name=name)(function) for name, function in case.functions().items()],
        budget=Budget(turns=case.calls + 1, tool_calls=None),
    )
    async with httpx.AsyncClient(timeout=300) as client, agent:

        async def run_ours() -> object:
            if not case.deltas:
                return case.checked((await agent.run(PROMPT)).output)
            async with agent.stream(PROMPT) as run:
                async for _ in run:
                    pass
            return case.checked(run.result.output)

        yield baseline.run_of(case, client, port), run_ours
