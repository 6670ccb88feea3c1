"""The most tokens that a text can have."""

import json
import math

import pytest

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.content import ContentBlock, ImageContent, ReasoningContent, ResourceLink, TextContent
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolCall, ToolResult
from agentkit.message import UserMessage as User
from agentkit.model.token_estimate import max_message_tokens, max_text_tokens, max_tool_tokens
from agentkit.model.tokens import build_counter

CALL = ToolCall(id="call_1", name="a.b", arguments='{"a": [1e9,1e9,1e9,1e9], "b": "\\u0001"}')
LINK = ResourceLink(uri="file:///a", name="a")
IMAGE = ImageContent(data="AAAA", mime_type="image/png")


def answered(result: ToolResult) -> list[Message]:
    """Return a complete turn with this result."""
    return [User("go"), AssistantMessage(tool_calls=[CALL]), result]


@pytest.mark.parametrize("rules", ["mistral", "plain"])
@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([], id="nothing"),
        pytest.param([SystemMessage("s")] * 9, id="system"),
        pytest.param([AssistantMessage("a")] * 9, id="only answers"),
        pytest.param([User("Ā" * 500), AssistantMessage("🧿" * 500)], id="odd letters"),
        pytest.param([User("\x01\x02\n\t" * 100)], id="odd spaces"),
        pytest.param(answered(ToolResult("call_1", "\x01\n" * 100)), id="escaped"),
        pytest.param(
            answered(ToolResult("call_1", json.dumps([10**9] * 50).replace("000000000", "e9"))),
            id="numbers written out",
        ),
        pytest.param(answered(ToolResult("call_1", " [1,2,{}]")), id="spaced out"),
        pytest.param(answered(ToolResult(call_id="call_1")), id="no output"),
    ],
)
def test_no_counter_exceeds_the_bound(rules: str, messages: list[Message]) -> None:
    """Also for text that the request encodes in a longer form."""
    tool = ToolSpec(name="a.b", description="é" * 50, input_schema={"type": "object"})
    request = ModelRequest(history=History(messages), instructions="Be\nkind.", tools=(tool,))

    most = (
        max_message_tokens(messages)
        + max_text_tokens(request.instructions)
        + max_tool_tokens(request.tools)
    )

    assert build_counter(rules).count(request) <= most < math.inf


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param((IMAGE,), id="image"),
        pytest.param((TextContent("see"), LINK), id="text and link"),
    ],
)
def test_other_content_than_text_has_no_bound(blocks: tuple[ContentBlock, ...]) -> None:
    """It is counted instead."""
    assert max_message_tokens([User(content=blocks)]) == math.inf


def test_structured_content_alone_has_no_bound() -> None:
    """It is sent if there is no text."""
    result = ToolResult(call_id="call_1", structured_content={"a": 1})

    assert max_message_tokens([result]) == math.inf


def test_thoughts_are_not_sent_and_not_counted() -> None:
    """They may be long."""
    thought = AssistantMessage(content=(ReasoningContent("hm" * 9999), TextContent("a")))

    assert max_message_tokens([thought]) == max_message_tokens([AssistantMessage("a")])
