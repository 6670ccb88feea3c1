"""A conversation handed off from agent to agent."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from agentkit import (
    Agent,
    AssistantMessage,
    Budget,
    ModelSettings,
    RunContext,
    RunEvent,
    Tool,
    ToolCall,
    ToolError,
    ToolResult,
    tool,
)
from agentkit.agent.handoff import handoff
from agentkit.durable.journal import MemoryJournal
from agentkit.errors import ToolDefinitionError
from agentkit.event import HandedOff
from agentkit.model.model import ModelConnection
from agentkit.testing.scripted import ScriptedAnswer, ScriptedModel, tool_call
from agentkit.tools import prefixed
from agentkit.tools.toolset import StaticToolset


def _over(to: str, number: int = 1, **arguments: str) -> AssistantMessage:
    call = ToolCall(
        id=f"over{number:05}", name=f"transfer_to_{to}", arguments=json.dumps(dict(arguments))
    )
    return AssistantMessage(tool_calls=[call])


def _agent(name: str, *answers: ScriptedAnswer, **options: Any) -> Agent[Any]:
    return Agent(ScriptedModel(*answers, name=f"scripted:{name}"), name=name, **options)


def _requests(agent: Agent[Any]) -> Sequence[Any]:
    assert isinstance(agent.model, ScriptedModel)
    return agent.model.requests


@tool
def refund(amount: int) -> str:
    """Pay back."""
    return f"paid {amount}"


async def test_the_run_goes_on_with_the_other_agent() -> None:
    """Its model, tools, instructions and settings, on the same history."""
    pay = AssistantMessage(tool_calls=[tool_call("refund", amount=5)])
    billing = _agent(
        "billing",
        pay,
        "You have it back.",
        tools=[refund],
        instructions="You pay.",
        settings=ModelSettings(temperature=0.5),
    )
    front = _agent("front", _over("billing", reason="money"), tools=[handoff(billing)])
    events: list[RunEvent] = []

    async with front.stream("I want my money.") as run:
        events = [event async for event in run]

    result = run.result
    assert (result.output, result.agent, result.model) == (
        "You have it back.",
        "billing",
        "scripted:billing",
    )
    assert result.turns == 3
    said = ToolResult("over00001", "The agent 'billing' goes on from here. Reason: money")
    assert result.history[2] == said
    first = _requests(billing)[0]
    assert list(first.history) == result.history[:3]
    assert (first.instructions, first.settings.temperature) == ("You pay.", 0.5)
    assert [spec.name for spec in first.tools] == ["refund"]
    assert len(_requests(front)) == 1
    assert [event for event in events if isinstance(event, HandedOff)] == [
        HandedOff(call_id="over00001", agent="billing")
    ]


async def test_agents_may_hand_off_to_each_other_a_few_times() -> None:
    """At the bound, the model gets an error, and answers itself."""
    back = handoff(lambda: front, agent_name="front")
    billing = _agent("billing", _over("front", 2), _over("front", 4), tools=[back])
    front = _agent(
        "front",
        _over("billing", 1),
        _over("billing", 3),
        tools=[handoff(billing)],
        max_handoffs=3,
    )
    assert isinstance(billing.model, ScriptedModel)
    billing.model._answers.append("Enough.")

    result = await front.run("go")

    assert (result.output, result.agent) == ("Enough.", "billing")
    refused = result.history[-2]
    assert isinstance(refused, ToolResult)
    assert refused.is_error
    assert "handed off 3 times" in refused.text


async def test_only_the_first_hand_off_of_a_turn_counts() -> None:
    """The second is answered with an error."""
    one, two = _agent("one", "I am one."), _agent("two")
    both = AssistantMessage(tool_calls=[*_over("one", 1).tool_calls, *_over("two", 2).tool_calls])
    front = _agent("front", both, tools=[handoff(one), handoff(two)])

    result = await front.run("go")

    assert result.output == "I am one."
    assert [message.is_error for message in result.history if isinstance(message, ToolResult)] == [
        False,
        True,
    ]


async def test_a_denied_hand_off_has_no_effect() -> None:
    """The same agent goes on."""
    front = _agent(
        "front",
        _over("billing"),
        "I stay.",
        tools=[handoff(_agent("billing"))],
        approve=lambda _: "deny",
    )

    assert (await front.run("go")).agent == "front"


@pytest.mark.parametrize("wrap", ["renamed", "wrapped"])
async def test_a_hand_off_works_under_another_name_and_in_a_wrapper(wrap: str) -> None:
    """Toolsets may rename it and wrap its function."""
    inner = handoff(_agent("billing", "I am billing."))
    if wrap == "renamed":
        toolset = prefixed(StaticToolset([inner]), "x_")
        call = replace(_over("billing").tool_calls[0], name="x_transfer_to_billing")
    else:

        async def wrapped(*arguments: Any) -> Any:
            return await inner.function(*arguments)

        toolset = StaticToolset([replace(inner, function=wrapped)])
        call = _over("billing").tool_calls[0]
    front = _agent("front", AssistantMessage(tool_calls=[call]), tools=[toolset])

    assert (await front.run("go")).agent == "billing"


async def test_the_budget_of_the_run_holds_for_all_its_agents() -> None:
    """Whatever their own budgets are."""
    call = tool_call("refund", amount=5)
    billing = _agent("billing", AssistantMessage(tool_calls=[call]), "so far", tools=[refund])
    front = _agent("front", _over("billing"), tools=[handoff(billing)], budget=Budget(turns=2))

    result = await front.run("go")

    assert (result.stop_reason, result.output, result.turns) == ("max_turns", "so far", 3)


async def test_a_suspended_run_goes_on_with_the_agent_that_made_the_call() -> None:
    """The result names it."""
    delete = replace(refund, approval="ask")
    call = tool_call("refund", amount=5)
    billing = _agent("billing", AssistantMessage(tool_calls=[call]), "ok", tools=[delete])
    front = _agent("front", _over("billing"), tools=[handoff(billing)])

    result = await front.run("go")

    assert (result.stop_reason, result.agent) == ("suspended", "billing")
    assert result.open_calls == (call,)
    answered = result.history + [ToolResult(call.id, "by hand")]
    assert (await billing.run(history=answered)).output == "ok"


async def test_the_history_is_complete_at_every_event() -> None:
    """Also between two agents."""
    back = handoff(lambda: front, agent_name="front")
    billing = _agent("billing", _over("front", 2), tools=[back])
    front = _agent("front", _over("billing", 1), "end", tools=[handoff(billing)])
    lengths: list[int] = []

    async with front.stream("go") as run:
        async for _ in run:
            assert run.history.open_calls == ()
            lengths.append(len(run.history))

    assert lengths == sorted(lengths)
    assert len(run.result.history) == 6


async def test_each_agent_is_opened_once_and_closed_at_the_end() -> None:
    """Also one that gets the conversation twice."""
    log: list[str] = []

    class Opened(ScriptedModel):
        @asynccontextmanager
        async def open(self) -> AsyncIterator[ModelConnection]:
            log.append(f"open {self.name}")
            yield self
            log.append(f"close {self.name}")

    a: Agent[Any] = Agent(
        Opened(_over("b", 1), _over("b", 3), name="a"),
        name="a",
        tools=[handoff(lambda: b, agent_name="b")],
    )
    b: Agent[Any] = Agent(Opened(_over("a", 2), "end", name="b"), name="b", tools=[handoff(a)])

    await a.run("go")

    assert log == ["open a", "open b", "close b", "close a"]


async def test_a_recorded_hand_off_is_repeated_without_running_anything() -> None:
    """A resumed run goes on with the agent that was active."""
    journal = MemoryJournal()

    def front(*answers: ScriptedAnswer, then: Agent[Any]) -> Agent[Any]:
        return _agent("front", *answers, tools=[handoff(then)])

    first = await front(_over("billing"), then=_agent("billing", "ok")).run("go", journal=journal)
    again = await front(then=_agent("billing")).run("go", journal=journal)

    assert again == first
    assert again.agent == "billing"


async def test_outside_of_a_run_nothing_can_be_handed_off() -> None:
    """The tool raises an error."""
    context: RunContext[Any] = RunContext(deps=None)

    with pytest.raises(ToolError, match="no agent runs this tool"):
        await handoff(_agent("billing")).function(context, {})


def test_the_tool_has_a_name_and_a_description() -> None:
    """Both can be given; an agent that is found later has to be named."""
    agent = _agent("billing")
    plain = handoff(agent)
    named = handoff(lambda: agent, agent_name="b", name="pass_on", description="d")

    assert isinstance(plain, Tool)
    assert plain.name == "transfer_to_billing"
    assert "'billing'" in plain.description
    assert (named.name, named.description) == ("pass_on", "d")
    assert plain.binding.dump(1) == 1
    with pytest.raises(ToolDefinitionError, match="agent_name"):
        handoff(lambda: agent)
