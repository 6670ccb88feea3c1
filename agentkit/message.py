"""The messages of a conversation.

In:  content blocks and tool calls.
Out: frozen values: `SystemMessage`, `UserMessage`, `AssistantMessage`, `ToolResult`.

A tool's result is itself a message: `ToolResult` has the fields of MCP's `CallToolResult` and the
id of the call. The order of messages is not checked here but in `history`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from agentkit.content import ContentBlock, ReasoningContent, join_text, short_repr, text_blocks
from agentkit.json_schema import JsonValue

BLOCKS: tuple[type[ContentBlock], ...] = get_args(ContentBlock)
_set = object.__setattr__  # the messages are frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model's request to run a tool.

    Attributes:
        id: unique in its conversation; the provider's own, or generated if it sent none.
        name: the tool's name in agentkit.
        arguments: JSON text from the model: untrusted and not validated.
        rejection: why it must not run, for the model; set for a call that was found in the text of
            an answer and was incomplete, or may be a quotation. None for other calls.
    """

    id: str
    name: str
    arguments: str = "{}"
    rejection: str | None = None

    __repr__ = short_repr


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True)
class SystemMessage:
    """Instructions for the conversation."""

    text: str = field(kw_only=False)
    role: Literal["system"] = "system"

    __repr__ = short_repr


Content: TypeAlias = str | ContentBlock | Iterable[str | ContentBlock]
"""What messages are built from: text, a content block, or several of them."""


@dataclass(frozen=True, slots=True, weakref_slot=True, init=False)
class UserMessage:
    """A message from the user."""

    content: tuple[ContentBlock, ...]
    role: Literal["user"] = field(default="user", kw_only=True)

    __repr__ = short_repr

    def __init__(self, content: Content, *, role: Literal["user"] = "user") -> None:
        """Build a message of text and content blocks.

        Raises:
            TypeError: `content` is something else.
        """
        _set(self, "content", read_content(content))
        _set(self, "role", role)

    @property
    def text(self) -> str:
        """Return the text blocks, joined."""
        return join_text(self.content)


@dataclass(frozen=True, slots=True, weakref_slot=True, init=False)
class AssistantMessage:
    """A message from the model: text, reasoning and calls, in any combination.

    Attributes:
        is_incomplete: the run was stopped while this answer arrived.
    """

    content: tuple[ContentBlock, ...] = ()
    tool_calls: tuple[ToolCall, ...] = field(default=(), kw_only=True)
    is_incomplete: bool = field(default=False, kw_only=True)
    role: Literal["assistant"] = field(default="assistant", kw_only=True)

    __repr__ = short_repr

    def __init__(
        self,
        content: Content = (),
        *,
        tool_calls: Iterable[ToolCall] = (),
        is_incomplete: bool = False,
        role: Literal["assistant"] = "assistant",
    ) -> None:
        """Build a message of text, content blocks and calls.

        Raises:
            TypeError: `content` or `tool_calls` holds something else.
        """
        _set(self, "content", read_content(content))
        calls = tuple(tool_calls)
        for call in calls:
            if not isinstance(call, ToolCall):
                raise TypeError(f"tool_calls holds a {type(call).__name__!r}, not a ToolCall.")
        _set(self, "tool_calls", calls)
        _set(self, "is_incomplete", is_incomplete)
        _set(self, "role", role)

    @property
    def text(self) -> str:
        """Return the text blocks, joined; reasoning is not part of it."""
        return join_text(self.content)

    @property
    def reasoning(self) -> str:
        """Return the reasoning blocks, joined."""
        return "".join(block.text for block in self.content if isinstance(block, ReasoningContent))


@dataclass(frozen=True, slots=True, weakref_slot=True, init=False)
class ToolResult:
    """The answer to one tool call.

    Attributes:
        call_id: the id of the call it answers.
        content: what the model reads, in order.
        structured_content: the same as JSON, usually an object, if the tool has an output schema.
        is_error: the tool did not run or failed; `content` holds the reason.
        meta: MCP's `_meta` of a result, for programs; it is not sent to the model.
    """

    call_id: str
    content: tuple[ContentBlock, ...] = ()
    structured_content: Mapping[str, JsonValue] | JsonValue = field(default=None, kw_only=True)
    is_error: bool = field(default=False, kw_only=True)
    meta: Mapping[str, JsonValue] | None = field(default=None, kw_only=True)
    role: Literal["tool"] = field(default="tool", kw_only=True)

    __repr__ = short_repr

    def __init__(
        self,
        call_id: str,
        content: Content = (),
        *,
        structured_content: Mapping[str, JsonValue] | JsonValue = None,
        is_error: bool = False,
        meta: Mapping[str, JsonValue] | None = None,
        role: Literal["tool"] = "tool",
    ) -> None:
        """Build a result of text and content blocks.

        Raises:
            TypeError: `content` is something else.
        """
        _set(self, "call_id", call_id)
        _set(self, "content", read_content(content))
        _set(self, "structured_content", structured_content)
        _set(self, "is_error", is_error)
        _set(self, "meta", meta)
        _set(self, "role", role)

    @property
    def text(self) -> str:
        """Return the text blocks, joined."""
        return join_text(self.content)


def read_content(content: Content) -> tuple[ContentBlock, ...]:
    """Return what a message is built from as content blocks.

    Raises:
        TypeError: it is neither text nor a content block, nor several of them.
    """
    if type(content) is tuple:  # the usual case; checks against abstract classes are slow
        for one in content:
            if not isinstance(one, BLOCKS):
                break
        else:
            return content
    if isinstance(content, str):
        return text_blocks(content)
    if isinstance(content, BLOCKS):
        return (content,)
    if not isinstance(content, Iterable) or isinstance(content, Mapping | bytes):
        raise TypeError(
            f"A message holds text and content blocks, not a value of type "
            f"{type(content).__name__!r}; write e.g. UserMessage('Hello')."
        )
    blocks: list[ContentBlock] = []
    for one in content:
        if isinstance(one, str):
            blocks.extend(text_blocks(one))
        elif isinstance(one, BLOCKS):
            blocks.append(one)
        else:
            raise TypeError(
                f"A message holds text and content blocks, not a value of type "
                f"{type(one).__name__!r}."
            )
    return tuple(blocks)


Message: TypeAlias = SystemMessage | UserMessage | AssistantMessage | ToolResult
