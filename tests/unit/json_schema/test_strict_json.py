"""JSON is parsed strictly and within bounds, with messages for the model."""

import time

import pytest

from agentkit.json_schema import JsonTextError, JsonValue, parse_json
from agentkit.json_schema.strict_json import LARGE_TEXT, LossyFloat, depth_of

PADDING = " " * LARGE_TEXT
"""Large texts are parsed in another way, with the same result."""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (' {"a": [1, 2.5, "ü", null, true]} ', {"a": [1, 2.5, "ü", None, True]}),
        ('"\\ud83d\\ude00"', "😀"),
        ("[" * 64 + "]" * 64, None),
        ("1e300", 1e300),
        ("9" * 1000, int("9" * 1000)),
        ('["[[[[", "{{{{"]', ["[[[[", "{{{{"]),
    ],
)
def test_strict_json_is_parsed(text: str, value: object) -> None:
    """As `json.loads` parses it."""
    found = parse_json(text)

    assert value is None or found == value
    assert parse_json(text + PADDING) == found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Expecting value at character 0"),
        ("{'a': 1}", "character 1 near \"{'a': 1}\""),
        ('{"a": 1} x', "Extra data at character 9"),
        ("NaN", "NaN is not a JSON number"),
        ("[-Infinity]", "-Infinity is not a JSON number"),
        ("1e999", "the number 1e999 is too large"),
        ("-" + "9" * 400 + ".0", "is too large"),
        ("9" * 1001, "a number has 1,001 digits"),
        ('{"a": 1, "b": {"a": 1, "a": 2}}', "the key 'a' is a duplicate"),
        ('{"' + "k" * 90 + '": 1, "' + "k" * 90 + '": 2}', "…' is a duplicate"),
        ("[" * 65 + "]" * 65, "more than 64 deep"),
        ('{"a":' * 2000 + "1" + "}" * 2000, "more than 64 deep"),
        ('"\\ud83d"', "a lone surrogate (\\ud83d)"),
        ('{"\\udc00": 1}', "a lone surrogate (\\udc00)"),
        ('"\ud83d"', "a lone surrogate (\\ud83d)"),
        ('"a\nb"', "control character"),
        ("\ufeff{}", "character 0 near '\\ufeff{}'"),
    ],
)
def test_text_that_is_not_strict_json_is_rejected(text: str, complaint: str) -> None:
    """The message gives the reason and the position."""
    with pytest.raises(JsonTextError) as caught:
        parse_json(text)

    assert complaint in str(caught.value)
    with pytest.raises(JsonTextError):
        parse_json(text + PADDING)


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("0.12345678901234567890", 0.12345678901234568, LossyFloat),
        ("0.123456789012345", 0.123456789012345, float),
        ("1e22", 1e22, float),
        ("-0.0", 0.0, float),
        ("12345678901234567890", 12345678901234567890, int),
        ('"C:\\\\"', "C:\\", str),
        (r'"\"1e5\" \\"', '"1e5" \\', str),
        ('"a3e7-1234-4123-8123-1234"', "a3e7-1234-4123-8123-1234", str),
    ],
)
def test_large_texts_give_the_same_values(text: str, value: JsonValue, kind: type) -> None:
    """Also if they hold what has to be examined."""
    for written in (text, text + PADDING):
        found = parse_json(f'{{"a": [{written}]}}')
        assert found == {"a": [value]}
        assert type(found["a"][0]) is kind  # type: ignore[index]  # shown above


def test_text_over_the_limit_is_rejected() -> None:
    """The message gives the limit."""
    with pytest.raises(JsonTextError, match="it has 11 characters, and at most 10 are read"):
        parse_json('"aaaaaaaaa"', max_characters=10)


@pytest.mark.parametrize(
    "unit", ["[", '{"a":', "[{", '"\\', "[],", "1,", '{"a":[', "\\ud83d", "9", "[1.5,", '""']
)
def test_a_megabyte_of_anything_costs_little(unit: str) -> None:
    """Parsing is linear: quadratic time would be minutes."""
    text = (unit * 1_000_000)[:1_000_000]
    started = time.process_time()

    with pytest.raises(JsonTextError):
        parse_json(text)

    assert time.process_time() - started < 2


def test_a_wide_value_is_not_a_deep_one() -> None:
    """Only the nesting is bounded."""
    text = "[" + ",".join(['{"a": []}'] * 1000) + "]"

    assert len(parse_json(text)) == 1000  # type: ignore[arg-type]  # it is a list


def test_depth_counts_nested_containers() -> None:
    """A scalar has depth 0."""
    assert depth_of(1, 9) == 0
    assert depth_of([], 9) == 1
    assert depth_of([{"a": [1]}, 2], 9) == 3
    assert depth_of([[[[]]]], 2) == 3
