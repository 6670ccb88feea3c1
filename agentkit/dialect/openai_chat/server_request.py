"""Read a request in the OpenAI chat format, as a server.

In:  the JSON object of a request.
Out: `ReceivedRequest`, or `InvalidRequestError`, which names the parameter that is wrong.

`decode_chat_request` checks each field by itself; `check_chat_request` checks what the fields mean
together, and that nothing is asked for that no value of ours can carry.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from agentkit.chat import ModelSettings, ToolChoice, ToolSpec
from agentkit.content import AudioContent, ContentBlock, ReasoningContent, TextContent
from agentkit.dialect.openai_chat.server_body import (
    AssistantBody,
    AudioPart,
    ChatBody,
    ChosenTool,
    ImagePart,
    MessageBody,
    ObjectFormat,
    RefusalPart,
    SchemaFormat,
    TextPart,
    ToolBody,
    UserBody,
)
from agentkit.dialect.received_request import (
    InvalidRequestError,
    Path,
    ReceivedRequest,
    as_image,
    check_tools,
    drop_fields,
    require_neutral,
    validate_body,
)
from agentkit.json_schema import JsonValue
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)

CARRIED_FIELDS = frozenset({
    "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "stream", "stream_options",
    "max_tokens", "max_completion_tokens", "stop", "temperature", "top_p", "seed",
    "response_format",
})  # fmt: skip
"""Fields that a `ReceivedRequest` has a value for."""

HARMLESS_FIELDS = frozenset({
    "metadata", "prediction", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
    "safety_identifier", "service_tier", "store", "user",
})  # fmt: skip
"""Fields that change neither the text nor the calls of an answer: labels, prices, caches."""

NEUTRAL_VALUES: Mapping[str, tuple[JsonValue, ...]] = {
    "audio": (),
    "frequency_penalty": (0,),
    "function_call": ("auto", "none"),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "moderation": (),
    "n": (1,),
    "presence_penalty": (0,),
    "reasoning_effort": (),
    "top_logprobs": (0,),
    "verbosity": ("medium",),
    "web_search_options": (),
}
"""Fields that would change an answer, with the values that leave it as it is."""


def read_chat_request(
    body: Mapping[str, JsonValue], *, ignore_fields: Collection[str] = ()
) -> ReceivedRequest:
    """Read a request.

    Args:
        body: the JSON object that arrived.
        ignore_fields: fields beyond the format that clients send and that may be dropped.

    Raises:
        InvalidRequestError: the request does not follow the format, or is not supported.
    """
    request = decode_chat_request(drop_fields(body, ignore_fields))
    check_chat_request(request)
    return request


def decode_chat_request(body: Mapping[str, JsonValue]) -> ReceivedRequest:
    """Return what the fields of `body` say, each by itself.

    Raises:
        InvalidRequestError: a field is missing, unknown, of another type or out of its range.
    """
    read: ChatBody = validate_body(ChatBody, body)
    return ReceivedRequest(
        model=read.model,
        messages=tuple(_as_message(one, place) for place, one in enumerate(read.messages)),
        tools=tuple(
            ToolSpec(
                name=offer.function.name,
                description=offer.function.description or "",
                input_schema=offer.function.parameters,
            )
            for offer in read.tools or ()
        ),
        tool_choice=_as_choice(read.tool_choice),
        settings=ModelSettings(
            temperature=read.temperature,
            top_p=read.top_p,
            max_tokens=read.max_completion_tokens or read.max_tokens,
            seed=read.seed,
            stop=(read.stop,) if isinstance(read.stop, str) else tuple(read.stop or ()),
            parallel_tool_calls=read.parallel_tool_calls,
        ),
        stream=read.stream is True,
        include_usage=read.stream_options is not None and read.stream_options.include_usage is True,
        response_format=_as_schema(read),
        other_fields={
            name: value
            for name, value in body.items()
            if name not in CARRIED_FIELDS and value is not None
        },
    )


def check_chat_request(request: ReceivedRequest) -> None:
    """Check what the fields of a request mean together.

    Raises:
        InvalidRequestError: results do not answer the calls before them, a tool's name is not
            valid or not unique, the choice names no tool, or a field is not supported.
    """
    require_neutral(request.other_fields, NEUTRAL_VALUES)
    if not request.messages:
        raise InvalidRequestError("at least one message is needed", path=("messages",))
    _check_results(request.messages)
    check_tools(request, name_path=("function", "name"))


def _check_results(messages: Sequence[Message]) -> None:
    """Check that the results of an answer's calls follow it, one for each, before all else."""
    seen: set[str] = set()
    waiting: set[str] = set()
    for place, message in enumerate(messages):
        if isinstance(message, ToolResult):
            if message.call_id not in waiting:
                reason = f"{message.call_id!r} answers no call of the assistant message before it"
                raise InvalidRequestError(reason, path=("messages", place, "tool_call_id"))
            waiting.remove(message.call_id)
            continue
        _check_answered(waiting, before=place)
        if isinstance(message, AssistantMessage):
            for position, call in enumerate(message.tool_calls):
                if call.id in seen:
                    path: Path = ("messages", place, "tool_calls", position, "id")
                    raise InvalidRequestError(f"{call.id!r} is used twice", path=path)
                seen.add(call.id)
                waiting.add(call.id)
    _check_answered(waiting, before=len(messages))


def _check_answered(waiting: Collection[str], *, before: int) -> None:
    if waiting:
        listed = ", ".join(sorted(map(repr, waiting)))
        reason = f"the tool calls {listed} have no tool message before message {before}"
        raise InvalidRequestError(reason, path=("messages",))


def _as_message(body: MessageBody, place: int) -> Message:
    match body:
        case UserBody():
            return UserMessage(content=tuple(_user_blocks(body, place)))
        case AssistantBody():
            return _as_assistant(body)
        case ToolBody():
            return ToolResult(call_id=body.tool_call_id, content=_text_blocks(body.content))
        case _:
            return SystemMessage(_join(body.content))


def _as_assistant(body: AssistantBody) -> AssistantMessage:
    reasoning = body.reasoning_content
    blocks: list[ContentBlock] = [ReasoningContent(reasoning)] if reasoning else []
    blocks += _text_blocks(body.content or "") or _text_blocks(body.refusal or "")
    calls = (
        ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
        for call in body.tool_calls or ()
    )
    return AssistantMessage(content=tuple(blocks), tool_calls=tuple(calls))


def _user_blocks(body: UserBody, place: int) -> Iterator[ContentBlock]:
    if isinstance(body.content, str):
        yield from _text_blocks(body.content)
        return
    for position, part in enumerate(body.content):
        match part:
            case TextPart():
                yield TextContent(part.text)
            case ImagePart():
                path: Path = ("messages", place, "content", position, "image_url", "url")
                yield as_image(part.image_url.url, path)
            case AudioPart():
                audio = part.input_audio
                yield AudioContent(data=audio.data, mime_type=f"audio/{audio.format}")


def _text_blocks(content: str | Sequence[TextPart | RefusalPart]) -> tuple[TextContent, ...]:
    text = _join(content)
    return (TextContent(text),) if text else ()


def _join(content: str | Sequence[TextPart | RefusalPart]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.text if isinstance(part, TextPart) else part.refusal for part in content)


def _as_choice(choice: str | ChosenTool | None) -> ToolChoice:
    if isinstance(choice, ChosenTool):
        return ToolChoice(mode="required", name=choice.function.name)
    return ToolChoice() if choice is None else ToolChoice.parse(choice)


def _as_schema(body: ChatBody) -> Mapping[str, JsonValue] | None:
    match body.response_format:
        case SchemaFormat(json_schema=wanted):
            return wanted.schema_
        case ObjectFormat():
            return {"type": "object"}
        case _:
            return None
