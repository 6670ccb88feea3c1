"""A name that a model changed goes back to it as the offered name."""

import pytest

from agentkit import Agent, tool
from agentkit.event import AnswerRepaired
from agentkit.message import AssistantMessage, ToolCall, ToolResult
from agentkit.testing import ScriptedModel
from agentkit.tools.validate import restore_names


@tool(read_only=True)
def get_weather(city: str) -> str:
    """Report the weather."""
    return f"{city}: sunny"


@pytest.mark.parametrize(
    "written",
    [
        "functions.get_weather",
        "get_weather:0",
        '"get_weather"',
        "weather__get_weather",
        "get_weather",
    ],
)
async def test_the_history_has_the_offered_name(written: str) -> None:
    """What was changed is reported once."""
    call = ToolCall(id="c1", name=written, arguments='{"city": "Bonn"}')
    model = ScriptedModel(AssistantMessage(tool_calls=[call]), "done")

    async with Agent(model, tools=[get_weather]).stream("go") as run:
        repairs = [event.repair async for event in run if isinstance(event, AnswerRepaired)]
        result = await run.finish()

    assert model.requests[1].history[1] == AssistantMessage(
        tool_calls=[ToolCall(id="c1", name="get_weather", arguments='{"city": "Bonn"}')]
    )
    assert result.history[2] == ToolResult("c1", "Bonn: sunny")
    changed = [("repaired_name", written, "get_weather")] if written != "get_weather" else []
    assert [(one.kind, one.before, one.after) for one in repairs] == changed


@pytest.mark.parametrize("written", ["get_whether", "functions.send", "", "weather"])
async def test_an_unknown_name_stays_as_it_was_written(written: str) -> None:
    """It is not known what was meant; the result names the tools."""
    message = AssistantMessage(tool_calls=[ToolCall(id="c1", name=written)])

    assert restore_names(message, {"get_weather"}) == (message, ())
