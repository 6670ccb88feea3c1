"""Spell a conversation as the turns of the Anthropic messages form.

In:  the messages of a history, under the rules of the model's family.
Out: JSON bytes: system text apart, then turns of user and assistant that alternate.

- The results of one turn stand in one user turn, before what the user says next.
- The first turn is the user's, and so is the last: an assistant turn at the end would be taken as
  the beginning of the answer. What is missing is filled with `GO_ON`.
- No block is blank, ids keep to `[a-zA-Z0-9_-]`, and reasoning is not sent back.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import Literal, TypeAlias

from agentkit.chat import ToolSpec
from agentkit.content import AudioContent, ContentBlock, ImageContent
from agentkit.dialect.argument_repair import object_text
from agentkit.dialect.mistral_rules import (
    GO_ON,
    MistralRules,
    nine_char_id,
    readable_text,
    result_text,
)
from agentkit.dialect.openai_chat.messages import PlainRules, Rules, to_json
from agentkit.dialect.tool_names import wire_name
from agentkit.errors import UnsupportedError
from agentkit.message import AssistantMessage, Message, SystemMessage, ToolResult, UserMessage
from agentkit.value import dataclass

Role: TypeAlias = Literal["user", "assistant"]

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def encode_tools(tools: Iterable[ToolSpec]) -> bytes:
    """Return the JSON list of `tools`."""
    return to_json(
        [
            {
                "name": wire_name(tool.name),
                "description": tool.description,
                "input_schema": {"type": "object", **tool.input_schema},
            }
            for tool in tools
        ]
    )


class Turns:
    """One conversation as far as it is spelled; see `transcript.Transcript`."""

    def __init__(self, rules: Literal["mistral", "plain"]) -> None:
        self._rules: Rules = MistralRules() if rules == "mistral" else PlainRules()
        self._spelling = _Spelling()

    @property
    def size_bytes(self) -> int:
        """Return about how much memory it takes."""
        return len(self._spelling.settled) + sum(map(len, self._spelling.blocks))

    def add(self, message: Message) -> None:
        """Spell the next message.

        Raises:
            UnsupportedError: it holds what cannot be sent in this form.
        """
        for settled in self._rules.add(message):
            self._spelling.add(settled)

    def system(self, instructions: str) -> str:
        """Return the system text: the instructions and all system messages."""
        opening = [message.text for message in self._rules.opening(instructions)]
        return "\n\n".join([*opening, *self._spelling.system])

    def encode(self) -> bytes:
        """Return the JSON list of the turns, as if the conversation ended here."""
        spelling = self._spelling.copy()
        for message in self._rules.ending():
            spelling.add(message)
        if spelling.role != "user":
            spelling.add(UserMessage.of(GO_ON))
        spelling.settle()
        return b"[" + bytes(spelling.settled) + b"]"


@dataclass(slots=True, kw_only=True)
class _Spelling:
    """Turns in bytes; the last one may still grow."""

    settled: bytearray = field(default_factory=bytearray)
    role: Role | None = None
    blocks: list[bytes] = field(default_factory=list)
    system: list[str] = field(default_factory=list)
    wire_ids: dict[str, str] = field(default_factory=dict)
    taken_ids: set[str] = field(default_factory=set)

    def copy(self) -> "_Spelling":
        """Return one that can go on by itself, with anything but calls."""
        return _Spelling(
            settled=bytearray(self.settled),
            role=self.role,
            blocks=list(self.blocks),
        )

    def add(self, message: Message) -> None:
        """Spell a message into the open turn, or into a new one."""
        match message:
            case SystemMessage():
                self.system += [message.text] if message.text.strip() else []
            case UserMessage():
                self._add("user", _user_blocks(message.content))
            case AssistantMessage():
                self._add("assistant", self._assistant_blocks(message))
            case ToolResult():
                self._add("user", [_result_block(message, self.wire_ids[message.call_id])])

    def settle(self) -> None:
        """Close the open turn."""
        if self.role is None:
            return
        start = b"," if self.settled else b""
        self.settled += start + b'{"role":"' + self.role.encode() + b'","content":['
        self.settled += b",".join(self.blocks) + b"]}"

    def _add(self, role: Role, blocks: Iterable[object]) -> None:
        spelled = [to_json(block) for block in blocks]
        if not spelled:
            return
        if self.role is None and role == "assistant":
            self._add("user", _user_blocks(UserMessage.of(GO_ON).content))
        if self.role == role:
            self.blocks += spelled
            return
        self.settle()
        self.role, self.blocks = role, spelled

    def _assistant_blocks(self, message: AssistantMessage) -> Iterator[object]:
        # A text that ends in white space is refused.
        if text := message.text.rstrip():
            yield {"type": "text", "text": text}
        for call in message.tool_calls:
            yield {
                "type": "tool_use",
                "id": self._wire_id(call.id),
                "name": wire_name(call.name),
                "input": json.loads(object_text(call.arguments)),
            }

    def _wire_id(self, call_id: str) -> str:
        """Return the id the host sees, free in this conversation."""
        wire = call_id if _ID.fullmatch(call_id) else nine_char_id(call_id)
        attempt = 0
        while wire in self.taken_ids:
            attempt += 1
            wire = nine_char_id(f"{call_id}\n{attempt}")
        self.taken_ids.add(wire)
        self.wire_ids[call_id] = wire
        return wire


def _result_block(result: ToolResult, call_id: str) -> dict[str, object]:
    block: dict[str, object] = {"type": "tool_result", "tool_use_id": call_id}
    if any(isinstance(part, ImageContent) for part in result.content):
        block["content"] = list(_blocks(result.content))
    elif text := result_text(result):
        block["content"] = text
    if result.is_error:
        block["is_error"] = True
    return block


def _user_blocks(blocks: Sequence[ContentBlock]) -> Iterator[object]:
    if any(isinstance(block, AudioContent) for block in blocks):
        raise UnsupportedError(
            "A user message holds audio content, which the Anthropic form cannot carry; describe "
            "it in words or choose another host."
        )
    return _blocks(blocks)


def _blocks(blocks: Iterable[ContentBlock]) -> Iterator[object]:
    """Yield what has something in it: a blank text is refused."""
    for block in blocks:
        if isinstance(block, ImageContent):
            source = {"type": "base64", "media_type": block.mime_type, "data": block.data}
            yield {"type": "image", "source": source}
        elif (text := readable_text([block])).strip():
            yield {"type": "text", "text": text}
