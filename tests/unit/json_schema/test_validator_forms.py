"""Schemas of the usual keywords are recognised; jsonschema decides about the others."""

from typing import cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.json_schema import JsonValue
from agentkit.json_schema.validator import validity_of

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
def test_a_recognised_schema_is_valid_in_every_draft_from_7_on(schema: JsonValue) -> None:
    """The fast path never accepts what jsonschema rejects."""
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
        ({"pattern": "("}, "plain"),
        ({"$ref": "https://example.org"}, "unknown"),
        ({"x-mine": 1}, "unknown"),
    ],
)
def test_only_what_is_certain_is_recognised(schema: object, form: str) -> None:
    """Anything else is for jsonschema."""
    assert validity_of(cast(JsonValue, schema)) == form
