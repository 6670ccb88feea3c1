"""Tools for the planner's tests, those of agentkit and third-party ones, and a way to ask."""

from collections.abc import Callable, Sequence
from datetime import date

import pytest

from agentkit.chat import ToolChoice, ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.plan_request import CallRecord, PlannedAnswer, PlanRequest
from agentkit.sandbox.planner.planner import plan

TODAY = date(2026, 11, 21)  # a Saturday


def _tool(name: str, description: str, required: str = "", **properties: JsonValue) -> ToolSpec:
    schema: JsonValue = {
        "type": "object",
        "properties": properties,
        "required": [*required.split()],
        "additionalProperties": False,
    }
    assert isinstance(schema, dict)
    return ToolSpec(name=name, description=description, input_schema=schema)


def _text(description: str = "", **more: JsonValue) -> JsonValue:
    return {"type": "string", "description": description, **more}


def _number(description: str = "", *, kind: str = "number") -> JsonValue:
    return {"type": kind, "description": description}


OURS = (
    _tool(
        "calculate",
        "Calculate the value of an arithmetic expression. Knows + - * / ^ and `12.5% of 640`.",
        "expression",
        expression=_text("the arithmetic expression"),
    ),
    _tool(
        "current_time",
        "Return the current time, date and weekday in a place or time zone.",
        "",
        timezone={"anyOf": [{"type": "string"}, {"type": "null"}], "description": "a city or zone"},
    ),
    _tool(
        "convert_time",
        "Convert a time from one place or time zone to another.",
        "time from_timezone to_timezone",
        time=_text('the time, e.g. "14:30"'),
        from_timezone=_text("the place where it is that time"),
        to_timezone=_text("the place whose time is asked for"),
    ),
    _tool(
        "days_between",
        "Count the days from one date to another.",
        "start end",
        start=_text("the first date", format="date"),
        end=_text("the second date", format="date"),
    ),
    _tool(
        "convert_units",
        "Convert a number from one unit of measure to another, e.g. of length or weight.",
        "value from_unit to_unit",
        value=_number("the number to convert"),
        from_unit=_text("the unit it is in"),
        to_unit=_text("the unit it is converted to"),
    ),
    _tool("read_file", "Read a text file.", "path", path=_text("the file, e.g. notes.txt")),
    _tool(
        "list_files",
        "List the files in a folder.",
        "",
        path=_text("the folder to look in"),
        pattern=_text('which names to list, e.g. "*.md"'),
    ),
    _tool(
        "search_files",
        "Search for text in the files of a folder.",
        "text",
        text=_text("the words to find"),
        path=_text("the folder to look in"),
    ),
    _tool(
        "write_file",
        "Write a text file.",
        "path content",
        path=_text("the file"),
        content=_text("the new text"),
    ),
)

THIRD_PARTY = (
    _tool(
        "get_weather",
        "Get the current weather for a location.",
        "location",
        location=_text("The city and state, e.g. San Francisco, CA"),
        unit=_text(enum=["celsius", "fahrenheit"]),
    ),
    _tool(
        "web_search",
        "Search the web.",
        "query",
        query=_text("What to search for"),
        max_results=_number("How many results", kind="integer"),
    ),
    _tool(
        "send_email",
        "Send an email to someone.",
        "to subject body",
        to=_text("Recipient's email address"),
        subject=_text("Subject line"),
        body=_text("Text of the email"),
    ),
    _tool(
        "create_event",
        "Create a calendar event.",
        "title date",
        title=_text("Title of the event"),
        date=_text("Day of the event", format="date"),
        time=_text("Start time, HH:MM"),
        attendees={"type": "array", "items": {"type": "string", "format": "email"}},
    ),
    _tool("run_sql", "Run a SQL query.", "query", query=_text("The SQL statement")),
    _tool(
        "create_issue",
        "Open an issue on GitHub.",
        "repo title",
        repo=_text("Repository as owner/name"),
        title=_text("Title of the issue"),
        labels={"type": "array", "items": {"type": "string", "enum": ["bug", "feature", "docs"]}},
    ),
    _tool(
        "convert_currency",
        "Convert money between currencies.",
        "amount from_currency to_currency",
        amount=_number("Amount of money"),
        from_currency=_text("Currency code"),
        to_currency=_text("Currency code"),
    ),
    _tool(
        "translate_text",
        "Translate a text into another language.",
        "text target_language",
        text=_text("Text to translate"),
        target_language=_text("Language to translate into"),
    ),
    _tool(
        "set_reminder",
        "Set a reminder.",
        "text",
        text=_text("What to remind of"),
        date=_text("When, as a date", format="date"),
        time=_text("Time of day"),
    ),
    _tool(
        "stock_price",
        "Look up the latest price of a stock.",
        "symbol",
        symbol=_text("Ticker symbol, e.g. AAPL"),
    ),
    _tool(
        "book_flight",
        "Book a flight between two cities.",
        "origin destination date",
        origin=_text("Departure city"),
        destination=_text("Arrival city"),
        date=_text("Departure date", format="date"),
        passengers=_number("Number of passengers", kind="integer"),
    ),
    _tool(
        "set_light",
        "Turn a light on or off.",
        "room on",
        room=_text("Which room", enum=["kitchen", "bedroom", "living_room"]),
        on={"type": "boolean", "description": "true to turn on"},
    ),
    _tool("get_user", "Look up a user by id.", "user_id", user_id=_number("Id", kind="integer")),
    _tool(
        "play_music",
        "Play a song by an artist.",
        "artist",
        artist=_text("Name of the artist"),
        song=_text("Title of the song"),
    ),
    _tool(
        "schedule_meeting",
        "Schedule a meeting at an exact moment.",
        "when who",
        when=_text("start", format="date-time"),
        who={
            "type": "object",
            "properties": {"email": _text(format="email"), "role": _text()},
            "required": ["email"],
        },
    ),
)

AskWith = Callable[..., PlannedAnswer]


def calls_of(answer: PlannedAnswer) -> list[tuple[str, dict[str, JsonValue]]]:
    """Return the calls of an answer as plain values."""
    return [(call.name, dict(call.arguments)) for call in answer.calls]


def record(name: str, result: str | None, **arguments: JsonValue) -> CallRecord:
    """Return a call that was made."""
    return CallRecord(name=name, arguments=arguments, result=result)


@pytest.fixture
def ours() -> Sequence[ToolSpec]:
    """Return the tools that agentkit brings."""
    return OURS


@pytest.fixture
def third_party() -> Sequence[ToolSpec]:
    """Return tools that agentkit knows nothing about."""
    return THIRD_PARTY


@pytest.fixture
def ask_ours() -> AskWith:
    """Return a function that asks the planner with our own tools on offer."""
    return lambda question, **more: _ask(question, OURS, **more)


@pytest.fixture
def ask_third_party() -> AskWith:
    """Return a function that asks the planner with third-party tools on offer."""
    return lambda question, **more: _ask(question, THIRD_PARTY, **more)


def _ask(
    question: str,
    tools: Sequence[ToolSpec],
    *,
    choice: str = "auto",
    made: Sequence[CallRecord] = (),
    parallel: bool = True,
) -> PlannedAnswer:
    return plan(
        PlanRequest(
            question=question,
            tools=tuple(tools),
            choice=ToolChoice.parse(choice),
            made=tuple(made),
            parallel=parallel,
            today=TODAY,
        )
    )
