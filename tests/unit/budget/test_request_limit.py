"""Concurrent exchanges together stay within the budget of a run."""

import anyio
import pytest

from agentkit import Agent, AssistantMessage, Budget, ModelSettings, ToolCall, Usage, tool
from agentkit.event import Emit, ModelRetried
from agentkit.model import ModelRequest, ModelResponse
from agentkit.testing.scripted import ScriptedModel


class _Greedy(ScriptedModel):
    """Uses 400 tokens for each answer if allowed; its first attempt may fail."""

    def __init__(self, *, fails: bool) -> None:
        super().__init__()
        self.fails = fails

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        self.requests.append(request)
        await anyio.wait_all_tasks_blocked()
        if self.fails:
            await emit(
                ModelRetried(
                    attempt=1,
                    kind="bad_response",
                    error="x",
                    wait_seconds=0,
                    usage=_used(request),
                )
            )
            await anyio.lowlevel.checkpoint()
        return ModelResponse(
            message=AssistantMessage("x"), finish_reason="stop", usage=_used(request)
        )


def _used(request: ModelRequest) -> Usage:
    room = request.limited().settings.max_tokens or 10**9
    return Usage(input_tokens=14, output_tokens=min(386, room))


@pytest.mark.parametrize("fails", [False, True], ids=["at once", "at the second attempt"])
async def test_concurrent_agents_together_stay_within_the_budget(fails: bool) -> None:
    """A reservation is kept from the others, who wait until the usage is known."""
    greedy = _Greedy(fails=fails)
    below: Agent[None] = Agent(greedy, name="below")
    calls = [
        ToolCall(id=f"call0000{n}", name="below", arguments='{"prompt": "go"}') for n in range(6)
    ]
    model = ScriptedModel(AssistantMessage(tool_calls=calls))
    above: Agent[None] = Agent(model, tools=[below.as_tool(parallel=True)])

    with anyio.fail_after(60):
        result = await above.run("go", budget=Budget(tokens=1_000))

    assert result.stop_reason == "max_tokens"
    assert 900 < result.usage.total_tokens <= 1_000
    assert len(greedy.requests) == (2 if fails else 3)


async def test_concurrent_agents_do_not_wait_if_the_budget_suffices_for_all() -> None:
    """Each reserves no more than it may use."""
    most = 0

    class Crowd(ScriptedModel):
        now = 0

        async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
            nonlocal most
            self.now += 1
            most = max(most, self.now)
            await anyio.wait_all_tasks_blocked()
            self.now -= 1
            return await super().chat(request, emit=emit)

    below: Agent[None] = Agent(
        Crowd(*["x"] * 4), name="below", settings=ModelSettings(max_tokens=100)
    )
    calls = [
        ToolCall(id=f"call0000{n}", name="below", arguments='{"prompt": "go"}') for n in range(4)
    ]
    model = ScriptedModel(AssistantMessage(tool_calls=calls), "done")
    above: Agent[None] = Agent(model, tools=[below.as_tool(parallel=True)])

    result = await above.run("go", budget=Budget(tokens=1_000))

    assert (result.output, most) == ("done", 4)


async def test_concurrent_agents_together_stay_within_the_limit_of_tool_calls() -> None:
    """Each call counts when it is admitted, not when it runs."""
    ran: list[str] = []

    @tool
    async def act() -> None:
        """Act."""
        ran.append("act")
        await anyio.wait_all_tasks_blocked()

    wanted = [ToolCall(id=f"act00000{n}", name="act") for n in range(4)]
    agents = [
        Agent[None](ScriptedModel(AssistantMessage(tool_calls=wanted), "x"), name=name, tools=[act])
        for name in ("one", "two")
    ]
    calls = [
        ToolCall(id=f"call{each.name}", name=each.name, arguments='{"prompt": "go"}')
        for each in agents
    ]
    model = ScriptedModel(AssistantMessage(tool_calls=calls), "done")
    above: Agent[None] = Agent(model, tools=[one.as_tool(parallel=True) for one in agents])

    result = await above.run("go", budget=Budget(tool_calls=6))

    assert (result.stop_reason, ran) == ("max_tool_calls", ["act"] * 4)
