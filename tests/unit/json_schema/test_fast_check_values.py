"""Values that the fast path accepts are valid for jsonschema."""

from itertools import product

import pytest
from jsonschema import Draft202012Validator

from agentkit.json_schema.fast_check import flat_object_check
from agentkit.json_schema.strict_json import JsonObject, JsonValue, LossyFloat

VALUES: list[JsonValue] = ["", "a", 1, -1, 1.0, 1.5, LossyFloat(0.1), True, None, [], {}]
OBJECTS: list[JsonValue] = [
    *VALUES,
    *[{"a": one, "b": other} for one, other in product(VALUES, VALUES)],
    *[{"b": one, "c": one} for one in VALUES],
]


@pytest.mark.parametrize("kind", ["string", "integer", "number", "boolean"])
@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("required", [[], ["a"], ["a", "b"]])
def test_a_value_that_the_fast_path_accepts_is_valid(
    kind: str, is_open: bool, required: list[JsonValue]
) -> None:
    """It accepts some values, and each of them is valid."""
    schema: JsonObject = {
        "type": "object",
        "properties": {"a": {"type": kind, "description": "one"}, "b": {"type": "number"}},
        "required": required,
        "additionalProperties": is_open,
    }
    check = flat_object_check(schema)
    assert check is not None

    known = [value for value in OBJECTS if check.accepts(value)]

    assert known
    assert all(Draft202012Validator(schema).is_valid(value) for value in known)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "minProperties": 1},
        {"type": ["object", "null"]},
        {"type": "object", "properties": {"a": {"type": "string", "minLength": 1}}},
        {"type": "object", "properties": {"a": {"type": "array"}}},
        {"type": "object", "properties": {"a": {"enum": ["x"]}}},
        {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "object", "$schema": "http://json-schema.org/draft-04/schema#"},
        {"type": "object", "required": [1]},
        {"type": "object", "required": True},
    ],
)
def test_the_fast_path_has_no_check_for_other_schemas(schema: JsonObject) -> None:
    """Jsonschema checks their values."""
    assert flat_object_check(schema) is None
