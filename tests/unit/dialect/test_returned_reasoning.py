"""Reasoning is returned with calls, to the providers that need it, in the form it came in."""

import json
from dataclasses import replace
from typing import Any

import pytest

from agentkit.chat import ModelRequest
from agentkit.config.profile import Accepts
from agentkit.content import ReasoningContent, TextContent
from agentkit.dialect.openai_chat.dialect import OpenAIChat
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, ToolResult, UserMessage
from tests.unit.dialect.answers import DOCUMENT, document
from tests.unit.dialect.anthropic_messages.test_response import (
    COMPLETE,
    MESSAGE,
    STREAMED,
    decode,
    response,
)
from tests.unit.dialect.openai_chat.test_dialect import HI, PLAIN, PROVIDER


@pytest.mark.parametrize(
    ("reasoning", "field"),
    [
        (ReasoningContent("Hm.", data=({"field": "reasoning_content"},)), "reasoning_content"),
        (ReasoningContent("Hm.", data=({"field": "reasoning"},)), "reasoning"),
        (ReasoningContent("Hm."), "reasoning_content"),
        (ReasoningContent("Hm.", data=({"type": "thinking"},)), "reasoning_content"),
    ],
)
def test_the_reasoning_before_a_call_goes_back_to_providers_that_take_it(
    reasoning: ReasoningContent, field: str
) -> None:
    """In its own field, and with calls only."""
    call = AssistantMessage(
        content=(reasoning,), tool_calls=(ToolCall(id="a", name="add", arguments="{}"),)
    )
    said = AssistantMessage(content=(reasoning, TextContent("Done.")))
    history = History((*HI, call, ToolResult("a", "1"), said, UserMessage("And?")))
    dialect, request = OpenAIChat(), ModelRequest(history=history)
    bodies: list[dict[str, Any]] = []
    for takes_reasoning in (True, False, True):
        provider = replace(PROVIDER, accepts=Accepts(takes_reasoning=takes_reasoning))
        bodies.append(json.loads(dialect.encode(request, provider=provider, model=PLAIN).wire.body))

    sent = [message.get(field) for message in bodies[0]["messages"]]
    assert sent == [None, "Hm.", None, None, None]
    assert "Hm." not in json.dumps(bodies[1])
    assert bodies[2] == bodies[0]


def test_signed_reasoning_is_kept_as_it_came_with_calls() -> None:
    """Complete or in pieces; without a call it is not needed."""
    signed = {"type": "thinking", "thinking": "Hm…", "signature": "x"}
    redacted = {"type": "redacted_thinking", "data": "y"}
    for deltas in (decode(COMPLETE, DOCUMENT), decode(STREAMED)):
        [thought] = [b for b in response(deltas).message.content if isinstance(b, ReasoningContent)]
        assert thought.data == (signed,)

    content = [signed, redacted, {"type": "tool_use", "id": "a", "name": "f", "input": {}}]
    [both] = response(decode(document({**MESSAGE, "content": content}), DOCUMENT)).message.content
    assert both == ReasoningContent("Hm…")
    assert isinstance(both, ReasoningContent)
    assert both.data == (signed, redacted)

    content = [signed, {"type": "text", "text": "Done."}]
    message = {**MESSAGE, "content": content, "stop_reason": "end_turn"}
    thought, _ = response(decode(document(message), DOCUMENT)).message.content  # type: ignore[assignment]  # the first is reasoning
    assert thought.data == ()
