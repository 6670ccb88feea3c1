"""A stored run that is cancelled while its worker does it."""

from typing import Any

import anyio

from agentkit import Agent, tool
from agentkit.durable import open_runs
from agentkit.testing import ScriptedModel, tool_call


async def test_its_conversation_is_kept(database_url: str) -> None:
    """With what its last segment did; retried, it does nothing of that again."""
    done: list[str] = []
    holds = anyio.Event()

    @tool
    async def act() -> str:
        """Act once."""
        done.append("acted")
        return "acted"

    @tool(idempotent=True)
    async def hold() -> str:
        """Hold while it is the first time."""
        if not holds.is_set():
            holds.set()
            await anyio.sleep_forever()
        return "held"

    calls = [tool_call("act"), tool_call("hold")]
    agents: dict[str, Agent[Any]] = {"a": Agent(ScriptedModel(*calls, "done"), tools=[act, hold])}
    async with open_runs(database_url, agents=agents) as runs:
        await runs.start("a", "Go", run_id="r")
        await holds.wait()
        await runs.cancel("r")
        cancelled = await runs.wait("r")
        await runs.retry("r")
        ended = await runs.wait("r")

    assert cancelled.status == "cancelled"
    assert cancelled.history.open_calls == ()
    assert [message.role for message in cancelled.history] == [
        *("user", "assistant", "tool", "assistant", "tool"),
    ]
    assert "stopped" in cancelled.history[-1].text
    assert (ended.status, ended.text, done) == ("done", "done", ["acted"])
    assert [m.text for m in ended.history if m.role == "tool"] == ["acted", "held"]
