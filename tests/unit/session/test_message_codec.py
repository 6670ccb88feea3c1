"""The stored form of single messages."""

import json

import pytest
from hypothesis import example, given

from agentkit import AssistantMessage, ToolResult, UserMessage
from agentkit.content import TextContent
from agentkit.errors import HistoryError
from agentkit.history import VERSION, History
from agentkit.message import ToolCall
from agentkit.session.message_codec import decode_messages, encode_message
from tests.property.strategies import histories

CALL = ToolCall(id="c1", name="add", arguments='{"a": 1}')


@given(histories())
@example(History((UserMessage("a\0b \ud800 \ude00\ud83d שלום"),)))
def test_messages_are_read_as_they_were_written(history: History) -> None:
    """All that the types allow; NUL becomes an escape, which databases keep."""
    stored = [(VERSION, encode_message(message)) for message in history]

    assert decode_messages(stored) == list(history)
    for _, text in stored:
        text.encode()
        assert "\0" not in text


def test_halves_of_a_character_that_follow_each_other_become_one() -> None:
    """A stream may have cut it in two; the store repairs other text in the same way."""
    stored = encode_message(UserMessage("\ud83d\ude00"))

    assert decode_messages([(VERSION, stored)]) == [UserMessage("😀")]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (UserMessage("hi"), '{"role":"user","content":[{"type":"text","text":"hi"}]}'),
        (AssistantMessage(), '{"role":"assistant","content":[]}'),
        (
            AssistantMessage(tool_calls=[CALL]),
            '{"role":"assistant","content":[],'
            '"tool_calls":[{"id":"c1","name":"add","arguments":"{\\"a\\": 1}"}]}',
        ),
        (
            ToolResult("c1", "2"),
            '{"role":"tool","call_id":"c1","content":[{"type":"text","text":"2"}]}',
        ),
    ],
)
def test_a_message_of_plain_text_has_a_short_form(
    message: UserMessage | AssistantMessage | ToolResult, text: str
) -> None:
    """Most messages are of that kind."""
    assert encode_message(message) == text
    assert decode_messages([(VERSION, text)]) == [message]


@pytest.mark.parametrize(
    "message",
    [
        UserMessage(content=(TextContent("hi", meta={"a": 1}),)),
        AssistantMessage(content=(TextContent("hi", annotations={"a": None}),)),
        AssistantMessage("hi", is_incomplete=True),
        ToolResult("c1", "no", is_error=True),
        ToolResult(call_id="c1", structured_content={"a": None}),
    ],
)
def test_what_the_short_form_cannot_hold_is_kept(
    message: UserMessage | AssistantMessage | ToolResult,
) -> None:
    """Nothing is dropped because most messages lack it."""
    assert decode_messages([(VERSION, encode_message(message))]) == [message]


def test_messages_of_older_versions_are_read_in_between() -> None:
    """A conversation may go on under a newer agentkit."""
    stored = [
        (1, '{"role": "user", "text": "old"}'),
        (VERSION, encode_message(AssistantMessage("new"))),
    ]

    assert decode_messages(stored) == [UserMessage("old"), AssistantMessage("new")]


@pytest.mark.parametrize(
    ("version", "text", "reason"),
    [
        (VERSION, "{", "not JSON"),
        (VERSION, "[" * 100_000, "not JSON"),
        (VERSION, '"hi"', "cannot be read"),
        (VERSION, '{"role":"user"}', "cannot be read"),
        (VERSION, '{"role":"user","content":[{"type":"text","text":1}]}', "cannot be read"),
        (VERSION, '{"role":"user","content":1}', "cannot be read"),
        (VERSION, '{"role":"tool","call_id":1,"content":[]}', "cannot be read"),
        (
            VERSION,
            '{"role":"assistant","content":[],"tool_calls":[{"id":1,"name":"a","arguments":""}]}',
            "cannot be read",
        ),
        (VERSION + 1, "{}", f"version {VERSION + 1}; .* Update agentkit"),
        (1, "1", "cannot be read"),
    ],
)
def test_what_is_not_a_message_is_an_error(version: int, text: str, reason: str) -> None:
    """Also next to one that is."""
    good = (VERSION, json.dumps({"role": "user", "content": []}))

    with pytest.raises(HistoryError, match=reason):
        decode_messages([good, (version, text)])
