"""Validating a call never raises, and valid arguments are passed unchanged."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from agentkit.json_schema import JsonTextError, JsonValue, parse_json
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.tool import Tool, tool
from agentkit.tools.toolset import index_tools
from agentkit.tools.validate import ReadyCall, validate_call


class Color(Enum):
    """An enum."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Node:
    """A recursive dataclass."""

    value: int
    children: tuple["Node", ...] = ()
    weights: dict[str, float] = field(default_factory=dict)


@tool
def everything(
    number: int,
    share: float = 0.5,
    color: Color | None = None,
    day: date | None = None,
    node: Node | None = None,
    names: set[str] = frozenset(),  # type: ignore[assignment]  # an empty one is as good
) -> str:
    """Take everything."""
    return f"{number} {share} {color} {day} {node} {names}"


BY_SCHEMA = Tool.from_schema(
    name="by_schema",
    description="",
    input_schema={
        "properties": {
            "a": {"oneOf": [{"type": "integer", "multipleOf": 0.5}, {"$ref": "#/$defs/x"}]},
            "b": {"type": "string", "format": "date-time", "pattern": "^2"},
            "c": {"type": "array", "uniqueItems": True, "contains": {"const": 1}},
        },
        "patternProperties": {"^x": {"not": {"type": "null"}}},
        "additionalProperties": {"type": ["integer", "object"]},
        "$defs": {"x": {"type": "array", "items": {"$ref": "#/$defs/x"}}},
    },
    handler=lambda arguments: arguments,
)
TOOLS = index_tools([everything, BY_SCHEMA])

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["2024-05-31", "red", "1e999", "2024"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*"abcx", "number", "color", "day", "node", "value", "children"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


CUTS = st.tuples(st.integers(0, 200), st.integers(0, 5), st.text(max_size=3))


def check(name: str, text: str) -> ReadyCall | ToolResult:
    """Validate a call: it is ready with valid arguments, or has an error result."""
    found = validate_call(ToolCall(id="c1", name=name, arguments=text), TOOLS)
    if isinstance(found, ToolResult):
        assert found.is_error
        assert found.call_id == "c1"
        assert 0 < len(found.text) < 5000
        found.text.encode()
    else:
        assert found.tool is TOOLS[found.tool.name]
        assert list(found.tool.arguments_check.violations(dict(found.arguments))) == []
    return found


@given(name=st.sampled_from([*TOOLS]) | st.text(), text=st.text(st.characters()))
@settings(max_examples=150, deadline=None)
def test_any_text_gives_a_ready_call_or_an_error_result(name: str, text: str) -> None:
    """With any name, and with lone surrogates in the text."""
    check(name, text)


@given(name=st.sampled_from([*TOOLS]), value=JSON)
@settings(max_examples=200, deadline=None)
def test_any_json_gives_a_ready_call_or_an_error_result(name: str, value: Any) -> None:
    """Including NaN and Infinity."""
    check(name, json.dumps(value))


@given(
    name=st.sampled_from([*TOOLS]),
    value=st.dictionaries(
        st.sampled_from(["number", "color", "node", "a", "b", "c"]), JSON, max_size=4
    ),
    cuts=st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 5), st.text(max_size=3)), max_size=3
    ),
)
@settings(max_examples=200, deadline=None)
def test_any_damaged_json_gives_a_ready_call_or_an_error_result(
    name: str, value: Any, cuts: list[tuple[int, int, str]]
) -> None:
    """Parts are removed and others inserted."""
    text = json.dumps(value, ensure_ascii=False)
    for at, length, other in cuts:
        text = text[:at] + other + text[at + length :]

    check(name, text)


@given(text=st.text(st.characters(), max_size=30) | JSON.map(json.dumps))
@settings(max_examples=200, deadline=None)
def test_strict_json_is_a_subset_of_what_json_parses(text: str) -> None:
    """If both accept a text, they return the same value."""
    try:
        found = parse_json(text)
    except JsonTextError:
        return

    assert found == json.loads(text)
    assert parse_json(json.dumps(found)) == found


FINITE = st.floats(allow_nan=False, allow_infinity=False)
NODES = st.recursive(
    st.builds(Node, value=st.integers()),
    lambda inner: st.builds(
        Node,
        value=st.integers(),
        children=st.lists(inner, max_size=3).map(tuple),
        weights=st.dictionaries(
            st.text(max_size=3), st.floats(allow_nan=False, allow_infinity=False)
        ),
    ),
    max_leaves=6,
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
OFFSETS = st.builds(
    timezone, st.integers(-840, 840).map(lambda minutes: timedelta(minutes=minutes))
)


@pytest.mark.parametrize(
    ("hint", "values"),
    [
        (int, st.integers()),
        (float, FINITE),
        (bool, st.booleans()),
        (str, st.text()),
        (int | str | None, st.none() | st.integers() | st.text()),
        (Literal["a", 1], st.sampled_from(["a", 1])),
        (Color, st.sampled_from(Color)),
        (list[tuple[int, bool]], st.lists(st.tuples(st.integers(), st.booleans()))),
        (set[int], st.sets(st.integers())),
        (frozenset[str], st.frozensets(st.text())),
        (dict[int, str], st.dictionaries(st.integers(), st.text())),
        (Node, NODES),
        (Node | list[Node], NODES | st.lists(NODES, max_size=3)),
        (date, st.dates()),
        (time, st.times()),
        (datetime, st.datetimes()),
        (datetime, st.datetimes(timezones=OFFSETS)),
        (timedelta, st.timedeltas(timedelta(days=-999), timedelta(days=999))),
        (UUID, st.uuids()),
        (Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=9)),
    ],
)
def test_a_value_encoded_as_json_reaches_the_function_unchanged(
    hint: Any, values: st.SearchStrategy[Any]
) -> None:
    """For every kind of type: the value fits the schema, and the function gets it."""

    def function(value: Any) -> None: ...

    function.__annotations__["value"] = hint
    made = tool(function)
    writer = TypeAdapter[Any](hint)

    @given(value=values)
    @settings(max_examples=40, deadline=None)
    def comes_back(value: Any) -> None:
        written: JsonValue = writer.dump_python(value, mode="json")
        call = ToolCall(id="c1", name="function", arguments=json.dumps({"value": written}))

        found = validate_call(call, {"function": made})

        assert isinstance(found, ReadyCall), found.text
        assert found.bound.named == {"value": value}

    comes_back()
