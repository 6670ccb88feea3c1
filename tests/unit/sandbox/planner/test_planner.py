"""What is answered when tools fit, fail or are missing, and what choices leave."""

from collections.abc import Callable, Mapping

import pytest

from agentkit.chat import ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.plan_request import CallRecord, PlannedAnswer, PlanRequest
from agentkit.sandbox.planner.planner import plan

AskWith = Callable[..., PlannedAnswer]
Calls = list[tuple[str, dict[str, JsonValue]]]


def _calls(answer: PlannedAnswer) -> Calls:
    return [(call.name, dict(call.arguments)) for call in answer.calls]


def _made(name: str, result: str | None, **arguments: JsonValue) -> CallRecord:
    return CallRecord(name=name, arguments=arguments, result=result)


@pytest.mark.parametrize(
    "question", ["Tell me a joke", "Who wrote Hamlet?", "what is the capital of France", "", "Hi!"]
)
def test_a_question_without_a_fitting_tool_is_answered_in_words(
    question: str, ask_ours: AskWith, ask_strangers: AskWith
) -> None:
    """The answer says what it comes from."""
    for answer in (ask_ours(question), ask_strangers(question)):
        assert answer.calls == ()
        assert "not a language model" in answer.text
        assert "None of the tools on offer" in answer.text


@pytest.mark.parametrize(
    ("question", "tool", "missing"),
    [
        ("Send an email", "send_email", ["to", "subject", "body"]),
        ("Book a flight to Rome", "book_flight", ["origin", "date"]),
        ("Schedule a meeting tomorrow", "schedule_meeting", ["when", "who"]),
    ],
)
def test_what_cannot_be_read_is_asked_for(
    question: str, tool: str, missing: list[str], ask_strangers: AskWith
) -> None:
    """No value is made up."""
    answer = ask_strangers(question)

    assert answer.calls == ()
    assert f"To use the tool {tool} I need" in answer.text
    assert all(f"`{name}`" in answer.text for name in missing)


def test_half_an_expression_is_not_calculated(ask_ours: AskWith) -> None:
    """A part of it would give a wrong answer."""
    assert ask_ours("What is 3 + 4 apples in 7 boxes?").calls == ()


def test_the_results_are_read_out_in_the_order_of_the_question(ask_ours: AskWith) -> None:
    """Numbers as equations, objects as their fields."""
    answer = ask_ours(
        "What is 15% of 80 and what time is it in Lima?",
        made=[
            _made("calculate", "12", expression="15% of 80"),
            _made("current_time", '{"time": "10:15", "day": "Monday"}', timezone="Lima"),
        ],
    )

    assert answer == PlannedAnswer(text="15% of 80 = 12. The time in Lima: time 10:15, day Monday.")


def test_without_parallel_calls_one_job_is_done_after_the_other(ask_ours: AskWith) -> None:
    """The second call is due when the first is made."""
    question = "What is 15% of 80 and what time is it in Lima?"
    first = ask_ours(question, parallel=False)
    done = _made("calculate", "12", expression="15% of 80")

    second = ask_ours(question, made=[done], parallel=False)

    assert _calls(first) == [("calculate", {"expression": "15% of 80"})]
    assert _calls(second) == [("current_time", {"timezone": "Lima"})]


def test_what_no_tool_fits_is_said_beside_what_was_done(ask_ours: AskWith) -> None:
    """Nothing asked for is skipped in silence."""
    answer = ask_ours(
        "What is 2 + 2? Tell me a joke.", made=[_made("calculate", "4", expression="2 + 2")]
    )

    assert answer.text.startswith("2 + 2 = 4.\nNone of the tools fits 'Tell me a joke.'.")


def test_a_failed_call_is_made_again_once_as_its_error_says(ask_ours: AskWith) -> None:
    """The error names the fix, and the answer tells only of what came of it."""
    question = "What time is it in Tokio?"
    failed = _made("current_time", "'Tokio' is not known; close are Asia/Tokyo", timezone="Tokio")
    again = ask_ours(question, made=[failed])
    done = _made("current_time", "10:15", timezone="Asia/Tokyo")

    answer = ask_ours(question, made=[failed, done])

    assert _calls(again) == [("current_time", {"timezone": "Asia/Tokyo"})]
    assert answer == PlannedAnswer(text="The time in Tokio: 10:15.")


def test_a_call_that_fails_again_is_told_and_not_tried_for_ever(ask_ours: AskWith) -> None:
    """One repair each."""
    failed = _made("current_time", "'Tokio' is not known; close are Asia/Tokyo", timezone="Tokio")
    broken = _made("current_time", "Error: the clock stands still", timezone="Asia/Tokyo")

    answer = ask_ours("What time is it in Tokio?", made=[failed, broken])

    assert answer == PlannedAnswer(
        text="The tool current_time could not do it: Error: the clock stands still"
    )


def test_an_error_that_names_no_fix_is_told_as_it_is(ask_ours: AskWith) -> None:
    """Nothing is guessed."""
    failed = _made("read_file", "'notes.txt' does not exist.", path="notes.txt")

    answer = ask_ours("What is in the file notes.txt?", made=[failed])

    assert answer == PlannedAnswer(text="'notes.txt' does not exist.")


def test_a_repaired_call_that_the_schema_refuses_is_not_made() -> None:
    """What an error says is a stranger's word."""
    light = ToolSpec(
        name="set_room",
        description="Set the room.",
        input_schema={
            "type": "object",
            "properties": {"room": {"type": "string", "enum": ["kitchen"]}},
            "required": ["room"],
        },
    )
    made = _made("set_room", "unknown room kitchen, did you mean 'hall'?", room="kitchen")

    answer = plan(PlanRequest(question="Set the room to kitchen", tools=(light,), made=(made,)))

    assert answer.calls == ()


@pytest.mark.parametrize("choice", ["none", "calculate"])
def test_the_choice_leaves_only_what_it_names(choice: str, ask_ours: AskWith) -> None:
    """No tool at all, or that one alone."""
    answer = ask_ours("What is 15% of 80 and what time is it in Lima?", choice=choice)

    expected = [] if choice == "none" else [("calculate", {"expression": "15% of 80"})]
    assert _calls(answer) == expected


def test_without_tools_or_with_none_allowed_the_reason_is_said(ask_ours: AskWith) -> None:
    """Each its own."""
    assert "No tools are on offer" in plan(PlanRequest(question="What is 2 + 2?")).text
    assert "No tool may be called" in ask_ours("What is 2 + 2?", choice="none").text


def test_results_are_read_out_also_when_no_further_call_is_allowed(ask_ours: AskWith) -> None:
    """A run that ends at a bound asks so."""
    made = [_made("calculate", "4", expression="2 + 2")]

    answer = ask_ours("What is 2 + 2?", choice="none", made=made)

    assert answer == PlannedAnswer(text="calculate(expression=2 + 2): 4.")


def test_a_forced_choice_always_calls(ask_ours: AskWith, ask_strangers: AskWith) -> None:
    """Free text that cannot be read is the question itself, as nothing else is known."""
    assert _calls(ask_strangers("Tell me a joke", choice="web_search")) == [
        ("web_search", {"query": "Tell me a joke"})
    ]
    assert len(ask_ours("Tell me a joke", choice="required").calls) == 1
    again = ask_ours(
        "What is 2 + 2?", choice="required", made=[_made("calculate", "4", expression="2 + 2")]
    )
    assert _calls(again) == [("calculate", {"expression": "2 + 2"})]


def test_a_forced_tool_whose_numbers_cannot_be_read_is_asked_about(ask_strangers: AskWith) -> None:
    """A number is never made up, not even under force."""
    answer = ask_strangers("Look up the user", choice="get_user")

    assert answer.calls == ()
    assert "`user_id`" in answer.text


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("And in Tokyo?", [("get_weather", {"location": "Tokyo", "unit": "celsius"})]),
        ("What about Rome?", [("get_weather", {"location": "Rome", "unit": "celsius"})]),
        ("And why?", []),
    ],
)
def test_a_short_question_goes_on_from_the_last_call(
    question: str, expected: Calls, ask_strangers: AskWith
) -> None:
    """With what is new in it."""
    earlier: list[CallRecord] = [_made("get_weather", "sunny", location="Paris", unit="celsius")]

    assert _calls(ask_strangers(question, earlier=earlier)) == expected


def test_a_call_still_without_a_result_is_not_made_again(ask_ours: AskWith) -> None:
    """It is under way."""
    answer = ask_ours("What is 2 + 2?", made=[_made("calculate", None, expression="2 + 2")])

    assert answer.calls == ()


def _deep_schema() -> Mapping[str, JsonValue]:
    return {
        "$defs": {
            "City": {"type": "string", "description": "name of a city"},
            "Loop": {"$ref": "#/$defs/Loop"},
        },
        "type": "object",
        "properties": {
            "city": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/City"}]},
            "loop": {"$ref": "#/$defs/Loop"},
        },
        "required": ["city"],
    }


def test_references_and_unions_in_a_schema_are_followed() -> None:
    """A reference that leads to itself leads nowhere."""
    tool = ToolSpec(name="weather", description="Tell the weather.", input_schema=_deep_schema())

    answer = plan(PlanRequest(question="What is the weather in Paris?", tools=(tool,)))

    assert _calls(answer) == [("weather", {"city": "Paris"})]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"city": {"$ref": "http://example.com/city.json"}}},
        {"type": "object", "properties": {"city": True}, "required": ["city"]},
        {},
    ],
    ids=["remote reference", "boolean schema", "empty"],
)
def test_an_odd_schema_breaks_nothing(schema: Mapping[str, JsonValue]) -> None:
    """Nothing is fetched and nothing is raised."""
    tool = ToolSpec(name="weather", description="Tell the weather.", input_schema=schema)

    answer = plan(PlanRequest(question="What is the weather in Paris?", tools=(tool,)))

    assert answer.text or answer.calls


@pytest.mark.parametrize(
    "question",
    ["x" * 5000, "word " * 700, "What is 2 + 2? " * 30, "( " * 590],
    ids=["characters", "words", "sentences", "parentheses"],
)
def test_a_question_that_is_too_long_or_too_odd_is_not_half_read(
    question: str, ask_ours: AskWith
) -> None:
    """It ends soon, with words."""
    answer = ask_ours(question)

    assert answer.calls == ()
    assert "not a language model" in answer.text


def test_a_quotation_is_never_parted(ask_ours: AskWith) -> None:
    """Whatever stands in it."""
    answer = ask_ours("Write 'What is 2 + 2? And what time is it in Oslo?' to a.txt")

    content = "What is 2 + 2? And what time is it in Oslo?"
    assert _calls(answer) == [("write_file", {"path": "a.txt", "content": content})]


def test_a_call_that_went_out_broken_is_not_retold() -> None:
    """It was never meant; one that was meant and failed is told."""
    tool = ToolSpec(
        name="population",
        description="Tell the population of a city.",
        input_schema={
            "type": "object",
            "properties": {"city": {"type": "string", "description": "the name of the city"}},
            "required": ["city"],
        },
    )
    broken = _made("population", "Error: expected a value for city", citty="Oslo")
    failed = _made("population", "Error: no such city", city="Oslo")
    right = _made("population", "700000", city="Oslo")
    question = "What is the population of Oslo?"

    again = plan(PlanRequest(question=question, tools=(tool,), made=(broken,)))
    after = plan(PlanRequest(question=question, tools=(tool,), made=(broken, right)))
    told = plan(PlanRequest(question=question, tools=(tool,), made=(failed,)))

    assert _calls(again) == [("population", {"city": "Oslo"})]
    assert after.text == "The population of Oslo = 700000."
    assert "no such city" in told.text
