"""A second life of a finished run gives the same history, with nothing done again and no more steps.

What a limit decided in the first life is part of what was recorded; the clock of the second life
must not decide anew. Exit 0 if agentkit is right, 1 if it is wrong.
"""

import sys

import anyio

from agentkit import Agent, AssistantMessage, Budget, ToolCall, tool
from agentkit.agent.options import AgentOptions
from agentkit.durable.journal import MemoryJournal
from agentkit.testing import ScriptedModel
from agentkit.testing.clock import ManualClock

clock = ManualClock()


@tool(read_only=True)
async def add(a: float, b: float) -> float:
    """Add two numbers."""
    clock.advance(20)
    return a + b


async def main() -> int:
    global clock
    journal, lives = MemoryJournal(), []
    call = ToolCall(id="call00001", name="add", arguments='{"a": 2, "b": 3}')
    for _ in range(2):
        clock = ManualClock()
        model = ScriptedModel(AssistantMessage(content=(), tool_calls=(call,)), "closing", "more", "and more")
        agent = Agent(model, tools=[add], clock=clock, budget=Budget(seconds=20))
        result = await agent.run("2 + 3?", journal=journal)
        lives.append((result.stop_reason, result.turns, [m.text for m in result.history]))
        print(lives[-1], "model calls in this life:", len(model.requests), journal.names)
    return lives[0] != lives[1] or len(model.requests) != 0


sys.exit(anyio.run(main))
