"""Completed answers: ids, limits, stop texts, counts."""

import re

from hypothesis import given
from hypothesis import strategies as st

from agentkit.message import ToolCall
from agentkit.sandbox.planner.plan_request import CallRecord, PlannedAnswer
from agentkit.sandbox.wire.finalize import complete, count_tokens, split_pieces

CALLS = (
    CallRecord(name="add", arguments={"a": 1, "b": 2}),
    CallRecord(name="add", arguments={"a": 1, "b": 2}),
)


@given(st.text())
def test_the_pieces_of_a_text_joined_are_the_text(text: str) -> None:
    """Whatever the text, so a cut answer is the beginning of the complete one."""
    assert "".join(split_pieces(text)) == text


def test_ids_are_nine_letters_or_digits_and_follow_from_the_conversation() -> None:
    """The same call twice has two ids; the same conversation has the same ids."""
    first = complete(PlannedAnswer(calls=CALLS), prompt="p")

    ids = [call.id for call in first.calls]
    assert all(re.fullmatch("[A-Za-z0-9]{9}", one) for one in ids)
    assert len(set(ids)) == 2
    assert complete(PlannedAnswer(calls=CALLS), prompt="p") == first
    assert [call.id for call in complete(PlannedAnswer(calls=CALLS), prompt="q").calls] != ids


def test_an_id_that_is_taken_is_not_given_again() -> None:
    """The conversation may hold it already."""
    ids = [call.id for call in complete(PlannedAnswer(calls=CALLS), prompt="p").calls]

    again = [
        call.id for call in complete(PlannedAnswer(calls=CALLS), prompt="p", used_ids=ids).calls
    ]

    assert not set(ids) & set(again)


def test_text_ends_before_the_first_stop_text() -> None:
    """An empty stop text stops nothing."""
    done = complete(PlannedAnswer(text="one two three"), prompt="", stop=["three", " two", ""])

    assert (done.text, done.finish_reason) == ("one", "stop")


def test_text_over_the_limit_is_cut_and_says_so() -> None:
    """What was counted is what was sent."""
    done = complete(PlannedAnswer(text="one two three"), prompt="a b", max_tokens=2)

    assert (done.text, done.finish_reason, done.completion_tokens) == ("one two", "length", 2)
    assert done.prompt_tokens == 2


def test_a_call_over_the_limit_loses_the_end_of_its_arguments() -> None:
    """As a real model's does; calls after it are not begun."""
    all_calls = complete(PlannedAnswer(calls=CALLS), prompt="").calls
    size = count_tokens("add", all_calls[0].arguments)

    cut = complete(PlannedAnswer(calls=CALLS), prompt="", max_tokens=size + 3)
    tiny = complete(PlannedAnswer(calls=CALLS), prompt="", max_tokens=1)

    assert cut.finish_reason == "length"
    assert cut.calls == (
        all_calls[0],
        ToolCall(id=all_calls[1].id, name="add", arguments=all_calls[1].arguments[:2]),
    )
    assert tiny.calls == ()


def test_an_answer_within_the_limit_is_complete() -> None:
    """Exactly at it, too."""
    size = complete(PlannedAnswer(calls=CALLS), prompt="").completion_tokens

    assert (
        complete(PlannedAnswer(calls=CALLS), prompt="", max_tokens=size).finish_reason
        == "tool_calls"
    )


def test_half_a_surrogate_pair_in_a_conversation_breaks_nothing() -> None:
    """JSON can carry one."""
    assert complete(PlannedAnswer(calls=CALLS), prompt="\ud800").calls
