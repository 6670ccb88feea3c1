"""Schemas are checked when built; values are validated within bounds and without network."""

import socket
import sys
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from agentkit.json_schema import JsonSchema, JsonSchemaError, JsonValue, Violation, engine
from agentkit.json_schema.engine import find_violations

NODE: dict[str, JsonValue] = {
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
            },
            "required": ["value"],
        }
    },
    "$ref": "#/$defs/Node",
}


def messages_of(schema: dict[str, JsonValue], value: JsonValue) -> list[str]:
    """Return the violations of a value as text."""
    return [
        str(violation)
        for violation in JsonSchema(schema, is_derived="format" in schema).violations(value)
    ]


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "integer"}, "5", 'expected an integer, got the text "5"'),
        ({"type": "integer"}, True, "expected an integer, got true"),
        ({"type": ["number", "null"]}, [], "expected a number or null, got an empty array"),
        ({"type": "object"}, [1, 2], "expected an object, got an array of 2"),
        ({"type": "string"}, {"a": 1}, "expected a text, got an object with 'a'"),
        ({"type": "string"}, {}, "expected a text, got an empty object"),
        ({"type": "string"}, None, "expected a text, got null"),
        ({"enum": ["a", "b"]}, "c", 'expected one of "a", "b", got the text "c"'),
        ({"const": 3}, 4, "expected exactly 3, got the number 4"),
        ({"minimum": 3}, 1, "expected a number of at least 3, got the number 1"),
        ({"pattern": "^a"}, "b", 'expected a text that matches "^a", got the text "b"'),
        ({"not": {"type": "null"}}, None, 'expected anything but {"type": "null"}, got null'),
        ({"uniqueItems": True}, [1, 2, 1.0], "[2]: expected no duplicate items, "
         "got the number 1.0"),
        ({"uniqueItems": True}, [{"a": [1]}, {"a": [1.0]}], "[1]: expected no duplicate items, "
         "got an object with 'a'"),
        ({"minProperties": 2}, {"a": 1}, "expected at least 2 fields, got an object with 'a'"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1},
         "b: expected a value, since 'a' is given, got nothing"),
        ({"$schema": "http://json-schema.org/draft-07/schema", "dependencies": {"a": ["c"]}},
         {"a": 1}, "c: expected a value, since 'a' is given, got nothing"),
        ({"properties": {"a": False}}, {"a": 1}, "expected nothing here, got the number 1"),
        ({"required": ["a"]}, {}, "a: expected a value, since it is required, got nothing"),
        ({"format": "date"}, "31.5.24", "expected a date such as 2024-05-31, got the text "
         '"31.5.24"'),
        ({"format": "hostname"}, "a b", "expected a text of the format 'hostname', got the text "
         '"a b"'),
        ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 3, "expected a value that fits exactly one "
         "alternative, got the number 3"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "x", "expected an integer or null, "
         'got the text "x"'),
        ({"properties": {"a": {"items": {"type": "null"}}}}, {"a": [None, 1]}, "a[1]: expected "
         "null, got the number 1"),
    ],
)  # fmt: skip
def test_a_violation_names_the_expected_and_the_actual_value(
    schema: dict[str, JsonValue], value: JsonValue, expected: str
) -> None:
    """In one sentence that a model can act on."""
    assert messages_of(schema, value) == [expected]


def test_a_format_is_an_annotation_in_schemas_of_others() -> None:
    """As drafts since 2019-09 have it; a server may mean a range with `date`."""
    schema: dict[str, JsonValue] = {"properties": {"day": {"type": "string", "format": "date"}}}
    value: JsonValue = {"day": "2024-01-01/2024-01-31"}

    assert JsonSchema(schema).violations(value) == ()
    assert len(JsonSchema(schema, is_derived=True).violations(value)) == 1


@pytest.mark.parametrize(
    ("schema", "value", "is_valid"),
    [
        ({"type": "string", "default": None}, None, True),
        ({"type": "number", "default": "auto"}, "auto", True),
        ({"type": "number", "default": "auto"}, "other", False),
        ({"type": "string", "default": 1}, True, False),
        ({"type": "string", "default": [1.0, {"a": 0}]}, [1, {"a": 0}], True),
        ({"type": "string", "default": [1]}, [True], False),
        ({"$ref": "#/$defs/n", "default": None}, None, True),
        ({"anyOf": [{"type": "string"}], "default": None}, None, True),
        ({"type": "string", "nullable": True}, None, True),
        ({"enum": ["a"], "nullable": True}, None, True),
        ({"type": "string", "nullable": False}, None, False),
        ({"items": {"type": "string", "default": None}}, [None, "x", None], True),
    ],
)
def test_the_default_of_a_schema_and_an_allowed_null_are_valid(
    schema: JsonValue, value: JsonValue, is_valid: bool
) -> None:
    """Models send what they read in the schema."""
    complete: dict[str, JsonValue] = {
        "type": "object",
        "properties": {"a": schema},
        "$defs": {"n": {"type": "integer"}},
    }

    assert (JsonSchema(complete).violations({"a": value}) == ()) is is_valid


def test_each_additional_field_is_named_with_the_allowed_ones() -> None:
    """The model sees which to omit, and which it may have meant."""
    schema: dict[str, JsonValue] = {"properties": {"a": {}}, "additionalProperties": False}

    assert messages_of(schema, {"a": 1, "b": 2, "c": []}) == [
        "b: expected no field of this name (there are: a), got the number 2",
        "c: expected no field of this name (there are: a), got an empty array",
    ]
    assert messages_of({"additionalProperties": False}, {"b": 2}) == [
        "b: expected no field of this name, got the number 2"
    ]


def test_fields_allowed_by_other_keywords_are_not_additional() -> None:
    """Only fields that the schema rejects are named."""
    named: dict[str, JsonValue] = {"patternProperties": {"^x": {}}, "additionalProperties": False}
    joined: dict[str, JsonValue] = {
        "allOf": [{"properties": {"a": {}}}],
        "unevaluatedProperties": False,
    }

    assert messages_of(named, {"xa": 1, "b": 2}) == [
        "b: expected no field of this name, got the number 2"
    ]
    assert messages_of(joined, {"a": 1, "b": 2}) == [
        "expected no fields beyond those that are described, got an object with 'a', 'b'"
    ]


def test_the_closest_of_several_alternatives_is_explained() -> None:
    """A tagged union is recognized by its tag, and a nullable object by not being null."""
    cat: JsonValue = {"properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}}
    dog: JsonValue = {"properties": {"kind": {"const": "dog"}, "name": {"type": "string"}}}

    assert messages_of({"oneOf": [cat, dog]}, {"kind": "dog", "lives": "x", "name": 3}) == [
        "name: expected a text, got the number 3"
    ]
    assert messages_of(NODE, {"value": 1, "next": {"value": "x"}}) == [
        'next.value: expected an integer, got the text "x"'
    ]


def test_the_number_of_violations_is_bounded() -> None:
    """A long array of wrong items does not make a long message."""
    schema = JsonSchema({"items": {"type": "integer"}})

    assert len(schema.violations(["x"] * 1000, limit=3)) == 3


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"type": "strnig"}, "type: expected one of"),
        ({"properties": {"a": {"minimum": "1"}}}, "properties.a.minimum: expected a number"),
        ({"required": "a"}, "required: expected an array"),
        ({"pattern": 3}, "pattern: expected a text"),
        ({"patternProperties": {"a": 3}}, "patternProperties.a: expected an object"),
        ({"$schema": "urn:x"}, "'$schema' is 'urn:x'"),
        ({"$schema": 3}, "'$schema' is 3"),
        ({"$ref": "#/$defs/a"}, "'$ref' '#/$defs/a' does not exist"),
        ({"items": {"$ref": "https://example.org/s.json"}}, "nothing is fetched"),
        ({"$ref": "#"}, "refers to itself"),
        ({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}, "itself"),
        ({"minimum": float("nan")}, "it is not JSON"),
        ({"default": object()}, "it is not JSON"),
        ([], "a schema is a JSON object, not a list"),
    ],
)
def test_an_invalid_schema_is_rejected_when_it_is_built(schema: Any, complaint: str) -> None:
    """The message gives the place and the reason."""
    with pytest.raises(JsonSchemaError) as caught:
        JsonSchema(schema)

    assert complaint in str(caught.value)


def test_a_schema_that_is_too_deep_is_rejected() -> None:
    """Depth is checked before anything recursive."""
    deep: dict[str, JsonValue] = {}
    for _ in range(120):
        deep = {"items": deep}

    with pytest.raises(JsonSchemaError, match="levels deep"):
        JsonSchema(deep)


def test_a_schema_that_contains_itself_is_rejected() -> None:
    """A cycle in memory is not JSON."""
    schema: dict[str, JsonValue] = {}
    schema["items"] = schema

    with pytest.raises(JsonSchemaError, match="not JSON"):
        JsonSchema(schema)


def test_a_reference_to_the_network_is_never_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trusted schema is not validated, and still nothing is fetched."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    schema = JsonSchema({"$ref": "https://example.org/schema.json"}, is_derived=True)

    (violation,) = schema.violations({})

    assert violation.expected == "a value that can be checked"


@pytest.mark.parametrize("draft", ["2020-12", "2019-09", "07", "06", "04"])
def test_older_drafts_are_supported_by_their_name(draft: str) -> None:
    """Each with its keywords for references and definitions."""
    base = "https://json-schema.org/draft" if draft.startswith("20") else ("http://json-schema.org")
    name = f"{base}/{draft}/schema" if draft.startswith("20") else f"{base}/draft-{draft}/schema#"
    schema = JsonSchema(
        {
            "$schema": name,
            "definitions": {"n": {"type": "integer"}},
            "properties": {"a": {"$ref": "#/definitions/n"}},
        }
    )

    assert schema.violations({"a": 1}) == ()
    assert schema.violations({"a": "1"}) == (
        Violation(path=("a",), expected="an integer", found='the text "1"'),
    )


def test_draft_07_tuples_and_ids_are_understood() -> None:
    """`items` as a list and `$id` with a relative reference."""
    schema = JsonSchema(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": "https://example.org/root.json",
            "definitions": {"n": {"$id": "n.json", "type": "integer"}},
            "items": [{"$ref": "n.json"}, {"type": "string"}],
        }
    )

    assert [str(one) for one in schema.violations(["x", "y"])] == [
        '[0]: expected an integer, got the text "x"'
    ]


def test_recursive_values_are_checked_as_deep_as_text_may_be() -> None:
    """64 levels, the limit of parsed text, do not exhaust the stack."""
    schema = JsonSchema(NODE)
    value: JsonValue = None
    for _ in range(64):
        value = {"value": 1, "next": value}

    assert schema.violations(value) == ()


def test_a_value_too_deep_for_the_stack_is_a_violation() -> None:
    """Not an exception."""
    schema = JsonSchema(NODE)
    value: JsonValue = None
    for _ in range(2000):
        value = {"value": 1, "next": value}

    # Other tests in the process may have raised the limit.
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    try:
        (violation,) = schema.violations(value)
    finally:
        sys.setrecursionlimit(limit)

    assert violation.found == "one too deep or too large to be checked"


def test_references_that_multiply_are_bounded() -> None:
    """Each level doubles the work; the number of references is limited."""
    both: list[JsonValue] = [{"properties": {"a": {"$ref": "#/$defs/x"}}}] * 2
    schema = JsonSchema({"$defs": {"x": {"type": "object", "allOf": both}}, "$ref": "#/$defs/x"})
    value: JsonValue = {}
    for _ in range(40):
        value = {"a": value}

    (violation,) = schema.violations(value)

    assert violation.found == "one too deep or too large to be checked"


def test_a_value_the_library_cannot_compare_is_a_violation() -> None:
    """A huge integer divided by a float overflows inside jsonschema."""
    schema = JsonSchema({"multipleOf": 0.5})

    (violation,) = schema.violations(10**400)

    assert violation.expected == "a value that can be checked"


def test_long_values_are_shortened() -> None:
    """A message is short, whatever the value."""
    schema = JsonSchema({"type": "null", "properties": {}})

    many: JsonValue = {str(key): 1 for key in range(100)}
    values: list[JsonValue] = ["x" * 10_000, 10**500, many, {"k" * 999: 1}]
    for value in values:
        (violation,) = schema.violations(value)
        assert len(str(violation)) < 200


def test_a_kept_schema_is_a_copy() -> None:
    """Later changes of the caller's schema have no effect."""
    mine: dict[str, JsonValue] = {"type": "integer"}
    schema = JsonSchema(mine)

    mine["type"] = "string"

    assert schema.violations(1) == ()


def test_a_place_is_formatted_with_dots_and_brackets() -> None:
    """Dots between keys, brackets around positions."""
    violation = Violation(path=("a", 0, "b", 1, 2), expected="x", found="y")

    assert violation.place == "a[0].b[1][2]"


@pytest.mark.parametrize(
    "loop",
    [
        {"$ref": "#/$defs/loop"},
        {"oneOf": [{"$ref": "#/$defs/loop"}, {"type": "null"}]},
        {"not": {"$ref": "#/$defs/second"}},
    ],
)
def test_a_loop_inside_a_schema_ends_at_its_first_repetition(
    loop: JsonValue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the values that it is about cannot be checked; Python's stack is not used up."""
    monkeypatch.setattr(engine, "MAX_STEPS", 30)
    second: JsonValue = {"if": {"$ref": "#/$defs/loop"}, "type": "string"}
    schema = JsonSchema(
        {
            "properties": {"a": {"$ref": "#/$defs/loop"}, "b": {"type": "integer"}},
            "$defs": {"loop": loop, "second": second},
        }
    )

    assert schema.violations({"b": 1}) == ()
    [found] = schema.violations({"a": [1]})
    assert "too deep" in found.found


def test_a_recursion_error_in_rust_is_a_violation_too() -> None:
    """It comes as a panic, a direct subclass of `BaseException`; anything else ends the check."""

    def validator_that_raises(error: BaseException) -> Any:
        return SimpleNamespace(iter_errors=Mock(side_effect=error))

    panic = type("PanicException", (BaseException,), {})

    [found] = find_violations(validator_that_raises(panic("__eq__ failed!")), 1, limit=1)

    assert "too deep" in found.found
    with pytest.raises(KeyboardInterrupt):
        find_violations(validator_that_raises(KeyboardInterrupt()), 1, limit=1)
