"""Concurrent agents in one run share its model calls."""

import json

import anyio

from agentkit import Agent, AssistantMessage, Budget, ToolCall
from agentkit.chat import ModelRequest, ModelResponse
from agentkit.event import Emit
from agentkit.testing.scripted import ScriptedModel


class SlowModel(ScriptedModel):
    """Responds when all requests have arrived."""

    def __init__(self, expected: int) -> None:
        super().__init__(*(AssistantMessage("counted") for _ in range(9)))
        self._expected = expected
        self._all = anyio.Event()

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Wait for the others."""
        response = await super().chat(request, emit=emit)
        if len(self.requests) == self._expected:
            self._all.set()
        await self._all.wait()
        return response


async def test_concurrent_agents_make_no_more_model_calls_than_are_left() -> None:
    """An agent without one gives a last answer, which counts against no limit."""
    below = SlowModel(expected=5)
    helper = Agent(below, name="helper")
    calls = [
        ToolCall(id=f"c{at}", name="helper", arguments=json.dumps({"prompt": f"Count {at}."}))
        for at in range(5)
    ]
    boss = Agent(
        ScriptedModel(AssistantMessage(tool_calls=calls), AssistantMessage("done")),
        tools=[helper.as_tool(read_only=True)],
        budget=Budget(turns=3),
    )

    with anyio.fail_after(60):
        result = await boss.run("go")

    closing = ["reached the limit" in request.instructions for request in below.requests]
    assert (len(closing), sum(closing)) == (5, 3)
    assert (result.stop_reason, result.output) == ("max_turns", "done")


async def test_a_hard_limit_leaves_no_last_answers() -> None:
    """Reserved turns are released, also if no call was made."""
    below = SlowModel(expected=2)
    helper = Agent(below, name="helper", budget=Budget(closing_answer=False))
    calls = [
        ToolCall(id=f"c{at}", name="helper", arguments=json.dumps({"prompt": f"Count {at}."}))
        for at in range(5)
    ]
    boss = Agent(
        ScriptedModel(AssistantMessage(tool_calls=calls), AssistantMessage("done")),
        tools=[helper.as_tool(read_only=True)],
        budget=Budget(turns=3),
    )

    with anyio.fail_after(60):
        await boss.run("go")

    assert len(below.requests) == 2
