"""Spell tools, results and content as MCP has them, and read them back.

In:  agentkit's values, or the official SDK's.
Out: the other; nothing is lost on the way, in both directions.

The SDK's models are https://modelcontextprotocol.io/specification in Python. What a stranger's
server says of its tools are hints: they are kept, and believed no further than the caller says.
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
from agentkit.tools.tool import Tool, ToolAnnotations

_STAMP = types.SERVER_INFO_META_KEY
_icons: TypeAdapter[list[types.Icon]] = TypeAdapter(list[types.Icon])

McpBlock = (
    types.TextContent
    | types.ImageContent
    | types.AudioContent
    | types.ResourceLink
    | types.EmbeddedResource
)


def block_from_mcp(block: McpBlock) -> ContentBlock:
    """Return a content block of the SDK's as ours."""
    annotations, meta = _json(block.annotations), _object(block.meta)
    match block:
        case types.TextContent():
            return TextContent(text=block.text, annotations=annotations, meta=meta)
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
    """Return a resource, or a template of some, as a link to `uri`."""
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
    """Return what was read of a resource as a block."""
    return _read_embedded(contents, annotations=None, meta=None)


def block_to_mcp(block: ContentBlock) -> McpBlock:
    """Return a content block of ours as the SDK's; reasoning, which MCP has not, as text."""
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
    """Return the contents of an embedded resource as the SDK's."""
    meta = None if block.resource_meta is None else dict(block.resource_meta)
    if block.text is not None:
        return types.TextResourceContents(
            uri=block.uri, text=block.text, mime_type=block.mime_type, _meta=meta
        )
    return types.BlobResourceContents(
        uri=block.uri, blob=block.blob or "", mime_type=block.mime_type, _meta=meta
    )


def result_from_mcp(result: types.CallToolResult) -> ToolResult:
    """Return a result of the SDK's as ours; the id of its call is set by whoever asked."""
    return ToolResult(
        call_id="",
        content=tuple(map(block_from_mcp, result.content)),
        structured_content=result.structured_content,
        is_error=result.is_error,
        meta=_own_meta(result.meta),
    )


def result_to_mcp(result: ToolResult) -> types.CallToolResult:
    """Return a result of ours as the SDK's."""
    structured = result.structured_content
    content = list(map(block_to_mcp, result.content))
    given: dict[str, Any] = {} if result.meta is None else {"_meta": dict(result.meta)}
    if structured is not None:
        structured = dict(structured) if isinstance(structured, Mapping) else structured
        given["structured_content"] = structured
        if not content:  # for clients that read only text
            content.append(types.TextContent(text=json.dumps(structured, ensure_ascii=False)))
    return types.CallToolResult(content=content, is_error=result.is_error, **given)


def tool_to_mcp(tool: Tool) -> types.Tool:
    """Return a tool of ours as MCP lists it."""
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
    """Return the hints of a tool; where the server says nothing, MCP's defaults."""
    given = {} if hints is None else hints.model_dump(exclude_none=True, exclude={"title"})
    return ToolAnnotations(**{name: given[name] for name in _HINTS if name in given})


_HINTS = ("read_only_hint", "destructive_hint", "idempotent_hint", "open_world_hint")


def icons_from_mcp(icons: Iterable[types.Icon] | None) -> tuple[Mapping[str, JsonValue], ...]:
    """Return icons as JSON objects."""
    return tuple(_json(icon) or {} for icon in icons or ())


def icons_to_mcp(icons: Iterable[Mapping[str, JsonValue]]) -> list[types.Icon] | None:
    """Return icons as the SDK's; None if there are none."""
    return _icons.validate_python(list(icons)) or None


def prompt_from_mcp(result: types.GetPromptResult) -> tuple[Message, ...]:
    """Return the messages of a prompt, to begin a run with."""
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
    """Return what every block may carry."""
    marks: dict[str, Any] = {}
    if block.annotations is not None:
        marks["annotations"] = types.Annotations.model_validate(dict(block.annotations))
    if block.meta is not None:
        marks["_meta"] = dict(block.meta)
    return marks


def _json(value: BaseModel | None) -> JsonObject | None:
    """Return a model as the JSON that came, without what was not said."""
    if value is None:
        return None
    return cast(JsonObject, value.model_dump(mode="json", by_alias=True, exclude_none=True))


def _own_meta(meta: Mapping[str, Any] | None) -> JsonObject | None:
    """Return what a server put into `_meta` itself; who it is, it says with every result."""
    return {key: one for key, one in (meta or {}).items() if key != _STAMP} or None


def _object(value: Mapping[str, Any] | None) -> JsonObject | None:
    return None if value is None else cast(JsonObject, dict(value))
