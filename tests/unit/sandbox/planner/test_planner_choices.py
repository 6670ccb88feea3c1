"""Which calls a tool choice permits and requires, and what is answered without one."""

from collections.abc import Callable

import pytest

from agentkit.chat import ToolChoice
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.plan_request import PlannedAnswer, PlanRequest
from agentkit.sandbox.planner.planner import plan
from tests.unit.sandbox.conftest import OURS, calls_of, record

AskWith = Callable[..., PlannedAnswer]
Calls = list[tuple[str, dict[str, JsonValue]]]

TWO = "What is 15% of 80 and what time is it in Lima?"
CALCULATED = ("calculate", {"expression": "15 / 100 * 80"})
TIME_IN_LIMA = ("current_time", {"timezone": "Lima"})


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", [CALCULATED, TIME_IN_LIMA]),
        ("required", [CALCULATED, TIME_IN_LIMA]),
        ("calculate", [CALCULATED]),
        ("current_time", [TIME_IN_LIMA]),
        ("none", []),
    ],
)
def test_a_choice_permits_the_tools_that_it_names(
    choice: str, expected: Calls, ask_ours: AskWith
) -> None:
    """The question is read with all tools, so that the words for the others are understood."""
    assert calls_of(ask_ours(TWO, choice=choice)) == expected


def test_the_reason_is_given_if_no_tool_is_on_offer_or_may_be_called(ask_ours: AskWith) -> None:
    """Each its own."""
    without = plan(PlanRequest(question="What is 2 + 2?")).text
    not_allowed = ask_ours("What is 2 + 2?", choice="none").text

    assert "No tool is on offer, so it has no answer. For one, choose a real provider." in without
    assert "No tool may be called, so it has no answer." in not_allowed


def test_results_are_read_out_if_no_further_call_is_allowed(ask_ours: AskWith) -> None:
    """A run that ends at a limit asks so."""
    made = [record("calculate", "4", expression="2 + 2")]

    assert ask_ours("What is 2 + 2?", choice="none", made=made).text == "2 + 2 is 4."


def test_a_result_that_the_question_does_not_ask_for_is_read_out_with_its_tool(
    ask_ours: AskWith,
) -> None:
    """A required call is an example."""
    made = [record("calculate", "4", expression="2 + 2"), record("list_files", "a.txt\nb.txt")]

    answer = ask_ours("Tell me a joke", made=made)

    assert answer.text == (
        "The tool calculate answers: 4.\n\nThe tool list_files answers: a.txt\nb.txt"
    )


@pytest.mark.parametrize(
    ("question", "choice", "expected"),
    [
        ("Tell me a joke", "web_search", [("web_search", {"query": "Tell me a joke"})]),
        ("Tell me a joke", "required", [("get_weather", {"location": "Tell me a joke"})]),
        ("Look up user 7 quickly", "get_user", [("get_user", {"user_id": 7})]),
        ("Look up user 7 quickly", "required", [("get_user", {"user_id": 7})]),
        ("Look up the user", "get_user", []),
        ("Turn on the light", "set_light", []),
    ],
)
def test_a_required_call_gets_the_question_as_free_text_and_no_invented_number(
    question: str, choice: str, expected: Calls, ask_third_party: AskWith
) -> None:
    """It is the one exception of the rule, since a provider would answer with a call too."""
    answer = ask_third_party(question, choice=choice)

    assert calls_of(answer) == expected
    assert answer.calls or "not a language model" in answer.text


def test_a_required_call_after_all_are_made_repeats_the_last(ask_ours: AskWith) -> None:
    """A request that always requires a call never ends."""
    made = [record("calculate", "4", expression="2 + 2")]

    again = ask_ours("What is 2 + 2?", choice="required", made=made)

    assert calls_of(again) == [("calculate", {"expression": "2 + 2"})]


def test_a_required_call_without_a_question_is_notmade() -> None:
    """Nothing is known about its arguments."""
    request = PlanRequest(question="", tools=OURS, choice=ToolChoice.parse("required"))

    assert plan(request).calls == ()
