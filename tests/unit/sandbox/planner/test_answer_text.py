"""Results in words."""

import pytest

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.answer_text import is_complaint, is_error, read_out, retell
from agentkit.sandbox.planner.call_correction import repair
from agentkit.sandbox.planner.plan_request import PastCall


def _tell(result: str, sentence: str = "", **arguments: JsonValue) -> str:
    return retell([PastCall(name="tool", arguments=arguments, result=result)], [sentence])


@pytest.mark.parametrize(
    ("sentence", "result", "told"),
    [
        ("What is 2 + 2?", "4", "2 + 2 = 4."),
        ("what's sqrt(2)", "\u22481.414", "Sqrt(2) = \u22481.414."),
        ("How much is 15% of 80?", '{"result": 12}', "15% of 80 = 12."),
        ("What is the weather in Paris?", '{"sky": "clear", "warm": true}',
         "The weather in Paris: sky clear, warm yes."),
        ("What time is it in Lima?", "10:15", "The time in Lima: 10:15."),
        ("What time is it?", "10:15.", "The time: 10:15."),
        ("How many feet are 3 metres?", "9.84", "3 metres = 9.84 feet."),
        ("How many feet are 3 metres?", "3 metres = 9.84 feet", "3 metres = 9.84 feet."),
        ("How many feet are 3 metres?", "quite some", "3 metres: quite some."),
        ("Tell me", "yes", "tool(): yes."),
        ("", "", "The tool tool ran and answered nothing."),
        ("", "null", "tool(): null."),
        ("", "[]", "tool(): nothing."),
        ("", "a\nb", "tool():\na\nb"),
        ("Read it", "Error: no such file", "The tool tool could not do it: Error: no such file"),
        ("Read it", '{"error": "gone"}', "The tool tool could not do it: gone"),
        ("Read it", '{"isError": true}', "The tool tool could not do it: yes"),
        ("What is x", "'x' is not known", "'x' is not known."),
    ],
)  # fmt: skip
def test_a_result_is_told_after_the_question_it_answers(
    sentence: str, result: str, told: str
) -> None:
    """As the beginning of a sentence where that is plain, else by the call."""
    assert _tell(result, sentence) == told


def test_a_long_result_is_not_squeezed_into_a_sentence() -> None:
    """The call stands before it."""
    assert _tell("sunny in Oslo", "Look", city="Oslo", days=3) == (
        "tool(city=Oslo, days=3): sunny in Oslo."
    )
    assert _tell("2 sunny days in Oslo", "Look", city="Oslo", days=2) == "2 sunny days in Oslo."
    words = " ".join(["word"] * 30)

    assert _tell(words, "What is this?", a=1) == f"tool(a=1): {words}."


def test_a_very_long_result_is_cut_and_says_so() -> None:
    """How much is left out."""
    assert "leaves out 1000 characters" in _tell("x" * 5000)


def test_results_of_several_lines_stand_apart() -> None:
    """With an empty line between."""
    made = [PastCall(name="f", arguments={}, result=text) for text in ("a\nb", "c")]

    assert retell(made, ["", ""]) == "f():\na\nb\n\nf(): c."


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "nothing"),
        (False, "no"),
        (1.5, "1.5"),
        ({}, "nothing"),
        ({"a_b": [1, 2], "c": {"d": None}}, "a b 1, 2, c nothing"),
        (["x" * 50, "y"], f"- {'x' * 50}\n- y"),
        ([{"name": "a", "size": 1}], "name a, size 1"),
    ],
)
def test_json_is_read_out(value: JsonValue, said: str) -> None:
    """In plain words, keys included where there are several."""
    assert read_out(value) == said


def test_an_error_is_told_from_an_answer() -> None:
    """A long text that merely holds such words is an answer."""
    assert is_error("ValueError: bad")
    assert is_error("Tool error: x")
    assert not is_error("There is no rain.")
    assert is_complaint("There is no zone 'X'.")
    assert not is_complaint("there is no " + "x" * 700)
    assert not is_error('{"error": null, "value": 1}')


@pytest.mark.parametrize(
    ("arguments", "error", "repaired"),
    [
        ({"zone": "Tokio"}, "'Tokio' is not known; close are Asia/Tokyo", {"zone": "Asia/Tokyo"}),
        ({"zone": "tokyo"}, "tokyo is no zone, use e.g. Asia/Tokyo", {"zone": "Asia/Tokyo"}),
        ({"unit": "Km"}, "'Km' is unknown; must be one of: km, mi", {"unit": "km"}),
        ({"a": "colour", "n": 1}, "no colour. Did you mean 'color'?", {"a": "color", "n": 1}),
        ({"a": "foo"}, "foo does not exist. Did you mean 'bar'?", {"a": "bar"}),
        ({"zone": "Atlantis"}, "'Atlantis' is not known; close are America/New_York", None),
        ({"n": 5}, "5 must be one of 1, 2", None),
        ({"path": "a.txt"}, "it broke", None),
        ({"path": "a.txt"}, "a.txt does not exist", None),
    ],
)
def test_a_call_is_repaired_only_as_its_error_says(
    arguments: dict[str, JsonValue], error: str, repaired: dict[str, JsonValue] | None
) -> None:
    """One value, replaced by one that the error offers in its place."""
    assert repair(arguments, error) == repaired
