"""The ready-made assistant."""

import pytest

from agentkit import Agent, Budget, ConfigError
from agentkit.message import AssistantMessage
from agentkit.testing import ScriptedModel, tool_call
from agentkit_agents import AGENTS, load_agent
from agentkit_agents.assistant import build


async def test_the_assistant_has_the_default_tools() -> None:
    """It calculates, and has no access to files."""
    model = ScriptedModel(
        AssistantMessage(tool_calls=[tool_call("calculate", expression="6*7")]), "It is 42."
    )

    result = await build(model).run("What is 6 times 7?")

    offered = [tool.name for tool in model.requests[0].tools]
    assert result.output == "It is 42."
    assert result.history[2].text == "42"
    assert offered == ["calculate", "current_time", "convert_time", "days_between", "convert_units"]
    assert "never make up" in model.requests[0].instructions


async def test_the_assistant_can_have_other_tools_and_limits() -> None:
    """An empty list gives it no tools."""
    model = ScriptedModel("Hello.")
    agent = build(model, tools=[], budget=Budget(turns=3))

    await agent.run("Hi")

    assert model.requests[0].tools == ()
    assert agent.budget == Budget(turns=3)


@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_can_be_loaded_by_its_name(name: str) -> None:
    """It takes a model."""
    assert isinstance(load_agent(name, ScriptedModel()), Agent)


def test_an_unknown_agent_is_an_error_that_lists_the_known_ones() -> None:
    """In one line."""
    with pytest.raises(ConfigError, match="known are assistant"):
        load_agent("butler", ScriptedModel())


async def test_the_assistant_converts_a_recipe() -> None:
    """Two tools in one answer."""
    model = ScriptedModel(
        [
            tool_call("convert_units", value=350, from_unit="°F", to_unit="°C"),
            tool_call("calculate", expression="250 * 1.5"),
        ],
        "Bake at 177 °C with 375 g of flour.",
    )

    result = await build(model).run("My recipe says 350 °F and 250 g of flour. I need 1.5 times.")

    texts = [message.text for message in result.history[2:4]]
    assert "176.66" in texts[0]
    assert texts[1] == "375"


async def test_the_assistant_plans_a_call_across_time_zones() -> None:
    """The days, and then the time at the other end."""
    model = ScriptedModel(
        tool_call("days_between", start="2026-03-01", end="2026-03-30"),
        tool_call(
            "convert_time", time="2026-03-30 09:00", from_timezone="Paris", to_timezone="Tokyo"
        ),
        "In 29 days; 16:00 in Tokyo.",
    )

    result = await build(model).run("From 1 March: when is 30 March 9:00 in Paris, in Tokyo?")

    assert result.history[2].text.startswith("29 days")
    assert "16:00" in result.history[4].text


async def test_the_assistant_repairs_a_call_as_the_error_says() -> None:
    """An expression with two meanings is not calculated."""
    model = ScriptedModel(
        tool_call("calculate", expression="6/2(1+2)"),
        tool_call("calculate", expression="6/(2*(1+2))"),
        "1",
    )

    result = await build(model).run("What is six divided by twice the sum of one and two?")

    assert "cannot be read" in result.history[2].text
    assert result.history[4].text == "1"


async def test_the_assistant_works_with_the_stand_in() -> None:
    """Without a key and a network."""
    result = await build("sandbox:mixtral-8x22b").run("What is 12.5% of 640?")

    assert "80" in result.output
