"""Python types as JSON Schema: what a model sees, and what a function gets."""

# ruff: noqa: D101  # the functions and classes here are what is looked at

import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NotRequired, Optional, TypeVar
from uuid import UUID

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypeAliasType, TypedDict

from agentkit.tools.tool import tool

T = TypeVar("T")


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1


@dataclass
class Point:
    x: float
    y: float = 0.0
    tags: list[str] = field(default_factory=list)


class Address(TypedDict):
    street: str
    zip: NotRequired[str]


class Person(BaseModel):
    """Someone."""

    name: str = Field(title="Full name")
    friends: list["Person"] = []


@dataclass
class Box(Generic[T]):
    content: T


class Arbitrary:
    pass


def received(function: Callable[..., object], arguments: str) -> object:
    """Return what the function of a tool returns for JSON arguments."""
    made = tool(function)
    values = json.loads(arguments)
    assert made.arguments_check.violations(values) == ()
    bound = made.binding.bind(values)
    return made.function(*bound.positional, **bound.named)


def properties(function: Callable[..., object]) -> Any:
    """Return the properties of the derived schema."""
    return tool(function).input_schema["properties"]


@pytest.mark.parametrize(
    ("hint", "schema", "text", "value"),
    [
        (int, {"type": "integer"}, "5", 5),
        (float, {"type": "number"}, "5", 5.0),
        (str, {"type": "string"}, '"5"', "5"),
        (bool, {"type": "boolean"}, "true", True),
        (None, {"type": "null"}, "null", None),
        (Any, {}, "[1]", [1]),
        (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "null", None),  # noqa: UP045
        (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}, '"5"', "5"),
        (Literal["a", 1], {"enum": ["a", 1]}, "1", 1),
        (list[int], {"type": "array", "items": {"type": "integer"}}, "[1]", [1]),
        (
            set[int],
            {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
            "[1]",
            {1},
        ),
        (
            tuple[int, str],
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "minItems": 2,
                "maxItems": 2,
            },
            '[1, "a"]',
            (1, "a"),
        ),
        (
            dict[int, str],
            {"type": "object", "additionalProperties": {"type": "string"}},
            '{"1": "a"}',
            {1: "a"},
        ),
        (
            datetime,
            {"type": "string", "format": "date-time"},
            '"2024-05-31T10:00:00Z"',
            datetime(2024, 5, 31, 10, tzinfo=UTC),
        ),
        (date, {"type": "string", "format": "date"}, '"2024-05-31"', date(2024, 5, 31)),
        (time, {"type": "string", "format": "time"}, '"10:00:00"', time(10)),
        (timedelta, {"type": "string", "format": "duration"}, '"PT1M"', timedelta(minutes=1)),
        (UUID, {"type": "string", "format": "uuid"}, f'"{UUID(int=5)}"', UUID(int=5)),
        (Path, {"type": "string", "format": "path"}, '"a/b"', Path("a/b")),
        (bytes, {"type": "string", "format": "binary"}, '"ab"', b"ab"),
        (Annotated[int, Field(ge=1, description="n")], {"type": "integer", "minimum": 1,
         "description": "n"}, "5", 5),
        (T, {}, '"x"', "x"),
    ],
)  # fmt: skip
def test_a_type_has_its_schema_and_its_value(
    hint: Any, schema: object, text: str, value: object
) -> None:
    """JSON goes in, the annotated type comes out."""

    def function(a: Any) -> object:
        return a

    function.__annotations__["a"] = hint

    assert properties(function)["a"] == schema
    assert received(function, f'{{"a": {text}}}') == value


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (Color, '"red"', Color.RED),
        (Level, "1", Level.LOW),
        (Point, '{"x": 1}', Point(x=1.0)),
        (list[Point], '[{"x": 1, "y": 2, "tags": ["a"]}]', [Point(x=1, y=2, tags=["a"])]),
        (Address, '{"street": "a"}', {"street": "a"}),
        (Person, '{"name": "a", "friends": [{"name": "b"}]}',
         Person(name="a", friends=[Person(name="b")])),
        (Box[Point], '{"content": {"x": 1}}', Box(content=Point(x=1))),
        (Decimal, '"0.10"', Decimal("0.10")),
    ],
)  # fmt: skip
def test_a_structured_type_is_built_from_json(hint: Any, text: str, value: object) -> None:
    """Enums, dataclasses, TypedDicts, models, generics."""

    def function(a: Any) -> object:
        return a

    function.__annotations__["a"] = hint

    assert received(function, f'{{"a": {text}}}') == value


def test_a_schema_has_no_generated_titles() -> None:
    """Only the titles that a person wrote remain; unknown parameters are refused."""

    def greet(
        person: Person, color: Color, count: Annotated[int, Field(title="Times")] = 1
    ) -> None:
        """Greet."""

    assert tool(greet).input_schema == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "person": {"$ref": "#/$defs/Person"},
            "color": {"$ref": "#/$defs/Color"},
            "count": {"type": "integer", "default": 1, "title": "Times"},
        },
        "required": ["person", "color"],
        "$defs": {
            "Color": {"enum": ["red", "blue"], "type": "string"},
            "Person": {
                "description": "Someone.",
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "title": "Full name"},
                    "friends": {
                        "type": "array",
                        "default": [],
                        "items": {"$ref": "#/$defs/Person"},
                    },
                },
                "required": ["name"],
            },
        },
    }


def test_values_without_a_json_form_are_left_out() -> None:
    """An infinite default or bound; a default that JSON has no form for."""

    def function(
        a: float = math.inf,
        b: Annotated[float, Field(le=math.inf)] = 1,
        d: Any = object(),  # noqa: B008
    ) -> None: ...

    found = properties(function)

    assert found == {
        "a": {"type": "number"},
        "b": {"type": "number", "default": 1},
        "d": {},
    }


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (int, {"type": "object", "properties": {"result": {"type": "integer"}},
               "required": ["result"]}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Address, {"type": "object", "properties": {"street": {"type": "string"},
                   "zip": {"type": "string"}}, "required": ["street"]}),
        (Arbitrary, None),
        (str, None),
        (str | None, None),
        (None, None),
        (Any, None),
        (T, None),
        (bytes, None),
        (Annotated[str, "x"], None),
        (list[bytes], None),
        (list[bytes | str], None),
        (int | bytes, None),
    ],
)  # fmt: skip
def test_the_return_type_gives_the_output_schema(hint: Any, schema: object) -> None:
    """An object as it is, other values under `result`; text and blocks have none."""

    def function() -> Any: ...

    function.__annotations__["return"] = hint

    assert tool(function).output_schema == schema


def test_a_recursive_return_type_has_an_object_at_the_root() -> None:
    """MCP requires `type: object` there."""

    def function() -> Person:
        return Person(name="a")

    schema = tool(function).output_schema

    assert schema is not None
    assert schema["type"] == "object"
    assert "Person" in schema["$defs"]  # type: ignore[operator]  # an object


def test_a_returned_awaitable_counts_as_its_value() -> None:
    """A sync function may return a coroutine."""

    def function() -> Awaitable[int]:
        raise NotImplementedError

    schema = tool(function).output_schema

    assert schema is not None
    assert schema["properties"] == {"result": {"type": "integer"}}


def test_a_named_alias_needs_no_title() -> None:
    """Its definition has none to begin with."""
    alias = TypeAliasType("alias", list[int])

    def function(a: Any) -> None: ...

    function.__annotations__["a"] = alias

    assert tool(function).input_schema["$defs"] == {
        "alias": {"type": "array", "items": {"type": "integer"}}
    }
