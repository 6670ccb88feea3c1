"""What is called and what is answered: complete questions, refusals, errors and choices."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from agentkit.chat import ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.plan_request import CallRecord, PlannedAnswer, PlanRequest
from agentkit.sandbox.planner.planner import find_examples, plan, understand
from agentkit.sandbox.planner.tool_knowledge import know
from tests.unit.sandbox.conftest import OURS, THIRD_PARTY, TODAY, calls_of, record

AskWith = Callable[..., PlannedAnswer]
Calls = list[tuple[str, dict[str, JsonValue]]]

TWO = "What is 15% of 80 and what time is it in Lima?"
CALCULATED = ("calculate", {"expression": "15 / 100 * 80"})
TIME_IN_LIMA = ("current_time", {"timezone": "Lima"})


def _tool(name: str, properties: JsonValue, *, required: Sequence[str] = ()) -> ToolSpec:
    schema: Mapping[str, JsonValue] = {
        "type": "object",
        "properties": properties,
        "required": [*required],
    }
    return ToolSpec(name=name, description="", input_schema=schema)


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        ("Tell me a joke", "'joke'."),
        ("what is the capital of France", "'capital'."),
        ("Write a poem about the sea.", "'poem', 'about', 'sea'."),
        ("What time will it be in 3 hours?", "'3', 'hours'."),
        ("Sum the amounts in jan.csv and feb.csv and write the total to total.md", "'total.md'."),
        ("What is 3 + 4 apples in 7 boxes?", "'apples'"),
        ("What is 2 + 2 and tell me a joke", "'joke'."),
        ("What is 2 + 2? Tell me a joke.", "'joke'."),
        ("Tell me a joke. What is 2 + 2?", "'joke'."),
        ("What is the weather in Oslo tomorrow?", "'tomorrow'."),
        ("Do not calculate 2 + 2", "'not'"),
        ("What is 3 pm in Tokyo?", "'pm'"),
        ("( " * 590, "'('."),
    ],
)
def test_nothing_is_called_unless_all_of_a_question_is_understood(
    question: str, unknown: str
) -> None:
    """The answer names the words that were not understood."""
    answer = plan(PlanRequest(question=question, tools=(*OURS, *THIRD_PARTY), today=TODAY))

    assert answer.calls == ()
    assert "not a language model" in answer.text
    reason, _, _ = answer.text.partition(" These questions work:")
    assert "It does not understand: '" in reason
    assert unknown in reason


@pytest.mark.parametrize(
    ("question", "tool", "missing"),
    [
        ("Send an email", "send_email", "`to`, `subject`, `body`"),
        ("What is the weather?", "get_weather", "`location`"),
        ("Schedule a meeting", "schedule_meeting", "`when`, `who`"),
        ("Look up the user", "get_user", "`user_id`"),
    ],
)
def test_what_a_tool_requires_and_the_question_does_not_give_is_named(
    question: str, tool: str, missing: str, ask_third_party: AskWith
) -> None:
    """No value is made up."""
    answer = ask_third_party(question)

    assert answer.calls == ()
    assert f"does not give what the tool {tool} requires: {missing}." in answer.text


@pytest.mark.parametrize("question", ["Hi!", "Hello", "help", "What can you do?", "Thanks!", ""])
@pytest.mark.parametrize("tools", [OURS, THIRD_PARTY], ids=["ours", "third party"])
def test_a_greeting_is_answered_with_three_questions_that_work(
    question: str, tools: tuple[ToolSpec, ...]
) -> None:
    """They are made from the tools on offer."""
    answer = plan(PlanRequest(question=question, tools=tools, today=TODAY))

    start, *examples = answer.text.split("\n- ")
    assert start == "This is agentkit's sandbox, not a language model. These questions work:"
    assert len({*examples}) == 3
    assert all(plan(PlanRequest(question=one, tools=tools, today=TODAY)).calls for one in examples)


@pytest.mark.parametrize(
    "tool",
    [
        _tool("echo", {"message": {"type": "string"}}, required=["message"]),
        _tool("add", {"a": {"type": "number"}, "b": {"type": "number"}}, required=["a", "b"]),
        _tool("set_light", {"room": {"enum": ["hall", "attic"]}}, required=["room"]),
        _tool("log_day", {"day": {"type": "string", "format": "date"}}, required=["day"]),
    ],
    ids=lambda tool: tool.name,
)
def test_examples_are_made_for_a_tool_of_any_server(tool: ToolSpec) -> None:
    """Each of them is understood as a call of that tool."""
    known = (know(tool),)
    examples = find_examples(known, today=TODAY)

    assert examples
    for one in examples:
        calls, reason = understand(one, known, today=TODAY)
        assert ([call.tool for call in calls], reason) == ([*known], "")


def test_a_tool_with_an_object_as_argument_has_no_example() -> None:
    """An object cannot be named in a question."""
    tool = _tool("place", {"point": {"type": "object"}}, required=["point"])

    assert find_examples((know(tool),), today=TODAY) == ()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (TWO, [CALCULATED, TIME_IN_LIMA]),
        ("What is 15% of 80? What time is it in Lima?", [CALCULATED, TIME_IN_LIMA]),
        ("Hi! What is 15% of 80, and also what time is it in Lima, please?",
         [CALCULATED, TIME_IN_LIMA]),
        ("100 km in miles and 50 kg in pounds",
         [("convert_units", {"value": 100, "from_unit": "km", "to_unit": "miles"}),
          ("convert_units", {"value": 50, "from_unit": "kg", "to_unit": "pounds"})]),
        ("What is 2 + 2? What is 2 + 2?", [("calculate", {"expression": "2 + 2"})]),
        ("Use the tools. What is 2 + 2?", [("calculate", {"expression": "2 + 2"})]),
        ("Write 'What is 2 + 2? And what time is it in Oslo?' to a.txt",
         [("write_file",
           {"path": "a.txt", "content": "What is 2 + 2? And what time is it in Oslo?"})]),
    ],
)  # fmt: skip
def test_every_question_of_a_message_is_read(
    question: str, expected: Calls, ask_ours: AskWith
) -> None:
    """Joined or in sentences of their own; a quotation is never cut."""
    assert calls_of(ask_ours(question)) == expected


def test_the_tool_with_the_most_words_in_the_question_is_chosen() -> None:
    """Of those that have a place for every word."""
    item: JsonValue = {"item": {"type": "string"}}
    tools = (
        _tool("get_order", item, required=["item"]),
        _tool("order_status", item, required=["item"]),
    )

    answer = plan(PlanRequest(question="What is the order status of item 'A1'?", tools=tools))

    assert calls_of(answer) == [("order_status", {"item": "A1"})]


def test_without_parallel_calls_one_call_follows_the_other(ask_ours: AskWith) -> None:
    """The second is due when the first is made."""
    done = record("calculate", "12", expression="15 / 100 * 80")

    assert calls_of(ask_ours(TWO, parallel=False)) == [CALCULATED]
    assert calls_of(ask_ours(TWO, made=[done], parallel=False)) == [TIME_IN_LIMA]


def test_a_call_without_a_result_is_not_made_again(ask_ours: AskWith) -> None:
    """It is under way."""
    answer = ask_ours("What is 2 + 2?", made=[record("calculate", None, expression="2 + 2")])

    assert answer.calls == ()


@pytest.mark.parametrize(
    ("question", "made", "text"),
    [
        ("What is 6 * 7?", [record("calculate", "42", expression="6 * 7")], "6 \u00d7 7 is 42."),
        (TWO,
         [record("current_time", "10:15", timezone="Lima"),
          record("calculate", "12", expression="15 / 100 * 80")],
         "15% of 80 is 12. In Lima it is 10:15."),
        ("What time is it in Lima?",
         [record("current_time", '{"time": "10:15", "day": "Monday"}', timezone="Lima")],
         "In Lima it is time 10:15, day Monday."),
        ("What is the weather in Oslo and Rome?",
         [record("get_weather", "rain", location="Oslo"),
          record("get_weather", "sun", location="Rome")],
         "The weather in Oslo is rain. The weather in Rome is sun."),
        ("What is the weather in Oslo?",
         [record("get_weather", "In Oslo it rains", location="Oslo")], "In Oslo it rains."),
        ("Get the weather in Oslo.", [record("get_weather", "rain", location="Oslo")],
         "The tool get_weather answers: rain."),
        ("What is the weather in Oslo?", [record("get_weather", "", location="Oslo")],
         "The tool get_weather answers: nothing."),
        ("What is 1/3?", [record("calculate", "1/3 \u2248 0.333", expression="1 / 3")],
         "1 \u00f7 3 is about 0.333."),
        ("What does a.txt say?", [record("read_file", "one\ntwo", path="a.txt")],
         "a.txt says:\none\ntwo"),
        ("Read a.txt and b.txt",
         [record("read_file", "one", path="a.txt"), record("read_file", "two", path="b.txt")],
         "a.txt says:\none\n\nb.txt says:\ntwo"),
        ("What does a.txt say?", [record("read_file", "Error: none\nbut words", path="a.txt")],
         "a.txt says:\nError: none\nbut words"),
        ("What is the weather in Oslo?",
         [record("get_weather", "Rain and then wind, later snow, and in the end the sun shines",
                location="Oslo")],
         "The tool get_weather answers: Rain and then wind, later snow, and in the end the sun"
         " shines."),
    ],
)  # fmt: skip
def test_results_are_read_out_as_sentences(
    question: str, made: list[CallRecord], text: str
) -> None:
    """In the order of the question, with the words of the question."""
    answer = plan(
        PlanRequest(question=question, tools=(*OURS, *THIRD_PARTY), made=tuple(made), today=TODAY)
    )

    assert answer == PlannedAnswer(text=text)


def test_a_result_of_any_length_is_read_out_in_part(ask_ours: AskWith) -> None:
    """As much of it as is read."""
    answer = ask_ours("Read a.txt", made=[record("read_file", "word " * 9_000, path="a.txt")])

    assert answer.text.startswith("a.txt says:\nword word")
    assert 4_000 <= len(answer.text) <= 4_020


def test_a_failed_call_is_made_again_with_the_value_that_its_error_offers(
    ask_ours: AskWith,
) -> None:
    """The answer reports only the result of that."""
    question = "What time is it in Tokio?"
    failed = record("current_time", "'Tokio' is not known; close are Asia/Tokyo", timezone="Tokio")
    again = ask_ours(question, made=[failed])
    done = record("current_time", "10:15", timezone="Asia/Tokyo")

    answer = ask_ours(question, made=[failed, done])

    assert calls_of(again) == [("current_time", {"timezone": "Asia/Tokyo"})]
    assert answer == PlannedAnswer(text="In Asia/Tokyo it is 10:15.")


def test_a_call_that_fails_again_is_reported_and_not_repeated(ask_ours: AskWith) -> None:
    """There is one correction for each call."""
    failed = record("current_time", "'Tokio' is not known; close are Asia/Tokyo", timezone="Tokio")
    broken = record("current_time", "Error: the clock has stopped", timezone="Asia/Tokyo")

    answer = ask_ours("What time is it in Tokio?", made=[failed, broken])

    assert answer == PlannedAnswer(
        text="The tool current_time reports an error: Error: the clock has stopped."
    )


@pytest.mark.parametrize(
    ("result", "place"),
    [
        ("Error: 'Lima' is unknown; did you mean 'Reykjavik'?", "another place"),
        ("Error: unknown; did you mean 'Lime'?", "a value that is not named as the wrong one"),
        ("In 'Lima', close are Lime", "no error"),
    ],
)
def test_an_offer_that_is_not_alike_is_not_taken(
    result: str, place: str, ask_ours: AskWith
) -> None:
    """It would answer another question."""
    answer = ask_ours(
        "What time is it in Lima?", made=[record("current_time", result, timezone="Lima")]
    )

    assert answer.calls == (), place
    assert result.rstrip("?") in answer.text


def test_a_correction_that_the_schema_rejects_is_notmade() -> None:
    """The text of an error comes from a third party."""
    tool = _tool("set_room", {"room": {"type": "string", "enum": ["hall"]}}, required=["room"])
    made = record("set_room", "Error: unknown room hall, did you mean 'halls'?", room="hall")

    answer = plan(PlanRequest(question="Set the room to hall", tools=(tool,), made=(made,)))

    assert answer.calls == ()
    assert "reports an error" in answer.text


@pytest.mark.parametrize(
    ("question", "made"),
    [
        ("What is in the file a.txt?",
         record("read_file", "'a.txt' does not exist.", path="a.txt")),
        ("What is 1 / 0?", record("calculate", "It has no result.", expression="1 / 0")),
        ("What is 1 / 0?", record("calculate", "ZeroDivisionError: no", expression="1 / 0")),
        ("Read /etc/passwd", record("read_file", "'/etc/passwd' is outside the folder",
                                   path="/etc/passwd")),
        ("List the files.", record("list_files", "Error: the disk is gone.")),
    ],
)  # fmt: skip
def test_an_error_is_reported_as_it_is(question: str, made: CallRecord, ask_ours: AskWith) -> None:
    """It is not put into the sentence of an answer."""
    answer = ask_ours(question, made=[made])

    text = f"The tool {made.name} reports an error: {(made.result or '').removesuffix('.')}."
    assert answer == PlannedAnswer(text=text)


def test_a_broken_call_is_repeated_as_it_was_meant_and_not_reported() -> None:
    """A call that was meant and failed is reported."""
    tool = _tool("population", {"city": {"type": "string"}}, required=["city"])
    broken = record("population", "Error: expected a value for city", citty="Oslo")
    failed = record("population", "Error: no such city", city="Oslo")
    right = record("population", "700000", city="Oslo")

    def answer(*made: CallRecord) -> PlannedAnswer:
        question = "What is the population of Oslo?"
        return plan(PlanRequest(question=question, tools=(tool,), made=made))

    assert calls_of(answer(broken)) == [("population", {"city": "Oslo"})]
    assert answer(broken, right).text == "The population of Oslo is 700000."
    assert answer(failed).text == "The tool population reports an error: Error: no such city."


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"city": {"$ref": "http://example.com/city.json"}}},
        {"type": "object", "properties": {"city": True}, "required": ["city"]},
        {"properties": {"city": {"anyOf": [{"type": "null"}, {"type": "string"}]}}},
        {"$defs": {"L": {"$ref": "#/$defs/L"}}, "properties": {"loop": {"$ref": "#/$defs/L"}}},
        {"properties": []},
        {"properties": {"city": {"type": "string", "pattern": "("}}},
        {},
    ],
    ids=["remote reference", "boolean schema", "union", "endless reference", "list", "pattern",
         "empty"],
)  # fmt: skip
def test_an_odd_schema_breaks_nothing(schema: Mapping[str, JsonValue]) -> None:
    """Nothing is fetched and nothing is raised."""
    tool = ToolSpec(name="weather", description="", input_schema=schema)

    for question in ("What is the weather in Paris?", "Help!"):
        answer = plan(PlanRequest(question=question, tools=(tool,)))
        assert answer.text or answer.calls


@pytest.mark.parametrize("question", ["x" * 5_000, "word " * 700], ids=["one word", "many words"])
def test_a_question_that_is_too_long_is_not_read(question: str, ask_ours: AskWith) -> None:
    """The answer gives the limit."""
    answer = ask_ours(question)

    assert answer.calls == ()
    assert "It does not read a question of more than 2,000 characters." in answer.text
