"""The stored form of single messages.

In:  messages; stored texts, each with the version of its form.
Out: JSON text that every encoding can take; the same messages.

The form is that of `History.to_json`. Messages of plain text, calls and results of plain text are
written without their empty fields and read without pydantic, which would take most of the time
that a long conversation needs to be loaded.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from agentkit.content import ContentBlock, TextContent
from agentkit.errors import HistoryError
from agentkit.history import VERSION, message_codec, upgrade_messages
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult, UserMessage
from agentkit.surrogates import replace_surrogates


def encode_message(message: Message) -> str:
    """Return the stored form of a message, of the present `VERSION`, as text."""
    return encode_json(message_value(message))


def message_value(message: Message) -> Mapping[str, Any]:
    """Return the stored form of a message, of the present `VERSION`, as a JSON value."""
    compact = _compact(message)
    if compact is not None and _read_compact(compact) == message:
        return compact
    [value] = message_codec().dump_python([message], mode="json")
    return value  # type: ignore[no-any-return]  # pydantic gives a dict for a message


def encode_json(value: object, *, indent: int | None = None) -> str:
    """Return a JSON value as text; lone surrogates, which UTF-8 cannot encode, are replaced."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, ensure_ascii=False, separators=separators, indent=indent)
    return replace_surrogates(text)


def decode_messages(stored: Sequence[tuple[int, str]]) -> list[Message]:
    """Read messages, each stored as its version and its text, in order.

    Raises:
        HistoryError: one cannot be read: damaged, or written by a newer version.
    """
    try:
        values: list[Any] = json.loads(f"[{','.join([text for _, text in stored])}]")
    except (ValueError, RecursionError) as error:
        raise HistoryError(f"A stored message is not JSON: {error}.") from error
    return read_values(values, [version for version, _ in stored])


def read_values(values: Sequence[Any], versions: Sequence[int]) -> list[Message]:
    """Read messages, each stored as a JSON value and the version of its form, in order.

    Raises:
        HistoryError: one is not a message, or was written by a newer version.
    """
    if any(version != VERSION for version in versions):
        values = [
            value if version == VERSION else _upgraded(value, version)
            for value, version in zip(values, versions, strict=True)
        ]
    found = [_read_compact(value) for value in values]
    others = [value for value, message in zip(values, found, strict=True) if message is None]
    read = iter(_read_any(others) if others else ())
    return [next(read) if message is None else message for message in found]


def _upgraded(raw: object, version: int) -> object:
    messages = upgrade_messages({"version": version, "messages": [raw]})
    return messages[0] if isinstance(messages, list) else None


def _read_any(raws: Sequence[object]) -> list[Message]:
    try:
        return message_codec().validate_python(raws)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise HistoryError(f"A stored message cannot be read: {first['msg']}.") from error


def _compact(message: Message) -> Mapping[str, Any] | None:
    """Return the short form of a message; it may lack what the message has."""
    match message:
        case UserMessage():
            return {"role": "user", "content": _compact_blocks(message.content)}
        case AssistantMessage(tool_calls=()):
            return {"role": "assistant", "content": _compact_blocks(message.content)}
        case AssistantMessage():
            calls = [
                {"id": call.id, "name": call.name, "arguments": call.arguments}
                for call in message.tool_calls
            ]
            content = _compact_blocks(message.content)
            return {"role": "assistant", "content": content, "tool_calls": calls}
        case ToolResult():
            content = _compact_blocks(message.content)
            return {"role": "tool", "call_id": message.call_id, "content": content}
        case _:
            return None


def _compact_blocks(blocks: Iterable[ContentBlock]) -> list[Mapping[str, str]]:
    return [
        {"type": "text", "text": block.text} for block in blocks if isinstance(block, TextContent)
    ]


def _read_compact(raw: Any) -> Message | None:
    """Return the message of a short form; None for any other form, which pydantic reads."""
    try:
        content, fields = raw["content"], len(raw)
        # Most messages have one block; to begin a list comprehension takes as long as to read it.
        if len(content) == 1:
            blocks: tuple[TextContent, ...] = (_read_text(content[0]),)
        else:
            blocks = tuple([_read_text(block) for block in content])
        if fields == 2:
            return _SPEAKERS[raw["role"]](blocks)
        if fields == 3 and raw["role"] == "assistant":
            calls = tuple([_read_call(call) for call in raw["tool_calls"]])
            return AssistantMessage(blocks, tool_calls=calls)
        if fields == 3 and raw["role"] == "tool" and type(raw["call_id"]) is str:
            return ToolResult(raw["call_id"], blocks)
    except (KeyError, TypeError, _OtherFormError):
        pass
    return None


_SPEAKERS: Mapping[str, Callable[..., Message]] = {
    "user": UserMessage,
    "assistant": AssistantMessage,
}


class _OtherFormError(Exception):
    """What is read does not have the short form."""


def _read_text(raw: Any) -> TextContent:
    text = raw["text"]
    if type(text) is not str or raw["type"] != "text" or len(raw) != 2:
        raise _OtherFormError
    return TextContent(text)


def _read_call(raw: Any) -> ToolCall:
    fields = (raw["id"], raw["name"], raw["arguments"])
    if len(raw) != len(fields) or any(type(value) is not str for value in fields):
        raise _OtherFormError
    name, function, arguments = fields
    return ToolCall(id=name, name=function, arguments=arguments)
