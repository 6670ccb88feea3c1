"""The body of a request in the Anthropic messages format: which fields there are, of which type.

In:  the JSON object of a request.
Out: `CountBody` or `MessagesBody`, or pydantic's `ValidationError`.

The fields are those of https://docs.anthropic.com/en/api/messages. What the turns mean together is
checked in `server_request`.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

CallId = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+\z")]


class _Body(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class TextBlock(_Body):
    """A piece of text."""

    type: Literal["text"]
    text: Annotated[str, Field(min_length=1)]
    cache_control: JsonValue = None
    citations: JsonValue = None


class Base64Source(_Body):
    """The bytes of an image, in base64."""

    type: Literal["base64"]
    media_type: str
    data: str


class ImageBlock(_Body):
    """An image; one that would have to be fetched is not taken."""

    type: Literal["image"]
    source: Base64Source
    cache_control: JsonValue = None


class ThinkingBlock(_Body):
    """Reasoning of an earlier answer."""

    type: Literal["thinking"]
    thinking: str
    signature: str = ""


class RedactedThinkingBlock(_Body):
    """Reasoning of an earlier answer that only its provider can read."""

    type: Literal["redacted_thinking"]
    data: str


class ToolUseBlock(_Body):
    """A call of an earlier answer."""

    type: Literal["tool_use"]
    id: CallId
    name: Annotated[str, Field(min_length=1, max_length=200)]
    input: dict[str, JsonValue]
    cache_control: JsonValue = None
    caller: JsonValue = None


class ToolResultBlock(_Body):
    """The result of one call."""

    type: Literal["tool_result"]
    tool_use_id: CallId
    content: str | list[Annotated[TextBlock | ImageBlock, Field(discriminator="type")]] = ""
    is_error: bool = False
    cache_control: JsonValue = None


Block = Annotated[
    TextBlock | ImageBlock | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock | ToolResultBlock,
    Field(discriminator="type"),
]


class TurnBody(_Body):
    """What one side said."""

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(min_length=1)] | Annotated[list[Block], Field(min_length=1)]


class OfferedTool(_Body):
    """A tool that may be called; tools that run at the provider have another `type`."""

    type: Literal["custom"] | None = None
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,128}\z")]
    description: str = ""
    input_schema: dict[str, JsonValue]
    cache_control: JsonValue = None
    strict: bool | None = None
    input_examples: JsonValue = None
    eager_input_streaming: bool | None = None


class ModeChoice(_Body):
    """Whether a call may, must or must not be made."""

    type: Literal["auto", "any", "none"]
    disable_parallel_tool_use: bool = False


class NamedChoice(_Body):
    """The name of a tool that must be called."""

    type: Literal["tool"]
    name: str
    disable_parallel_tool_use: bool = False


class OutputFormat(_Body):
    """The schema of a structured answer."""

    type: Literal["json_schema"]
    schema_: Annotated[dict[str, JsonValue], Field(alias="schema")]


class OutputConfig(_Body):
    """The format of the answer, and how much work goes into it."""

    format: OutputFormat | None = None
    effort: str | None = None


class CountBody(_Body):
    """A request to count the tokens of a conversation."""

    model: str
    messages: Annotated[list[TurnBody], Field(min_length=1)]
    system: str | list[TextBlock] = ""
    tools: list[OfferedTool] = []
    tool_choice: Annotated[ModeChoice | NamedChoice, Field(discriminator="type")] | None = None
    output_config: OutputConfig | None = None

    cache_control: JsonValue = None
    speed: str | None = None
    thinking: JsonValue = None
    user_profile_id: str | None = None
    workspace_id: str | None = None


class MessagesBody(CountBody):
    """A complete request; the last fields are read and have no value of ours."""

    max_tokens: Annotated[int, Field(ge=1)]
    stream: bool = False
    stop_sequences: list[str] = []
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None

    container: JsonValue = None
    diagnostics: JsonValue = None
    inference_geo: JsonValue = None
    metadata: JsonValue = None
    service_tier: str | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None


def blocks_of(turn: TurnBody) -> list[Block]:
    """Return what a turn holds as blocks."""
    if isinstance(turn.content, str):
        return [TextBlock(type="text", text=turn.content)]
    return turn.content
