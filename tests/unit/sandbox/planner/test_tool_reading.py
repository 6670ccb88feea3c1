"""Questions that name a tool and its arguments."""

from datetime import date

import pytest

from agentkit.chat import ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.question_tokens import tokenize
from agentkit.sandbox.planner.tool_knowledge import know
from agentkit.sandbox.planner.tool_reading import ToolReading

TODAY = date(2026, 11, 21)
TEXT: JsonValue = {"type": "string"}
NUMBER: JsonValue = {"type": "number"}


def _read(text: str, name: str, required: str = "", /, **properties: JsonValue) -> ToolReading:
    schema: dict[str, JsonValue] = {
        "type": "object",
        "properties": properties,
        "required": [*required.split()],
        "additionalProperties": False,
    }
    tool = know(ToolSpec(name=name, description="", input_schema=schema))
    tokens = [one for one in tokenize(text, today=TODAY) if one.word not in (".", "?")]
    return ToolReading(text, tokens, tool)


def _calls(reading: ToolReading) -> list[dict[str, JsonValue]]:
    return [dict(one.arguments) for one in reading.calls]


@pytest.mark.parametrize(
    ("text", "name", "properties", "arguments"),
    [
        ("Book the room 'small'.", "book", {"room": TEXT}, {"room": "small"}),
        ('Book room: "small"', "book", {"room": TEXT}, {"room": "small"}),
        ("Book the room called `small`", "book", {"room": TEXT}, {"room": "small"}),
        ("Take a nap of 5 seconds", "nap", {"seconds": NUMBER}, {"seconds": 5}),
        ("Convert an amount of 20 at a rate of 1.08", "convert",
         {"amount": NUMBER, "rate": NUMBER}, {"amount": 20, "rate": 1.08}),
        ("Get the sum of 17 and 25.", "get-sum", {"a": NUMBER, "b": NUMBER}, {"a": 17, "b": 25}),
        ("Get the resource links, count 4.", "get-resource-links", {"count": NUMBER},
         {"count": 4}),
        ("Echo the message 'hello there'.", "echo", {"message": TEXT}, {"message": "hello there"}),
        ("Trigger a sampling request with the prompt 'A fox?' and max tokens 20.",
         "trigger-sampling-request", {"prompt": TEXT, "maxTokens": NUMBER},
         {"prompt": "A fox?", "maxTokens": 20}),
        ("What is the weather in Oslo?", "get_weather", {"city": TEXT}, {"city": "Oslo"}),
        ("What's the weather like in New York?", "weather", {"city": TEXT}, {"city": "New York"}),
        ("What is Oslo's population?", "population", {"city": TEXT}, {"city": "Oslo"}),
        ("Look up user 42", "get_user", {"user_id": {"type": "integer"}}, {"user_id": 42}),
        ("Get the stock price of AAPL", "stock_price", {"symbol": TEXT}, {"symbol": "AAPL"}),
        ("Translate the text 'good' with target 'French'", "translate",
         {"text": TEXT, "target": TEXT}, {"text": "good", "target": "French"}),
        ("Send an email to ann@x.org with subject 'Hi' and body 'Bye'", "send_email",
         {"to": TEXT, "subject": TEXT, "body": TEXT},
         {"to": "ann@x.org", "subject": "Hi", "body": "Bye"}),
        ("Read notes.txt", "read_file", {"path": TEXT}, {"path": "notes.txt"}),
        ("Write 'hello' to notes.txt", "write_file", {"path": TEXT, "content": TEXT},
         {"path": "notes.txt", "content": "hello"}),
        ("Write 'hello' to 'notes.txt'", "write_file", {"path": TEXT, "content": TEXT},
         {"path": "notes.txt", "content": "hello"}),
        ("Git add the files 'a.txt' in repo path '/srv/x'", "git_add",
         {"repo_path": TEXT, "files": {"type": "array", "items": TEXT}},
         {"repo_path": "/srv/x", "files": ["a.txt"]}),
        ("Tag with labels 'a', 'b' and 'c'", "tag", {"labels": {"type": "array", "items": TEXT}},
         {"labels": ["a", "b", "c"]}),
        ("Show the menu on Monday", "show_menu", {"day": {"enum": ["Monday", "Friday"]}},
         {"day": "Monday"}),
        ("Is a small room free on 2026-03-02?", "free_rooms",
         {"day": {"type": "string", "format": "date"}, "size": {"enum": ["small", "large"]}},
         {"day": "2026-03-02", "size": "small"}),
        ("Count the days from start 1 May to end 2 May", "count_days",
         {"start": {"type": "string", "format": "date"},
          "end": {"type": "string", "format": "date"}},
         {"start": "2027-05-01", "end": "2027-05-02"}),
        ("Convert the time 16:30 from source timezone 'A' to target timezone 'B'", "convert_time",
         {"source_timezone": TEXT, "time": TEXT, "target_timezone": TEXT},
         {"source_timezone": "A", "time": "16:30", "target_timezone": "B"}),
        ("Export with detailed yes", "export", {"detailed": {"type": "boolean"}},
         {"detailed": True}),
        ("Get the tiny image.", "get-tiny-image", {}, {}),
        ("Please toggle the simulated logging", "toggle-simulated-logging", {}, {}),
        ("Do hang.", "hang", {}, {}),
    ],
    ids=lambda one: one[:40] if isinstance(one, str) else "",
)  # fmt: skip
def test_a_tool_is_called_with_the_arguments_that_are_named(
    text: str,
    name: str,
    properties: dict[str, JsonValue],
    arguments: dict[str, JsonValue],
) -> None:
    """Or quoted, or of a kind that fits no other parameter."""
    assert _calls(_read(text, name, " ".join(properties), **properties)) == [arguments]


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("What is the weather in Oslo tomorrow?", ["tomorrow"]),
        ("What was the weather in Oslo?", ["was"]),
        ("What is the weather in Oslo and why?", ["why"]),
        ("What is the weather in Oslo or Rome?", ["or", "Rome"]),
        ("What is the weather in Paris, Texas?", ["Texas"]),
        ("What is the weather not in Oslo?", ["not"]),
        ("Is the weather in Oslo better than in Rome?", ["better", "than", "Rome"]),
        ("What is the average weather in Oslo?", ["average"]),
        ("What is the weather in Oslo in 2010?", ["2010"]),
        ("What is the weather in Oslo %", ["%"]),
        ("What is the weather in oslo?", ["oslo"]),
        ("What is the weather by Anna?", ["Anna"]),
        ("What is the weather about 'Oslo'?", ["about", "Oslo"]),
        ("What is the 'weather' in Oslo?", ["weather"]),
        ("Forecast the weather in Oslo with 'care'", ["Forecast", "care"]),
    ],
)
def test_a_word_without_a_place_is_reported_and_nothing_is_called(
    text: str, unknown: list[str]
) -> None:
    """One word may turn the meaning around."""
    reading = _read(text, "get_weather", "city", city=TEXT)

    assert reading.calls == []
    assert [one.written for one in reading.unknown] == unknown


@pytest.mark.parametrize(
    ("text", "name", "required", "properties"),
    [
        ("What is the weather?", "weather", "city", {"city": TEXT}),
        ("Book a room for 'Anna'", "book_room", "room", {"room": TEXT}),
        ("Go from 'Oslo' to 'Rome'", "go", "origin goal", {"origin": TEXT, "goal": TEXT}),
        ("Convert 20 and 1.08", "convert", "amount rate", {"amount": NUMBER, "rate": NUMBER}),
        ("Add 1, 2 and 3", "add", "a b", {"a": NUMBER, "b": NUMBER}),
        ("Write 'a' and 'b' to x.txt", "write", "path text", {"path": TEXT, "text": TEXT}),
        ("Take 2.5", "take", "count", {"count": {"type": "integer"}}),
        ("Take 500", "take", "count", {"count": {"type": "integer", "maximum": 100}}),
        ("Read line 3 of notes.txt", "read_file", "path",
         {"path": TEXT, "first_line": {"type": "integer"}}),
        ("Set the light to 'blue'", "set_light", "color", {"color": {"enum": ["red", "green"]}}),
        ("Export with detailed 5", "export", "detailed", {"detailed": {"type": "boolean"}}),
        ("Move it", "move", "point", {"point": {"type": "object"}}),
        ("Delete notes.txt", "read_file", "path", {"path": TEXT}),
        ("What is time?", "current_time", "", {"zone": TEXT}),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)  # fmt: skip
def test_what_is_not_certain_is_not_called(
    text: str, name: str, required: str, properties: dict[str, JsonValue]
) -> None:
    """A value that is missing, that fits two parameters, or that the schema rejects."""
    assert _read(text, name, required, **properties).calls == []


def test_a_missing_argument_is_named() -> None:
    """If the tool is, and every word is understood."""
    reading = _read("What is the weather?", "get_weather", "city", city=TEXT)

    assert [one.name for one in reading.missing] == ["city"]
    assert (reading.unknown, reading.matched) == ([], 1)


@pytest.mark.parametrize(
    ("text", "cities"),
    [
        ("What is the weather in Oslo and Rome?", ["Oslo", "Rome"]),
        ("What is the weather in Oslo, Bergen and New York?", ["Oslo", "Bergen", "New York"]),
        ("What is the weather in Oslo and in Rome?", ["Oslo", "Rome"]),
        ("Get the weather for 'a', 'b', and 'c'", ["a", "b", "c"]),
    ],
)
def test_several_values_make_several_calls(text: str, cities: list[str]) -> None:
    """Each with a sentence of its own, if a question was asked."""
    calls = _read(text, "weather", "city", city=TEXT).calls

    assert [one.arguments for one in calls] == [{"city": city} for city in cities]
    if "What" in text:
        assert [one.sentence for one in calls] == [
            f"the weather in {city} is {{}}." for city in cities
        ]


def test_a_tool_that_is_not_named_does_not_match() -> None:
    """Even if its argument is."""
    assert _read("What about Oslo?", "weather", "city", city=TEXT).matched == 0


def test_a_tool_that_must_be_called_is_filled_as_far_as_possible() -> None:
    """Whatever else is said."""
    text = "The contact is Anna Smith, her email is anna@example.com."

    reading = _read(text, "final_answer", "name email", name=TEXT, email=TEXT)

    assert reading.values == {"name": "Anna Smith", "email": "anna@example.com"}
    assert reading.calls == []
