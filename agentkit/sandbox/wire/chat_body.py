"""The body of a chat request in the form of La Plateforme, which knows every field it takes.

In:  JSON from a client.
Out: `ChatBody`, or pydantic's `ValidationError` for a field that is unknown, missing or wrong.

The fields follow https://docs.mistral.ai/api/ (chat completions). What the messages may say
together is checked in `rules`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextChunk(_Body):
    """A piece of text where content is a list."""

    type: Literal["text"]
    text: str


Text = str | list[TextChunk]


class FunctionCall(_Body):
    """The name and the arguments of a call; arguments are not looked into."""

    name: str
    arguments: str | dict[str, JsonValue]


class CallBody(_Body):
    """A call of an earlier answer; without an id it has the one that is called `null`."""

    id: str = "null"
    type: Literal["function"] = "function"
    function: FunctionCall
    index: int = 0


class SystemBody(_Body):
    """Instructions."""

    role: Literal["system"]
    content: Text


class UserBody(_Body):
    """What the user says."""

    role: Literal["user"]
    content: Text


class AssistantBody(_Body):
    """What the model said: text or calls; with `prefix`, text it is to go on from."""

    role: Literal["assistant"]
    content: Text | None = None
    tool_calls: list[CallBody] | None = None
    prefix: bool = False


class ToolBody(_Body):
    """The result of one call."""

    role: Literal["tool"]
    content: str
    tool_call_id: str | None = None
    name: str | None = None


MessageBody = Annotated[
    SystemBody | UserBody | AssistantBody | ToolBody, Field(discriminator="role")
]


class FunctionBody(_Body):
    """A tool as it is offered."""

    name: str
    description: str = ""
    parameters: dict[str, JsonValue]
    strict: bool = False


class OfferBody(_Body):
    """One entry of `tools`."""

    type: Literal["function"] = "function"
    function: FunctionBody


class ChosenFunction(_Body):
    """The name of a tool that must be called."""

    name: str


class ChosenTool(_Body):
    """A tool that must be called."""

    type: Literal["function"] = "function"
    function: ChosenFunction


class ResponseFormat(_Body):
    """The form of the answer; plain text is the only one here."""

    type: Literal["text"] = "text"


class ChatBody(_Body):
    """A whole request."""

    model: str
    messages: list[MessageBody]
    tools: Annotated[list[OfferBody], Field(min_length=1)] | None = None
    tool_choice: Literal["auto", "none", "any", "required"] | ChosenTool = "auto"
    parallel_tool_calls: bool | None = None
    stream: bool = False
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    stop: str | list[str] | None = None
    temperature: Annotated[float, Field(ge=0, le=1.5)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    random_seed: Annotated[int, Field(ge=0)] | None = None
    response_format: ResponseFormat | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    n: Literal[1] | None = None
    safe_prompt: bool = False


def text_of(content: Text | None) -> str:
    """Return content as one text."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(chunk.text for chunk in content)
