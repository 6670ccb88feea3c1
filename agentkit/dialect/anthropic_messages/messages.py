"""Encode a conversation as the turns of the Anthropic messages format.

In:  the messages of a history, under the rules of the model's family.
Out: JSON bytes: the system text separately, then alternating user and assistant turns.

- The results of one turn stand in one user turn, before the next user message.
- The first turn is the user's, and so is the last: the API treats an assistant turn at the end as
  the beginning of the answer. A missing turn is filled in with `GO_ON`.
- No text block is blank and ids match `[a-zA-Z0-9_-]`: the API refuses both otherwise.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import Literal, TypeAlias

from agentkit.chat import ToolSpec
from agentkit.content import AudioContent, ContentBlock, ImageContent, ReasoningContent
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
    """The encoded part of one conversation; see `encoding_cache.Transcript`."""

    def __init__(
        self, rules: Literal["mistral", "plain"], *, takes_reasoning: bool = False
    ) -> None:
        self._rules: Rules = MistralRules() if rules == "mistral" else PlainRules()
        self._encoder = _TurnsEncoder(takes_reasoning=takes_reasoning)

    @property
    def size_bytes(self) -> int:
        """Return its approximate memory use."""
        return len(self._encoder.final) + sum(map(len, self._encoder.blocks))

    def add(self, message: Message) -> None:
        """Encode the next message.

        Raises:
            UnsupportedError: it holds content that this format cannot carry.
        """
        for final in self._rules.add(message):
            self._encoder.add(final)

    def system(self, instructions: str) -> str:
        """Return the system text: the instructions and all system messages."""
        opening = [message.text for message in self._rules.opening(instructions)]
        return "\n\n".join([*opening, *self._encoder.system])

    def encode(self) -> tuple[bytes | bytearray, ...]:
        """Return the JSON list of the turns, as if the conversation ended here, in pieces.

        They hold good until the next message is added.
        """
        finished, ending = self._encoder.final, self._encoder.copy_open_turn()
        for message in self._rules.ending():
            ending.add(message)
        if ending.role != "user":
            ending.add(UserMessage(GO_ON))
        ending.finish()
        return b"[", finished, b"," if finished else b"", ending.final, b"]"


@dataclass(slots=True, kw_only=True)
class _TurnsEncoder:
    """Encoded turns; the last one may still grow."""

    final: bytearray = field(default_factory=bytearray)
    role: Role | None = None
    blocks: list[bytes] = field(default_factory=list)
    system: list[str] = field(default_factory=list)
    wire_ids: dict[str, str] = field(default_factory=dict)
    taken_ids: set[str] = field(default_factory=set)
    takes_reasoning: bool = False

    def copy_open_turn(self) -> "_TurnsEncoder":
        """Return a copy without the finished turns, to which anything but calls can be added."""
        return _TurnsEncoder(role=self.role, blocks=list(self.blocks))

    def add(self, message: Message) -> None:
        """Encode a message into the open turn, or into a new one."""
        match message:
            case SystemMessage():
                self.system += [message.text] if message.text.strip() else []
            case UserMessage():
                self._add("user", _user_blocks(message.content))
            case AssistantMessage():
                self._add("assistant", self._assistant_blocks(message))
            case ToolResult():
                self._add("user", [_result_block(message, self.wire_ids[message.call_id])])

    def finish(self) -> None:
        """Finish the open turn."""
        if self.role is None:
            return
        start = b"," if self.final else b""
        self.final += start + b'{"role":"' + self.role.encode() + b'","content":['
        self.final += b",".join(self.blocks) + b"]}"

    def _add(self, role: Role, blocks: Iterable[object]) -> None:
        encoded = [to_json(block) for block in blocks]
        if not encoded:
            return
        if self.role is None and role == "assistant":
            self._add("user", _user_blocks(UserMessage(GO_ON).content))
        if self.role == role:
            self.blocks += encoded
            return
        self.finish()
        self.role, self.blocks = role, encoded

    def _assistant_blocks(self, message: AssistantMessage) -> Iterator[object]:
        if self.takes_reasoning and message.tool_calls:
            yield from _reasoning_blocks(message)
        # The API refuses a final assistant text that ends in white space.
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
        """Return the id sent to the provider, unused in this conversation."""
        wire = call_id if _ID.fullmatch(call_id) else nine_char_id(call_id)
        attempt = 0
        while wire in self.taken_ids:
            attempt += 1
            wire = nine_char_id(f"{call_id}\n{attempt}")
        self.taken_ids.add(wire)
        self.wire_ids[call_id] = wire
        return wire


def _reasoning_blocks(message: AssistantMessage) -> Iterator[object]:
    """Yield the reasoning before calls, which must be the blocks that came, with their signatures.

    See https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking. Servers that sign
    nothing take any text.
    """
    thoughts = [block for block in message.content if isinstance(block, ReasoningContent)]
    blocks = [data for thought in thoughts for data in thought.data if "type" in data]
    if blocks:
        yield from blocks
    elif message.reasoning:
        yield {"type": "thinking", "thinking": message.reasoning, "signature": ""}


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
            "A user message holds audio content, which the Anthropic format cannot carry; describe "
            "it as text or choose another provider."
        )
    return _blocks(blocks)


def _blocks(blocks: Iterable[ContentBlock]) -> Iterator[object]:
    """Yield the non-blank blocks: the API refuses blank text."""
    for block in blocks:
        if isinstance(block, ImageContent):
            source = {"type": "base64", "media_type": block.mime_type, "data": block.data}
            yield {"type": "image", "source": source}
        elif (text := readable_text([block])).strip():
            yield {"type": "text", "text": text}
