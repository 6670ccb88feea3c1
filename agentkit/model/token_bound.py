"""Say how many tokens a text can have at the most, without counting them.

In:  messages, instructions, tools.
Out: a number that no counter of `model.tokens` goes beyond, several times what is likely; `inf`
     where nothing can be said.

No text has more tokens than bytes. Most requests are so far below their model's window that this is
all one needs to know, and no tokenizer is loaded for them.
"""

import json
import math
from collections.abc import Iterable, Sequence

from agentkit.chat import ToolSpec
from agentkit.content import ContentBlock, ReasoningContent, TextContent
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolResult

_FRAME = 96  # marks, roles and ids, and a filler that the rules may put before a message
_TOOL = 160
_RESPELLED = 4  # times, at most, that JSON grows when it is read and written again: 1e9
_JSON_STARTS = frozenset('{["-0123456789tfnNI')


def most_text_tokens(text: str) -> int:
    """Return the most tokens that instructions can have, with what stands around a prompt."""
    return _FRAME + _most(text)


def most_tool_tokens(tools: Iterable[ToolSpec]) -> int:
    """Return the most tokens that an offer of `tools` can have."""
    return _TOOL + sum(
        _TOOL + _most(tool.name) + _most(tool.description) + _most(tool.input_schema)
        for tool in tools
    )


def most_message_tokens(messages: Iterable[Message]) -> float:
    """Return the most tokens that `messages` can have; `inf` if they hold more than text."""
    return sum(map(_most_of, messages))


def _most_of(message: Message) -> float:
    if isinstance(message, SystemMessage):
        return _FRAME + _most(message.text)
    text = _only_text(message.content)
    if text is None:
        return math.inf
    most = _FRAME + _most(text)
    match message:
        case ToolResult():
            if message.structured_content is not None and not text:
                return math.inf
            return most * _RESPELLED if text.lstrip()[:1] in _JSON_STARTS else most
        case AssistantMessage(tool_calls=calls):
            return most + sum(
                _FRAME + _most(call.name) + _RESPELLED * _most(call.arguments) for call in calls
            )
        case _:
            return most


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
    return "\n".join(texts)


def _most(value: object) -> int:
    """Return the bytes of a value as JSON, or more: what is not ASCII is spelled longer."""
    return len(json.dumps(value))
