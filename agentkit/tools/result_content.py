"""Turn what a tool returned into the result of its call.

In:  a return value of any type, the tool's output schema.
Out: a `ToolResult`: content blocks, and structured content for a JSON object.

A value that has no JSON form, or does not fit the tool's own schema, is an error result that says
the tool is at fault: the model must not think that its call was wrong.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import isfinite
from typing import cast

import anyio

from agentkit.content import ContentBlock, EmbeddedResource, ImageContent, TextContent
from agentkit.errors import ToolError
from agentkit.json_schema import JsonValue
from agentkit.json_schema.validator import shorten
from agentkit.log import Log
from agentkit.message import ToolResult
from agentkit.surrogates import replace_surrogates
from agentkit.tools.binding import to_json
from agentkit.tools.schema import BLOCK_TYPES, RESULT_KEY
from agentkit.tools.tool import Tool
from agentkit.tools.validate import ReadyCall
from agentkit.value import dataclass

MAX_RESULT_CHARACTERS = 100_000

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def build_result(call: ReadyCall, value: object) -> ToolResult:
    """Return the result of `call` for the value that its tool returned.

    Args:
        call: the call that ran.
        value: text and content blocks are taken as they are, models, dataclasses and other
            values as JSON, bytes as a block.
    """
    call_id = call.call.id
    try:
        result = _convert(call_id, call.tool, value)
    except Exception as error:  # noqa: BLE001  # values of users run code of users
        return _fault(call, f"its {type(value).__name__!r} has no JSON form: {_reason(error)}")
    if isinstance(result, str):
        return _fault(call, result)
    return result


def cut_result(result: ToolResult, *, max_characters: int = MAX_RESULT_CHARACTERS) -> ToolResult:
    """Return `result` with no more text than a model should read; itself if it is short enough.

    Args:
        result: the complete result.
        max_characters: text beyond is cut, and a note says so; structured content stays complete.
    """
    total = sum([len(block.text) for block in result.content if isinstance(block, TextContent)])
    if total <= max_characters:
        return result
    note = f"[cut here: {max_characters:,} of {total:,} characters are shown]"
    return replace(result, content=tuple(_cut(result.content, max_characters, note)))


def _convert(call_id: str, tool: Tool, value: object) -> ToolResult | str:
    """Return the result, or what is wrong with the value."""
    if isinstance(value, ToolResult):
        violation = "" if value.is_error else _schema_violation(tool, value.structured_content)
        return violation or replace_surrogates(replace(value, call_id=call_id))
    if isinstance(value, str) and tool.output_check is None:
        return ToolResult(call_id, replace_surrogates(value))
    blocks = _as_blocks(call_id, value)
    if blocks is not None:
        return ToolResult(call_id, replace_surrogates(blocks))
    data = replace_surrogates(tool.binding.dump(value))
    is_number = type(data) is int or (type(data) is float and isfinite(data))
    text = repr(data) if is_number else _ENCODER.encode(data)  # the same, without an encoder
    structured: JsonValue = {RESULT_KEY: data} if tool.is_output_wrapped else data
    is_structured = tool.output_check is not None or isinstance(structured, dict)
    return _schema_violation(tool, structured) or ToolResult(
        call_id=call_id,
        content=(TextContent(data if isinstance(data, str) else text),),
        structured_content=structured if is_structured else None,
    )


def _schema_violation(tool: Tool, structured: Mapping[str, JsonValue] | JsonValue) -> str:
    """Return how structured content violates the tool's output schema; empty if it is valid."""
    if tool.output_check is None:
        return ""
    structured = dict(structured) if isinstance(structured, Mapping) else structured
    violations = tool.output_check.violations(structured)
    return f"it does not fit the tool's output schema: {violations[0]}" if violations else ""


def _as_blocks(call_id: str, value: object) -> tuple[ContentBlock, ...] | None:
    """Return `value` as blocks if it is one, or a sequence in which there is one."""
    if isinstance(value, BLOCK_TYPES):
        return (value,)
    if isinstance(value, bytes | bytearray):
        return (_binary_block(call_id, bytes(value)),)
    if isinstance(value, list | tuple) and any(
        isinstance(item, (*BLOCK_TYPES, bytes, bytearray)) for item in value
    ):
        return tuple(
            block
            for item in cast(Iterable[object], value)
            for block in _as_blocks(call_id, item) or (TextContent(text=_item_text(item)),)
        )
    return None


def _item_text(item: object) -> str:
    """Return an item between blocks as text."""
    if isinstance(item, str):
        return item
    return _ENCODER.encode(to_json(item))


def _binary_block(call_id: str, data: bytes) -> ContentBlock:
    """Return an image as an image, and other bytes as a resource."""
    encoded = b64encode(data).decode()
    for magic, mime_type in _IMAGES.items():
        if data.startswith(magic):
            return ImageContent(data=encoded, mime_type=mime_type)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageContent(data=encoded, mime_type="image/webp")
    return EmbeddedResource(
        uri=f"agentkit:result/{call_id}", blob=encoded, mime_type="application/octet-stream"
    )


def _fault(call: ReadyCall, reason: str) -> ToolResult:
    return ToolResult(
        call.call.id,
        f"The tool {call.tool.name!r} ran, but its result cannot be used: {reason}. "
        "This is a fault of the tool, not of the call: do not repeat the call.",
        is_error=True,
    )


def _reason(error: Exception) -> str:
    try:
        return shorten(str(error).partition("\n")[0], 200)
    except Exception:  # noqa: BLE001  # the `__str__` of a third party
        return type(error).__name__


def _cut(blocks: Iterable[ContentBlock], limit: int, note: str) -> Iterable[ContentBlock]:
    """Keep `limit` characters of text, all blocks together, and then `note`; drop further text."""
    left = limit
    for block in blocks:
        if not isinstance(block, TextContent):
            yield block
        elif left >= 0:
            text = block.text[:left]
            yield replace(block, text=f"{text}\n{note}") if len(block.text) > left else block
            left -= len(block.text)


MAX_ERROR_CHARACTERS = 2_000

log: Log = Log("agentkit.tools")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFailure:
    """The reason why a tool returned no value."""

    text: str


def describe_failure(call: ReadyCall, error: BaseException) -> ToolFailure:
    """Log what a tool raised, and describe it for the model.

    The text of an error may quote arguments or results: only a log of level DEBUG holds it.
    """
    text = replace_surrogates(shorten("; ".join(_messages(error)), MAX_ERROR_CHARACTERS))
    # A `ToolError` is the tool's answer to the model, not a fault in its code.
    is_fault = not isinstance(error, ToolError)
    log.warning(
        "tool_call_failed",
        tool_name=call.tool.name,
        call_id=call.call.id,
        error=text if log.is_debug() else type(error).__name__,
        exc_info=error if is_fault else None,
    )
    return ToolFailure(text=text)


def _messages(error: BaseException) -> Iterator[str]:
    """Yield the messages of an error, or of all in a group, each with the error's notes."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _messages(inner)
        return
    try:
        text = str(error)
        notes = [str(note) for note in getattr(error, "__notes__", ())]
    except (Exception, SystemExit, GeneratorExit):  # noqa: BLE001  # a user class's `__str__`
        text, notes = "", []
    name = type(error).__name__
    if isinstance(error, anyio.get_cancelled_exc_class()):
        text = "the tool waited for work that was cancelled, and not by its caller"
    first = (text or name) if isinstance(error, ToolError) else f"{name}: {text}" if text else name
    yield "\n".join([first, *notes])
