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
