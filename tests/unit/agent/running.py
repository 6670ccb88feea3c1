"""A run built for tests of its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agentkit import Agent, History
from agentkit.agent.handoff import Team
from agentkit.agent.member import Member
from agentkit.agent.options import RunOptions
from agentkit.agent.run import Run


@asynccontextmanager
async def running(
    agent: Agent[Any, Any], history: History, options: RunOptions[Any] | None = None
) -> AsyncIterator[tuple[Run, Member]]:
    """Yield a run that has begun, and the agent in it."""
    given: RunOptions[Any] = {**(options or {}), "history": history}
    run = agent._new_run(None, given, None)
    await run.identify()
    async with Team(agent, run) as team:
        yield run, team.member
