"""Agents with a script, and what they leave in a conversation."""

from agentkit import Agent, AgentStream
from agentkit.session import Session
from agentkit.testing import ScriptedModel
from agentkit.testing.scripted import ScriptedAnswer


def agent_with(*answers: ScriptedAnswer) -> Agent:
    """Return an agent that gives these answers."""
    return Agent(ScriptedModel(*answers))


async def texts(session: Session) -> list[str]:
    """Return the texts of the messages up to the head."""
    return [entry.message.text for entry in await session.entries()]


async def read_to_end(run: AgentStream[str]) -> None:
    """Take all events."""
    async for _ in run:
        pass
