"""The messages of a conversation.

In:  content blocks and tool calls.
Out: frozen values: `SystemMessage`, `UserMessage`, `AssistantMessage`, `ToolResult`.

A tool's result is itself a message: `ToolResult` has the fields of MCP's `CallToolResult` and the
id of the call. The order of messages is not checked here but in `history`.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from agentkit.content import ContentBlock, ReasoningContent, join_text, text_blocks
from agentkit.json_schema import JsonValue
from agentkit.value import dataclass, maker


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model's request to run a tool.

    Attributes:
        id: unique in its conversation; the provider's own, or generated if it sent none.
        name: the tool's name in agentkit.
        arguments: JSON text from the model: untrusted and not validated.
    """

    id: str
    name: str
    arguments: str = "{}"


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True)
class SystemMessage:
    """Instructions for the conversation."""

    text: str
    role: Literal["system"] = "system"


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True)
class UserMessage:
    """A message from the user."""

    content: tuple[ContentBlock, ...]
    role: Literal["user"] = "user"

    @classmethod
    def of(cls, text: str) -> "UserMessage":
        """Build a message of plain text."""
        return cls(content=text_blocks(text))

    @property
    def text(self) -> str:
        """Return the text blocks, joined."""
        return join_text(self.content)


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True)
class AssistantMessage:
    """A message from the model: text, reasoning and calls, in any combination.

    Attributes:
        is_incomplete: the run was stopped while this answer arrived.
    """

    content: tuple[ContentBlock, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    is_incomplete: bool = False
    role: Literal["assistant"] = "assistant"

    @classmethod
    def of(
        cls, text: str = "", *tool_calls: ToolCall, is_incomplete: bool = False
    ) -> "AssistantMessage":
        """Build a message of plain text, calls, or both."""
        return cls(content=text_blocks(text), tool_calls=tool_calls, is_incomplete=is_incomplete)

    @property
    def text(self) -> str:
        """Return the text blocks, joined; reasoning is not part of it."""
        return join_text(self.content)

    @property
    def reasoning(self) -> str:
        """Return the reasoning blocks, joined."""
        return "".join(block.text for block in self.content if isinstance(block, ReasoningContent))


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True)
class ToolResult:
    """The result of one tool call.

    Attributes:
        call_id: the id of the call it answers.
        content: what the model reads, in order.
        structured_content: the same as JSON, usually an object, if the tool has an output schema.
        is_error: the tool did not run or failed; `content` gives the reason.
        meta: MCP's `_meta` of a result, for programs; it is not sent to the model.
    """

    call_id: str
    content: tuple[ContentBlock, ...] = ()
    structured_content: Mapping[str, JsonValue] | JsonValue = None
    is_error: bool = False
    meta: Mapping[str, JsonValue] | None = None
    role: Literal["tool"] = "tool"

    @staticmethod
    def of(call_id: str, text: str, *, is_error: bool = False) -> "ToolResult":
        """Build a result of plain text."""
        return _new_result(call_id=call_id, content=text_blocks(text), is_error=is_error)

    @property
    def text(self) -> str:
        """Return the text blocks, joined."""
        return join_text(self.content)


_new_result = maker(ToolResult)

Message: TypeAlias = SystemMessage | UserMessage | AssistantMessage | ToolResult
