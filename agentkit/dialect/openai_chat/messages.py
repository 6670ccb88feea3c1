"""Encode messages and tools in the OpenAI format, each only once.

In:  the messages of a conversation, tools.
Out: their JSON, as bytes.

A conversation grows at its end and is sent completely every turn. `Transcripts` keeps the encoded
bytes, so that a turn costs the copying of bytes and the encoding of what is new.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from pydantic_core import to_json as quick_json

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.content import AudioContent, ContentBlock, ImageContent, ReasoningContent
from agentkit.dialect.argument_repair import object_text
from agentkit.dialect.encoding_cache import MAX_KEPT_BYTES, TranscriptStore
from agentkit.dialect.mistral_rules import MistralRules, readable_text, result_text
from agentkit.dialect.tool_names import wire_name
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolResult, UserMessage
from agentkit.surrogates import replace_surrogates

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def to_json(value: object) -> bytes:
    """Return compact JSON in UTF-8; lone surrogates, which UTF-8 cannot encode, are replaced."""
    text = _ENCODER.encode(value)
    return text.encode() if text.isascii() else replace_surrogates(text).encode()


def encode_message(message: Message, *, takes_reasoning: bool = False) -> bytes:
    """Return one message with only the format's fields: La Plateforme answers 422 to others.

    Args:
        message: of the conversation.
        takes_reasoning: the provider takes reasoning back (`Accepts.takes_reasoning`).
    """
    encoded = _encode(message)
    if takes_reasoning and isinstance(message, AssistantMessage) and message.tool_calls:
        encoded = {**encoded, **_reasoning_field(message)}
    try:
        return quick_json(encoded)  # the same bytes as `to_json` for these types
    except ValueError:  # a lone surrogate
        return to_json(encoded)


def encode_tool(tool: ToolSpec) -> bytes:
    """Return one tool."""
    function = {
        "name": wire_name(tool.name),
        "description": tool.description,
        "parameters": tool.input_schema,
    }
    return to_json({"type": "function", "function": function})


class Transcripts:
    """Encodes conversations, and keeps the bytes of those that may be sent again."""

    def __init__(self, max_kept_bytes: int = MAX_KEPT_BYTES) -> None:
        self._store: TranscriptStore[_Transcript] = TranscriptStore(max_kept_bytes)

    @property
    def kept_bytes(self) -> int:
        """Return the size of what is kept for later turns."""
        return self._store.kept_bytes

    def encode(
        self,
        request: ModelRequest,
        *,
        rules: Literal["mistral", "plain"],
        takes_reasoning: bool = False,
    ) -> list[bytes | bytearray]:
        """Return the messages of `request` in pieces, with the commas between them.

        They hold good until the next call, which may add to one of them.

        Args:
            request: the request with the conversation.
            rules: whose rules it must keep.
            takes_reasoning: as `Accepts` has it.

        Raises:
            UnsupportedError: a message holds content that this model cannot read.
        """
        kept = self._store.follow(
            request.history,
            lambda: _Transcript(rules, takes_reasoning=takes_reasoning),
            variant=f"{rules}+reasoning" if takes_reasoning else rules,
        )
        pieces: list[bytes | bytearray] = []
        for message in kept.rules.opening(request.instructions):
            pieces += (encode_message(message), b",")
        if kept.final:
            pieces += (kept.final, b",")
        for message in kept.rules.ending():
            pieces += (encode_message(message), b",")
        return pieces[:-1]


class Rules(Protocol):
    """Turns the messages of a history into those that are sent, one after the other."""

    def opening(self, instructions: str) -> Sequence[Message]:
        """Return what precedes the final messages."""

    def add(self, message: Message) -> Sequence[Message]:
        """Add the next message and return the messages that are final now."""

    def ending(self) -> Sequence[Message]:
        """Return what follows the final messages if the conversation ends here."""


class PlainRules:
    """Sends the history as it is, without empty messages."""

    def opening(self, instructions: str) -> list[Message]:
        """Return the instructions as a system message."""
        return [SystemMessage(instructions)] if instructions.strip() else []

    def add(self, message: Message) -> list[Message]:
        """Return `message`, unless it is an assistant message without text and calls."""
        is_empty = isinstance(message, AssistantMessage) and not (
            message.tool_calls or message.text
        )
        return [] if is_empty else [message]

    def ending(self) -> list[Message]:
        """Return nothing: every message is final at once."""
        return []


class _Transcript:
    """The encoded part of one conversation."""

    def __init__(self, rules: Literal["mistral", "plain"], *, takes_reasoning: bool) -> None:
        self.rules: Rules = MistralRules() if rules == "mistral" else PlainRules()
        self.final = bytearray()
        self._takes_reasoning = takes_reasoning

    @property
    def size_bytes(self) -> int:
        """Return its approximate memory use."""
        return len(self.final)

    def add(self, message: Message) -> None:
        """Encode the messages that the next one makes final."""
        for final in self.rules.add(message):
            if self.final:
                self.final += b","
            self.final += encode_message(final, takes_reasoning=self._takes_reasoning)


def _encode(message: Message) -> Mapping[str, object]:
    match message:
        case SystemMessage():
            return {"role": "system", "content": message.text}
        case UserMessage():
            return {"role": "user", "content": _encode_user_content(message.content)}
        case AssistantMessage():
            return _encode_assistant(message)
        case ToolResult():
            return {
                "role": "tool",
                "tool_call_id": message.call_id,
                "content": result_text(message),
            }


def _encode_assistant(message: AssistantMessage) -> Mapping[str, object]:
    if not message.tool_calls:
        return {"role": "assistant", "content": message.text}
    calls = [
        {
            "id": call.id,
            "type": "function",
            # vLLM and llama.cpp parse the arguments of earlier calls in the chat template and fail
            # on anything but a JSON object.
            "function": {
                "name": wire_name(call.name),
                "arguments": object_text(call.arguments),
            },
        }
        for call in message.tool_calls
    ]
    return {"role": "assistant", "content": message.text or None, "tool_calls": calls}


def _reasoning_field(message: AssistantMessage) -> Mapping[str, object]:
    """Return the reasoning before calls in the field it came in; DeepSeek's if it had another form.

    DeepSeek: https://api-docs.deepseek.com/guides/thinking_mode (tool calls). Other messages do not
    need it, and older DeepSeek models refuse it there.
    """
    if not message.reasoning:
        return {}
    fields = [
        data["field"]
        for block in message.content
        if isinstance(block, ReasoningContent)
        for data in block.data
        if isinstance(data.get("field"), str)
    ]
    return {str(fields[0]) if fields else "reasoning_content": message.reasoning}


def _encode_user_content(blocks: Sequence[ContentBlock]) -> str | list[Mapping[str, object]]:
    """Return text if there is only text: not every provider accepts a list."""
    if not any(isinstance(block, ImageContent | AudioContent) for block in blocks):
        return readable_text(blocks)
    return list(_encode_parts(blocks))


def _encode_parts(blocks: Iterable[ContentBlock]) -> Iterable[Mapping[str, object]]:
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
