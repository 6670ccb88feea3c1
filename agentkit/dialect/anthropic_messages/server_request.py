"""Read a request in the Anthropic messages format, as a server.

In:  the JSON object of a request.
Out: `ReceivedRequest`, or `InvalidRequestError`, which names the parameter that is wrong.

`decode_messages_request` checks each field by itself, and that the turns fit each other;
`check_messages_request` checks that the request asks for nothing that no value of ours can carry.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise

from agentkit.chat import ModelSettings, ToolChoice, ToolSpec
from agentkit.content import ContentBlock, ImageContent, ReasoningContent, TextContent
from agentkit.dialect.anthropic_messages.server_body import (
    Block,
    CountBody,
    ImageBlock,
    MessagesBody,
    ModeChoice,
    NamedChoice,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    TurnBody,
    blocks_of,
)
from agentkit.dialect.received_request import (
    InvalidRequestError,
    Path,
    ReceivedRequest,
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
    "model", "messages", "system", "tools", "tool_choice", "output_config", "max_tokens", "stream",
    "stop_sequences", "temperature", "top_p",
})  # fmt: skip
"""Fields that a `ReceivedRequest` has a value for."""

HARMLESS_FIELDS = frozenset({
    "cache_control", "diagnostics", "inference_geo", "metadata", "service_tier", "speed",
    "user_profile_id", "workspace_id",
})  # fmt: skip
"""Fields that change neither the text nor the calls of an answer: labels, prices, caches."""

NEUTRAL_VALUES: Mapping[str, tuple[JsonValue, ...]] = {
    "container": (),
    "thinking": ({"type": "disabled"},),
    "top_k": (),
}
"""Fields that would change an answer, with the values that leave it as it is."""


def read_messages_request(
    body: Mapping[str, JsonValue], *, ignore_fields: Collection[str] = (), is_count: bool = False
) -> ReceivedRequest:
    """Read a request.

    Args:
        body: the JSON object that arrived.
        ignore_fields: fields beyond the format that clients send and that may be dropped.
        is_count: the request asks for the number of its tokens and not for an answer.

    Raises:
        InvalidRequestError: the request does not follow the format, or is not supported.
    """
    request = decode_messages_request(drop_fields(body, ignore_fields), is_count=is_count)
    check_messages_request(request)
    return request


def decode_messages_request(
    body: Mapping[str, JsonValue], *, is_count: bool = False
) -> ReceivedRequest:
    """Return what the fields of `body` say.

    Raises:
        InvalidRequestError: a field is missing, unknown, of another type or out of its range, or
            turns, tools and choice do not fit each other.
    """
    read: CountBody = validate_body(CountBody if is_count else MessagesBody, body)
    fault = next(_find_faults(read), None)
    if fault is not None:
        raise fault
    choice = read.tool_choice
    is_single = choice is not None and choice.disable_parallel_tool_use
    settings = ModelSettings(parallel_tool_calls=False if is_single else None)
    if isinstance(read, MessagesBody):
        settings = ModelSettings(
            temperature=read.temperature,
            top_p=read.top_p,
            max_tokens=read.max_tokens,
            stop=tuple(read.stop_sequences),
            parallel_tool_calls=settings.parallel_tool_calls,
        )
    wanted = read.output_config.format if read.output_config is not None else None
    return ReceivedRequest(
        model=read.model,
        messages=tuple(_as_messages(read)),
        tools=tuple(
            ToolSpec(name=tool.name, description=tool.description, input_schema=tool.input_schema)
            for tool in read.tools
        ),
        tool_choice=_as_choice(choice),
        settings=settings,
        stream=isinstance(read, MessagesBody) and read.stream,
        include_usage=True,
        response_format=None if wanted is None else wanted.schema_,
        other_fields={
            name: value
            for name, value in body.items()
            if name not in CARRIED_FIELDS and value is not None
        },
    )


def check_messages_request(request: ReceivedRequest) -> None:
    """Check that a request asks for nothing that is not supported.

    Raises:
        InvalidRequestError: it does.
    """
    require_neutral(request.other_fields, NEUTRAL_VALUES)


def _find_faults(body: CountBody) -> Iterator[InvalidRequestError]:
    if body.messages[0].role != "user":
        yield _fault("first message must use the `user` role", "messages")
    for place, turn in enumerate(body.messages):
        yield from _find_turn_faults(turn, place=place)
    if _uses(body.messages[-1]):
        yield _fault("`tool_use` ids were found without `tool_result` blocks after", "messages")
    for place, (before, after) in enumerate(pairwise(body.messages)):
        yield from _find_pair_faults(before, after, place=place)
    seen = [use.id for turn in body.messages for use in _uses(turn)]
    if len(seen) != len(set(seen)):
        yield _fault("`tool_use` ids must be unique", "messages")
    names = {tool.name for tool in body.tools}
    if len(names) != len(body.tools):
        yield _fault("Tool names must be unique.", "tools")
    yield from _find_choice_faults(body, names)


def _find_turn_faults(turn: TurnBody, *, place: int) -> Iterator[InvalidRequestError]:
    for block in blocks_of(turn):
        match block:
            case TextBlock() if not block.text.strip():
                reason = "text content blocks must contain non-whitespace text"
                yield _fault(reason, "messages", place)
            case ToolUseBlock() | ThinkingBlock() if turn.role == "user":
                reason = f"`{block.type}` blocks can only be in `assistant` messages"
                yield _fault(reason, "messages", place)
            case ToolResultBlock() | ImageBlock() if turn.role == "assistant":
                reason = f"`{block.type}` blocks can only be in `user` messages"
                yield _fault(reason, "messages", place)
            case _:
                pass  # the block is allowed here


def _find_pair_faults(
    before: TurnBody, after: TurnBody, *, place: int
) -> Iterator[InvalidRequestError]:
    """Find calls without results in the next turn, and results without calls in the one before."""
    asked = [use.id for use in _uses(before)]
    given = [block.tool_use_id for block in blocks_of(after) if isinstance(block, ToolResultBlock)]
    missing = [one for one in asked if one not in given]
    if missing:
        reason = (
            "`tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}"
        )
        yield _fault(reason, "messages", place)
    unknown = [one for one in given if one not in asked]
    if unknown:
        reason = f"unexpected `tool_use_id` found in `tool_result`: {unknown[0]}"
        yield _fault(reason, "messages", place + 1)
    if len(given) != len(set(given)):
        reason = "each `tool_use` must have a single result"
        yield _fault(reason, "messages", place + 1)
    kinds = [isinstance(block, ToolResultBlock) for block in blocks_of(after)]
    if kinds != sorted(kinds, reverse=True):
        reason = "`tool_result` blocks must come first in the content"
        yield _fault(reason, "messages", place + 1)


def _find_choice_faults(body: CountBody, names: set[str]) -> Iterator[InvalidRequestError]:
    choice = body.tool_choice
    if choice is not None and not names:
        yield _fault("it may only be specified while providing tools", "tool_choice")
    elif isinstance(choice, NamedChoice) and choice.name not in names:
        yield _fault(f"Tool '{choice.name}' not found in provided tools", "tool_choice")


def _fault(reason: str, *path: str | int) -> InvalidRequestError:
    where: Path = path
    return InvalidRequestError(reason, path=where)


def _uses(turn: TurnBody) -> list[ToolUseBlock]:
    return [block for block in blocks_of(turn) if isinstance(block, ToolUseBlock)]


def _as_messages(body: CountBody) -> Iterator[Message]:
    system = body.system
    text = system if isinstance(system, str) else "\n\n".join(block.text for block in system)
    if text:
        yield SystemMessage(text)
    for turn in body.messages:
        blocks = blocks_of(turn)
        if turn.role == "assistant":
            yield AssistantMessage(
                content=tuple(_content(blocks)),
                tool_calls=tuple(
                    ToolCall(
                        id=use.id,
                        name=use.name,
                        arguments=json.dumps(use.input, ensure_ascii=False),
                    )
                    for use in _uses(turn)
                ),
            )
            continue
        yield from (_as_result(one) for one in blocks if isinstance(one, ToolResultBlock))
        if content := tuple(_content(blocks)):
            yield UserMessage(content=content)


def _as_result(block: ToolResultBlock) -> ToolResult:
    content = block.content
    texts = [TextBlock(type="text", text=content)] if isinstance(content, str) and content else []
    return ToolResult(
        call_id=block.tool_use_id,
        content=tuple(_content(texts if isinstance(content, str) else content)),
        is_error=block.is_error,
    )


def _content(blocks: Iterable[Block]) -> Iterator[ContentBlock]:
    for block in blocks:
        match block:
            case TextBlock():
                yield TextContent(block.text)
            case ImageBlock():
                source = block.source
                yield ImageContent(data=source.data, mime_type=source.media_type)
            case ThinkingBlock():
                yield ReasoningContent(block.thinking)
            case _:
                pass  # calls and results are read elsewhere; redacted reasoning is not text


def _as_choice(choice: ModeChoice | NamedChoice | None) -> ToolChoice:
    match choice:
        case None:
            return ToolChoice()
        case NamedChoice():
            return ToolChoice(mode="required", name=choice.name)
        case ModeChoice(type="any"):
            return ToolChoice(mode="required")
        case _:
            return ToolChoice(mode="none" if choice.type == "none" else "auto")
