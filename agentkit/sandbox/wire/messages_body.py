"""The body of a request in the Anthropic messages form.

In:  JSON from a client.
Out: `MessagesBody`, or pydantic's `ValidationError`.

The fields follow https://docs.anthropic.com/en/api/messages. What the turns may hold together is
checked in `messages_read`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextBlock(_Body):
    """A piece of text."""

    type: Literal["text"]
    text: Annotated[str, Field(min_length=1)]
    cache_control: JsonValue = None
    citations: JsonValue = None


class ToolUseBlock(_Body):
    """A call of an earlier answer."""

    type: Literal["tool_use"]
    id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+\z")]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    input: dict[str, JsonValue]
    cache_control: JsonValue = None


class ToolResultBlock(_Body):
    """The result of one call."""

    type: Literal["tool_result"]
    tool_use_id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+\z")]
    content: str | list[TextBlock] = ""
    is_error: bool = False
    cache_control: JsonValue = None


Block = Annotated[TextBlock | ToolUseBlock | ToolResultBlock, Field(discriminator="type")]


class TurnBody(_Body):
    """What one side said."""

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(min_length=1)] | Annotated[list[Block], Field(min_length=1)]


class ToolOffer(_Body):
    """A tool as it is offered."""

    type: Literal["custom"] | None = None
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,128}\z")]
    description: str = ""
    input_schema: dict[str, JsonValue]
    cache_control: JsonValue = None


class AutoChoice(_Body):
    """May, must or must not call."""

    type: Literal["auto", "any", "none"]
    disable_parallel_tool_use: bool = False


class NamedChoice(_Body):
    """Must call this tool."""

    type: Literal["tool"]
    name: str
    disable_parallel_tool_use: bool = False


class CountBody(_Body):
    """A request to count the tokens of a conversation."""

    model: str
    messages: Annotated[list[TurnBody], Field(min_length=1)]
    system: str | list[TextBlock] = ""
    tools: list[ToolOffer] = []
    tool_choice: Annotated[AutoChoice | NamedChoice, Field(discriminator="type")] | None = None


class MessagesBody(CountBody):
    """A whole request."""

    max_tokens: Annotated[int, Field(ge=1)]
    stream: bool = False
    stop_sequences: list[str] = []
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None
    metadata: JsonValue = None


def plain_text(content: str | list[TextBlock]) -> str:
    """Return text, or the blocks of it, as one text."""
    return content if isinstance(content, str) else "".join(block.text for block in content)


def blocks_of(turn: TurnBody) -> list[Block]:
    """Return what a turn holds as blocks."""
    if isinstance(turn.content, str):
        return [TextBlock(type="text", text=turn.content)]
    return turn.content
