"""Spell messages and tools in the OpenAI form, each only once.

In:  the messages of a conversation, tools.
Out: their JSON, as bytes.

A conversation grows at its end and is sent whole every turn. `Transcripts` keeps the bytes of what
it has spelled, so that a turn costs the copying of bytes and the spelling of what is new.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from pydantic_core import to_json as quick_json

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.content import AudioContent, ContentBlock, ImageContent
from agentkit.dialect.argument_repair import object_text
from agentkit.dialect.encoding_cache import MAX_KEPT_BYTES, TranscriptStore
from agentkit.dialect.mistral_rules import MistralRules, readable_text, result_text
from agentkit.dialect.tool_names import wire_name
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolResult, UserMessage

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def to_json(value: object) -> bytes:
    """Return compact JSON in UTF-8; half surrogate pairs, which UTF-8 cannot hold, are replaced."""
    text = _ENCODER.encode(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def encode_message(message: Message) -> bytes:
    """Return one message with only the fields that the format has."""
    spelled = _spell(message)
    try:
        return quick_json(spelled)  # the same bytes, for text and what holds it
    except ValueError:  # half a character
        return to_json(spelled)


def encode_tool(tool: ToolSpec) -> bytes:
    """Return one tool."""
    function = {
        "name": wire_name(tool.name),
        "description": tool.description,
        "parameters": tool.input_schema,
    }
    return to_json({"type": "function", "function": function})


class Transcripts:
    """Spells conversations, and keeps the bytes of those that may be sent again."""

    def __init__(self, max_kept_bytes: int = MAX_KEPT_BYTES) -> None:
        self._store: TranscriptStore[_Transcript] = TranscriptStore(max_kept_bytes)

    @property
    def kept_bytes(self) -> int:
        """Return how much is kept for later turns."""
        return self._store.kept_bytes

    def encode(self, request: ModelRequest, *, rules: Literal["mistral", "plain"]) -> bytes:
        """Return the messages of `request`, joined by commas.

        Raises:
            UnsupportedError: a message holds what this model cannot read.
        """
        kept = self._store.follow(request.history, lambda: _Transcript(rules), variant=rules)
        opening = [encode_message(message) for message in kept.rules.opening(request.instructions)]
        ending = [encode_message(message) for message in kept.rules.ending()]
        return b",".join([*opening, *([kept.settled] if kept.settled else []), *ending])


class Rules(Protocol):
    """Makes the messages that are sent out of those of the history, one after the other."""

    def opening(self, instructions: str) -> Sequence[Message]:
        """Return what stands before the settled messages."""

    def add(self, message: Message) -> Sequence[Message]:
        """Take the next message and return what it settled."""

    def ending(self) -> Sequence[Message]:
        """Return what follows the settled messages if the conversation ends here."""


class PlainRules:
    """Sends the history as it is, but for messages with nothing in them."""

    def opening(self, instructions: str) -> list[Message]:
        """Return the instructions as a system message."""
        return [SystemMessage(text=instructions)] if instructions.strip() else []

    def add(self, message: Message) -> list[Message]:
        """Return `message`, unless it is an assistant message that says and asks nothing."""
        is_empty = isinstance(message, AssistantMessage) and not (
            message.text or message.tool_calls
        )
        return [] if is_empty else [message]

    def ending(self) -> list[Message]:
        """Return nothing: every message is settled at once."""
        return []


class _Transcript:
    """One conversation as far as it is spelled."""

    def __init__(self, rules: Literal["mistral", "plain"]) -> None:
        self.rules: Rules = MistralRules() if rules == "mistral" else PlainRules()
        self.settled = bytearray()

    @property
    def size_bytes(self) -> int:
        """Return about how much memory it takes."""
        return len(self.settled)

    def add(self, message: Message) -> None:
        """Spell what the next message settles."""
        for settled in self.rules.add(message):
            if self.settled:
                self.settled += b","
            self.settled += encode_message(settled)


def _spell(message: Message) -> Mapping[str, object]:
    match message:
        case SystemMessage():
            return {"role": "system", "content": message.text}
        case UserMessage():
            return {"role": "user", "content": _spell_user_content(message.content)}
        case AssistantMessage():
            return _spell_assistant(message)
        case ToolResult():
            return {
                "role": "tool",
                "tool_call_id": message.call_id,
                "content": result_text(message),
            }


def _spell_assistant(message: AssistantMessage) -> Mapping[str, object]:
    if not message.tool_calls:
        return {"role": "assistant", "content": message.text}
    calls = [
        {
            "id": call.id,
            "type": "function",
            # Servers parse the arguments of earlier calls and fail on what is no JSON object.
            "function": {
                "name": wire_name(call.name),
                "arguments": object_text(call.arguments),
            },
        }
        for call in message.tool_calls
    ]
    return {"role": "assistant", "content": message.text or None, "tool_calls": calls}


def _spell_user_content(blocks: Sequence[ContentBlock]) -> str | list[Mapping[str, object]]:
    """Return text where there is only text: not every host takes a list."""
    if not any(isinstance(block, ImageContent | AudioContent) for block in blocks):
        return readable_text(blocks)
    return list(_spell_parts(blocks))


def _spell_parts(blocks: Iterable[ContentBlock]) -> Iterable[Mapping[str, object]]:
    for block in blocks:
        match block:
            case ImageContent():
                url = f"data:{block.mime_type};base64,{block.data}"
                yield {"type": "image_url", "image_url": {"url": url}}
            case AudioContent():
                form = block.mime_type.partition("/")[2]
                yield {"type": "input_audio", "input_audio": {"data": block.data, "format": form}}
            case _:
                if text := readable_text([block]):
                    yield {"type": "text", "text": text}
