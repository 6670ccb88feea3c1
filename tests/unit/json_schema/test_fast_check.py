"""Ordinary schemas are accepted by the fast path; jsonschema decides about all others."""

from typing import cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.json_schema import JsonValue
from agentkit.json_schema.fast_check import validity_of

KEYWORDS = (
    *("type", "enum", "required", "pattern", "multipleOf", "title", "format", "const", "items"),
    *("uniqueItems", "minimum", "exclusiveMaximum", "minLength", "examples", "$ref", "properties"),
    *("additionalProperties", "not", "$defs", "anyOf", "prefixItems", "$id", "dependentRequired"),
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.floats(-2, 2)
    | st.sampled_from(["string", "object", "a", "", "#/$defs/a", "(", "#%zz", "[a-z]+"])
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: (
        st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4) | st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)
DRAFTS = (
    jsonschema.Draft202012Validator,
    jsonschema.Draft201909Validator,
    jsonschema.Draft7Validator,
)


@given(SCHEMAS)
def test_a_schema_that_the_fast_path_accepts_is_valid_in_every_draft_from_7_on(
    schema: JsonValue,
) -> None:
    """It never accepts an invalid schema; `prefixItems` exists in the newest draft only."""
    if validity_of(schema) != "unknown":
        for draft in DRAFTS:
            draft(draft.META_SCHEMA).validate(schema)


@pytest.mark.parametrize(
    ("schema", "form"),
    [
        ({"type": "object", "properties": {"a": {"type": ["string", "null"]}}}, "plain"),
        ({"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {}}}, "refers"),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "items": {}}, "plain"),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "items": {}}, "unknown"),
        ({"items": {"$schema": "https://json-schema.org/draft/2020-12/schema"}}, "unknown"),
        ({"type": "text"}, "unknown"),
        ({"minLength": True}, "unknown"),
        ({"required": ["a", "a"]}, "unknown"),
        ({"pattern": "("}, "unknown"),
        ({"$ref": "https://example.org"}, "unknown"),
        ({"x-mine": 1}, "unknown"),
    ],
)
def test_the_fast_path_accepts_only_certain_schemas(schema: object, form: str) -> None:
    """Jsonschema decides about all others."""
    assert validity_of(cast(JsonValue, schema)) == form
