"""Normalising the schemas of servers."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agentkit.mcp.client.repair.schemas import (
    drop_invalid_keywords,
    normalize_input_schema,
    normalize_schema,
)

EMPTY = {"type": "object", "properties": {}}
OBJECT = {"type": "object"}


def parameters(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object with these properties."""
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (None, EMPTY),
        ({}, EMPTY),
        ([], EMPTY),
        ("object", EMPTY),
        ({"properties": {"a": {}}}, parameters(a={})),
        ({"type": ["object", "null"]}, OBJECT),
        ({"type": "object", "required": None, "properties": None}, OBJECT),
        (
            {"$ref": "#/$defs/In", "$defs": {"In": parameters(a={})}},
            {"$defs": {"In": parameters(a={})}, **parameters(a={})},
        ),
        ({"type": "string"}, {"type": "string"}),
        ({"$ref": "#/$defs/none", "$defs": None}, {"$ref": "#/$defs/none", "type": "object"}),
    ],
    ids=[
        "null",
        "empty",
        "list",
        "text",
        "without type",
        "nullable",
        "null keywords",
        "reference",
        "not of an object",
        "to nothing",
    ],
)
def test_an_input_schema_is_one_of_an_object(schema: object, expected: object) -> None:
    """One that is missing means no parameters; one of another type stays, to be rejected."""
    assert normalize_input_schema(schema) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {"minimum": 0, "exclusiveMinimum": True, "maximum": 9, "exclusiveMaximum": False},
            {"exclusiveMinimum": 0, "maximum": 9},
        ),
        ({"exclusiveMinimum": True}, {}),
        (
            {"items": [{"type": "str"}, "int"], "additionalItems": False},
            {"prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
        ),
        ({"items": []}, {}),
        (
            {"dependencies": {"a": ["b"], "c": {"type": "dict"}}},
            {"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"type": "object"}}},
        ),
        (
            {"properties": {"a": {"type": "string", "required": True}}, "required": ["b"]},
            {"properties": {"a": {"type": "string"}}, "required": ["b", "a"]},
        ),
        ({"type": "any"}, {}),
        ({"type": ["Integer", "None"]}, {"type": ["integer", "null"]}),
        (
            {"properties": {"a": "string", "b": None}},
            {"properties": {"a": {"type": "string"}, "b": {}}},
        ),
        (
            {"default": None, "const": None, "enum": [None], "title": None, "items": None},
            {"default": None, "const": None, "enum": [None]},
        ),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, {}),
        ({"anyOf": [{"items": [{}]}]}, {"anyOf": [{"prefixItems": [{}]}]}),
        ({"const": {"type": "any", "items": []}}, {"const": {"type": "any", "items": []}}),
    ],
    ids=[
        "bounds",
        "a bound without its number",
        "tuple",
        "empty tuple",
        "dependencies",
        "required",
        "any",
        "names of types",
        "properties that are not schemas",
        "null",
        "draft",
        "nested",
        "values",
    ],
)
def test_older_drafts_become_draft_2020_12(
    schema: dict[str, Any], expected: dict[str, Any]
) -> None:
    """With the same meaning; values inside of a schema are not touched."""
    given = repr(schema)

    normal = normalize_schema(schema)

    assert normal == expected
    assert repr(schema) == given
    Draft202012Validator.check_schema(normal)


def test_what_the_metaschema_rejects_is_dropped() -> None:
    """At any depth, and nothing else."""
    schema = {
        "type": "object",
        "required": "a",
        "properties": {"a": {"anyOf": [{"pattern": 5}, {"minimum": "1"}, {"maximum": 2}]}},
    }

    valid, dropped = drop_invalid_keywords(schema)

    assert valid == parameters(a={"anyOf": [{}, {}, {"maximum": 2}]})
    assert sorted(dropped) == [
        "properties/a/anyOf/0/pattern",
        "properties/a/anyOf/1/minimum",
        "required",
    ]
    Draft202012Validator.check_schema(valid)


def test_a_schema_that_is_too_deep_is_left_for_the_validator() -> None:
    """Which rejects it."""
    schema: dict[str, Any] = {"type": "any"}
    for _ in range(5_000):
        schema = {"not": schema}

    assert drop_invalid_keywords(normalize_schema(schema))[1] == []
