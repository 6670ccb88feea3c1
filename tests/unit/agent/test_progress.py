"""When a run makes no progress."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.agent import progress
from agentkit.agent.progress import (
    HINT_AFTER,
    LONGEST_CYCLE,
    STOP_AFTER,
    Stall,
    assess,
    last_turns,
    may_be_stuck,
)
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult, UserMessage

Turn = tuple[str, str, str]


def _history(turns: list[Turn], *, text: str = "", is_error: bool = False) -> History:
    """Build a history of turns: tool, arguments, result."""
    messages: list[Message] = [UserMessage("go")]
    for number, (name, arguments, result) in enumerate(turns):
        call = ToolCall(id=str(number), name=name, arguments=arguments)
        messages += [
            AssistantMessage(text, tool_calls=[call]),
            ToolResult(call.id, result, is_error=is_error),
        ]
    return History(messages)


A: Turn = ("a", "{}", "1")
B: Turn = ("b", "{}", "2")
C: Turn = ("c", "{}", "3")
D: Turn = ("d", "{}", "4")
E: Turn = ("e", "{}", "5")


@pytest.mark.parametrize(
    ("turns", "stall"),
    [
        pytest.param([], Stall.NONE, id="nothing yet"),
        pytest.param([A], Stall.NONE, id="one turn"),
        pytest.param([A] * (HINT_AFTER - 1), Stall.NONE, id="the same, not often"),
        pytest.param([A] * HINT_AFTER, Stall.HINT, id="the same, a hint"),
        pytest.param([A] * (STOP_AFTER - 1), Stall.HINT, id="the same, still a hint"),
        pytest.param([A] * STOP_AFTER, Stall.STOP, id="the same, the end"),
        pytest.param([A] * 100, Stall.STOP, id="the same, for long"),
        pytest.param([A, B] * HINT_AFTER, Stall.HINT, id="a cycle of two"),
        pytest.param([A, B] * STOP_AFTER, Stall.STOP, id="a cycle of two, the end"),
        pytest.param([A, B, C] * STOP_AFTER, Stall.STOP, id="a cycle of three"),
        pytest.param([A, B, C, D] * STOP_AFTER, Stall.STOP, id="a cycle of four"),
        pytest.param([A, B, C, D, E] * 8, Stall.NONE, id="longer than what is looked at"),
        pytest.param([C, *[A, B] * HINT_AFTER], Stall.HINT, id="a cycle after a start"),
        pytest.param([C, *[A] * HINT_AFTER], Stall.HINT, id="the same after a start"),
        pytest.param([*[A] * 9, B], Stall.NONE, id="it went on"),
        pytest.param(
            [("a", text, "1") for text in ('{"x":1,"y":2}', '{"y":2,"x":1}', '{ "x":1, "y":2}')],
            Stall.HINT,
            id="the same in another encoding",
        ),
        pytest.param(
            [("a", text, "1") for text in ('{"x":1}', '{"x":"1"}', '{"x":1.5}')],
            Stall.NONE,
            id="much the same is not the same",
        ),
        pytest.param([("a", "[" * 10**5, "1")] * 3, Stall.HINT, id="the same and not readable"),
        pytest.param([("a", '{"x": NaN}', "1")] * 3, Stall.HINT, id="the same and no number"),
        pytest.param([("a", "{}", str(n)) for n in range(20)], Stall.NONE, id="the results differ"),
        pytest.param([("a", "{}", n) for n in "91579"], Stall.NONE, id="the results grow"),
        pytest.param([("a", "{}", n) for n in "19531"], Stall.NONE, id="the results fall"),
        pytest.param(
            [("a", str(n), "1") for n in range(20)], Stall.NONE, id="the arguments differ"
        ),
    ],
)
def test_the_same_turns_again_are_a_stall(turns: list[Turn], stall: Stall) -> None:
    """Calls and results both have to be the same."""
    assert assess(_history(turns)).stall is stall


@pytest.mark.parametrize(
    ("count", "stall"),
    [(2, Stall.NONE), (3, Stall.HINT), (4, Stall.HINT), (5, Stall.STOP), (6, Stall.STOP)],
)
def test_the_same_error_for_any_arguments_is_a_stall(count: int, stall: Stall) -> None:
    """The tool and the error must be the same."""
    tried: list[Turn] = [("a", str(n), "no such table") for n in range(count)]
    others: list[Turn] = [("a", str(n), f"no such table {n}") for n in range(count)]
    tools: list[Turn] = [(f"tool{n}", "{}", "no such table") for n in range(count)]
    down: list[Turn] = [(f"tool{9 - n}", "{}", "no such table") for n in range(count)]

    assert assess(_history(tried, is_error=True)).stall is stall
    assert assess(_history(others, is_error=True)).stall is Stall.NONE
    assert assess(_history(tools, is_error=True)).stall is Stall.NONE
    assert assess(_history(down, is_error=True)).stall is Stall.NONE
    assert assess(_history([*others, A], is_error=True)).stall is Stall.NONE


@pytest.mark.parametrize(
    ("count", "stall"), [(7, Stall.NONE), (8, Stall.HINT), (9, Stall.HINT), (10, Stall.STOP)]
)
def test_the_same_text_next_to_many_different_calls_is_a_stall(count: int, stall: Stall) -> None:
    """It is allowed for a while, as some models do that."""
    turns: list[Turn] = [("a", str(n), str(n)) for n in range(count)]

    assert assess(_history(turns, text="Let me look.")).stall is stall
    assert assess(_history(turns, text=" ")).stall is Stall.NONE


def _varied(steps: list[tuple[str, str, bool]]) -> History:
    """Build a history of turns that differ in arguments: words, result, whether it is an error."""
    messages: list[Message] = [UserMessage("go")]
    for number, (text, result, is_error) in enumerate(steps):
        call = ToolCall(id=str(number), name="a", arguments=str(number))
        messages.append(AssistantMessage(text, tool_calls=[call]))
        messages.append(ToolResult(call.id, result, is_error=is_error))
    return History(messages)


def _unvaried(steps: list[tuple[str, str, bool]]) -> History:
    """Build the same with the same arguments."""
    messages: list[Message] = [UserMessage("go")]
    for number, (text, result, is_error) in enumerate(steps):
        messages.append(AssistantMessage(text, tool_calls=[ToolCall(id=str(number), name="a")]))
        messages.append(ToolResult(str(number), result, is_error=is_error))
    return History(messages)


@pytest.mark.parametrize("between", [("", "fine", False), ("", "other", True)])
def test_only_errors_in_one_row_count(between: tuple[str, str, bool]) -> None:
    """A success or another error between them begins a new row."""
    error = ("", "no", True)

    assert assess(_varied([error] * 2 + [between] + [error] * 2)).stall is Stall.NONE
    assert assess(_varied([error] * 2 + [between] + [error] * 3)).stall is Stall.HINT


@pytest.mark.parametrize("between", ["A", "Z", " "])
def test_only_texts_in_one_row_count(between: str) -> None:
    """Another text, or none, begins a new row."""
    words = [("M", str(number), False) for number in range(30)]

    assert assess(_varied([*words[:9], (between, "x", False), *words[9:14]])).stall is Stall.NONE
    assert assess(_varied([*words[:9], (between, "x", False), *words[9:17]])).stall is Stall.HINT
    assert assess(_varied([(between, "x", False), *words[:11]])).stall is Stall.STOP
    for order in ("stuvwxyzz", "hgfedcbaa"):
        said = [(word, str(place), False) for place, word in enumerate(order)]
        assert assess(_varied(said)).stall is Stall.NONE
    begun = [words[0], (between, "x", False), *words[1:12]]
    assert assess(_varied(begun)).stall is Stall.STOP


def test_only_the_last_turns_are_read() -> None:
    """A long run costs no more than a short one."""
    assert assess(_history([A] * 40)).what == "the same call of a gave the same result 20 times"


def test_a_tool_that_polls_may_be_called_again_and_again() -> None:
    """And the turns before it no longer count."""
    assert assess(_history([B] * 9 + [A] * 9), polling={"a"}).stall is Stall.NONE
    assert assess(_history([A] * 9 + [B] * 3), polling={"a"}).stall is Stall.HINT


def test_only_turns_since_the_last_user_message_count() -> None:
    """A new question may need the same call."""
    history = _history([A] * 9) + [AssistantMessage("done"), UserMessage("again")]

    assert assess(history).stall is Stall.NONE


def test_the_hint_names_what_is_repeated() -> None:
    """As a text for the model."""
    assert assess(_history([A] * 3)).what == "the same call of a gave the same result 3 times"
    assert (
        assess(_history([A, B] * 3)).what == "the same 2 steps with a and b came 3 times in a row"
    )
    assert assess(_history([C, D, *[A] * 3])).what == (
        "the same call of a gave the same result 3 times"
    )
    assert assess(_history([C, *[A, B] * 3])).what == (
        "the same 2 steps with a and b came 3 times in a row"
    )
    for times in (3, 4):
        failed: list[Turn] = [("a", str(n), "no") for n in range(times)]
        assert assess(_history(failed, is_error=True)).what == (
            f"{times} calls in a row failed with the same error"
        )
    said: list[Turn] = [("a", str(n), str(n)) for n in range(8)]
    assert assess(_history(said, text="Hm.")).what == "you said the same words 8 times"


def test_a_turn_of_many_calls_is_compared_completely() -> None:
    """Two results that changed places are not the same."""

    def turns(results: list[tuple[str, str]]) -> History:
        messages: list[Message] = [UserMessage("go")]
        for number, (first, second) in enumerate(results):
            calls = [ToolCall(id=f"{number}{name}", name=name) for name in "xy"]
            messages.append(AssistantMessage(tool_calls=calls))
            messages.append(ToolResult(f"{number}y", second))
            messages.append(ToolResult(f"{number}x", first))
        return History(messages)

    assert assess(turns([("1", "2")] * 3)).stall is Stall.HINT
    assert assess(turns([("1", "2"), ("2", "1"), ("1", "2")])).stall is Stall.NONE


class _ReadFrom(History):
    """A history that records which of its messages are read."""

    def __reversed__(self) -> Iterator[Message]:
        """Record each message."""
        for message in super().__reversed__():
            READ.append(message)
            yield message


READ: list[Message] = []


def test_only_the_newest_turn_is_read_if_the_others_are_known() -> None:
    """So that each turn costs little."""
    history = _ReadFrom(_history([("a", str(n), str(n)) for n in range(30)]))
    READ.clear()
    known = last_turns(history)
    assert len(READ) == 2 * (LONGEST_CYCLE + 1)

    READ.clear()
    grown = last_turns(history, known[1:])

    assert len(READ) == 2
    assert grown == known
    assert len(last_turns(history, known)) == LONGEST_CYCLE + 1


@pytest.mark.parametrize(
    ("turns", "text", "may_be"),
    [
        pytest.param([A], "", False, id="one turn"),
        pytest.param([("a", "{}", str(n)) for n in "9157"], "", False, id="other results"),
        pytest.param([("a", "{}", str(n)) for n in "1953"], " ", True, id="the same words"),
        pytest.param([A, B], "", False, id="two turns"),
        pytest.param([A, B, A], "", True, id="the same result"),
        pytest.param([A, B, C, D, A], "", True, id="the same result, long ago"),
        pytest.param([A, B, C, D, E, A], "", False, id="the same result, too long ago"),
        pytest.param([("a", "1", "x"), ("b", "2", "x")], "", True, id="the same of others"),
    ],
)
def test_most_turns_cannot_be_a_stall(turns: list[Turn], text: str, may_be: bool) -> None:
    """If neither results nor texts repeat, the run makes progress."""
    assert may_be_stuck(last_turns(_history(turns, text=text))) is may_be


STEPS = st.tuples(
    st.sampled_from(["", "Hm.", " "]), st.sampled_from(["x", "y", "z"]), st.booleans()
)


@given(steps=st.lists(STEPS, max_size=25) | st.lists(STEPS, max_size=3).map(lambda few: few * 5))
def test_a_stall_is_never_missed_by_the_quick_check(steps: list[tuple[str, str, bool]]) -> None:
    """For any turns."""
    for build in (_varied, _unvaried):
        known: tuple[progress.Turn, ...] | None = None
        for count in range(1, len(steps) + 1):
            history = build(steps[:count])
            known = last_turns(history, known)
            assert known == last_turns(history)
            stall = assess(history).stall
            assert may_be_stuck(known) or stall is Stall.NONE
            assert assess(history, newest=known).stall is stall


def test_a_turn_with_fewer_or_more_calls_is_another() -> None:
    """Even if the calls in common are the same."""
    call = ToolCall(id="1", name="a")
    two = (ToolCall(id="2", name="a"), ToolCall(id="3", name="b"))
    messages: list[Message] = [UserMessage("go")]
    for number in range(STOP_AFTER):
        calls = [call] if number % 2 else list(two)
        calls = [replace(one, id=f"{number}{one.id}") for one in calls]
        messages.append(AssistantMessage(tool_calls=calls))
        messages += [ToolResult(one.id, str(number)) for one in calls]

    assert assess(History(messages)).stall is Stall.NONE
