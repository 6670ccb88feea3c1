"""What is known about a tool from its name and its schema."""

from collections.abc import Mapping

import pytest

from agentkit.chat import ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.tool_knowledge import KnownParameter, KnownTool, know, stem, stems


def _know(**properties: JsonValue) -> KnownTool:
    schema: dict[str, JsonValue] = {
        "$defs": {"City": {"type": "string"}, "Loop": {"$ref": "#/$defs/Loop"}},
        "type": "object",
        "properties": properties,
        "required": ["city"],
    }
    return know(ToolSpec(name="get_weather", description="", input_schema=schema))


@pytest.mark.parametrize(
    ("schema", "facts"),
    [
        ({"type": "string"}, ("string", "text", (), False)),
        ({"anyOf": [{"type": "null"}, {"$ref": "#/$defs/City"}]}, ("string", "text", (), False)),
        ({"type": "array", "items": {"type": "number"}}, ("number", "text", (), True)),
        ({"enum": ["a", None, "b"]}, ("string", "text", ("a", "b"), False)),
        ({"const": 3}, ("string", "text", (3,), False)),
        ({"type": "string", "format": "date"}, ("string", "date", (), False)),
        ({"type": "array"}, ("string", "text", (), True)),
        ({"$ref": "#/$defs/Loop"}, ("string", "text", (), False)),
        ({"$ref": "http://example.com/city.json"}, ("string", "text", (), False)),
        (True, ("string", "text", (), False)),
    ],
)
def test_a_parameter_is_read_from_its_schema(
    schema: JsonValue, facts: tuple[str, str, tuple[JsonValue, ...], bool]
) -> None:
    """References and unions are followed; one that leads back to itself leads nowhere."""
    (found,) = _know(city=schema).parameters

    assert (found.type, found.kind, found.choices, found.is_list) == facts
    assert found.is_required


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("file_path", "path"),
        ("day", "date"),
        ("startTime", "time"),
        ("email", "email"),
        ("to", "text"),
    ],
)
def test_the_words_of_a_name_give_the_kind_of_its_value(name: str, kind: str) -> None:
    """However the name is written."""
    schema: JsonValue = {"type": "string"}
    (found,) = _know(**{name: schema}).parameters

    assert (found.kind, found.is_required) == (kind, False)


def test_a_tool_is_read_once() -> None:
    """It arrives anew with every request."""
    assert _know(city={"type": "string"}) is _know(city={"type": "string"})
    assert _know(city={"type": "string"}) != _know(town={"type": "string"})


def test_a_parameter_is_found_by_a_word_of_its_name() -> None:
    """The first that has one."""
    tool = _know(home_city={"type": "string"}, city={"type": "string"})

    assert (tool.find("town", "city"), tool.find("zone")) == ("home_city", None)
    assert isinstance(tool.parameters[0], KnownParameter)


@pytest.mark.parametrize(
    ("schema", "arguments", "is_accepted"),
    [
        ({"type": "string"}, {"city": "Oslo"}, True),
        ({"type": "string"}, {"city": 7}, False),
        ({"type": "string"}, {}, False),
        ({"$ref": "http://example.com/city.json"}, {"city": "Oslo"}, False),
        ({"$ref": "#/$defs/Loop"}, {"city": "Oslo"}, False),
    ],
)
def test_the_tool_s_own_schema_decides_which_arguments_are_accepted(
    schema: JsonValue, arguments: Mapping[str, JsonValue], is_accepted: bool
) -> None:
    """A broken schema accepts nothing, and nothing is fetched."""
    assert _know(city=schema).accepts(arguments) is is_accepted


def test_words_are_compared_without_the_ending_of_a_plural() -> None:
    """In names of any style."""
    assert [stem(one) for one in ("Files", "cities", "class", "is", "Oslo")] == [
        "file", "city", "class", "is", "oslo",
    ]  # fmt: skip
    assert stems("get_user") == ("get", "user")
    assert stems("maxTokens") == ("max", "token")
    assert stems("get-tiny-image") == ("get", "tiny", "image")
