"""Untrusted patterns on untrusted texts, in bounded time."""

import pytest

from agentkit.json_schema import JsonSchema, JsonValue
from agentkit.json_schema.pattern import MAX_PATTERN_CHARACTERS, has_match, is_supported

LONG = "a" * 100_000 + "!"
NAMES: dict[str, JsonValue] = {f"{'a' * 60}{end}": 1 for end in "!?"}

EMAIL = (  # as zod 4 writes it
    r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@"
    r"([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$"
)
UNSUPPORTED = {
    "lookahead": r"^(?=.*\d)(?=.*[a-z]).{4,}$",
    "negative lookahead": r"^(?!con$)\w+$",
    "lookbehind of any width": r"(?<=a+)b",
    "back reference": r"^(.)\1$",
    "e-mail address of zod": EMAIL,
    "optional parts": r"(?=a)" + "a?" * 30 + "a" * 30,
    "nested repeats": r"(?=a)(a+)+$",
    "not a pattern": "(",
    "too long": "a" * (MAX_PATTERN_CHARACTERS + 1),
    "too large when compiled": r"(\w{1,100} ?){1,100}$",
}


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
    assert has_match(pattern, LONG) is is_found


@pytest.mark.parametrize(
    ("pattern", "text", "is_found"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        (r"^[^\/]+$", "a.b", True),
        (r"^[\p{L}\p{M} ]+$", "天气", True),
        (r"^\d{4}-\d{2}$", "2024-5", False),
        (r"^(?:[a-z]{1,10}\.){1,5}$", "a.b.", True),
    ],
)
def test_a_pattern_is_found_anywhere(pattern: str, text: str, is_found: bool) -> None:
    """As JSON Schema specifies it."""
    assert is_supported(pattern)
    assert has_match(pattern, text) is is_found


@pytest.mark.parametrize("pattern", UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_a_pattern_that_takes_more_than_linear_time_is_not_checked(pattern: str) -> None:
    """There is no fallback to Python's engine, for short texts either."""
    assert not is_supported(pattern)
    assert has_match(pattern, "a") is None
    assert has_match(pattern, LONG) is None


@pytest.mark.parametrize(
    "pattern",
    [
        r"[ab]*a[ab]{9000}c",
        r"(?:[ab]{0,400}a){20}c",
        r"(?:(?:a|b){50}){50}c",
        r"[ab]*a(?:[ab]{3000}|c)$",
    ],
)
def test_a_text_too_long_for_a_large_pattern_is_not_checked(pattern: str) -> None:
    """Linear time with thousands of states is minutes."""
    assert has_match(pattern, "ab" * 100_000) is None
    assert has_match(pattern, "ab") is False


@pytest.mark.parametrize("pattern", UNSUPPORTED.values(), ids=UNSUPPORTED)
@pytest.mark.parametrize("keyword", ["pattern", "patternProperties"])
def test_a_schema_with_an_unsupported_pattern_is_usable(pattern: str, keyword: str) -> None:
    """It lists the pattern as not checked, and every value passes it."""
    inner: JsonValue = pattern if keyword == "pattern" else {pattern: {"type": "null"}}
    check = JsonSchema({"type": "object", "properties": {"a": {keyword: inner}}})

    assert check.unchecked_patterns == (pattern,)
    assert check.violations({"a": "x"}) == ()
    assert check.violations({"a": {"b": 1}}) == ()


def test_patterns_in_data_are_not_patterns_of_the_schema() -> None:
    """A default or an enum may have any names."""
    data: JsonValue = {"pattern": "(?=a)"}
    check = JsonSchema({"default": data, "enum": [data], "properties": {"pattern": {}}})

    assert check.unchecked_patterns == ()


@pytest.mark.parametrize(
    ("schema", "is_valid"),
    [
        ({"properties": {"x": {"pattern": r"(a+)+$"}}}, False),
        ({"patternProperties": {r"^(a+)+$": {"type": "string"}}}, True),
        ({"patternProperties": {r"^(a+)+$": {}}, "additionalProperties": False}, False),
        (
            {"patternProperties": {r"^(a+)+$": {}}, "additionalProperties": {"type": "integer"}},
            False,
        ),
        ({"patternProperties": {r"^(a+)+$": {}}, "unevaluatedProperties": False}, False),
        ({"propertyNames": {"pattern": r"^(a+)+$"}}, False),
        (
            {
                "allOf": [{"patternProperties": {r"^(a+)+$": {}}}],
                "unevaluatedProperties": {"type": "string"},
            },
            False,
        ),
    ],
    ids=["pattern", "names", "others", "values of others", "unevaluated", "all names", "nested"],
)
def test_every_keyword_with_patterns_is_bounded(
    schema: dict[str, JsonValue], is_valid: bool
) -> None:
    """Also those that match the names of fields."""
    check = JsonSchema(schema)

    assert (check.violations({"x": LONG, **NAMES}) == ()) is is_valid


@pytest.mark.parametrize(
    "keyword", ["additionalProperties", "unevaluatedProperties"], ids=["additional", "unevaluated"]
)
def test_a_name_that_an_unsupported_pattern_may_match_is_not_one_too_many(keyword: str) -> None:
    """What cannot be checked is not refused."""
    check = JsonSchema({"patternProperties": {"^(?=x)x+$": {}}, keyword: False})

    assert check.violations({"y": 1}) == ()


def test_values_of_other_fields_are_checked() -> None:
    """Those that are named nowhere."""
    check = JsonSchema(
        {
            "properties": {"a": {}},
            "patternProperties": {"^x": {}},
            "additionalProperties": {"type": "integer"},
        }
    )

    assert [one.place for one in check.violations({"a": "", "x1": "", "b": "", "c": 1})] == ["b"]
