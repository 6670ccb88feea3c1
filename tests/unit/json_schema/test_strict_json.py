"""Strict JSON: what is no JSON is refused, within bounds, in words."""

import time

import pytest

from agentkit.json_schema import JsonTextError, parse_json
from agentkit.json_schema.strict_json import depth_of


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
def test_json_is_read(text: str, value: object) -> None:
    """As `json.loads` reads it."""
    found = parse_json(text)

    assert value is None or found == value


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
        ('{"a": 1, "b": {"a": 1, "a": 2}}', "the key 'a' stands twice"),
        ('{"' + "k" * 90 + '": 1, "' + "k" * 90 + '": 2}', "…' stands twice"),
        ("[" * 65 + "]" * 65, "more than 64 deep"),
        ('{"a":' * 2000 + "1" + "}" * 2000, "more than 64 deep"),
        ('"\\ud83d"', "half a character (\\ud83d)"),
        ('{"\\udc00": 1}', "half a character (\\udc00)"),
        ('"\ud83d"', "half a character (\\ud83d)"),
        ('"a\nb"', "control character"),
        ("\ufeff{}", "character 0 near '\\ufeff{}'"),
    ],
)
def test_what_is_no_strict_json_is_refused(text: str, complaint: str) -> None:
    """The message says what and where."""
    with pytest.raises(JsonTextError) as caught:
        parse_json(text)

    assert complaint in str(caught.value)


def test_text_over_the_limit_is_not_read() -> None:
    """The limit is said."""
    with pytest.raises(JsonTextError, match="it has 11 characters, and at most 10 are read"):
        parse_json('"aaaaaaaaa"', max_characters=10)


@pytest.mark.parametrize(
    "unit", ["[", '{"a":', "[{", '"\\', "[],", "1,", '{"a":[', "\\ud83d", "9", "[1.5,", '""']
)
def test_a_megabyte_of_anything_costs_little(unit: str) -> None:
    """Linear time: a quadratic reader would need minutes."""
    text = (unit * 1_000_000)[:1_000_000]
    started = time.process_time()

    with pytest.raises(JsonTextError):
        parse_json(text)

    assert time.process_time() - started < 2


def test_a_wide_value_is_not_a_deep_one() -> None:
    """Only nesting is bounded."""
    text = "[" + ",".join(['{"a": []}'] * 1000) + "]"

    assert len(parse_json(text)) == 1000  # type: ignore[arg-type]  # it is a list


def test_depth_counts_containers_inside_each_other() -> None:
    """A plain value has none."""
    assert depth_of(1, 9) == 0
    assert depth_of([], 9) == 1
    assert depth_of([{"a": [1]}, 2], 9) == 3
    assert depth_of([[[[]]]], 2) == 3
