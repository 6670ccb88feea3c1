"""The body of a request in the OpenAI responses format: which fields there are, and of which type.

In:  the JSON object of a request.
Out: `ResponsesBody`, or pydantic's `ValidationError`.

The fields are those of https://platform.openai.com/docs/api-reference/responses/create. What the
items mean together is checked in `server_request`.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag

from agentkit.dialect.openai_chat.server_body import ObjectFormat, TextFormat

Status = Literal["in_progress", "completed", "incomplete"]


class _Body(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class InputText(_Body):
    """A piece of text; the breakpoint is a hint for a cache."""

    type: Literal["input_text"]
    text: str
    prompt_cache_breakpoint: JsonValue = None


class InputImage(_Body):
    """An image: a `data:` URL, or one on the network; files are not kept here."""

    type: Literal["input_image"]
    image_url: str | None = None
    file_id: None = None
    detail: Literal["auto", "low", "high", "original"] | None = None
    prompt_cache_breakpoint: JsonValue = None


class OutputText(_Body):
    """A piece of an earlier answer."""

    type: Literal["output_text"]
    text: str
    annotations: list[JsonValue] | None = None
    logprobs: list[JsonValue] | None = None


class RefusalText(_Body):
    """A piece of an earlier answer in which the model declined."""

    type: Literal["refusal"]
    refusal: str


InputPart = Annotated[InputText | InputImage, Field(discriminator="type")]
OutputPart = Annotated[OutputText | RefusalText, Field(discriminator="type")]


class MessageItem(_Body):
    """A message of the user, or instructions."""

    type: Literal["message"] | None = None
    role: Literal["user", "system", "developer"]
    content: str | list[InputPart]
    id: str | None = None
    status: Status | None = None
    phase: str | None = None


class AnswerItem(_Body):
    """The text of an earlier answer."""

    type: Literal["message"] | None = None
    role: Literal["assistant"]
    content: str | list[OutputPart]
    id: str | None = None
    status: Status | None = None
    phase: str | None = None


class CallItem(_Body):
    """A call of an earlier answer; the arguments may be any text."""

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: Status | None = None
    caller: JsonValue = None
    namespace: None = None
    async_: Annotated[Literal[False] | None, Field(alias="async")] = None


class CallOutputItem(_Body):
    """The result of one call."""

    type: Literal["function_call_output"]
    call_id: str
    output: str | list[InputPart]
    id: str | None = None
    status: Status | None = None
    caller: JsonValue = None
    name: str | None = None
    namespace: None = None


class ReasoningText(_Body):
    """A piece of reasoning, or of its summary."""

    type: Literal["reasoning_text", "summary_text"]
    text: str


class ReasoningItem(_Body):
    """The reasoning of an earlier answer."""

    type: Literal["reasoning"]
    id: str | None = None
    summary: list[ReasoningText] = []
    content: list[ReasoningText] | None = None
    encrypted_content: str | None = None
    status: Status | None = None


def _kind_of(item: object) -> str | None:
    """Return which item is meant; the type of a message may be left out."""
    if isinstance(item, dict):
        kind = item.get("type") or "message"
        if kind == "message" and item.get("role") == "assistant":
            return "assistant message"
        return str(kind)
    return None


InputItem = Annotated[
    Annotated[MessageItem, Tag("message")]
    | Annotated[AnswerItem, Tag("assistant message")]
    | Annotated[CallItem, Tag("function_call")]
    | Annotated[CallOutputItem, Tag("function_call_output")]
    | Annotated[ReasoningItem, Tag("reasoning")],
    Discriminator(_kind_of),
]


class FunctionOffer(_Body):
    """One entry of `tools`; those that run at OpenAI are of other types."""

    type: Literal["function"]
    name: str
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None
    strict: bool | None = None
    output_schema: dict[str, JsonValue] | None = None
    allowed_callers: list[Literal["direct"]] | None = None
    defer_loading: Literal[False] | None = None
    async_: Annotated[Literal[False] | None, Field(alias="async")] = None


class FunctionChoice(_Body):
    """A function that must be called."""

    type: Literal["function"]
    name: str


class SchemaTextFormat(_Body):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    name: str
    schema_: Annotated[dict[str, JsonValue], Field(alias="schema")]
    description: str | None = None
    strict: bool | None = None


class ResponseTextConfig(_Body):
    """The form of the text of the answer."""

    format: (
        Annotated[TextFormat | ObjectFormat | SchemaTextFormat, Field(discriminator="type")] | None
    ) = None
    verbosity: Literal["medium"] | None = None


class ResponseStreamOptions(_Body):
    """What a stream holds in addition to the answer."""

    include_obfuscation: bool | None = None


class ResponsesBody(_Body):
    """A complete request; the last fields are read and have no value of ours."""

    model: str
    input: str | list[InputItem]
    instructions: str | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    tools: list[FunctionOffer] | None = None
    tool_choice: Literal["auto", "none", "required"] | FunctionChoice | None = None
    parallel_tool_calls: bool | None = None
    stream: bool | None = None
    stream_options: ResponseStreamOptions | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    text: ResponseTextConfig | None = None

    access_programs: JsonValue = None
    background: bool | None = None
    background_options: JsonValue = None
    context_management: list[JsonValue] | None = None
    conversation: JsonValue = None
    image: JsonValue = None
    include: list[str] | None = None
    max_tool_calls: int | None = None
    moderation: JsonValue = None
    prompt: JsonValue = None
    prompt_cache_key: str | None = None
    prompt_cache_options: JsonValue = None
    prompt_cache_retention: str | None = None
    reasoning: dict[str, JsonValue] | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    truncation: str | None = None
    user: str | None = None
