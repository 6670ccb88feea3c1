"""A history is an immutable, consistent conversation with a stored form."""

import copy
import json
import pickle
import sys
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.content import (
    AudioContent,
    EmbeddedResource,
    ImageContent,
    ReasoningContent,
    ResourceLink,
    TextContent,
)
from agentkit.errors import HistoryError
from agentkit.history import VERSION, History
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)

CALL = ToolCall(id="c1", name="add", arguments='{"a": 1}')
OTHER = ToolCall(id="c2", name="add", arguments='{"a": 2}')
HI = UserMessage("hi")
ASKS = AssistantMessage(tool_calls=[CALL, OTHER])
ONE = ToolResult("c1", "1")
TWO = ToolResult("c2", "2")


def test_a_history_keeps_its_messages_in_order() -> None:
    """They can be read by iteration, index, slice and as a tuple."""
    history = History([HI, ASKS, ONE, TWO])

    assert list(history) == [HI, ASKS, ONE, TWO]
    assert history.messages == (HI, ASKS, ONE, TWO)
    assert history[0] is HI
    assert history[-1] is TWO
    assert history[1:3] == [ASKS, ONE]
    assert history[::-2] == [TWO, ASKS]
    assert len(history) == 4


def test_an_index_out_of_range_is_an_error_that_names_it() -> None:
    """At both ends."""
    with pytest.raises(IndexError, match="not one at 1"):
        History([HI])[1]
    with pytest.raises(IndexError, match="not one at -2"):
        History([HI])[-2]


def test_adding_a_message_does_not_change_the_history() -> None:
    """Two histories can grow from one and stay independent."""
    start = History([HI, AssistantMessage(tool_calls=[CALL])])

    left = start + [ONE]
    right = start + [ToolResult("c1", "other")]

    assert start.messages == (HI, AssistantMessage(tool_calls=[CALL]))
    assert left[2] == ONE
    assert right[2] == ToolResult("c1", "other")
    assert start.open_calls == (CALL,)
    assert left.open_calls == right.open_calls == ()


def test_a_branch_may_use_a_call_id_that_only_the_other_branch_has() -> None:
    """Ids are unique in one conversation, not in all that share its beginning."""
    start = History([HI])
    start + [AssistantMessage(tool_calls=[CALL]), ONE]

    branch = start + [AssistantMessage("again", tool_calls=[CALL])]

    assert branch.open_calls == (CALL,)
    assert branch.has_call("c1")
    assert not start.has_call("c1")


def test_open_calls_are_the_calls_without_a_result_in_the_models_order() -> None:
    """Results may come in any order."""
    history = History([HI, ASKS])

    assert history.open_calls == (CALL, OTHER)
    assert (history + [TWO]).open_calls == (CALL,)
    assert (history + [TWO, ONE]).open_calls == ()


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        pytest.param([HI, ASKS, ONE, HI], "add their results first", id="user before results"),
        pytest.param(
            [HI, ASKS, SystemMessage("s")], "add their results first", id="system between"
        ),
        pytest.param([HI, ASKS, AssistantMessage("x")], "add their results first", id="assistant"),
        pytest.param([HI, ONE], "answers no call", id="result without a call"),
        pytest.param([HI, ASKS, ONE, ONE], "already has a result", id="two results"),
        pytest.param(
            [HI, AssistantMessage(tool_calls=[CALL, CALL])], "used twice", id="ids in one turn"
        ),
        pytest.param(
            [HI, AssistantMessage(tool_calls=[CALL]), ONE, AssistantMessage(tool_calls=[CALL])],
            "used twice",
            id="ids in two turns",
        ),
    ],
)
def test_a_message_that_does_not_fit_is_rejected(messages: list[Message], reason: str) -> None:
    """All at once or one by one, the error gives the reason and the history is unchanged."""
    with pytest.raises(HistoryError, match=reason):
        History(messages)
    history = History(messages[:-1])
    with pytest.raises(HistoryError, match=reason):
        history + [messages[-1]]

    assert history.messages == tuple(messages[:-1])
    assert history == History(messages[:-1])


def test_a_rejected_batch_adds_none_of_its_messages() -> None:
    """The valid messages of an invalid batch are not kept."""
    history = History([HI, ASKS])

    with pytest.raises(HistoryError):
        history + [ONE, ONE]

    assert history.open_calls == (CALL, OTHER)
    assert (history + [ONE, TWO]).messages == (HI, ASKS, ONE, TWO)


def test_histories_are_compared_by_their_messages() -> None:
    """How they were built does not matter, and a list is not equal to a history."""
    assert History([HI]) + [ASKS] == History([HI, ASKS])
    assert History([HI]) != History([])
    assert History([HI]) != [HI]
    assert "hi" in repr(History([HI]))


def test_a_history_can_be_copied_and_pickled() -> None:
    """A copy grows independently."""
    history = History((UserMessage("go"), AssistantMessage(tool_calls=[CALL])))

    copied = pickle.loads(pickle.dumps(history))

    assert copied == copy.deepcopy(history) == history
    assert copied.open_calls == (CALL,)
    assert len(copied + [ToolResult(CALL.id, "4")]) == 3
    assert len(history) == 2


@pytest.mark.parametrize("wrong", ["hello", [{"role": "user", "content": "hi"}], [None]])
def test_only_messages_make_a_history(wrong: Any) -> None:
    """Text, dicts and None are rejected with an error that names the type."""
    with pytest.raises(HistoryError, match="The item at 0 is a"):
        History(wrong)


def test_a_lone_surrogate_can_be_stored() -> None:
    """The stored form can be encoded as UTF-8."""
    history = History((UserMessage("cut \ud83d here, \u00e9 and \U0001f600 complete"),))

    stored = history.to_json().encode("utf-8")

    assert History.from_json(stored) == history
    assert "\u00e9 and \U0001f600".encode() in stored


def test_adding_costs_the_same_at_any_length() -> None:
    """The work of one `add` is counted in executed lines, which do not depend on load."""

    def lines_of_one_add(length: int) -> int:
        history = History([HI]) + ([AssistantMessage("x")] * length)
        count = 0

        def trace(*_: object) -> object:
            nonlocal count
            count += 1
            return trace

        before = sys.gettrace()
        sys.settrace(trace)  # type: ignore[arg-type]  # the stub wants a narrower function
        try:
            history + [HI]
        finally:
            sys.settrace(before)
        return count

    assert lines_of_one_add(10_000) == lines_of_one_add(10)


def test_the_stored_form_keeps_every_kind_of_message_and_block() -> None:
    """Reading the stored form gives an equal history."""
    blocks = (
        TextContent("é\n", annotations={"audience": ["user"]}, meta={"k": 1}),
        ImageContent(data="aGk=", mime_type="image/png"),
        AudioContent(data="aGk=", mime_type="audio/wav"),
        ResourceLink(uri="file:///a", name="a", size_bytes=3),
        EmbeddedResource(uri="file:///b", blob="aGk="),
        ReasoningContent("hm"),
    )
    history = History(
        [
            SystemMessage("be brief"),
            UserMessage(content=blocks),
            AssistantMessage(content=blocks, tool_calls=(CALL,)),
            ToolResult(
                call_id="c1", content=blocks, structured_content={"n": [1, None]}, is_error=True
            ),
        ]
    )

    text = history.to_json()

    assert json.loads(text)["version"] == VERSION
    assert History.from_json(text) == history
    assert History.from_json(text.encode()).to_json() == text


def test_the_first_version_of_the_stored_form_still_reads() -> None:
    """Version 1 held plain text in place of blocks."""
    stored = {
        "version": 1,
        "messages": [
            {"role": "system", "text": "s"},
            {"role": "user", "text": "hi"},
            {
                "role": "assistant",
                "text": "",
                "tool_calls": [{"id": "c1", "name": "add", "arguments": '{"a": 1}'}],
            },
            {"role": "tool", "call_id": "c1", "text": "1"},
        ],
    }

    history = History.from_json(json.dumps(stored))

    assert history == History([SystemMessage("s"), HI, AssistantMessage(tool_calls=[CALL]), ONE])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("{", "not JSON", id="not JSON"),
        pytest.param("[" * 100_000, "not JSON", id="too deep"),
        pytest.param("[]", "'version'", id="a list"),
        pytest.param("{}", "'version'", id="no version"),
        pytest.param('{"version": 99}', "version 99; .* 1 to 2", id="a later version"),
        pytest.param('{"version": "2"}', "version '2'", id="a version that is text"),
        pytest.param('{"version": true}', "version True", id="a version that is a boolean"),
        pytest.param('{"version": 2}', "read: its messages: Input should", id="no messages"),
        pytest.param('{"version": 1, "messages": [3]}', "cannot be read", id="old, not an object"),
        pytest.param('{"version": 1, "messages": 3}', "cannot be read", id="old, not a list"),
        pytest.param('{"version": 2, "messages": [{"role": "x"}]}', "message 0", id="a role"),
        pytest.param(
            '{"version": 2, "messages": [{"role": "tool", "call_id": "a"}]}',
            "answers no call",
            id="inconsistent messages",
        ),
    ],
)
def test_an_unreadable_stored_form_is_an_error_with_the_reason(text: str, reason: str) -> None:
    """Only a HistoryError is raised, whatever the text."""
    with pytest.raises(HistoryError, match=reason):
        History.from_json(text)


@given(texts=st.lists(st.text(), max_size=8), cut=st.integers(min_value=0, max_value=8))
def test_the_stored_form_of_any_beginning_of_a_history_reads_back_equal(
    texts: list[str], cut: int
) -> None:
    """Adding the remaining messages gives the complete history."""
    encodable = [text.encode(errors="replace").decode() for text in texts]
    messages = [UserMessage(text) for text in encodable]

    beginning = History(messages[:cut])

    assert History.from_json(beginning.to_json()) == beginning
    assert beginning + messages[cut:] == History(messages)
    assert all(len(a) + 1 == len(b) for a, b in pairwise(_growth(messages)))


def _growth(messages: list[UserMessage]) -> list[History]:
    """Return the histories that grow to `messages`, one message at a time."""
    grown = [History()]
    for message in messages:
        grown.append(grown[-1] + [message])
    return grown


def test_a_history_grows_as_a_tuple_does() -> None:
    """`+` returns a new one."""
    before = History([UserMessage("a")])

    after = before + [UserMessage("b")]

    assert isinstance(after, History)
    assert ([one.text for one in before], [one.text for one in after]) == (["a"], ["a", "b"])
