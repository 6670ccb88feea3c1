"""JSON becomes Python values, and results of any library become JSON."""

import array
import json
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, Field

from agentkit.json_schema import JsonValue
from agentkit.message import ToolCall
from agentkit.tools.binding import to_json, without_defaults
from agentkit.tools.result_content import build_result
from agentkit.tools.tool import Tool, tool
from agentkit.tools.validate import ReadyCall, validate_call

MISSING: Any = None
AUTO: Any = "auto"


class Inner(BaseModel):
    """A nested model."""

    limit: int = MISSING
    name: str = "x"


class Outer(BaseModel):
    """A model with nested ones."""

    inner: Inner | None = None
    several: list[Inner] = Field(default_factory=list)


@tool
def search(words: str, limit: int = MISSING, colour: float = AUTO) -> None:
    """Search."""


@tool
def nested(outer: Outer, by_position: int = MISSING, /) -> None:
    """Search."""


def bound_of(made: Tool, arguments: JsonValue) -> ReadyCall:
    """Return a call that is ready."""
    call = ToolCall(id="c1", name=made.name, arguments=json.dumps(arguments))
    found = validate_call(call, {made.name: made})
    assert isinstance(found, ReadyCall), found.text
    return found


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"words": "a"}, {"words": "a"}),
        ({"words": "a", "limit": None}, {"words": "a"}),
        ({"words": "a", "limit": None, "colour": "auto"}, {"words": "a"}),
        ({"words": "a", "limit": 3, "colour": 1.5}, {"words": "a", "limit": 3, "colour": 1.5}),
    ],
)
def test_a_default_that_is_sent_is_as_if_it_were_left_out(
    arguments: JsonValue, named: dict[str, object]
) -> None:
    """Models send what the schema shows; no repair is needed for it."""
    ready = bound_of(search, arguments)

    assert ready.bound.named == named
    assert ready.repairs == ()


def test_defaults_of_nested_models_are_accepted_too() -> None:
    """In references, unions and lists."""
    inner: JsonValue = {"limit": None, "name": "y"}

    ready = bound_of(nested, {"outer": {"inner": inner, "several": [inner]}, "by_position": None})

    outer, position = ready.bound.positional
    assert outer == Outer(inner=Inner(name="y"), several=[Inner(name="y")])
    assert position is None


def test_another_null_is_not_a_default() -> None:
    """It is repaired as before, or refused."""
    ready = bound_of(tool(name="f", read_only=True)(_count), {"count": None})

    assert [one.kind for one in ready.repairs] == ["dropped_null"]


def _count(count: int = 3) -> None:
    """Count."""


def test_values_that_are_not_defaults_are_kept() -> None:
    """Equal values of another type too."""
    schema: Any = {"properties": {"a": {"default": 1}, "b": {"default": True}, "c": {}}}
    value: JsonValue = {"a": 1, "b": 1, "c": None, "d": 1}

    assert without_defaults(value, schema, root=schema) == {"b": 1, "c": None, "d": 1}


class IntegerLike:
    """An integer of a library."""

    def __int__(self) -> int:
        return 7


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.uint8(3), 3),
        (np.float32(1.5), 1.5),
        (np.float64(1.5), 1.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.datetime64("2024-05-31"), "2024-05-31"),
        (array.array("d", [1.0, 2.5]), [1.0, 2.5]),
        (Fraction(1, 4), "1/4"),
        (Decimal("1.10"), "1.10"),
        ({"a": [np.int64(1), {"b": np.float32(0.5)}]}, {"a": [1, {"b": 0.5}]}),
        ((np.int64(1), {np.int64(2)}), [1, [2]]),
    ],
    ids=repr,
)
def test_numbers_and_arrays_of_a_library_become_json(value: object, expected: JsonValue) -> None:
    """Recognised by what they can do."""
    assert to_json(value) == expected


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, np.int64(3), 3),
        (float, np.float32(1.5), 1.5),
        (list[float], np.array([1.0, 2.0]), [1.0, 2.0]),
        (dict[str, int], {"a": np.int64(1)}, {"a": 1}),
        (Any, np.int64(3), 3),
    ],
)
def test_results_of_annotated_tools_become_json(
    annotation: Any, value: object, expected: JsonValue
) -> None:
    """What a function says it returns need not be exact."""

    def compute():  # type: ignore[no-untyped-def]  # the annotation is set below
        """Compute."""
        return value

    compute.__annotations__["return"] = annotation
    made = tool(compute)
    result = build_result(bound_of(made, {}), value)

    assert not result.is_error, result.text
    assert json.loads(result.text) == expected


def test_a_value_without_a_json_form_is_an_error() -> None:
    """Also if it is a class that has the method."""
    for value in (object(), IntegerLike(), np.ndarray):
        with pytest.raises(Exception, match="has no JSON form"):
            to_json(value)


def test_no_library_is_imported_for_its_values() -> None:
    """The result of a tool without numpy loads no numpy."""
    program = "import sys; from agentkit.tools.binding import to_json; to_json({'a': 1}); "
    done = subprocess.run(  # noqa: S603  # constant arguments
        [sys.executable, "-c", program + "sys.exit('numpy' in sys.modules)"], check=False
    )

    assert done.returncode == 0
