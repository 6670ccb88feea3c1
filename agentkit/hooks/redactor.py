"""Redact secrets in the messages of a conversation.

In:  patterns; text, JSON, messages.
Out: the same with every match replaced; the very same object if nothing matched.

Images, audio and binary data stay as they are, and so do the names and ids that connect the
messages of a conversation.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, TypeVar, cast

from agentkit.content import (
    ContentBlock,
    EmbeddedResource,
    ReasoningContent,
    ResourceLink,
    TextContent,
)
from agentkit.json_schema import JsonTextError, JsonValue, parse_json
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from agentkit.redaction import redact

T = TypeVar("T")


class Redactor:
    """Replaces the matches of some patterns."""

    def __init__(self, patterns: Sequence[re.Pattern[str]], *, replacement: str) -> None:
        """Set the patterns, applied one after the other, and the replacement of a match."""
        self._patterns = patterns
        self._replacement = replacement

    def text(self, text: str) -> str:
        """Redact text."""
        return redact(text, self._patterns, mark=self._replacement)

    def json(self, value: JsonValue) -> JsonValue:
        """Redact the texts, names and numbers in a JSON value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(name): self.json(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.json(item) for item in value]
        if value is None or isinstance(value, bool):
            return value
        encoded = json.dumps(value)
        redacted = self.text(encoded)
        return value if redacted == encoded else redacted

    def arguments(self, text: str) -> str:
        """Redact the arguments of a call; a JSON object stays a JSON object."""
        try:
            value = parse_json(text)
        except JsonTextError:
            return self.text(text)
        redacted = self.json(value)
        if redacted != value:
            text = json.dumps(redacted, ensure_ascii=False)
        redacted_text = self.text(text)
        if redacted_text == text:
            return text
        # A match that crosses quotation marks leaves invalid JSON: the text becomes an argument.
        if _is_object(redacted_text):
            return redacted_text
        return json.dumps({"arguments": redacted_text})

    def message(self, message: Message) -> Message:
        """Redact everything in a message that is sent to a model."""
        match message:
            case SystemMessage():
                return self._changed(message, text=self.text(message.text))
            case UserMessage():
                return self._changed(message, content=self.blocks(message.content))
            case AssistantMessage():
                calls = tuple(self._call(call) for call in message.tool_calls)
                return self._changed(
                    message, content=self.blocks(message.content), tool_calls=calls
                )
            case ToolResult():
                structured = message.structured_content
                return self._changed(
                    message,
                    content=self.blocks(message.content),
                    structured_content=self.json(
                        dict(structured) if isinstance(structured, Mapping) else structured
                    ),
                )

    def blocks(self, blocks: Sequence[ContentBlock]) -> tuple[ContentBlock, ...]:
        """Redact content blocks; a match may span several text blocks."""
        redacted: list[ContentBlock] = []
        for is_text, group in groupby(blocks, lambda block: isinstance(block, TextContent)):
            if is_text:
                redacted += self._texts([cast(TextContent, block) for block in group])
            else:
                redacted += map(self._block, group)
        return tuple(redacted)

    def _texts(self, blocks: Sequence[TextContent]) -> Sequence[ContentBlock]:
        """Redact adjacent text blocks; they are joined if a match spans several of them."""
        each = [self._changed(block, text=self.text(block.text)) for block in blocks]
        joined = self.text("".join(block.text for block in blocks))
        if joined == "".join(block.text for block in each):
            return each
        return [TextContent(joined)]

    def _block(self, block: ContentBlock) -> ContentBlock:
        match block:
            case ReasoningContent():
                # The provider's own form of a thought holds the same text.
                is_same = self.text(block.text) == block.text
                return block if is_same else replace(block, text=self.text(block.text), data=())
            case EmbeddedResource():
                text = None if block.text is None else self.text(block.text)
                return self._changed(block, uri=self.text(block.uri), text=text)
            case ResourceLink():
                named = {
                    name: self.text(value)
                    for name in ("uri", "name", "title", "description")
                    if (value := getattr(block, name)) is not None
                }
                return self._changed(block, **named)
            case _:
                return block

    def _call(self, call: ToolCall) -> ToolCall:
        return self._changed(call, arguments=self.arguments(call.arguments))

    @staticmethod
    def _changed(value: T, **fields: object) -> T:
        """Return `value` with these fields; itself if they are unchanged."""
        if all(getattr(value, name) == field for name, field in fields.items()):
            return value
        return cast(T, replace(cast(Any, value), **fields))  # a dataclass


def _is_object(text: str) -> bool:
    try:
        return isinstance(parse_json(text), dict)
    except JsonTextError:
        return False
