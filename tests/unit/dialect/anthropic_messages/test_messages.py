"""Conversations in the Anthropic format: turns that alternate, blocks that are never blank."""

import json
from typing import Any, Literal

import pytest
from hypothesis import given, settings

from agentkit.chat import ToolSpec
from agentkit.content import (
    AudioContent,
    EmbeddedResource,
    ImageContent,
    ReasoningContent,
    TextContent,
)
from agentkit.dialect.anthropic_messages.messages import Turns, encode_tools
from agentkit.dialect.tool_names import wire_name
from agentkit.errors import UnsupportedError
from agentkit.history import History
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from tests.property.strategies import histories

PNG = ImageContent(data="AAAA", mime_type="image/png")
PNG_BLOCK = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
}


def encode(
    *messages: Message,
    rules: Literal["mistral", "plain"] = "plain",
    takes_reasoning: bool = False,
) -> list[Any]:
    """Return the turns of a conversation."""
    turns = Turns(rules, takes_reasoning=takes_reasoning)
    for message in messages:
        turns.add(message)
    encoded: list[Any] = json.loads(b"".join(turns.encode()))
    return encoded


def text(value: str) -> dict[str, str]:
    """Return a text block."""
    return {"type": "text", "text": value}


def test_the_results_of_one_turn_are_in_one_user_turn() -> None:
    """Before the next text of the user, with their errors."""
    turns = encode(
        UserMessage("go"),
        AssistantMessage(
            "Let me see. ",
            tool_calls=[
                ToolCall(id="c1", name="f", arguments='{"x": 1}'),
                ToolCall(id="c2", name="fs.read", arguments=""),
            ],
        ),
        ToolResult("c1", "one"),
        ToolResult("c2", "no such file", is_error=True),
        UserMessage("and?"),
    )

    assert turns == [
        {"role": "user", "content": [text("go")]},
        {
            "role": "assistant",
            "content": [
                text("Let me see."),
                {"type": "tool_use", "id": "c1", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "c2", "name": wire_name("fs.read"), "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "one"},
                {
                    "type": "tool_result",
                    "tool_use_id": "c2",
                    "content": "no such file",
                    "is_error": True,
                },
                text("and?"),
            ],
        },
    ]


SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "S"}
REDACTED = {"type": "redacted_thinking", "data": "xyz"}


@pytest.mark.parametrize(
    ("reasoning", "blocks"),
    [
        (ReasoningContent("Hm.", data=(SIGNED, REDACTED)), [SIGNED, REDACTED]),
        (ReasoningContent("", data=(REDACTED,)), [REDACTED]),
        (ReasoningContent("Hm."), [{**SIGNED, "signature": ""}]),
        (ReasoningContent("Hm.", data=({"field": "reasoning"},)), [{**SIGNED, "signature": ""}]),
    ],
    ids=["signed", "redacted", "not signed", "of another format"],
)
def test_the_reasoning_before_a_call_goes_back_as_it_came(
    reasoning: ReasoningContent, blocks: list[Any]
) -> None:
    """Only to a provider that takes it, and only with calls."""
    call = AssistantMessage(
        content=(reasoning,), tool_calls=(ToolCall(id="a", name="f", arguments="{}"),)
    )
    said = AssistantMessage(content=(reasoning, TextContent("Done.")))
    messages = (UserMessage("Go."), call, ToolResult("a", "1"), said, UserMessage("And?"))

    turns = encode(*messages, takes_reasoning=True)

    use = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    assert turns[1]["content"] == [*blocks, use]
    assert turns[3]["content"] == [text("Done.")]
    assert encode(*messages)[1]["content"] == [use]


def test_consecutive_messages_of_one_role_share_a_turn() -> None:
    """The format requires the roles to alternate."""
    turns = encode(
        UserMessage("a"),
        UserMessage("b"),
        AssistantMessage("c"),
        AssistantMessage("d"),
        UserMessage("e"),
    )

    assert turns == [
        {"role": "user", "content": [text("a"), text("b")]},
        {"role": "assistant", "content": [text("c"), text("d")]},
        {"role": "user", "content": [text("e")]},
    ]


def test_first_and_last_turn_are_the_users() -> None:
    """An assistant turn at the end would be the beginning of the answer."""
    turns = encode(AssistantMessage("hello"))

    assert turns == [
        {"role": "user", "content": [text("Go on.")]},
        {"role": "assistant", "content": [text("hello")]},
        {"role": "user", "content": [text("Go on.")]},
    ]


def test_an_empty_conversation_becomes_a_request_to_go_on() -> None:
    """An empty list is refused."""
    assert encode() == [{"role": "user", "content": [text("Go on.")]}]


def test_blank_texts_are_left_out() -> None:
    """They are refused, and so are messages without blocks."""
    turns = encode(
        UserMessage(content=(TextContent(" "), TextContent("a"))),
        AssistantMessage(" \n"),
        AssistantMessage(content=(ReasoningContent("hm"),)),
        UserMessage(content=()),
    )

    assert turns == [{"role": "user", "content": [text("a")]}]


def test_system_text_is_a_field_of_its_own() -> None:
    """Wherever it was in the conversation."""
    turns = Turns("plain")
    for message in (SystemMessage("A"), SystemMessage(" "), SystemMessage("B")):
        turns.add(message)

    assert turns.system("Be brief.") == "Be brief.\n\nA\n\nB"
    assert turns.system("") == "A\n\nB"
    assert Turns("plain").system("") == ""


def test_images_and_text_resources_are_sent() -> None:
    """From messages of the user and from results."""
    resource = EmbeddedResource(uri="file:///a", text="inside")
    turns = encode(
        UserMessage(content=(PNG, resource)),
        AssistantMessage(tool_calls=[ToolCall(id="c1", name="f")]),
        ToolResult(call_id="c1", content=(TextContent("see"), PNG)),
    )

    assert turns[0]["content"] == [PNG_BLOCK, text("inside")]
    assert turns[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": [text("see"), PNG_BLOCK]}
    ]


@pytest.mark.parametrize(
    ("result", "content"),
    [
        (ToolResult(call_id="c1"), None),
        (ToolResult(call_id="c1", structured_content={"a": "é"}), '{"a":"é"}'),
        (ToolResult("c1", "x"), "x"),
    ],
    ids=["empty", "structured", "text"],
)
def test_a_result_is_sent_as_its_text(result: ToolResult, content: str | None) -> None:
    """A result without content needs none here."""
    turns = encode(AssistantMessage(tool_calls=[ToolCall(id="c1", name="f")]), result)

    assert turns[-1]["content"][0].get("content") == content


def test_a_sound_is_refused() -> None:
    """The format has no block for it."""
    sound = AudioContent(data="AAAA", mime_type="audio/wav")

    with pytest.raises(UnsupportedError, match="audio"):
        encode(UserMessage(content=(sound,)))


def test_ids_with_other_characters_are_changed_equally_in_call_and_result() -> None:
    """Providers of other formats make ids with dots and colons."""
    turns = encode(
        AssistantMessage(tool_calls=[ToolCall(id="functions.f:0", name="f")]),
        ToolResult("functions.f:0", "x"),
        AssistantMessage(tool_calls=[ToolCall(id="x" * 65, name="f")]),
        ToolResult("x" * 65, "y"),
    )

    calls = [block["id"] for turn in turns for block in turn["content"] if "id" in block]
    results = [
        block["tool_use_id"]
        for turn in turns
        for block in turn["content"]
        if "tool_use_id" in block
    ]
    assert calls == results
    assert len(set(calls)) == 2
    assert all(call.isalnum() and len(call) == 9 for call in calls)


def test_a_changed_id_never_equals_another_id() -> None:
    """Not even if a provider made just the id that another one is changed to."""
    first = encode(
        AssistantMessage(tool_calls=[ToolCall(id="a.b", name="f")]), ToolResult("a.b", "x")
    )
    taken = first[1]["content"][0]["id"]

    turns = encode(
        AssistantMessage(tool_calls=[ToolCall(id=taken, name="f"), ToolCall(id="a.b", name="f")]),
        ToolResult(taken, "x"),
        ToolResult("a.b", "y"),
    )

    ids = [block["id"] for block in turns[1]["content"]]
    assert ids[0] == taken
    assert ids[1] != taken
    assert [block["tool_use_id"] for block in turns[2]["content"]] == ids


def test_mistral_models_keep_their_rules_in_this_format() -> None:
    """No text together with calls, nine-character ids, an answer between results and the user."""
    turns = encode(
        UserMessage("go"),
        AssistantMessage("Let me see.", tool_calls=[ToolCall(id="toolu_1", name="f")]),
        ToolResult("toolu_1", ""),
        UserMessage("and?"),
        rules="mistral",
    )

    call_id = turns[1]["content"][0]["id"]
    assert len(call_id) == 9
    assert turns == [
        {"role": "user", "content": [text("go")]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": call_id, "name": "f", "input": {}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": call_id, "content": "(no output)"}],
        },
        {"role": "assistant", "content": [text("OK.")]},
        {"role": "user", "content": [text("and?")]},
    ]


def test_a_tool_always_takes_an_object() -> None:
    """The format requires `type`."""
    tools = (
        ToolSpec(name="a.b", description="d", input_schema={}),
        ToolSpec(name="c", description="", input_schema={"properties": {}, "type": "object"}),
    )

    assert json.loads(encode_tools(tools)) == [
        {"name": wire_name("a.b"), "description": "d", "input_schema": {"type": "object"}},
        {"name": "c", "description": "", "input_schema": {"type": "object", "properties": {}}},
    ]


@given(history=histories())
@settings(max_examples=100, deadline=None)
@pytest.mark.parametrize("rules", ["mistral", "plain"])
def test_every_conversation_is_valid_in_the_format(
    history: History, rules: Literal["mistral", "plain"]
) -> None:
    """Roles alternate, calls are answered first thing in the next turn, and nothing is empty."""
    turns = encode(*history, rules=rules)

    roles = [turn["role"] for turn in turns]
    assert roles == ["user", "assistant"] * (len(turns) // 2) + ["user"]
    asked: list[str] = []
    seen: set[str] = set()
    for turn in turns:
        answered = [b["tool_use_id"] for b in turn["content"] if b["type"] == "tool_result"]
        first = [b["type"] for b in turn["content"]][: len(answered)]
        assert sorted(answered) == sorted(asked)
        assert first == ["tool_result"] * len(answered)
        asked = [b["id"] for b in turn["content"] if b["type"] == "tool_use"]
        assert turn["content"]
        assert seen.isdisjoint(asked)
        seen.update(asked)
        assert all(b["text"].strip() for b in turn["content"] if b["type"] == "text")
    assert asked == []


@given(history=histories())
@settings(max_examples=50, deadline=None)
@pytest.mark.parametrize("rules", ["mistral", "plain"])
def test_encoding_at_any_point_changes_nothing(
    history: History, rules: Literal["mistral", "plain"]
) -> None:
    """A conversation that was sent after every message is the same in the end."""
    turns = Turns(rules)
    for message in history:
        turns.encode()
        turns.add(message)

    assert json.loads(b"".join(turns.encode())) == encode(*history, rules=rules)
    assert turns.size_bytes <= len(b"".join(turns.encode()))
