"""Questions about numbers, units, times, days and files, for the tools that answer them."""

from collections.abc import Sequence

import pytest

from agentkit.chat import ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.known_questions import read_known
from agentkit.sandbox.planner.tool_knowledge import know
from tests.unit.sandbox.conftest import OURS, TODAY

Calls = list[tuple[str, dict[str, JsonValue], str]]


def _read(text: str, tools: Sequence[ToolSpec] = OURS) -> Calls:
    found = [one for tool in tools for one in read_known(text, know(tool), today=TODAY)]
    return [(one.tool.name, dict(one.arguments), one.sentence) for one in found]


@pytest.mark.parametrize(
    ("text", "expression", "sentence"),
    [
        ("What is 6 * 7", "6 * 7", "6 \u00d7 7 is {}."),
        ("15 / 4", "15 / 4", "15 \u00f7 4 is {}."),
        ("Calculate 2 ** 3", "2 ** 3", "2 ** 3 is {}."),
        ("how much is 12 plus 30", "12 + 30", "12 plus 30 is {}."),
        ("what 8 times 9 is", "8 * 9", "8 times 9 is {}."),
        ("Add 3 and 5", "3 + 5", "The result is {}."),
        ("What is 1, minus 2", "1 - 2", "1 minus 2 is {}."),
    ],
)
def test_arithmetic_goes_to_the_tool_with_an_expression(
    text: str, expression: str, sentence: str
) -> None:
    """In the answer, in the signs that people write."""
    assert _read(text) == [("calculate", {"expression": expression}, sentence)]


@pytest.mark.parametrize(
    ("text", "value", "source", "target"),
    [
        ("How many kilometres are 26.2 miles", 26.2, "miles", "kilometres"),
        ("Convert 72 degrees Fahrenheit to Celsius", 72, "degrees Fahrenheit", "Celsius"),
        ("26.2 miles in km", 26.2, "miles", "km"),
        ("1,000 m in km", 1000, "m", "km"),
        ("100F in C", 100, "F", "C"),
        ("what is -40 \u00b0C in \u00b0F", -40, "\u00b0C", "\u00b0F"),
        ("How many cups are in a liter", 1, "liter", "cups"),
        ("cups in a liter", 1, "liter", "cups"),
        ("what is an inch in cm", 1, "inch", "cm"),
        ("60 miles per hour in km/h", 60, "miles per hour", "km/h"),
        ("5 square feet in square metres", 5, "square feet", "square metres"),
        ("What is 5 ft 10 in in metres", 70, "in", "metres"),
        ("6 feet 2 inches in cm", 74, "inches", "cm"),
        ("5 feet and 10 inches in metres", 70, "inches", "metres"),
        ("2 pounds 3 ounces in kg", 35, "ounces", "kg"),
        ("1 h 30 min in seconds", 90, "min", "seconds"),
    ],
)
def test_units_are_converted_as_they_are_written(
    text: str, value: float, source: str, target: str
) -> None:
    """Of two units, the first is made into the second."""
    ((name, arguments, sentence),) = _read(text)

    assert name == "convert_units"
    assert arguments == {"value": value, "from_unit": source, "to_unit": target}
    assert sentence.endswith(" is {}.")


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("What time is it", []),
        ("what's the time right now", []),
        ("What's today's date", []),
        ("what day is it today", []),
        ("What day of the week is it", []),
        ("What time is it in Tokyo", ["Tokyo"]),
        ("what time is it in America/New_York now", ["America/New_York"]),
        ("What's the time in New York, London and Sydney", ["New York", "London", "Sydney"]),
        ("time in 'tokyo'", ["tokyo"]),
        ("What is the date in Lima", ["Lima"]),
    ],
)
def test_the_time_is_asked_for_each_place(text: str, places: list[str]) -> None:
    """Or for none, which is here."""
    arguments: list[dict[str, JsonValue]] = [{"timezone": place} for place in places]

    assert [(name, given) for name, given, _ in _read(text)] == [
        ("current_time", one) for one in arguments or [{}]
    ]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("How many days until 2026-12-24", "2026-11-21", "2026-12-24"),
        ("How many days are left until Christmas", "2026-11-21", "2026-12-25"),
        ("days to 1 January 2027", "2026-11-21", "2027-01-01"),
        ("How many days since 2026-11-01", "2026-11-01", "2026-11-21"),
        ("How many days are there between today and Friday", "2026-11-21", "2026-11-27"),
    ],
)
def test_days_are_counted_from_and_to_today(text: str, start: str, end: str) -> None:
    """Or between two dates."""
    ((name, arguments, _),) = _read(text)

    assert (name, arguments) == ("days_between", {"start": start, "end": end})


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("What is in the file notes.txt", [("read_file", {"path": "notes.txt"})]),
        ("what's in 'my notes.txt'", [("read_file", {"path": "my notes.txt"})]),
        ("What does docs/a.md say", [("read_file", {"path": "docs/a.md"})]),
        (
            "Read a.txt and b.txt",
            [("read_file", {"path": "a.txt"}), ("read_file", {"path": "b.txt"})],
        ),
        ("List all my files", [("list_files", {})]),
        ("Which files are there", [("list_files", {})]),
        ("Which files mention invoices", [("search_files", {"text": "invoices"})]),
        ('which files contain "to do"', [("search_files", {"text": "to do"})]),
        ("search the files for the word budget", [("search_files", {"text": "budget"})]),
    ],
)
def test_files_are_read_listed_and_searched(
    text: str, calls: list[tuple[str, dict[str, JsonValue]]]
) -> None:
    """Each by the tool of that name."""
    assert [(name, arguments) for name, arguments, _ in _read(text)] == calls


@pytest.mark.parametrize(
    "text",
    [
        "What time will it be in 3 hours",
        "What time is it in Tokyo, Japan",
        "What time is it in new york",
        "What is time",
        "What day of the week is 2026-12-24",
        "How many days until 3/4",
        "How many days until February 30",
        "5 feet 3 miles in metres",
        "100 km in miles and kilometres",
        "3 + 4 apples in 7 boxes",
        "What is in the box",
        "Which files mention the third invoice",
        "List the files in reverse order",
        "What is the sum",
    ],
)
def test_a_question_that_goes_on_is_none_of_these(text: str) -> None:
    """The pattern has to match all of it."""
    assert _read(text) == []


def test_a_tool_is_recognised_by_its_words_and_parameters() -> None:
    """Whatever its exact name; one that needs more is another tool."""
    text: JsonValue = {"type": "string"}
    schema: dict[str, JsonValue] = {"properties": {"city": text}, "required": ["city"]}
    clock = ToolSpec(name="local-time", description="", input_schema=schema)
    more: dict[str, JsonValue] = {"properties": {"city": text, "style": text}, "required": ["city"]}
    other = ToolSpec(name="local-time", description="", input_schema=more)

    assert [one[:2] for one in _read("What time is it in Oslo", [clock])] == [
        ("local-time", {"city": "Oslo"})
    ]
    assert _read("What time is it", [clock]) == []
    assert _read("What time is it in Oslo", [other]) == []
