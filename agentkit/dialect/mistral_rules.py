"""Compile a conversation into one that models of the Mistral family accept at any provider.

In:  a `ModelRequest`, with any history.
Out: equivalent messages that keep the rules of the v3 instruct format (Mixtral 8x22B).

The rules, checked against `mistral-common` in the tests:

- One system message, first: the instructions and all system messages, joined by a blank line.
- Call ids are nine letters or digits (error 3280 otherwise), unique, equal on call and result, the
  same in every turn.
- User and assistant alternate. Consecutive messages of one role are joined by a blank line. Between
  a tool result and a user message there is an assistant message (otherwise La Plateforme answers
  3230, wrong message order); the conversation begins with a user message and never ends with an
  assistant one. Missing messages are filled in with `GO_ON` or `UNDERSTOOD`.
- An assistant message holds text or calls. Text next to calls does not exist in the format and is
  left out; it stays in the history.
- No message is empty. An empty tool result becomes `NO_OUTPUT`; other empty messages are left out.

A finished message never changes when the conversation grows, so its bytes can be cached.
"""

import hashlib
import json
import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import replace

from agentkit.content import (
    AudioContent,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ReasoningContent,
    ResourceLink,
    TextContent,
    text_blocks,
)
from agentkit.errors import UnsupportedError
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)

GO_ON = "Go on."
"""The user message that is inserted if the format needs one and there is none."""

UNDERSTOOD = "OK."
"""The assistant message that is inserted if the format needs one and there is none."""

NO_OUTPUT = "(no output)"
"""The text of a tool result without content."""

_ID = re.compile(r"[a-zA-Z0-9]{9}")
_ID_ALPHABET = string.digits + string.ascii_letters
_ID_CHARS = 9


def nine_char_id(text: str) -> str:
    """Return nine letters or digits derived from `text`, always the same ones."""
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "big")
    digits = []
    for _ in range(_ID_CHARS):
        number, digit = divmod(number, len(_ID_ALPHABET))
        digits.append(_ID_ALPHABET[digit])
    return "".join(digits)


class MistralRules:
    """Compiles a conversation message by message; what `add` returned is final."""

    def __init__(self) -> None:
        self._system: list[str] = []
        self._wire_ids: dict[str, str] = {}
        self._taken_ids: set[str] = set()
        self._open: UserMessage | AssistantMessage | None = None
        self._after_results = False

    def opening(self, instructions: str) -> list[Message]:
        """Return the system message, or nothing without instructions."""
        texts = [text for text in (instructions, *self._system) if text.strip()]
        return [SystemMessage("\n\n".join(texts))] if texts else []

    def add(self, message: Message) -> list[Message]:
        """Add the next message of the history and return the messages that are final now."""
        match message:
            case SystemMessage():
                self._system.append(message.text)
                return []
            case UserMessage():
                return self._add_user(message)
            case AssistantMessage():
                return self._add_assistant(message)
            case ToolResult():
                return self._add_result(message)

    def ending(self) -> list[Message]:
        """Return what follows the final messages if the conversation ends here."""
        match self._open:
            case UserMessage():
                return [self._open]
            case AssistantMessage():
                return [self._open, UserMessage(GO_ON)]
            case None:
                return [] if self._after_results else [UserMessage(GO_ON)]

    def _add_user(self, message: UserMessage) -> list[Message]:
        text = _text_of_user(message)
        if not text.strip():
            return []
        if isinstance(self._open, UserMessage):
            self._open = UserMessage(f"{self._open.text}\n\n{text}")
            return []
        final = self._finish_open()
        if self._after_results:
            final.append(AssistantMessage(UNDERSTOOD))
        self._after_results = False
        self._open = UserMessage(text)
        return final

    def _add_assistant(self, message: AssistantMessage) -> list[Message]:
        if message.tool_calls:
            final = self._finish_before_assistant(needs_user=True)
            final.append(AssistantMessage(tool_calls=self._wire_calls(message.tool_calls)))
            self._after_results = True
            return final
        text = message.text.rstrip()
        if not text.strip():
            return []
        if isinstance(self._open, AssistantMessage):
            self._open = AssistantMessage(f"{self._open.text}\n\n{text}")
            return []
        final = self._finish_before_assistant(needs_user=not self._after_results)
        self._after_results = False
        self._open = AssistantMessage(text)
        return final

    def _add_result(self, message: ToolResult) -> list[Message]:
        text = result_text(message) or NO_OUTPUT
        call_id = self._wire_ids[message.call_id]
        return [ToolResult(call_id=call_id, content=text_blocks(text), is_error=message.is_error)]

    def _finish_open(self) -> list[Message]:
        """Finish the open message."""
        final: list[Message] = [] if self._open is None else [self._open]
        self._open = None
        return final

    def _finish_before_assistant(self, *, needs_user: bool) -> list[Message]:
        """Finish the open message, and ensure that a user message or a result is last."""
        before = self._open
        final = self._finish_open()
        is_first = before is None and not self._after_results
        if needs_user and (is_first or isinstance(before, AssistantMessage)):
            final.append(UserMessage(GO_ON))
        return final

    def _wire_calls(self, calls: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
        return tuple(_with_id(call, self._wire_id(call.id)) for call in calls)

    def _wire_id(self, call_id: str) -> str:
        """Return the id sent to the provider, unused in this conversation."""
        wire = call_id if _ID.fullmatch(call_id) else nine_char_id(call_id)
        attempt = 0
        while wire in self._taken_ids:
            attempt += 1
            wire = nine_char_id(f"{call_id}\n{attempt}")
        self._taken_ids.add(wire)
        self._wire_ids[call_id] = wire
        return wire


def _with_id(call: ToolCall, call_id: str) -> ToolCall:
    return call if call.id == call_id else replace(call, id=call_id)


def readable_text(blocks: Sequence[ContentBlock]) -> str:
    """Return the text of `blocks` for a model that only reads text.

    Images and audio are named, not included; reasoning is left out.
    """
    return "\n".join([part for block in blocks if (part := _readable(block))])


def result_text(result: ToolResult) -> str:
    """Return the text of a result; its structured content if it has no other."""
    if result.content or result.structured_content is None:
        return readable_text(result.content)
    return json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))


def _readable(block: ContentBlock) -> str:
    match block:
        case TextContent():
            return block.text
        case ImageContent():
            return f"[image, {block.mime_type}]"
        case AudioContent():
            return f"[audio, {block.mime_type}]"
        case ResourceLink():
            return f"[{block.name}]({block.uri})"
        case EmbeddedResource():
            return block.text if block.text is not None else f"[resource {block.uri}]"
        case ReasoningContent():
            return ""


def _text_of_user(message: UserMessage) -> str:
    """Return the text of a user message; raise if it holds an image or audio."""
    for block in message.content:
        if isinstance(block, ImageContent | AudioContent):
            raise UnsupportedError(
                f"A user message holds {block.type} content, and this model reads only text; "
                "describe it as text or choose another model."
            )
    return readable_text(message.content)
