"""Untrusted patterns are matched with untrusted text in bounded time."""

import pytest

from agentkit.json_schema import JsonSchema, JsonSchemaError, JsonValue
from agentkit.json_schema.pattern import (
    PatternError,
    UnmatchedError,
    check_pattern,
    has_match,
    is_nested,
)

LONG = "a" * 100_000 + "!"
NAMES: dict[str, JsonValue] = {f"{'a' * 60}{end}": 1 for end in "!?"}


@pytest.mark.parametrize(
    ("pattern", "is_found"),
    [
        (r"(a+)+$", False),
        (r"(a|a)*$", True),
        (r"(a|aa)+$", False),
        (r"([a-zA-Z]+)*$", True),
        (r"(.*a){20}$", False),
    ],
)
def test_a_catastrophic_pattern_takes_linear_time(pattern: str, is_found: bool) -> None:
    """Python's engine would need years, so the test would exceed its time limit."""
    check_pattern(pattern)

    assert has_match(pattern, LONG) is is_found


@pytest.mark.parametrize(
    ("pattern", "text", "is_found"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        (r"^[^\/]+$", "a.b", True),
        (r"^(?=.*\d)(?=.*[a-z]).{4,}$", "abc1", True),
        (r"^(?=.*\d)(?=.*[a-z]).{4,}$", "abcd", False),
        (r"^(?!con$)\w+$", "con", False),
        (r"^(.)\1$", "aa", True),
    ],
)
def test_a_pattern_is_found_anywhere(pattern: str, text: str, is_found: bool) -> None:
    """As JSON Schema requires; also with lookaround and back references."""
    check_pattern(pattern)

    assert has_match(pattern, text) is is_found


def test_a_pattern_that_cannot_be_bounded_is_rejected() -> None:
    """Lookaround with nested repeats; for a harmless one, a long text."""
    for pattern in (r"(?=a)(a+)+$", r"(?=a)(x(a*)y)*$", r"(?=.)a*a*a*a*a*b", "(", r"\Z("):
        with pytest.raises(PatternError):
            check_pattern(pattern)
    with pytest.raises(UnmatchedError, match="at most 256"):
        has_match(r"(?=a)a*b", "a" * 257)


def test_a_schema_with_an_unbounded_pattern_is_rejected() -> None:
    """However ordinary its other keywords are."""
    for pattern in (r"(?=a)(a+)+$", "("):
        with pytest.raises(JsonSchemaError, match="the pattern"):
            JsonSchema({"type": "object", "properties": {"a": {"pattern": pattern}}})


def test_only_real_repeats_are_counted() -> None:
    """Not characters of classes or escaped ones."""
    assert not is_nested(r"[(a+)+]*\(\+\)*(a{2})*)+")
    assert is_nested(r"(b(a{2,})c)+")


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"x": {"pattern": r"(a+)+$"}}},
        {"patternProperties": {r"^(a+)+$": {"type": "string"}}},
        {"patternProperties": {r"^(a+)+$": {}}, "additionalProperties": False},
        {"patternProperties": {r"^(a+)+$": {}}, "additionalProperties": {"type": "integer"}},
    ],
    ids=["pattern", "names", "other names", "values of others"],
)
def test_every_keyword_with_patterns_is_bounded(schema: dict[str, JsonValue]) -> None:
    """Also the keywords that match the names of fields."""
    check = JsonSchema(schema)

    assert check.violations({"x": LONG, **NAMES}) is not None


def test_values_of_other_fields_are_checked() -> None:
    """Those that no other keyword names."""
    check = JsonSchema(
        {
            "properties": {"a": {}},
            "patternProperties": {"^x": {}},
            "additionalProperties": {"type": "integer"},
        }
    )

    assert [one.place for one in check.violations({"a": "", "x1": "", "b": "", "c": 1})] == ["b"]


def test_patterns_with_unevaluated_properties_must_be_linear() -> None:
    """Jsonschema matches those itself."""
    check = JsonSchema({"patternProperties": {"^x+$": {}}, "unevaluatedProperties": False})
    assert not check.violations({"xx": 1})

    with pytest.raises(JsonSchemaError, match="unevaluatedProperties"):
        JsonSchema({"patternProperties": {"^(x+)+$": {}}, "unevaluatedProperties": False})


def test_a_text_that_is_too_long_for_its_pattern_is_invalid() -> None:
    """The message says so, and the check ends quickly."""
    check = JsonSchema({"properties": {"x": {"pattern": r"^(?=a)a*$"}}})

    assert not check.violations({"x": "aaa"})
    assert [one.place for one in check.violations({"x": "a" * 300})] == ["x"]
