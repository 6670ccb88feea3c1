"""The texts of a conversation, as attributes of spans.

In:  messages, calls and results.
Out: JSON text as the conventions have it; nothing unless content is captured.
"""

import json
import re
from collections.abc import Iterable

from agentkit.content import ReasoningContent, TextContent
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, ToolCall, ToolResult
from agentkit.redaction import Secret, compile_secrets, redact
from agentkit.surrogates import replace_surrogates

MAX_CHARACTERS = 32_768
"""Collectors and backends drop or refuse longer attributes."""


class Content:
    """What is exported of texts.

    Args:
        is_captured: whether anything is.
        secrets: patterns that are replaced.
    """

    def __init__(self, *, is_captured: bool, secrets: Secret | Iterable[Secret] = ()) -> None:
        self.is_captured = is_captured
        has_any = isinstance(secrets, str | re.Pattern) or bool(list(secrets))
        self._patterns = compile_secrets(secrets) if has_any else ()

    def answer(self, message: AssistantMessage, finish_reason: str) -> str:
        """Return `gen_ai.output.messages` of one answer."""
        parts: list[JsonValue] = []
        for block in message.content:
            if isinstance(block, TextContent):
                parts.append({"type": "text", "content": block.text})
            elif isinstance(block, ReasoningContent):
                parts.append({"type": "reasoning", "content": block.text})
        parts += [
            {
                "type": "tool_call",
                "id": call.id,
                "name": call.name,
                "arguments": _as_json(call.arguments),
            }
            for call in message.tool_calls
        ]
        output = [{"role": "assistant", "parts": parts, "finish_reason": finish_reason}]
        return self._cut(json.dumps(output, ensure_ascii=False))

    def arguments(self, call: ToolCall) -> str:
        """Return the arguments of a call."""
        return self._cut(call.arguments)

    def result(self, result: ToolResult) -> str:
        """Return the text of a result."""
        return self._cut(result.text)

    def _cut(self, text: str) -> str:
        text = redact(replace_surrogates(text), self._patterns)
        return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


def _as_json(text: str) -> JsonValue:
    """Return the value of JSON text; the text itself if it is none."""
    try:
        value: JsonValue = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
