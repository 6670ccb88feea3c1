"""Convert tools, results and content between agentkit's values and the official SDK's.

In:  agentkit's values, or the SDK's models.
Out: the other; the conversion is lossless in both directions.

The SDK's models implement https://modelcontextprotocol.io/specification in Python.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, assert_never, cast

import mcp_types as types
from pydantic import BaseModel, TypeAdapter

from agentkit.content import (
    AudioContent,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ReasoningContent,
    ResourceLink,
    TextContent,
)
from agentkit.json_schema import JsonObject, JsonValue
from agentkit.message import AssistantMessage, Message, ToolResult, UserMessage
from agentkit.tools.tool import Tool
from agentkit.tools.tool_options import ToolAnnotations

_SERVER_INFO = types.SERVER_INFO_META_KEY
_icons: TypeAdapter[list[types.Icon]] = TypeAdapter(list[types.Icon])

McpBlock = (
    types.TextContent
    | types.ImageContent
    | types.AudioContent
    | types.ResourceLink
    | types.EmbeddedResource
)


def block_from_mcp(block: McpBlock) -> ContentBlock:
    """Convert a content block of the SDK."""
    annotations, meta = _json(block.annotations), _object(block.meta)
    match block:
        case types.TextContent():
            return TextContent(block.text, annotations=annotations, meta=meta)
        case types.ImageContent():
            return ImageContent(
                data=block.data, mime_type=block.mime_type, annotations=annotations, meta=meta
            )
        case types.AudioContent():
            return AudioContent(
                data=block.data, mime_type=block.mime_type, annotations=annotations, meta=meta
            )
        case types.ResourceLink():
            return link_from_mcp(block, uri=str(block.uri))
        case types.EmbeddedResource():
            return _read_embedded(block.resource, annotations=annotations, meta=meta)
        case unreachable:
            assert_never(unreachable)


def link_from_mcp(resource: types.Resource | types.ResourceTemplate, *, uri: str) -> ResourceLink:
    """Convert a resource or a resource template to a link to `uri`."""
    return ResourceLink(
        uri=uri,
        name=resource.name,
        title=resource.title,
        description=resource.description,
        mime_type=resource.mime_type,
        size_bytes=resource.size if isinstance(resource, types.Resource) else None,
        icons=icons_from_mcp(resource.icons),
        annotations=_json(resource.annotations),
        meta=_object(resource.meta),
    )


def contents_from_mcp(
    contents: types.TextResourceContents | types.BlobResourceContents,
) -> EmbeddedResource:
    """Convert the contents of a resource to a content block."""
    return _read_embedded(contents, annotations=None, meta=None)


def block_to_mcp(block: ContentBlock) -> McpBlock:
    """Convert a content block to the SDK's; reasoning, which MCP does not have, becomes text."""
    match block:
        case TextContent():
            return types.TextContent(text=block.text, **_marks(block))
        case ReasoningContent():
            return types.TextContent(text=block.text)
        case ImageContent():
            return types.ImageContent(data=block.data, mime_type=block.mime_type, **_marks(block))
        case AudioContent():
            return types.AudioContent(data=block.data, mime_type=block.mime_type, **_marks(block))
        case ResourceLink():
            return types.ResourceLink(
                uri=block.uri,
                name=block.name,
                title=block.title,
                description=block.description,
                mime_type=block.mime_type,
                size=block.size_bytes,
                icons=icons_to_mcp(block.icons),
                **_marks(block),
            )
        case EmbeddedResource():
            return types.EmbeddedResource(resource=contents_to_mcp(block), **_marks(block))
        case unreachable:
            assert_never(unreachable)


def contents_to_mcp(
    block: EmbeddedResource,
) -> types.TextResourceContents | types.BlobResourceContents:
    """Convert the contents of an embedded resource to the SDK's."""
    meta = None if block.resource_meta is None else dict(block.resource_meta)
    if block.text is not None:
        return types.TextResourceContents(
            uri=block.uri, text=block.text, mime_type=block.mime_type, _meta=meta
        )
    return types.BlobResourceContents(
        uri=block.uri, blob=block.blob or "", mime_type=block.mime_type, _meta=meta
    )


def result_from_mcp(result: types.CallToolResult) -> ToolResult:
    """Convert a result of the SDK; its `call_id` is empty, and set by the caller."""
    return ToolResult(
        call_id="",
        content=tuple(map(block_from_mcp, result.content)),
        structured_content=result.structured_content,
        is_error=result.is_error,
        meta=_own_meta(result.meta),
    )


def result_to_mcp(result: ToolResult) -> types.CallToolResult:
    """Convert a result to the SDK's."""
    structured = result.structured_content
    content = list(map(block_to_mcp, result.content))
    given: dict[str, Any] = {} if result.meta is None else {"_meta": dict(result.meta)}
    if structured is not None:
        structured = dict(structured) if isinstance(structured, Mapping) else structured
        given["structured_content"] = structured
        if not content:  # some clients read text content only
            content.append(types.TextContent(text=json.dumps(structured, ensure_ascii=False)))
    return types.CallToolResult(content=content, is_error=result.is_error, **given)


def tool_to_mcp(tool: Tool) -> types.Tool:
    """Convert a tool to the SDK's."""
    hints = tool.annotations
    given: dict[str, Any] = {} if tool.meta is None else {"_meta": dict(tool.meta)}
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description or None,
        input_schema=dict(tool.input_schema),
        output_schema=None if tool.output_schema is None else dict(tool.output_schema),
        icons=icons_to_mcp(tool.icons),
        annotations=types.ToolAnnotations(
            read_only_hint=hints.read_only_hint,
            destructive_hint=hints.destructive_hint,
            idempotent_hint=hints.idempotent_hint,
            open_world_hint=hints.open_world_hint,
        ),
        **given,
    )


def annotations_from_mcp(hints: types.ToolAnnotations | None) -> ToolAnnotations:
    """Convert the hints of a tool; a hint that is not set has MCP's default."""
    given = {} if hints is None else hints.model_dump(exclude_none=True, exclude={"title"})
    return ToolAnnotations(**{name: given[name] for name in _HINTS if name in given})


_HINTS = ("read_only_hint", "destructive_hint", "idempotent_hint", "open_world_hint")


def icons_from_mcp(icons: Iterable[types.Icon] | None) -> tuple[Mapping[str, JsonValue], ...]:
    """Convert icons to JSON objects."""
    return tuple(_json(icon) or {} for icon in icons or ())


def icons_to_mcp(icons: Iterable[Mapping[str, JsonValue]]) -> list[types.Icon] | None:
    """Convert icons to the SDK's; None if there are none."""
    return _icons.validate_python(list(icons)) or None


def prompt_from_mcp(result: types.GetPromptResult) -> tuple[Message, ...]:
    """Convert the messages of a prompt, to begin a run with."""
    return tuple(
        UserMessage(content=(block_from_mcp(one.content),))
        if one.role == "user"
        else AssistantMessage(content=(block_from_mcp(one.content),))
        for one in result.messages
    )


def _read_embedded(
    contents: types.TextResourceContents | types.BlobResourceContents,
    *,
    annotations: JsonObject | None,
    meta: JsonObject | None,
) -> EmbeddedResource:
    return EmbeddedResource(
        uri=str(contents.uri),
        text=contents.text if isinstance(contents, types.TextResourceContents) else None,
        blob=contents.blob if isinstance(contents, types.BlobResourceContents) else None,
        mime_type=contents.mime_type,
        resource_meta=_object(contents.meta),
        annotations=annotations,
        meta=meta,
    )


def _marks(
    block: TextContent | ImageContent | AudioContent | ResourceLink | EmbeddedResource,
) -> dict[str, Any]:
    """Return the fields that every block may have."""
    marks: dict[str, Any] = {}
    if block.annotations is not None:
        marks["annotations"] = types.Annotations.model_validate(dict(block.annotations))
    if block.meta is not None:
        marks["_meta"] = dict(block.meta)
    return marks


def _json(value: BaseModel | None) -> JsonObject | None:
    """Return a model as JSON, without fields that are not set."""
    if value is None:
        return None
    return cast(JsonObject, value.model_dump(mode="json", by_alias=True, exclude_none=True))


def _own_meta(meta: Mapping[str, Any] | None) -> JsonObject | None:
    """Return the server's own `_meta`, without the SDK's server info, which is in every result."""
    return {key: one for key, one in (meta or {}).items() if key != _SERVER_INFO} or None


def _object(value: Mapping[str, Any] | None) -> JsonObject | None:
    return None if value is None else cast(JsonObject, dict(value))
