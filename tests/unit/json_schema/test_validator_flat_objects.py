"""Values of flat object schemas are recognised as jsonschema would, without it."""

from itertools import product

import pytest
from jsonschema import Draft202012Validator

from agentkit.json_schema.strict_json import JsonObject, JsonValue, LossyFloat
from agentkit.json_schema.validator import flat_object_check

VALUES: list[JsonValue] = ["", "a", 1, -1, 1.0, 1.5, LossyFloat(0.1), True, None, [], {}]
OBJECTS: list[JsonValue] = [
    *VALUES,
    *[{"a": one, "b": other} for one, other in product(VALUES, VALUES)],
    *[{"b": one, "c": one} for one in VALUES],
]


@pytest.mark.parametrize("kind", ["string", "integer", "number", "boolean"])
@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("required", [[], ["a"], ["a", "b"]])
def test_what_is_recognised_matches(kind: str, is_open: bool, required: list[JsonValue]) -> None:
    """Some values are recognised, and jsonschema accepts each of them."""
    schema: JsonObject = {
        "type": "object",
        "properties": {"a": {"type": kind, "description": "one"}, "b": {"type": "number"}},
        "required": required,
        "additionalProperties": is_open,
    }
    flat = flat_object_check(schema)
    assert flat is not None

    known = [value for value in OBJECTS if flat.accepts(value)]

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
def test_other_schemas_are_not_flat_objects(schema: JsonObject) -> None:
    """They are left to jsonschema."""
    assert flat_object_check(schema) is None
