"""Types of answers: their tool, and how values of them are read."""

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
from agentkit.tools.validate import ReadyCall, validate_call


class Payment(BaseModel):
    """What was paid."""

    on: date
    amount: Decimal

    @field_validator("amount")
    @classmethod
    def _is_paid(cls, value: Decimal) -> Decimal:
        if value == 13:
            raise ValueError("nobody pays 13")
        return value


class Tree(BaseModel):
    """A type that holds itself."""

    name: str
    parts: list["Tree"] = []


def _read(annotation: Any) -> OutputType[Any]:
    return read_type(annotation, settings=OutputSettings())


def _check(annotation: Any, arguments: Any) -> object:
    """Return the value, or what the model is told."""
    output = _read(annotation)
    checked = validate_call(tool_call("final_answer", arguments), {output.tool.name: output.tool})
    return output.read(checked.bound) if isinstance(checked, ReadyCall) else checked.text


def test_an_object_is_its_own_schema_and_anything_else_is_wrapped() -> None:
    """Arguments of a call are an object."""
    assert not _read(Payment).is_wrapped
    assert dict(_read(int).tool.input_schema) == {
        "type": "object",
        "properties": {"result": {"type": "integer"}},
        "required": ["result"],
    }


def test_values_are_read_as_json_says_them() -> None:
    """A date is a text in JSON, and a decimal keeps its digits."""
    value = _check(Payment, {"on": "2024-02-29", "amount": "0.10"})

    assert value == Payment(on=date(2024, 2, 29), amount=Decimal("0.10"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"on": "2024-02-30", "amount": 1}, "on"),
        ({"on": "2024-02-29", "amount": 13}, "nobody pays 13"),
        ({"on": "2024-02-29"}, "amount"),
    ],
    ids=["no such day", "a validator of the user", "missing"],
)
def test_what_does_not_fit_is_told_to_the_model(arguments: Any, told: str) -> None:
    """Also what only Python's types can see."""
    assert told in str(_check(Payment, arguments))


def test_a_number_that_was_rounded_is_not_taken_for_a_decimal() -> None:
    """The digits it lost may be the ones that count."""
    output = _read(Decimal)
    call = tool_call("final_answer")
    call = type(call)(id=call.id, name=call.name, arguments='{"result": 0.12345678901234567891}')

    checked = validate_call(call, {output.tool.name: output.tool})

    assert isinstance(checked, ToolResult)
    assert "more digits" in checked.text


def test_a_type_that_holds_itself_can_be_asked_for() -> None:
    """Its schema refers to itself."""
    assert _check(Tree, {"name": "a", "parts": [{"name": "b"}]}) == Tree(
        name="a", parts=[Tree(name="b")]
    )


def test_a_constraint_is_part_of_the_schema() -> None:
    """So that the model is told beforehand."""
    schema = _read(Annotated[int, Field(ge=1, description="How many.")]).tool.input_schema

    assert schema["properties"] == {
        "result": {"type": "integer", "minimum": 1, "description": "How many."}
    }


@pytest.mark.parametrize("annotation", [object(), 3, "Missing", type("Odd", (), {})])
def test_what_no_json_can_become_is_refused(annotation: Any) -> None:
    """With the type in the error."""
    with pytest.raises(ConfigError, match="cannot be asked for as JSON"):
        _read(annotation)


def test_settings_are_checked() -> None:
    """Before they are used."""
    with pytest.raises(ValueError, match="-1"):
        OutputSettings(retries=-1)
    with pytest.raises(ToolDefinitionError, match="final answer"):
        read_type(int, settings=OutputSettings(name="final answer"))


async def test_the_answering_tool_refuses_to_run() -> None:
    """A call that came alone is never run; this one came beside others."""
    tool = _read(int).tool

    with pytest.raises(Exception, match="beside"):
        await tool(3)
    assert tool.binding.dump(date(2024, 1, 1)) == "2024-01-01"


def test_an_error_survives_pickling() -> None:
    """As errors that cross processes must."""
    history = History([UserMessage.of("go")])
    error = OutputError("no", reason="why", text="said", history=history)

    loaded = pickle.loads(pickle.dumps(OutputError("no")))

    assert str(loaded) == "no"
    assert (error.reason, error.text, error.history) == ("why", "said", history)
