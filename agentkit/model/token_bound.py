"""Say of most requests, without counting, that they are not longer than some number of tokens.

In:  a `ModelRequest`, a number of tokens.
Out: True if its prompt cannot be longer, by any counter of `model.tokens`; else count it.

No text has more tokens than bytes, so the bytes are added up until there are too many of them.
"""

import json
from collections.abc import Sequence

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.content import ContentBlock, ReasoningContent, TextContent
from agentkit.dialect.transcript import ToolCache
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolResult

_MESSAGE = 96  # marks, role, ids, and a filler that the rules may put before it
_CALL = 96
_TOOL = 160
_RESPELLED = 4  # times, at most, that JSON grows when it is read and written again: 1e9
_JSON_STARTS = frozenset('{["-0123456789tfnNI')


class TokenBound:
    """Bounds requests; the tools of the last one are kept."""

    def __init__(self) -> None:
        self._tools = ToolCache(_most_tools)

    def is_within(self, request: ModelRequest, limit: int) -> bool:
        """Say whether the prompt of `request` has at most `limit` tokens for certain."""
        most = _MESSAGE + _most(request.instructions)
        if request.tools:
            most += self._tools.spell(request.tools)
        for message in request.history:
            size = _most_message(message)
            if size is None:
                return False
            most += size
            if most > limit:
                return False
        return most <= limit


def _most_message(message: Message) -> int | None:
    """Return the most tokens of a message; None if it holds more than text."""
    if isinstance(message, SystemMessage):
        return _MESSAGE + _most(message.text)
    text = _only_text(message.content)
    if text is None:
        return None
    match message:
        case ToolResult():
            if not text and message.structured_content is not None:
                return None
            times = _RESPELLED if text.lstrip()[:1] in _JSON_STARTS else 1
            return _MESSAGE + times * _most(text)
        case AssistantMessage(tool_calls=calls):
            return _MESSAGE + _most(text) + sum(
                _CALL + _most(call.name) + _RESPELLED * _most(call.arguments) for call in calls
            )
        case _:
            return _MESSAGE + _most(text)


def _only_text(blocks: Sequence[ContentBlock]) -> str | None:
    """Return the text that is sent, or None if there is more than text."""
    texts: list[str] = []
    for block in blocks:
        match block:
            case TextContent():
                texts.append(block.text)
            case ReasoningContent():
                pass
            case _:
                return None
    return texts[0] if len(texts) == 1 else "\n".join(texts)


def _most_tools(tools: tuple[ToolSpec, ...]) -> int:
    """Return the most tokens of an offer."""
    return _TOOL + sum(
        _TOOL + _most(tool.name) + _most(tool.description) + _most(tool.input_schema)
        for tool in tools
    )


def _most(value: object) -> int:
    """Return the bytes of a text or a value as JSON, or more: what is not ASCII is spelled longer."""
    return len(json.dumps(value))
