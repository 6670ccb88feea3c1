"""Write a response in the Anthropic messages format, complete or as a stream.

In:  `ModelResponse`, or the pieces of one as they arrive.
Out: JSON values and `StreamEvent`s.

The format is https://docs.anthropic.com/en/api/messages and .../build-with-claude/streaming: a
stream opens, fills and closes one block after the other.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import field

from agentkit.chat import FinishReason, ModelResponse
from agentkit.dialect.event_stream import StreamEvent
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, ToolCall
from agentkit.usage import Usage
from agentkit.value import dataclass

_STOP_REASONS: Mapping[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHead:
    """The fields that a response begins with.

    Attributes:
        response_id: e.g. `msg_` and a random text.
        model: the id that the client asked for.
        extra_fields: fields beyond the format.
    """

    response_id: str
    model: str
    extra_fields: Mapping[str, JsonValue] = field(default_factory=dict)


def encode_messages_response(
    response: ModelResponse, head: MessageHead, *, stop_sequence: str | None = None
) -> dict[str, JsonValue]:
    """Return a complete response.

    Args:
        response: what is said; the arguments of its calls are JSON objects.
        head: how it begins.
        stop_sequence: the stop text before which the text ended, if one ended it.

    Raises:
        ValueError: the response failed, or the arguments of a call are not a JSON object.
    """
    return {
        **_head_fields(head, response.usage),
        "content": [block for block, _ in encode_blocks(response.message)],
        **encode_ending(response.finish_reason, stop_sequence=stop_sequence),
    }


def message_start(head: MessageHead, usage: Usage) -> StreamEvent:
    """Return the first event of a stream; `usage` is what is known of it by then."""
    message: JsonValue = {
        **_head_fields(head, usage),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }
    return _event("message_start", message=message)


def ping() -> StreamEvent:
    """Return an event that keeps a connection alive."""
    return _event("ping")


def block_start(index: int, block: Mapping[str, JsonValue]) -> StreamEvent:
    """Return the event that opens a block: `block` without what the deltas bring."""
    empty: dict[str, JsonValue] = {"text": "", "thinking": "", "input": {}}
    opened: JsonValue = {name: empty.get(name, value) for name, value in block.items()}
    return _event("content_block_start", index=index, content_block=opened)


def block_delta(index: int, delta: JsonValue) -> StreamEvent:
    """Return the event of a piece of a block: see `text_delta` and its neighbours."""
    return _event("content_block_delta", index=index, delta=delta)


def block_stop(index: int) -> StreamEvent:
    """Return the event that closes a block."""
    return _event("content_block_stop", index=index)


def message_end(ending: JsonValue, usage: Usage) -> Iterator[StreamEvent]:
    """Yield the last two events of a stream.

    Args:
        ending: why the response ended, see `encode_ending`.
        usage: of the complete response; counts of 0 are not repeated.
    """
    counts = encode_usage(usage)
    known: JsonValue = {
        name: count for name, count in counts.items() if count or name == "output_tokens"
    }
    yield _event("message_delta", delta=ending, usage=known)
    yield _event("message_stop")


def text_delta(text: str) -> JsonValue:
    """Return the delta of a piece of text."""
    return {"type": "text_delta", "text": text}


def thinking_delta(text: str) -> JsonValue:
    """Return the delta of a piece of reasoning."""
    return {"type": "thinking_delta", "thinking": text}


def input_delta(text: str) -> JsonValue:
    """Return the delta of a piece of the input of a call, as JSON text."""
    return {"type": "input_json_delta", "partial_json": text}


def encode_blocks(message: AssistantMessage) -> list[tuple[dict[str, JsonValue], JsonValue]]:
    """Return the blocks of a response, each with the delta that fills it in a stream.

    Raises:
        ValueError: the arguments of a call are not a JSON object.
    """
    blocks: list[tuple[dict[str, JsonValue], JsonValue]] = []
    if thoughts := message.reasoning:
        thinking: dict[str, JsonValue] = {"type": "thinking", "thinking": thoughts, "signature": ""}
        blocks.append((thinking, thinking_delta(thoughts)))
    if text := message.text:
        blocks.append(({"type": "text", "text": text}, text_delta(text)))
    blocks += [(encode_call(call), input_delta(call.arguments)) for call in message.tool_calls]
    return blocks


def encode_call(call: ToolCall) -> dict[str, JsonValue]:
    """Return the block of a call.

    Raises:
        ValueError: its arguments are not a JSON object; the format has no place for others.
    """
    given = json.loads(call.arguments)
    if not isinstance(given, dict):
        raise ValueError(f"The arguments of the call {call.id!r} are not a JSON object.")  # noqa: TRY004  # of the text
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": given}


def encode_ending(
    reason: FinishReason, *, stop_sequence: str | None = None
) -> dict[str, JsonValue]:
    """Return the fields for the reason why a response ended.

    Raises:
        ValueError: the response failed; then an error is sent, see `encode_messages_error`.
    """
    if stop_sequence is not None and reason == "stop":
        return {"stop_reason": "stop_sequence", "stop_sequence": stop_sequence}
    if reason not in _STOP_REASONS:
        raise ValueError("A response that failed has no stop reason; send an error instead.")
    return {"stop_reason": _STOP_REASONS[reason], "stop_sequence": None}


def encode_usage(usage: Usage) -> dict[str, JsonValue]:
    """Return the token counts; in this format, cached tokens are not part of the input tokens."""
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    return {
        "input_tokens": usage.input_tokens - cached,
        "output_tokens": usage.output_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
    }


def _head_fields(head: MessageHead, usage: Usage) -> dict[str, JsonValue]:
    return {
        "id": head.response_id,
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "usage": encode_usage(usage),
        **head.extra_fields,
    }


def _event(name: str, **fields: JsonValue) -> StreamEvent:
    return StreamEvent(name=name, data={"type": name, **fields})
