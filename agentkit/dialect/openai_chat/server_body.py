"""The body of a request in the OpenAI chat format: which fields there are, and of which type.

In:  the JSON object of a request.
Out: `ChatBody`, or pydantic's `ValidationError`.

The fields are those of https://platform.openai.com/docs/api-reference/chat/create. What the
messages mean together is checked in `server_request`.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class _Body(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class TextPart(_Body):
    """A piece of text."""

    type: Literal["text"]
    text: str


class RefusalPart(_Body):
    """A piece of an earlier answer in which the model declined."""

    type: Literal["refusal"]
    refusal: str


class ImageUrl(_Body):
    """Where an image is: a `data:` URL, or one on the network."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(_Body):
    """An image."""

    type: Literal["image_url"]
    image_url: ImageUrl


class InputAudio(_Body):
    """A sound in base64."""

    data: str
    format: Literal["wav", "mp3"]


class AudioPart(_Body):
    """A sound."""

    type: Literal["input_audio"]
    input_audio: InputAudio


UserPart = Annotated[TextPart | ImagePart | AudioPart, Field(discriminator="type")]
AssistantPart = Annotated[TextPart | RefusalPart, Field(discriminator="type")]


class FunctionCall(_Body):
    """The name and the arguments of a call; the arguments may be any text."""

    name: str
    arguments: str


class ToolCallBody(_Body):
    """A call of an earlier answer; clients that collect a stream keep its `index`."""

    id: str
    type: Literal["function"]
    function: FunctionCall
    index: int | None = None


class SystemBody(_Body):
    """Instructions."""

    role: Literal["system"]
    content: str | list[TextPart]
    name: str | None = None


class DeveloperBody(_Body):
    """Instructions, under the role's newer name."""

    role: Literal["developer"]
    content: str | list[TextPart]
    name: str | None = None


class UserBody(_Body):
    """A message of the user."""

    role: Literal["user"]
    content: str | list[UserPart]
    name: str | None = None


class AssistantBody(_Body):
    """An earlier answer.

    Clients send back what they were given: `refusal`, `annotations` and `audio` are fields of
    answers, and `reasoning_content` holds reasoning on most servers with open models.
    """

    role: Literal["assistant"]
    content: str | list[AssistantPart] | None = None
    refusal: str | None = None
    name: str | None = None
    tool_calls: list[ToolCallBody] | None = None
    function_call: None = None
    annotations: list[JsonValue] | None = None
    audio: None = None
    reasoning_content: str | None = None


class ToolBody(_Body):
    """The result of one call."""

    role: Literal["tool"]
    content: str | list[TextPart]
    tool_call_id: str


MessageBody = Annotated[
    SystemBody | DeveloperBody | UserBody | AssistantBody | ToolBody, Field(discriminator="role")
]


class FunctionBody(_Body):
    """A function that may be called."""

    name: str
    description: str | None = None
    parameters: dict[str, JsonValue] = {}
    strict: bool | None = None


class OfferedFunction(_Body):
    """One entry of `tools`."""

    type: Literal["function"]
    function: FunctionBody


class ChosenFunction(_Body):
    """The name of a function that must be called."""

    name: str


class ChosenTool(_Body):
    """A tool that must be called."""

    type: Literal["function"]
    function: ChosenFunction


class JsonSchemaFormat(_Body):
    """The schema of a structured answer."""

    name: str
    description: str | None = None
    schema_: Annotated[dict[str, JsonValue], Field(alias="schema")] = {}
    strict: bool | None = None


class TextFormat(_Body):
    """Any text."""

    type: Literal["text"]


class ObjectFormat(_Body):
    """Any JSON object."""

    type: Literal["json_object"]


class SchemaFormat(_Body):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchemaFormat


class StreamOptions(_Body):
    """What a stream holds in addition to the answer."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatBody(_Body):
    """A complete request; the last fields are read and have no value of ours."""

    model: str
    messages: list[MessageBody]
    tools: Annotated[list[OfferedFunction], Field(min_length=1)] | None = None
    tool_choice: Literal["auto", "none", "required"] | ChosenTool | None = None
    parallel_tool_calls: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: int | None = None
    response_format: (
        Annotated[TextFormat | ObjectFormat | SchemaFormat, Field(discriminator="type")] | None
    ) = None

    audio: JsonValue = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    function_call: JsonValue = None
    functions: JsonValue = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    metadata: dict[str, str] | None = None
    modalities: list[str] | None = None
    moderation: JsonValue = None
    n: Annotated[int, Field(ge=1)] | None = None
    prediction: JsonValue = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: JsonValue = None
    prompt_cache_retention: str | None = None
    reasoning_effort: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    user: str | None = None
    verbosity: str | None = None
    web_search_options: JsonValue = None
