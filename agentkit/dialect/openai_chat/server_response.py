"""Write a response in the OpenAI chat format, complete or as a stream.

In:  `ModelResponse`, or the pieces of one as they arrive.
Out: JSON values and `StreamEvent`s.

The format is https://platform.openai.com/docs/api-reference/chat/object and .../chat-streaming.
Reasoning, for which it has no field, goes into `reasoning_content`, where most servers with open
models put it.
"""

from collections.abc import Mapping
from dataclasses import field

from agentkit.chat import FinishReason, ModelResponse
from agentkit.dialect.event_stream import StreamEvent
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, ToolCall
from agentkit.usage import Usage
from agentkit.value import dataclass

DONE = StreamEvent(line="data: [DONE]")
"""The end of every stream that did not fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatHead:
    """The fields that a response and each of its chunks begin with.

    Attributes:
        response_id: e.g. `chatcmpl-` and a random text.
        model: the id that the client asked for.
        created: seconds since 1970.
        extra_fields: fields beyond the format.
    """

    response_id: str
    model: str
    created: int
    extra_fields: Mapping[str, JsonValue] = field(default_factory=dict)


def encode_chat_response(response: ModelResponse, head: ChatHead) -> dict[str, JsonValue]:
    """Return a complete response.

    Raises:
        ValueError: the response failed; then an error body is sent, see `encode_chat_error`.
    """
    choice: JsonValue = {
        "index": 0,
        "message": encode_message(response.message),
        "finish_reason": finish_reason(response.finish_reason),
    }
    return {
        **_head_fields(head, "chat.completion"),
        "choices": [choice],
        "usage": encode_usage(response.usage),
    }


def encode_chunk(
    head: ChatHead, delta: JsonValue, *, reason: str | None = None
) -> dict[str, JsonValue]:
    """Return one chunk of a stream.

    Args:
        head: the same for all chunks of a response.
        delta: what is new in it; empty for the last one.
        reason: why the response ended; None while it goes on.
    """
    choice: JsonValue = {"index": 0, "delta": delta, "finish_reason": reason}
    return {**_head_fields(head, "chat.completion.chunk"), "choices": [choice]}


def encode_usage_chunk(head: ChatHead, usage: Usage) -> dict[str, JsonValue]:
    """Return the chunk without choices that ends a stream with `include_usage`."""
    return {
        **_head_fields(head, "chat.completion.chunk"),
        "choices": [],
        "usage": encode_usage(usage),
    }


def text_delta(text: str) -> JsonValue:
    """Return the delta of a piece of text."""
    return {"content": text}


def reasoning_delta(text: str) -> JsonValue:
    """Return the delta of a piece of reasoning."""
    return {"reasoning_content": text}


def call_delta(index: int, call: ToolCall) -> JsonValue:
    """Return the delta that opens a call: its id and its name; its arguments follow."""
    return {"tool_calls": [{"index": index, **encode_call(call, arguments="")}]}


def arguments_delta(index: int, text: str) -> JsonValue:
    """Return the delta of a piece of the arguments of the call at `index`."""
    return {"tool_calls": [{"index": index, "function": {"arguments": text}}]}


def encode_message(message: AssistantMessage) -> dict[str, JsonValue]:
    """Return the message of a complete response."""
    text = message.text
    encoded: dict[str, JsonValue] = {"role": "assistant", "content": text}
    if message.reasoning:
        encoded["reasoning_content"] = message.reasoning
    if message.tool_calls:
        encoded["content"] = text or None
        encoded["tool_calls"] = [encode_call(call) for call in message.tool_calls]
    return encoded


def encode_call(call: ToolCall, *, arguments: JsonValue = None) -> dict[str, JsonValue]:
    """Return a call, with `arguments` in place of its own if they are given."""
    given = call.arguments if arguments is None else arguments
    function: JsonValue = {"name": call.name, "arguments": given}
    return {"id": call.id, "type": "function", "function": function}


def encode_usage(usage: Usage) -> dict[str, JsonValue]:
    """Return the token counts; those of the cache and of reasoning only if there are any."""
    encoded: dict[str, JsonValue] = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
    if usage.cache_read_tokens:
        encoded["prompt_tokens_details"] = {"cached_tokens": usage.cache_read_tokens}
    if usage.reasoning_tokens:
        encoded["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return encoded


def finish_reason(reason: FinishReason) -> str:
    """Return the format's word for why a response ended; four of ours are its own.

    Raises:
        ValueError: the response failed.
    """
    if reason == "error":
        raise ValueError("A response that failed has no finish reason; send an error instead.")
    return reason


def _head_fields(head: ChatHead, kind: str) -> dict[str, JsonValue]:
    return {
        "id": head.response_id,
        "object": kind,
        "created": head.created,
        "model": head.model,
        **head.extra_fields,
    }
