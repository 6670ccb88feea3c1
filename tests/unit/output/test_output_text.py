"""Structured output is read from text."""

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, field_validator

from agentkit.output.output_text import read_text
from agentkit.output.output_type import MAX_ANSWER_CHARACTERS, OutputSettings, OutputType, read_type
from agentkit.tools.validate import ReadyCall


class City(BaseModel):
    """A city."""

    name: str
    people: int

    @field_validator("name")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value == "Nowhere":
            raise ValueError("no such city")
        return value


class Options(BaseModel):
    """A type without required properties."""

    deep: bool = False


def _type(annotation: Any) -> OutputType[Any]:
    return read_type(annotation, settings=OutputSettings())


CITY, OPTIONS = _type(City), _type(Options)
OSLO = City(name="Oslo", people=700)
WRITTEN = '{"name": "Oslo", "people": 700}'


def _read(text: str, output: OutputType[Any]) -> tuple[object, list[str]] | str:
    """Return the value and the kinds of its repairs, or the reason."""
    found = read_text(text, output)
    if isinstance(found, str):
        return found
    return output.read(found.bound), [repair.kind for repair in found.repairs]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (WRITTEN, []),
        (f"\n  {WRITTEN}\n", []),
        (f"```json\n{WRITTEN}\n```", ["fenced"]),
        (f"Here it is:\n```json\n{WRITTEN}\n```\nAnything else?", ["json_in_text"]),
        (f"The answer is {WRITTEN}", ["json_in_text"]),
        (f"The answer is {WRITTEN}}}", ["json_in_text"]),
        (f"A set {{a, b}} and then {WRITTEN}", ["json_in_text"]),
        (f"{WRITTEN} or, again: {WRITTEN}", ["json_in_text"]),
        ("{'name': 'Oslo', 'people': 700}", ["python_literal"]),
    ],
    ids=[
        "plain",
        "spaced",
        "fenced",
        "fence in text",
        "at the end",
        "bracket",
        "set",
        "twice",
        "python",
    ],
)
def test_an_object_is_found_however_it_is_wrapped(text: str, kinds: list[str]) -> None:
    """The repairs are reported."""
    assert _read(text, CITY) == (OSLO, kinds)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Oslo has 700 people.", "it is not one JSON object"),
        ("", "it is not one JSON object"),
        ("[1, 2]", "it is not one JSON object"),
        ("null", "it is not one JSON object"),
        ("{{{{{{", "it is not one JSON object"),
        ('{"name": "Oslo"}', "people"),
        ('Well: {"name": "Oslo"}.', "people"),
        ('{"name": "Nowhere", "people": 0}', "no such city"),
        (f"The answer is {WRITTEN}. Bye!", "text follows the JSON object"),
        (f"The answer is not {WRITTEN}.", "text follows the JSON object"),
        (f"{WRITTEN} would be wrong.", "text follows the JSON object"),
        (f'{WRITTEN} or {{"name": "Bergen", "people": 300}}', "several JSON objects"),
        ('{"name": "Oslo", "people": 7', "it is not one JSON object"),
        ("{" * 40 + WRITTEN, "it is not one JSON object"),
        ("x" * (MAX_ANSWER_CHARACTERS + 1), "at most 2,000,000 are read"),
    ],
    ids=["words", "nothing", "list", "null", "braces", "missing", "missing in text", "validator",
         "among words", "denied", "wrong", "two", "cut", "deep", "long"],
)  # fmt: skip
def test_text_without_a_valid_answer_gives_a_reason(text: str, reason: str) -> None:
    """Worded so that the model can do better."""
    answer = _read(text, CITY)

    assert isinstance(answer, str)
    assert reason in answer


def test_an_object_without_a_property_of_the_type_is_not_an_answer() -> None:
    """If nothing is required, any object would be valid."""
    assert isinstance(_read("Use {} or {'a': 1} as you like.", OPTIONS), str)
    assert _read("So: {'deep': true}", OPTIONS) == (
        Options(deep=True), ["json_in_text", "python_literal"]
    )  # fmt: skip
    assert _read("{}", OPTIONS) == (Options(), [])


def test_prose_is_not_an_unwrapped_value() -> None:
    """Nor is a value at the beginning of prose."""
    assert _read("forty-two", _type(int)) == "it is not one JSON object"
    assert _read("42 or so", _type(int)) == "it is not one JSON object"


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (int, "42", 42),
        (int, "```\n42\n```", 42),
        (list[int], "[1, 2]", [1, 2]),
        (Literal["yes", "no"], '"yes"', "yes"),
        (int | None, "null", None),
    ],
    ids=["number", "fenced", "list", "text", "nothing"],
)
def test_an_unwrapped_value_is_wrapped(annotation: Any, text: str, value: object) -> None:
    """It has no other reading."""
    assert _read(text, _type(annotation)) == (value, ["unwrapped_value"])


def test_a_wrapped_value_is_not_wrapped_again() -> None:
    """Although the type would accept that too."""
    assert _read('{"result": 5}', _type(dict[str, Any] | int)) == (5, [])


@given(st.text(alphabet='{}[]":,` \nabc012\\', max_size=200))
def test_any_text_gives_a_value_or_a_reason(text: str) -> None:
    """The reader never raises."""
    found = read_text(text, CITY)

    assert isinstance(found, ReadyCall) or found


@given(st.text(max_size=30), st.integers(-(10**9), 10**9))
def test_an_encoded_value_is_read_back(name: str, people: int) -> None:
    """For any value."""
    city = City.model_construct(name=name, people=people)
    if name != "Nowhere":
        assert _read(city.model_dump_json(), CITY) == (city, [])
