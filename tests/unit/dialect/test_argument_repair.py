"""Argument text that is not what it should be: what may be repaired, and what may not."""

import json
import math
import time

import pytest

from agentkit.dialect.argument_repair import (
    RepairedArguments,
    object_text,
    read_arguments,
    repair_arguments,
)
from agentkit.dialect.coerce import coerce
from agentkit.dialect.lenient_json import LenientJsonError, parse_lenient
from agentkit.json_schema import JsonObject, JsonSchema, JsonValue

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "size": {"type": "number"},
        "admin": {"type": "boolean"},
        "unit": {"enum": ["c", "f"]},
        "level": {"enum": [1, 2, True]},
        "fixed": {"const": 3},
        "email": {"type": ["string", "null"]},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "choice": {"oneOf": [{"type": "integer"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "integer"}},
        "pair": {"prefixItems": [{"type": "integer"}], "items": {"type": "boolean"}},
        "list": {"type": "array"},
        "inner": {"$ref": "#/$defs/inner"},
        "any": {},
        "free": True,
    },
    "additionalProperties": False,
    "$defs": {
        "inner": {
            "type": "object",
            "properties": {"n": {"type": "integer"}, "child": {"$ref": "#/$defs/inner"}},
            "required": ["n"],
            "additionalProperties": {"type": "boolean"},
        },
    },
}
CHECK = JsonSchema(SCHEMA)


def is_valid(value: JsonValue) -> bool:
    """Check as a tool does."""
    return not CHECK.violations(value)


def repaired(text: str) -> tuple[JsonValue, list[str]] | None:
    """Return the arguments and what was repaired."""
    result = repair_arguments(text, schema=SCHEMA, is_valid=is_valid)
    if result is None:
        return None
    return result.value, [repair.kind for repair in result.repairs]


@pytest.mark.parametrize(
    ("text", "value", "kinds"),
    [
        pytest.param('{"name": "Bob"}', {"name": "Bob"}, [], id="right"),
        pytest.param("", {}, [], id="nothing"),
        pytest.param("  ", {}, [], id="space"),
        pytest.param("null", {}, ["null_arguments"], id="null"),
        pytest.param('{"age": "5"}', {"age": 5}, ["coerced_integer"], id="an integer as text"),
        pytest.param('{"age": "-12"}', {"age": -12}, ["coerced_integer"], id="a negative one"),
        pytest.param('{"size": "1.5"}', {"size": 1.5}, ["coerced_number"], id="a number as text"),
        pytest.param(
            '{"size": "2"}', {"size": 2}, ["coerced_integer"], id="an integer, as a number"
        ),
        pytest.param('{"size": "1e3"}', {"size": 1000.0}, ["coerced_number"], id="an exponent"),
        pytest.param('{"admin": "true"}', {"admin": True}, ["coerced_boolean"], id="true"),
        pytest.param('{"admin": "False"}', {"admin": False}, ["coerced_boolean"], id="False"),
        pytest.param('{"level": "2"}', {"level": 2}, ["coerced_integer"], id="an enum"),
        pytest.param('{"fixed": "3"}', {"fixed": 3}, ["coerced_integer"], id="a constant"),
        pytest.param('{"choice": "4"}', {"choice": 4}, ["coerced_integer"], id="an alternative"),
        pytest.param(
            '{"tags": ["1", 2]}', {"tags": [1, 2]}, ["coerced_integer"], id="inside a list"
        ),
        pytest.param(
            '{"pair": ["1", "true"]}',
            {"pair": [1, True]},
            ["coerced_integer", "coerced_boolean"],
            id="by place",
        ),
        pytest.param(
            '{"tags": "[1, \\"2\\"]"}',
            {"tags": [1, 2]},
            ["decoded_array", "coerced_integer"],
            id="a list as text",
        ),
        pytest.param(
            '{"inner": "{\\"n\\": 1}"}',
            {"inner": {"n": 1}},
            ["decoded_object"],
            id="an object as text",
        ),
        pytest.param(
            '{"inner": {"n": 1, "child": {"n": "2", "x": "true"}}}',
            {"inner": {"n": 1, "child": {"n": 2, "x": True}}},
            ["coerced_integer", "coerced_boolean"],
            id="deep inside",
        ),
        pytest.param('{"unit": null}', {}, ["dropped_null"], id="an optional null"),
        pytest.param('{"email": null}', {"email": None}, [], id="a null that is allowed"),
        pytest.param(
            '{"age": "5", "any": null}',
            {"age": 5, "any": None},
            ["coerced_integer"],
            id="a null that may be anything",
        ),
        pytest.param("{'name': 'Bob'}", {"name": "Bob"}, ["python_literal"], id="Python"),
        pytest.param(
            "{'name': \"what's up\", 'admin': True, 'email': None,}",
            {"name": "what's up", "admin": True, "email": None},
            ["python_literal"],
            id="Python of all kinds",
        ),
        pytest.param(
            "{'name': 'it\\'s \\n'}",
            {"name": "it's \n"},
            ["python_literal"],
            id="Python escapes",
        ),
        pytest.param('{"name": "a\\_b"}', {"name": "a_b"}, ["illegal_escape"], id="Markdown"),
        pytest.param('{"name": "it\\\'s"}', {"name": "it's"}, ["illegal_escape"], id="JavaScript"),
        pytest.param('{"name": "a\nb"}', {"name": "a\nb"}, ["raw_line_break"], id="a line break"),
        pytest.param('```json\n{"age": 5}\n```', {"age": 5}, ["fenced"], id="a fence"),
        pytest.param('{"age": 5}}', {"age": 5}, ["trailing_text"], id="a bracket too many"),
        pytest.param('{"age": 5} done', {"age": 5}, ["trailing_text"], id="words after it"),
        pytest.param('{"age": 5}</s>', {"age": 5}, ["trailing_text"], id="a special token"),
        pytest.param(
            '{"age": 5}[TOOL_RESULTS]{"age": 6}',
            {"age": 5},
            ["trailing_text"],
            id="an invented result",
        ),
        pytest.param('"{\\"age\\": 5}"', {"age": 5}, ["double_encoded"], id="encoded twice"),
        pytest.param('""', {}, ["double_encoded"], id="nothing, encoded twice"),
        pytest.param(
            '"{\'age\': \\"5\\"}"',
            {"age": 5},
            ["double_encoded", "python_literal", "coerced_integer"],
            id="several at once",
        ),
        pytest.param(
            "{'name': '\\ud83d\\ude00\\u00e9'}", {"name": "😀é"}, ["python_literal"], id="halves"
        ),
    ],
)
def test_arguments_are_repaired_if_nothing_is_guessed(
    text: str, value: JsonValue, kinds: list[str]
) -> None:
    """And each repair is named."""
    assert repaired(text) == (value, kinds)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"age": "3.14"}', id="no rounding"),
        pytest.param('{"age": "5 years"}', id="no words"),
        pytest.param('{"age": "05"}', id="no octal"),
        pytest.param('{"age": "٣"}', id="no foreign digits"),
        pytest.param(f'{{"age": "{"9" * 400}"}}', id="no digits without end"),
        pytest.param('{"size": "0.1234567890123456789"}', id="no lost digits"),
        pytest.param('{"size": "1e999"}', id="no infinity"),
        pytest.param('{"size": "NaN"}', id="no NaN"),
        pytest.param('{"admin": "yes"}', id="no yes"),
        pytest.param('{"admin": 1}', id="no truth of numbers"),
        pytest.param('{"name": 5}', id="no text from a number"),
        pytest.param('{"nme": "x"}', id="no likeness of names"),
        pytest.param('{"inner": {"n": null}}', id="a required null"),
        pytest.param('{"tags": "1, 2"}', id="no lists from commas"),
        pytest.param('{"tags": "[1, 2"}', id="no completion of lists"),
        pytest.param('{"inner": "[1]"}', id="another type inside"),
        pytest.param('{"age": [1]}', id="a list for a number"),
        pytest.param('["Bob"]', id="a list"),
        pytest.param("5", id="a number"),
        pytest.param('"Bob"', id="a text"),
        pytest.param('"\\"\\\\\\"x\\\\\\"\\""', id="encoded again and again"),
        pytest.param('{"age": 5} wait, it should be 6: {"age": 6}', id="a corrected object"),
        pytest.param('{"age": 5} {"age": 6}', id="two objects"),
        pytest.param('{"age": 5}</tool_call>{"age": 6}', id="two objects and a closing mark"),
        pytest.param('{"age": 5} set_age{"age": 6}', id="another call"),
        pytest.param('{"age": 5}}, "age": 6}', id="another member"),
        pytest.param('{"age": 5} or maybe 6', id="another number"),
        pytest.param('{"age": 5}, "Bob"', id="another text"),
        pytest.param('{"age": 5} make age six', id="the name of an argument"),
        pytest.param('{"age": 5} Sorry, six.', id="words of a correction"),
        pytest.param('{"age": 5}[/TOOL_CALLS] {"age": 6}', id="an object behind the closing mark"),
        pytest.param('{"name": "Bob"', id="not ended"),
        pytest.param('{"name": "Bob', id="not ended in a text"),
        pytest.param('{"name": Bob}', id="an unquoted word"),
        pytest.param("{name: 'Bob'}", id="an unquoted key"),
        pytest.param("{'name': 'what's up'}", id="quotes in disorder"),
        pytest.param("{'name' 'Bob'}", id="no colon"),
        pytest.param("{'name': 'a' 'age': 1}", id="no comma"),
        pytest.param("{'name': 'a',, 'age': 1}", id="two commas"),
        pytest.param("{'name': 'a', 'name': 'b'}", id="a key twice"),
        pytest.param('{"name": "a", "name": "b"}', id="a key twice, in JSON"),
        pytest.param('{"size": NaN}', id="unquoted NaN"),
        pytest.param("{'size': 1e999}", id="a number too large"),
        pytest.param("{'age': 1_000}", id="Python's digits"),
        pytest.param(f"{{'age': {'9' * 2000}}}", id="digits without end"),
        pytest.param('{"name": "C:\\Users"}', id="a Windows path"),
        pytest.param('{"name": "\\d+\\.\\d"}', id="a regular expression"),
        pytest.param("{'name': '\\ud83d'}", id="half a character"),
        pytest.param("{'name': '\\ude00\\ud83d'}", id="halves the wrong way round"),
        pytest.param("{'name': 'a\x00b'}", id="a control character"),
        pytest.param('{"age": 5}{"age": 6}', id="two objects"),
        pytest.param('{"age": 5}, "name": "x"}', id="closed too early"),
        pytest.param('```json\n{"age": 5}\n{"age": 6}\n```', id="two objects in a fence"),
        pytest.param("{'name': (1, 2)}", id="a tuple"),
        pytest.param("__import__('os')", id="code"),
        pytest.param("<tool>", id="a tag"),
    ],
)
def test_arguments_that_need_a_guess_are_refused(text: str) -> None:
    """The model is asked again instead."""
    assert repaired(text) is None


@pytest.mark.parametrize("text", ["[]", " [ ]\n"])
def test_an_empty_list_stands_for_no_arguments_of_a_tool_that_takes_none(text: str) -> None:
    """PHP encodes an empty object so. A tool with parameters may have been meant to get some."""

    def read(schema: JsonObject) -> RepairedArguments | None:
        return repair_arguments(text, schema=schema, is_valid=lambda value: value == {})

    empty = read({"type": "object", "properties": {}})

    assert empty is not None
    assert empty.value == {}
    assert [(one.kind, one.changes_values) for one in empty.repairs] == [
        ("empty_list_arguments", False)
    ]
    assert read({"type": "object", "properties": {"city": {"type": "string"}}}) is None


def test_text_that_the_schema_allows_is_never_decoded() -> None:
    """A tool that writes files gets the text that was meant."""
    text = json.dumps({"name": '{"a": 1}', "either": "5", "any": "5", "free": "[1]", "email": "1"})

    assert repaired(text) == (json.loads(text), [])
    assert coerce(json.loads(text), SCHEMA) == (json.loads(text), [])


def test_a_repair_names_its_position_and_values() -> None:
    """It is shown to people, shortened."""
    result = repair_arguments(
        '{"inner": {"n": "1"}, "tags": ["2"]}', schema=SCHEMA, is_valid=is_valid
    )

    assert result is not None
    assert [(m.before, m.after) for m in result.repairs] == [
        ("inner.n: '1'", "inner.n: 1"),
        ("tags[0]: '2'", "tags[0]: 2"),
    ]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"$ref": "https://example.com/x"}, "5"),
        ({"$ref": "#/$defs/a/type/x", "$defs": {"a": {"type": "integer"}}}, "5"),
        ({"$ref": "#"}, "5"),
        ({"$ref": 5, "type": 5, "enum": 5, "anyOf": [5]}, "5"),
        ({"anyOf": [{"$ref": "#"}, {"type": "integer"}]}, 5),
    ],
)
def test_a_missing_or_circular_reference_is_harmless(schema: JsonObject, value: JsonValue) -> None:
    """Schemas come from third parties too."""
    assert coerce("5", schema)[0] == value


def test_a_value_of_another_type_than_an_object_is_coerced_too() -> None:
    """Coercion works on any value, not only on arguments."""
    assert coerce("[1]", {"type": "array"})[0] == [1]
    assert coerce("[1]", {"type": "string"}) == ("[1]", [])


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, '{"a":' * 40_000, "{'a':" * 40_000, "'" + "\\_" * 100_000, "'" * 200_000],
    ids=["lists", "objects", "Python", "escapes", "quotes"],
)
def test_long_invalid_text_is_refused_fast(text: str) -> None:
    """In linear time, for any content."""
    started = time.process_time()

    assert read_arguments(text) is None
    assert object_text(text) == "{}"

    assert time.process_time() - started < 5


def test_a_value_is_read_from_the_middle_of_a_text() -> None:
    """The caller decides about the text after it."""
    found = parse_lenient("see [1, -2.5, true, null] and", 4)

    assert (found.value, found.end, found.deviations) == ([1, -2.5, True, None], 25, frozenset())


@pytest.mark.parametrize("text", ["", "   ", "[1", "[1 2]", "-", "01", "nul", "{1: 2}", "'"])
def test_text_without_a_value_is_an_error(text: str) -> None:
    """A part of a value is never returned."""
    with pytest.raises(LenientJsonError):
        parse_lenient(text)


@pytest.mark.parametrize("number", ["0", "-0.0", "1.5e-3", "123456789012345678901234567890"])
def test_numbers_are_read_as_json_reads_them(number: str) -> None:
    """The same value, bit by bit."""
    found = parse_lenient(number).value
    expected = json.loads(number)

    assert isinstance(found, int | float)
    assert type(found) is type(expected)
    assert math.copysign(1, found) == math.copysign(1, expected)
    assert found == expected


@pytest.mark.parametrize(
    "text",
    [
        "{'a': '" + "x" * 2_000_000 + "'}",
        "{'a': '\ud800'}",
        '{"a": 1} {',
        "```json\n" + " " * 100_000 + "{'a': 1}",
    ],
    ids=["too long", "half a character", "two values", "a fence without an end"],
)
def test_a_value_beyond_an_encoding_or_a_bound_is_an_error(text: str) -> None:
    """In any of the formats."""
    assert repair_arguments(text, schema={}, is_valid=lambda _: True) is None


def test_escapes_are_read_alike_in_both_quotes() -> None:
    """In runs, and one by one."""
    text = "{'a': '\\\\\\n\\t\\/\\\\', 'b': \"\\\\\\\"\\u00e9\"}"

    repaired = repair_arguments(text, schema={}, is_valid=lambda _: True)

    assert repaired is not None
    assert repaired.value == {"a": "\\\n\t/\\", "b": '\\"é'}


def test_a_repair_never_quotes_a_lone_surrogate() -> None:
    """No log and no event could carry it."""
    repaired = repair_arguments('{"a": 1} \ud800', schema={}, is_valid=lambda _: True)

    assert repaired is not None
    assert [one.before for one in repaired.repairs] == ['{"a": 1} ?']
