"""What goes to MCP and comes back is the same."""

from typing import Any

import mcp_types as types
import pytest

from agentkit import Tool
from agentkit.content import (
    AudioContent,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ReasoningContent,
    ResourceLink,
    TextContent,
)
from agentkit.mcp.convert import (
    annotations_from_mcp,
    block_from_mcp,
    block_to_mcp,
    icons_from_mcp,
    prompt_from_mcp,
    result_from_mcp,
    result_to_mcp,
    tool_to_mcp,
)
from agentkit.message import AssistantMessage, ToolResult, UserMessage
from agentkit.tools import ToolAnnotations

MARKS: dict[str, Any] = {"annotations": {"audience": ["user"], "priority": 0.5}, "meta": {"a/b": 1}}
ICON: dict[str, Any] = {"src": "https://x/i.png", "mimeType": "image/png", "sizes": ["48x48"]}


@pytest.mark.parametrize(
    "block",
    [
        TextContent("a"),
        TextContent("a", **MARKS),
        ImageContent(data="AA==", mime_type="image/png", **MARKS),
        AudioContent(data="AA==", mime_type="audio/wav", **MARKS),
        ResourceLink(
            uri="file:///a b",
            name="a",
            title="A",
            description="d",
            mime_type="text/plain",
            size_bytes=3,
            icons=(ICON,),
            **MARKS,
        ),
        EmbeddedResource(uri="x:y", text="", mime_type="text/plain", resource_meta={"m": 1}),
        EmbeddedResource(uri="x:y", blob="AA==", **MARKS),
    ],
    ids=lambda block: block.type,
)
def test_a_content_block_survives_the_round_trip(block: ContentBlock) -> None:
    """In the protocol's JSON."""
    encoded = block_to_mcp(block)
    wire = encoded.model_dump_json(by_alias=True, exclude_none=True)

    assert block_from_mcp(type(encoded).model_validate_json(wire)) == block


def test_reasoning_is_converted_to_text() -> None:
    """MCP has no block for it."""
    assert block_to_mcp(ReasoningContent("hm")) == types.TextContent(text="hm")


@pytest.mark.parametrize(
    "result",
    [
        ToolResult(call_id="", content=(TextContent("a"),), is_error=True),
        ToolResult(call_id="", content=(TextContent("[]"),), structured_content=[]),
        ToolResult(
            call_id="",
            content=(TextContent("{}"),),
            structured_content={"a": [1]},
            meta={"k": "v"},
        ),
    ],
)
def test_a_result_survives_the_round_trip(result: ToolResult) -> None:
    """With structured content and metadata."""
    wire = result_to_mcp(result).model_dump_json(by_alias=True, exclude_unset=True)

    assert result_from_mcp(types.CallToolResult.model_validate_json(wire)) == result


def test_structured_content_alone_is_repeated_as_text() -> None:
    """For clients that read text only."""
    encoded = result_to_mcp(ToolResult(call_id="c", structured_content={"ä": 1}))

    assert encoded.content == [types.TextContent(text='{"ä": 1}')]


def test_a_tool_is_listed_with_all_its_fields() -> None:
    """Schemas, hints, title and icons."""
    tool = Tool.from_schema(
        name="t",
        description="does",
        input_schema={"type": "object", "properties": {"a": {"type": "integer"}}},
        output_schema={"type": "array"},
        handler=lambda arguments: [],  # noqa: ARG005
        title="T",
        icons=(ICON,),
        meta={"m": 1},
        read_only=True,
        open_world=False,
    )

    listed = tool_to_mcp(tool)

    assert (listed.name, listed.title, listed.description) == ("t", "T", "does")
    assert listed.input_schema == tool.input_schema
    assert listed.output_schema == {"type": "array"}
    assert listed.meta == {"m": 1}
    assert icons_from_mcp(listed.icons) == (ICON,)
    assert annotations_from_mcp(listed.annotations) == tool.annotations
    assert annotations_from_mcp(None) == ToolAnnotations()


def test_a_prompt_begins_a_conversation() -> None:
    """With messages of the user and of the model."""
    result = types.GetPromptResult(
        messages=[
            types.PromptMessage(role="user", content=types.TextContent(text="a")),
            types.PromptMessage(role="assistant", content=types.TextContent(text="b")),
        ]
    )

    assert prompt_from_mcp(result) == (UserMessage("a"), AssistantMessage("b"))
