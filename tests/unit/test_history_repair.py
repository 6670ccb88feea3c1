"""Inconsistent conversations are repaired, and each change is reported."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.errors import HistoryError
from agentkit.history import History
from agentkit.history_repair import NO_RESULT, RepairedHistory, repair_history
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult, UserMessage

HI = UserMessage("hi")
YES = AssistantMessage("yes")


def asks(*ids: str) -> AssistantMessage:
    """Return a message that calls `f`, once for each id."""
    return AssistantMessage(tool_calls=(ToolCall(id=one, name="f") for one in ids))


def gives(call_id: str, text: str = "done") -> ToolResult:
    """Return a result."""
    return ToolResult(call_id, text)


def unknown(call_id: str) -> ToolResult:
    """Return the error result that is added to a call without one."""
    return ToolResult(call_id, NO_RESULT.format(name="f"), is_error=True)


def changes_of(repaired: RepairedHistory) -> list[tuple[str, str, int]]:
    """Return the kind, call id and position of each repair."""
    return [(one.kind, one.call_id, one.position) for one in repaired.repairs]


Case = tuple[list[Message], list[Message], list[tuple[str, str, int]]]
CASES: dict[str, Case] = {
    "nothing": ([], [], []),
    "consistent": ([HI, asks("a"), gives("a"), YES], [HI, asks("a"), gives("a"), YES], []),
    "results in another order than the calls": (
        [HI, asks("a", "b"), gives("b"), gives("a"), YES],
        [HI, asks("a", "b"), gives("b"), gives("a"), YES],
        [],
    ),
    "a call without a result": (
        [HI, asks("a", "b"), gives("b"), YES],
        [HI, asks("a", "b"), gives("b"), unknown("a"), YES],
        [("call_answered", "a", 1)],
    ),
    "a call without a result at the end": (
        [HI, asks("a")],
        [HI, asks("a"), unknown("a")],
        [("call_answered", "a", 1)],
    ),
    "a result without a call": (
        [HI, gives("x"), YES],
        [HI, YES],
        [("result_removed", "x", 1)],
    ),
    "two results of one call": (
        [HI, asks("a"), gives("a", "1"), gives("a", "2"), YES],
        [HI, asks("a"), gives("a", "1"), YES],
        [("result_removed", "a", 3)],
    ),
    "a user message between": (
        [HI, asks("a"), HI, gives("a"), YES],
        [HI, asks("a"), gives("a"), HI, YES],
        [("result_moved", "a", 3)],
    ),
    "a result before its call": (
        [HI, gives("a"), asks("a"), YES],
        [HI, asks("a"), gives("a"), YES],
        [("result_moved", "a", 1)],
    ),
    "an id used twice, each with its result": (
        [HI, asks("a"), gives("a", "1"), asks("a"), gives("a", "2"), YES],
        [HI, asks("a"), gives("a", "1"), asks("a-2"), gives("a-2", "2"), YES],
        [("call_renamed", "a", 3)],
    ),
    "an id used twice in one message": (
        [HI, asks("a", "a"), gives("a", "1"), gives("a", "2")],
        [HI, asks("a", "a-2"), gives("a", "1"), gives("a-2", "2")],
        [("call_renamed", "a", 1)],
    ),
    "an id used twice, the first call without a result": (
        [HI, asks("a"), HI, asks("a"), gives("a")],
        [HI, asks("a"), unknown("a"), HI, asks("a-2"), gives("a-2")],
        [("call_answered", "a", 1), ("call_renamed", "a", 3)],
    ),
    "a new id that is already used": (
        [HI, asks("a", "a-2"), gives("a"), gives("a-2"), asks("a"), gives("a", "3")],
        [HI, asks("a", "a-2"), gives("a"), gives("a-2"), asks("a-3"), gives("a-3", "3")],
        [("call_renamed", "a", 4)],
    ),
}


@pytest.mark.parametrize(("given_messages", "expected", "repairs"), CASES.values(), ids=CASES)
def test_messages_become_a_consistent_history(
    given_messages: list[Message], expected: list[Message], repairs: list[tuple[str, str, int]]
) -> None:
    """And each change is reported."""
    repaired = repair_history(iter(given_messages))

    assert list(repaired.history) == expected
    assert changes_of(repaired) == repairs
    assert repaired.history.open_calls == ()


def test_a_removed_result_is_kept_in_its_repair() -> None:
    """Nothing is dropped silently."""
    repaired = repair_history([HI, gives("x", "the only copy")])

    (repair,) = repaired.repairs
    assert repair.removed == gives("x", "the only copy")
    assert repair.text == "The result for 'x' was removed: there is no call with this id."


def test_calls_at_the_end_may_stay_open() -> None:
    """Then the history is a paused run; earlier open calls still get an error result."""
    repaired = repair_history([HI, asks("a"), HI, asks("b", "c"), gives("c")], open_calls="keep")

    assert [call.id for call in repaired.history.open_calls] == ["b"]
    assert changes_of(repaired) == [("call_answered", "a", 1)]


def test_a_history_rejects_messages_that_need_a_repair() -> None:
    """Repair is the caller's choice."""
    with pytest.raises(HistoryError):
        History([HI, asks("a"), HI, gives("a")])


IDS = st.sampled_from(["a", "b", "a-2", ""])
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.just(HI),
    st.lists(IDS, max_size=3).map(lambda ids: asks(*ids)),
    st.builds(gives, IDS, st.sampled_from(["1", "2"])),
)


@settings(max_examples=200)
@given(messages=st.lists(MESSAGES, max_size=12), keep=st.booleans())
def test_any_messages_are_repaired_without_loss(messages: list[Message], *, keep: bool) -> None:
    """Each message is in the history or in a repair, and a second repair changes nothing."""
    repaired = repair_history(messages, open_calls="keep" if keep else "answer")

    history = list(repaired.history)
    removed = [one.removed for one in repaired.repairs if one.removed is not None]
    answered = sum(one.kind == "call_answered" for one in repaired.repairs)
    assert len(history) + len(removed) == len(messages) + answered
    others = [one.role for one in messages if not isinstance(one, ToolResult)]
    assert [one.role for one in history if not isinstance(one, ToolResult)] == others
    again = repair_history(history, open_calls="keep" if keep else "answer")
    assert again == RepairedHistory(history=repaired.history)
    is_consistent = True
    try:
        History(messages)
    except HistoryError:
        is_consistent = False
    if is_consistent and (keep or not History(messages).open_calls):
        assert repaired == RepairedHistory(history=History(messages))
