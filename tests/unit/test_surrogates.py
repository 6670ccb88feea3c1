"""Lone surrogates are replaced in text, JSON and values, and nothing else is changed."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from agentkit.content import EmbeddedResource, ResourceLink, TextContent
from agentkit.history import History
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from agentkit.surrogates import dump_json, replace_surrogates

HALF = "caf\udce9"
REPAIRED = "caf\ufffd"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(HALF, REPAIRED, id="half"),
        pytest.param("\ud83d\ude00", "😀", id="two halves in order"),
        pytest.param("\ude00\ud83d", "\ufffd\ufffd", id="two halves in the wrong order"),
        pytest.param("天气 😀", "天气 😀", id="other characters"),
        pytest.param("", "", id="empty"),
    ],
)
def test_text_can_be_encoded_afterwards(text: str, expected: str) -> None:
    """One replacement character for each half."""
    assert replace_surrogates(text) == expected


@given(JSON)
def test_any_json_can_be_encoded_afterwards(value: Any) -> None:
    """Names of fields too, at any depth; what has no half is the very same object."""
    repaired = replace_surrogates(value)
    text = json.dumps(repaired, ensure_ascii=False)

    assert text.encode().decode() == text
    assert (repaired is value) == (repaired == value) or value == repaired


MESSAGES: dict[str, tuple[Message, Message]] = {
    "system": (SystemMessage(HALF), SystemMessage(REPAIRED)),
    "user": (UserMessage(HALF), UserMessage(REPAIRED)),
    "assistant": (
        AssistantMessage(
            HALF, tool_calls=[ToolCall(id="c1", name="f", arguments=f'{{"a": "{HALF}"}}')]
        ),
        AssistantMessage(
            REPAIRED, tool_calls=[ToolCall(id="c1", name="f", arguments=f'{{"a": "{REPAIRED}"}}')]
        ),
    ),
    "blocks": (
        UserMessage(
            content=(
                ResourceLink(uri=f"file:///{HALF}", name=HALF),
                EmbeddedResource(uri="x", text=HALF),
                TextContent("fine"),
            )
        ),
        UserMessage(
            content=(
                ResourceLink(uri=f"file:///{REPAIRED}", name=REPAIRED),
                EmbeddedResource(uri="x", text=REPAIRED),
                TextContent("fine"),
            )
        ),
    ),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_a_history_holds_no_half_characters(case: str) -> None:
    """It can be stored and sent; a message without any is kept as it is."""
    message, expected = MESSAGES[case]

    history = History([message])

    assert history[0] == expected
    assert History.from_json(history.to_json().encode()) == history
    assert History([expected])[0] is expected


def test_calls_and_results_still_belong_together() -> None:
    """Ids are repaired alike."""
    call = ToolCall(id=f"call-{HALF}", name="f", arguments="{}")
    history = History([UserMessage("go"), AssistantMessage(tool_calls=[call])])

    closed = history + [ToolResult(call.id, HALF)]

    assert closed.open_calls == ()
    assert closed[-1] == ToolResult(f"call-{REPAIRED}", REPAIRED)


def test_structured_content_is_repaired() -> None:
    """Its names too."""
    message = ToolResult(call_id="c", content=(), structured_content={HALF: [HALF, 1, None]})

    assert replace_surrogates(message) == replace(
        message, structured_content={REPAIRED: [REPAIRED, 1, None]}
    )


def test_json_of_a_value_with_half_characters_can_be_encoded() -> None:
    """The usual value is written by pydantic alone."""
    adapter: TypeAdapter[Any] = TypeAdapter(dict[str, TextContent])

    assert json.loads(dump_json(adapter, {"a": TextContent(HALF)}))["a"]["text"] == REPAIRED
    assert json.loads(dump_json(adapter, {"a": TextContent("é")}))["a"]["text"] == "é"
    assert dump_json(adapter, {"a": TextContent(HALF)}).encode()
