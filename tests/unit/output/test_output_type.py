"""Output types: their tool, and how its arguments become values."""

import pickle
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, field_validator

from agentkit.errors import ConfigError, ToolDefinitionError
from agentkit.history import History
from agentkit.message import ToolResult, UserMessage
from agentkit.output.output_type import OutputError, OutputSettings, OutputType, read_type
from agentkit.testing.scripted import tool_call
from agentkit.tools.tool import Tool
from agentkit.tools.validate import ReadyCall, validate_call


class Payment(BaseModel):
    """A payment."""

    on: date
    amount: Decimal

    @field_validator("amount")
    @classmethod
    def _is_paid(cls, value: Decimal) -> Decimal:
        if value == 13:
            raise ValueError("no one pays 13")
        return value


class Tree(BaseModel):
    """A recursive type."""

    name: str
    parts: list["Tree"] = []


def _read(annotation: Any) -> OutputType[Any]:
    return read_type(annotation, settings=OutputSettings())


def _check(annotation: Any, arguments: Any) -> object:
    """Return the value, or the error for the model."""
    output = _read(annotation)
    checked = validate_call(tool_call("final_answer", **arguments), {output.tool.name: output.tool})
    return output.read(checked.bound) if isinstance(checked, ReadyCall) else checked.text


def test_an_object_is_its_own_schema_and_anything_else_is_wrapped() -> None:
    """The arguments of a call are an object."""
    assert not _read(Payment).is_wrapped
    assert dict(_read(int).tool.input_schema) == {
        "type": "object",
        "properties": {"result": {"type": "integer"}},
        "required": ["result"],
    }


def test_values_are_converted_from_json() -> None:
    """A date is text in JSON, and a decimal keeps its digits."""
    value = _check(Payment, {"on": "2024-02-29", "amount": "0.10"})

    assert value == Payment(on=date(2024, 2, 29), amount=Decimal("0.10"))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"on": "2024-02-30", "amount": 1}, "on"),
        ({"on": "2024-02-29", "amount": 13}, "no one pays 13"),
        ({"on": "2024-02-29"}, "amount"),
    ],
    ids=["no such day", "a validator of the user", "missing"],
)
def test_an_invalid_value_gives_an_error_for_the_model(arguments: Any, reason: str) -> None:
    """Also for checks of Python types that JSON Schema cannot express."""
    assert reason in str(_check(Payment, arguments))


def test_a_rounded_number_is_rejected_for_a_decimal() -> None:
    """The lost digits may matter."""
    output = _read(Decimal)
    call = tool_call("final_answer")
    call = type(call)(id=call.id, name=call.name, arguments='{"result": 0.12345678901234567891}')

    checked = validate_call(call, {output.tool.name: output.tool})

    assert isinstance(checked, ToolResult)
    assert "more digits" in checked.text


def test_a_recursive_type_can_be_an_output_type() -> None:
    """Its schema refers to itself."""
    assert _check(Tree, {"name": "a", "parts": [{"name": "b"}]}) == Tree(
        name="a", parts=[Tree(name="b")]
    )


def test_a_constraint_is_part_of_the_schema() -> None:
    """So that the model knows it in advance."""
    schema = _read(Annotated[int, Field(ge=1, description="How many.")]).tool.input_schema

    assert schema["properties"] == {
        "result": {"type": "integer", "minimum": 1, "description": "How many."}
    }


@pytest.mark.parametrize("annotation", [object(), 3, "Missing", type("Odd", (), {})])
def test_a_type_without_a_json_schema_is_rejected(annotation: Any) -> None:
    """The error names the type."""
    with pytest.raises(ConfigError, match="has no JSON Schema"):
        _read(annotation)


def test_settings_are_checked() -> None:
    """When they are built."""
    with pytest.raises(ValueError, match="-1"):
        OutputSettings(retries=-1)
    with pytest.raises(ToolDefinitionError, match="final answer"):
        read_type(int, settings=OutputSettings(name="final answer"))


async def test_the_answering_tool_returns_an_error_if_it_runs() -> None:
    """It runs only if it was called with other tools."""
    tool: Tool[..., Any] = _read(int).tool

    with pytest.raises(Exception, match="with it"):
        await tool(3)
    assert tool.binding.dump(date(2024, 1, 1)) == "2024-01-01"


def test_an_error_survives_pickling() -> None:
    """Errors must be able to cross processes."""
    history = History([UserMessage("go")])
    error = OutputError("no", reason="why", text="said", history=history)

    loaded = pickle.loads(pickle.dumps(OutputError("no")))

    assert str(loaded) == "no"
    assert (error.reason, error.text, error.history) == ("why", "said", history)
