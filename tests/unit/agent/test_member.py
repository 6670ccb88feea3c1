"""An agent in a run: the tools of each turn, what is charged, what is recorded."""

from typing import Any

import pytest

from agentkit import (
    Agent,
    AssistantMessage,
    ConfigError,
    History,
    Message,
    RunContext,
    ToolResult,
    Usage,
    UserMessage,
    tool,
)
from agentkit.agent.model_call import call_model
from agentkit.agent.step import CallModel
from agentkit.agent.tool_calls import run_tools
from agentkit.chat import ModelResponse, ModelSettings, ToolChoice
from agentkit.durable.journal import MemoryJournal
from agentkit.testing.scripted import ScriptedModel, tool_call
from tests.unit.agent.running import running

GO = History([UserMessage("go")])


@tool(polls=True)
def look() -> str:
    """Look whether it is there."""
    return "not yet"


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def test_a_turn_plans_the_calls_of_a_response_and_charges_for_it() -> None:
    """With the tools on offer, the polling ones, and the usage."""
    used = Usage(input_tokens=3, output_tokens=4)
    message = AssistantMessage(tool_calls=[tool_call("look")])
    model = ScriptedModel(ModelResponse(message=message, finish_reason="tool_calls", usage=used))
    agent: Agent[Any] = Agent(model, tools=[look])

    async with running(agent, GO) as (run, member):
        assert member.listed == {}
        asked = await call_model(run, member, run.start_state(), CallModel(choice=ToolChoice()))
        state = await run_tools(run, member, asked, asked.history.open_calls)

    assert member.listed == {"look": look}
    assert asked.answered.polling == {"look"}
    assert [planned.tool_name for planned in asked.answered.plan.values()] == ["look"]
    assert run.meter.usage == used
    assert state.history.last == ToolResult(message.tool_calls[0].id, "not yet")
    assert run.draft.complete() == state.history


async def test_the_closing_answer_is_requested_without_tools() -> None:
    """A call that comes all the same gets an error result."""
    call = tool_call("look")
    agent: Agent[Any] = Agent(ScriptedModel(AssistantMessage(tool_calls=[call])), tools=[look])

    async with running(agent, GO) as (run, member):
        step = CallModel(choice=ToolChoice(mode="none"), closing="max_turns")
        asked = await call_model(run, member, run.start_state(), step)
        state = await run_tools(run, member, asked, asked.history.open_calls)

    assert isinstance(agent.model, ScriptedModel)
    assert agent.model.requests[0].tools == ()
    assert "no tools are on offer" in state.history[-1].text


async def test_open_calls_of_an_earlier_run_are_planned_once() -> None:
    """The plan is recorded, with the tools as they were."""
    call = tool_call("look")
    start: list[Message] = [UserMessage("go"), AssistantMessage(tool_calls=[call])]
    journal = MemoryJournal()

    first = await Agent[Any](ScriptedModel("a"), tools=[look]).run(history=start, journal=journal)
    again = await Agent[Any](ScriptedModel(), tools=[look]).run(history=start, journal=journal)

    keys = ("s1/m2/plan", "s1/m2/tool-1/look", "s1/m2/tools", "s1/m3/model")
    assert journal.names == ("run", "s1", *keys)
    assert first.history[2] == ToolResult(call.id, "not yet")
    assert again == first


async def test_a_run_can_bring_tools_settings_and_instructions_of_its_own() -> None:
    """Tools are added, settings merged, instructions come after those of the agent."""
    seen: list[RunContext[Any]] = []

    async def more(context: RunContext[Any]) -> str:
        seen.append(context)
        return f"For {context.labels['user']}."

    model = ScriptedModel(AssistantMessage(tool_calls=[tool_call("add", a=1, b=2)]), "3")
    agent: Agent[Any] = Agent(
        model, tools=[look], instructions="Be short.", settings=ModelSettings(temperature=0.5)
    )

    await agent.run(
        "go",
        tools=[add],
        settings=ModelSettings(max_tokens=7),
        instructions=more,
        labels={"user": "ada"},
        run_id="r1",
    )

    first = model.requests[0]
    assert [spec.name for spec in first.tools] == ["look", "add"]
    assert (first.settings.temperature, first.settings.max_tokens) == (0.5, 7)
    assert first.instructions == "Be short.\n\nFor ada."
    assert [(one.run_id, one.agent_name) for one in seen] == [("r1", "agent")] * 2
    with pytest.raises(ConfigError, match="'look'"):
        await agent.run("go", tools=[look])
