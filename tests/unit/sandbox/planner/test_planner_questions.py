"""Many questions, and the calls each should lead to."""

from collections.abc import Callable

import pytest

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.plan_request import PlannedAnswer

AskWith = Callable[..., PlannedAnswer]
Calls = list[tuple[str, dict[str, JsonValue]]]


def _calls(answer: PlannedAnswer) -> Calls:
    return [(call.name, dict(call.arguments)) for call in answer.calls]


OURS: list[tuple[str, Calls]] = [
    (
        "Time in Lima, then days from 2026-12-01 to 2026-12-24",
        [
            ("current_time", {"timezone": "Lima"}),
            ("days_between", {"start": "2026-12-01", "end": "2026-12-24"}),
        ],
    ),
    (
        "What is 12.5% of 640, plus the square root of 1764?",
        [("calculate", {"expression": "12.5% of 640 + sqrt(1764)"})],
    ),
    ("Add 3 and 5", [("calculate", {"expression": "3 + 5"})]),
    ("What time is it in Tokyo?", [("current_time", {"timezone": "Tokyo"})]),
    ("what time is it in tokyo", [("current_time", {"timezone": "tokyo"})]),
    ("what time is it?", [("current_time", {})]),
    (
        "What's the time in New York, London and Sydney?",
        [
            ("current_time", {"timezone": "New York"}),
            ("current_time", {"timezone": "London"}),
            ("current_time", {"timezone": "Sydney"}),
        ],
    ),
    (
        "If it is 9:30 in London, what time is it in New York?",
        [
            (
                "convert_time",
                {"time": "09:30", "from_timezone": "London", "to_timezone": "New York"},
            )
        ],
    ),
    (
        "What time is it in Lima when it is 14:30 in Tokyo?",
        [("convert_time", {"time": "14:30", "from_timezone": "Tokyo", "to_timezone": "Lima"})],
    ),
    (
        "How many kilometres are 26.2 miles?",
        [("convert_units", {"value": 26.2, "from_unit": "miles", "to_unit": "kilometres"})],
    ),
    (
        "Convert 72 degrees Fahrenheit to Celsius",
        [
            (
                "convert_units",
                {"value": 72, "from_unit": "degrees Fahrenheit", "to_unit": "Celsius"},
            )
        ],
    ),
    (
        "How many days are between 2024-01-01 and 2024-03-01?",
        [("days_between", {"start": "2024-01-01", "end": "2024-03-01"})],
    ),
    ("What is in the file notes.txt?", [("read_file", {"path": "notes.txt"})]),
    ("Read a.txt and b.txt", [("read_file", {"path": "a.txt"}), ("read_file", {"path": "b.txt"})]),
    ("Which files mention invoices?", [("search_files", {"text": "invoices"})]),
    ('find files containing "TODO"', [("search_files", {"text": "TODO"})]),
    ("search the files for the word budget", [("search_files", {"text": "budget"})]),
    ("List the files", [("list_files", {})]),
    ("list all *.py files in the src folder", [("list_files", {"path": "src", "pattern": "*.py"})]),
    (
        "Write 'hello world' to notes.txt",
        [("write_file", {"path": "notes.txt", "content": "hello world"})],
    ),
    (
        "What is 15% of 80 and what time is it in Lima?",
        [("calculate", {"expression": "15% of 80"}), ("current_time", {"timezone": "Lima"})],
    ),
    (
        "What is 3 + 4? What is 5 * 6?",
        [("calculate", {"expression": "3 + 4"}), ("calculate", {"expression": "5 * 6"})],
    ),
    (
        "What is 2+2 and how many feet are 3 metres?",
        [
            ("calculate", {"expression": "2 + 2"}),
            ("convert_units", {"value": 3, "from_unit": "metres", "to_unit": "feet"}),
        ],
    ),
    ("What is 3 + 4? And again: what is 3 + 4?", [("calculate", {"expression": "3 + 4"})]),
]

STRANGERS: list[tuple[str, Calls]] = [
    (
        "What's the weather in Paris and in Tokyo?",
        [("get_weather", {"location": "Paris"}), ("get_weather", {"location": "Tokyo"})],
    ),
    (
        "weather in new york in fahrenheit",
        [("get_weather", {"location": "new york", "unit": "fahrenheit"})],
    ),
    ("Is it raining in Oslo?", [("get_weather", {"location": "Oslo"})]),
    (
        "Search the web for the latest news about Mars",
        [("web_search", {"query": "latest news about Mars"})],
    ),
    (
        "look up top 3 results for python asyncio",
        [("web_search", {"query": "python asyncio", "max_results": 3})],
    ),
    (
        "Send an email to ann@x.org with subject 'Hello' and body 'See you soon'",
        [("send_email", {"to": "ann@x.org", "subject": "Hello", "body": "See you soon"})],
    ),
    (
        "Email bob@example.com about lunch saying I'll be late",
        [("send_email", {"to": "bob@example.com", "subject": "lunch", "body": "I'll be late"})],
    ),
    (
        "Create an event 'Team sync' on 2026-12-01 at 15:00 with ann@x.org and bob@x.org",
        [
            (
                "create_event",
                {
                    "title": "Team sync",
                    "date": "2026-12-01",
                    "time": "15:00",
                    "attendees": ["ann@x.org", "bob@x.org"],
                },
            )
        ],
    ),
    (
        "Run select count(*) from orders where total > 100",
        [("run_sql", {"query": "select count(*) from orders where total > 100"})],
    ),
    (
        "Open an issue in octo/repo titled 'Crash on start' labelled bug",
        [
            (
                "create_issue",
                {"repo": "octo/repo", "title": "Crash on start", "labels": ["bug"]},
            )
        ],
    ),
    (
        "How many dollars are 20 euros?",
        [
            (
                "convert_currency",
                {"amount": 20, "from_currency": "EUR", "to_currency": "USD"},
            )
        ],
    ),
    (
        "Convert 100 USD to JPY",
        [
            (
                "convert_currency",
                {"amount": 100, "from_currency": "USD", "to_currency": "JPY"},
            )
        ],
    ),
    (
        "Translate 'good morning' to French",
        [("translate_text", {"text": "good morning", "target_language": "French"})],
    ),
    (
        "Translate good morning into Spanish",
        [("translate_text", {"text": "good morning", "target_language": "Spanish"})],
    ),
    (
        "Remind me to buy milk tomorrow at 5 pm",
        [("set_reminder", {"text": "buy milk", "date": "2026-11-22", "time": "17:00"})],
    ),
    ("What is the stock price of AAPL?", [("stock_price", {"symbol": "AAPL"})]),
    (
        "Book a flight from Berlin to Rome on March 5 for 2 passengers",
        [
            (
                "book_flight",
                {
                    "origin": "Berlin",
                    "destination": "Rome",
                    "date": "2027-03-05",
                    "passengers": 2,
                },
            )
        ],
    ),
    ("Turn on the kitchen light", [("set_light", {"room": "kitchen", "on": True})]),
    ("Turn the living room light off", [("set_light", {"room": "living_room", "on": False})]),
    ("Look up user 42", [("get_user", {"user_id": 42})]),
    ("Play some music by Miles Davis", [("play_music", {"artist": "Miles Davis"})]),
    (
        "Schedule a meeting tomorrow at 9:15 with ann@x.org",
        [("schedule_meeting", {"when": "2026-11-22T09:15:00", "who": {"email": "ann@x.org"}})],
    ),
    (
        "What's the weather in Paris and the stock price of MSFT?",
        [("get_weather", {"location": "Paris"}), ("stock_price", {"symbol": "MSFT"})],
    ),
]


@pytest.mark.parametrize(("question", "calls"), OURS, ids=[q for q, _ in OURS])
def test_a_question_calls_our_tools_that_answer_it(
    question: str, calls: Calls, ask_ours: AskWith
) -> None:
    """One or several at once, in the order of the question."""
    assert _calls(ask_ours(question)) == calls


@pytest.mark.parametrize(("question", "calls"), STRANGERS, ids=[q for q, _ in STRANGERS])
def test_a_question_calls_strangers_tools_that_answer_it(
    question: str, calls: Calls, ask_strangers: AskWith
) -> None:
    """Nothing is known of these but their schemas."""
    assert _calls(ask_strangers(question)) == calls
