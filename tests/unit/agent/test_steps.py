"""The steps of a run, on an open model and the tools as they are now."""

from typing import Any

from agentkit import Agent, AssistantMessage, Budget, Message, ToolResult, Usage, UserMessage, tool
from agentkit.agent.options import Inbound, SharedRun
from agentkit.agent.step import CallModel
from agentkit.chat import ModelResponse, ToolChoice
from agentkit.durable.journal import MemoryJournal
from agentkit.event import ignore
from agentkit.testing.scripted import ScriptedModel, tool_call


@tool(polls=True)
def look() -> str:
    """Look whether it is there."""
    return "not yet"


def _run(inbound: Inbound, agent: Agent[Any]) -> SharedRun:
    return SharedRun.of(
        inbound,
        model=agent.model,
        budget=Budget(),
        options=agent.options,
        stream=False,
        emit=ignore,
    )


async def test_steps_plan_the_calls_of_a_response_and_charge_for_it() -> None:
    """What was on offer, what polls, and what it used."""
    used = Usage(input_tokens=3, output_tokens=4)
    message = AssistantMessage.of("", tool_call("look"))
    model = ScriptedModel(ModelResponse(message=message, finish_reason="tool_calls", usage=used))
    agent: Agent[Any] = Agent(model, tools=[look])
    inbound = Inbound("go", {})
    run = _run(inbound, agent)

    async with agent.join(run) as steps:
        assert (steps.history(), steps.offered("look")) == (None, None)
        exchange = await steps.call_model(inbound.state, CallModel(choice=ToolChoice()))
        state = inbound.state.add_exchange(exchange)
        answers = await steps.run_tools(state, state.history.open_calls)

    assert steps.offered("look") is look
    assert exchange.polling == ("look",)
    assert [planned.tool_name for planned in exchange.plan] == ["look"]
    assert run.scope.meter.usage == used
    assert [result.text for result in answers.results] == ["not yet"]
    history = steps.history()
    assert history is not None
    assert history.open_calls == ()


async def test_the_last_answer_at_a_limit_is_made_without_tools() -> None:
    """A call that comes all the same is answered as one of no tool."""
    agent: Agent[Any] = Agent(ScriptedModel("closing"), tools=[look])
    inbound = Inbound("go", {})

    async with agent.join(_run(inbound, agent)) as steps:
        step = CallModel(choice=ToolChoice(mode="none"), closing="max_turns")
        await steps.call_model(inbound.state, step)

    assert isinstance(agent.model, ScriptedModel)
    assert agent.model.requests[0].tools == ()
    assert steps.offered("look") is None


async def test_open_calls_of_an_earlier_run_are_planned_once() -> None:
    """The plan is remembered, with the tools as they were."""
    call = tool_call("look")
    start: list[Message] = [UserMessage.of("go"), AssistantMessage.of("", call)]
    journal = MemoryJournal()

    first = await Agent[Any](ScriptedModel("a"), tools=[look]).run(start, journal=journal)
    again = await Agent[Any](ScriptedModel(), tools=[look]).run(start, journal=journal)

    assert journal.names == ("turn-0/plan", "turn-0/call-1/look", "turn-1/model")
    assert first.history[2] == ToolResult.of(call.id, "not yet")
    assert again == first
