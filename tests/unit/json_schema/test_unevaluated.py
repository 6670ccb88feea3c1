"""Unevaluated properties and items: as the specification has them, and in bounded time."""

from typing import Any, cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.json_schema import JsonSchema, JsonSchemaError, JsonValue

KINDS: st.SearchStrategy[Any] = st.sampled_from(["string", "integer", "object", "array"])
NAMES = st.sampled_from(["a", "b", "c"])
LEAVES = st.builds(lambda kind: {"type": kind}, KINDS) | st.booleans()


def _object_schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    branches = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(NAMES, inner, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=1),
            "additionalProperties": inner,
            "allOf": branches,
            "anyOf": branches,
            "oneOf": branches,
            "if": inner,
            "then": inner,
            "else": inner,
            "dependentSchemas": st.dictionaries(NAMES, inner, max_size=1),
            "prefixItems": branches,
            "contains": inner,
            "not": inner,
            "$ref": st.just("#/$defs/shared"),
            "unevaluatedProperties": inner,
            "unevaluatedItems": inner,
        },
    )


SCHEMAS = st.recursive(LEAVES, _object_schemas, max_leaves=8)
VALUES = st.recursive(
    st.sampled_from(["x", 1, None]),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(schema=SCHEMAS, value=VALUES)
def test_what_is_valid_is_valid_for_jsonschema_too(schema: Any, value: JsonValue) -> None:
    """With every keyword that evaluates, nested and in references."""
    shared: JsonValue = {"properties": {"c": {}}, "prefixItems": [{}]}
    complete: dict[str, JsonValue] = {
        "$defs": {"shared": shared},
        "allOf": [schema],
        "unevaluatedProperties": False,
    }

    found = JsonSchema(complete).violations(value)

    assert (found == ()) == jsonschema.Draft202012Validator(complete).is_valid(cast(Any, value))


@pytest.mark.parametrize(
    ("schema", "value", "is_valid"),
    [
        ({"items": [{}], "unevaluatedItems": False}, [1], True),
        ({"items": [{}], "unevaluatedItems": False}, [1, 2], False),
        ({"items": [{}], "additionalItems": {}, "unevaluatedItems": False}, [1, 2], True),
        ({"contains": {}, "unevaluatedItems": False}, [1], False),
        ({"$recursiveRef": "#", "unevaluatedProperties": False}, None, None),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"items": {}}}, "unevaluatedItems": False},
            [1],
            True,
        ),
    ],
)
def test_draft_2019_is_understood(
    schema: dict[str, JsonValue], value: JsonValue, is_valid: bool | None
) -> None:
    """Its `items` may be a list, and `contains` evaluates nothing."""
    dated = {"$schema": "https://json-schema.org/draft/2019-09/schema", **schema}
    if is_valid is None:
        with pytest.raises(JsonSchemaError, match="refers to itself"):
            JsonSchema(dated)
        return

    assert (JsonSchema(dated).violations(value) == ()) is is_valid


def nested(depth: int, keyword: str, *, branches: int) -> dict[str, JsonValue]:
    """Return a schema with nested subschemas, each with `unevaluatedProperties`."""
    levels: dict[str, JsonValue] = {
        "0": {"properties": {"a": {}}, "unevaluatedProperties": False},
    }
    for level in range(depth):
        inner: list[JsonValue] = [{"$ref": f"#/$defs/{level}"}] * branches
        levels[str(level + 1)] = {keyword: inner, "unevaluatedProperties": False}
    return {"$ref": f"#/$defs/{depth}", "$defs": levels}


def test_nested_subschemas_of_one_branch_are_checked() -> None:
    """A library that evaluates each level again needs years for 40 of them."""
    check = JsonSchema(nested(40, "allOf", branches=1))

    assert check.violations({"a": 1}) == ()
    assert check.violations({"b": 1}) != ()


def test_a_schema_whose_check_would_not_end_is_rejected() -> None:
    """The steps of a check are counted, whichever keywords they come from."""
    with pytest.raises(JsonSchemaError, match="too many steps"):
        JsonSchema(nested(40, "anyOf", branches=2))


def test_a_value_whose_check_would_not_end_is_a_violation() -> None:
    """If the schema itself does not show it."""
    schema = nested(40, "anyOf", branches=2)
    schema["properties"] = {"a": {"$ref": schema.pop("$ref")}}
    check = JsonSchema(schema)

    (violation,) = check.violations({"a": {"b": 1}})

    assert violation.found == "one too deep or too large to be checked"
