"""A JSON Schema is an output type of its own."""

from typing import Any

import pytest

from agentkit import Agent, ConfigError, OutputSettings, ToolResult
from agentkit.output.output_type import schema_type
from agentkit.testing import ScriptedModel, tool_call

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1}},
    "required": ["n"],
}


async def test_an_answer_that_fits_the_schema_is_the_output() -> None:
    """As JSON has it, of the agent's runs and of one run."""
    settings = OutputSettings(mode="prompt")

    own = await Agent(ScriptedModel('{"n": 3}'), output_type=SCHEMA, output=settings).run("Count.")
    one = await Agent(ScriptedModel('{"n": 3}'), output=settings).run("Count.", output_type=SCHEMA)

    assert own.output == one.output == {"n": 3}


async def test_an_answer_that_does_not_fit_is_returned_to_the_model() -> None:
    """With the schema in the tool that takes the answer."""
    model = ScriptedModel(tool_call("final_answer", n=0), tool_call("final_answer", n=1))

    result = await Agent(model, output_type=SCHEMA, output=OutputSettings(mode="tool")).run(
        "Count."
    )

    (tool,) = model.requests[0].tools
    assert result.output == {"n": 1}
    assert tool.input_schema["properties"] == SCHEMA["properties"]
    answered = result.history[2]
    assert isinstance(answered, ToolResult)
    assert answered.is_error


async def test_a_schema_of_a_list_is_possible_too() -> None:
    """Its value is inside an object on the way."""
    model = ScriptedModel(tool_call("final_answer", result=["a"]))
    schema = {"type": "array", "items": {"type": "string"}}

    result = await Agent(model, output_type=schema, output=OutputSettings(mode="tool")).run("List.")

    assert result.output == ["a"]


def test_an_invalid_schema_is_an_error() -> None:
    """When the agent is built."""
    with pytest.raises(ConfigError, match="output_type is not a JSON Schema"):
        Agent(ScriptedModel(), output_type={"type": "thing"})
    with pytest.raises(ConfigError, match=r"'a\.json' is not a JSON Schema"):
        schema_type({"minimum": "1"}, source="'a.json'")
