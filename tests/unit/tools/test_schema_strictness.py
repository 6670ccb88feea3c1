"""Schemas leave a model as little to get wrong as the types do."""

from typing import Annotated, Any, Literal, NamedTuple

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel

from agentkit.json_schema import JsonValue
from agentkit.message import ToolCall
from agentkit.tools.tool import tool
from agentkit.tools.validate import ReadyCall, validate_call


class Circle(BaseModel):
    """A circle."""

    kind: Literal["circle"] = "circle"
    radius: float = 1.0


class Square(BaseModel):
    """A square."""

    kind: Literal["square"] = "square"
    side: float = 1.0


Shape = Annotated[Circle | Square, Field(discriminator="kind")]


@pytest.mark.parametrize(
    ("shape", "complaint"),
    [
        ({}, "shape.kind: expected a value, since it is required, got nothing"),
        ({"side": 2.0}, "shape.kind: expected a value, since it is required, got nothing"),
        ({"kind": "cube"}, 'shape.kind: expected one of "circle", "square", got the text "cube"'),
        ({"kind": 1}, 'shape.kind: expected one of "circle", "square", got the number 1'),
        (
            {"kind": "square", "radius": 1.0},
            "shape.radius: expected no field of this name (there are: kind, side), "
            "got the number 1.0",
        ),
        ({"kind": "circle", "radius": "x"}, 'shape.radius: expected a number, got the text "x"'),
    ],
)
def test_a_discriminated_union_requires_its_tag(
    shape: dict[str, JsonValue], complaint: str
) -> None:
    """Also if each variant has a default for it; only the variant of the tag is explained."""

    def draw(shape: Shape) -> None: ...

    check = tool(draw).arguments_check

    assert [str(one) for one in check.violations({"shape": shape})] == [complaint]
    assert check.violations({"shape": {"kind": "square", "side": 2.0}}) == ()


class Point(NamedTuple):
    """A place."""

    x_axis: int
    y_axis: Annotated[int, Field(title="up")] = 0


def test_a_named_tuple_keeps_the_names_of_its_fields() -> None:
    """Its JSON is an array, in which only titles can name them."""

    def go(to: Point) -> None: ...

    found = tool(go).input_schema["$defs"]

    assert isinstance(found, dict)
    assert found["Point"] == {
        "type": "array",
        "prefixItems": [
            {"type": "integer", "title": "x_axis"},
            {"type": "integer", "title": "up", "default": 0},
        ],
        "minItems": 1,
        "maxItems": 2,
    }


class Closed(BaseModel):
    """Says nothing about other fields."""

    path: str = "."


class Open(BaseModel):
    """Allows other fields."""

    model_config = ConfigDict(extra="allow")

    path: str = "."


class Lax(BaseModel):
    """Ignores other fields."""

    model_config = ConfigDict(extra="ignore")

    path: str = "."


class LaxChild(Lax):
    """Inherits that."""


class Listed(RootModel[list[int]]):
    """Is no object."""


@pytest.mark.parametrize(
    ("kind", "is_accepted"),
    [(Closed, False), (Open, True), (Lax, True), (LaxChild, True), (list[Closed], False)],
)
def test_a_nested_model_refuses_unknown_fields_unless_its_author_set_extra(
    kind: Any, is_accepted: bool
) -> None:
    """A misspelled field would run the tool with a default that no one meant."""

    def remove(target: kind, numbers: Listed | None = None) -> None: ...

    inner: JsonValue = {"path": "a", "paht": "b"}
    value: JsonValue = [inner] if kind == list[Closed] else inner
    check = tool(remove).arguments_check

    assert (check.violations({"target": value, "numbers": [1]}) == ()) is is_accepted


def test_a_pattern_of_a_type_is_checked_by_pydantic() -> None:
    """In its own dialect, whatever another engine knows."""

    def call(name: Annotated[str, Field(pattern=r"^\p{L}+$")]) -> None: ...

    made = tool(call)
    results = [
        validate_call(ToolCall(id="c", name="call", arguments=arguments), {"call": made})
        for arguments in ('{"name": "天气"}', '{"name": "a1"}')
    ]

    assert [isinstance(result, ReadyCall) for result in results] == [True, False]
