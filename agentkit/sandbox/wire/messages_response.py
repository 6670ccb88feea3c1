"""Encode a response in the Anthropic messages format, as one provider does.

In:  a `Completion`, the request it answers, the provider's quirks.
Out: `EncodedResponse`, complete or as a stream.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from agentkit.dialect.anthropic_messages.server_errors import encode_token_count
from agentkit.dialect.anthropic_messages.server_response import (
    MessageHead,
    block_delta,
    block_start,
    block_stop,
    encode_ending,
    encode_messages_response,
    input_delta,
    message_end,
    message_start,
    ping,
    text_delta,
)
from agentkit.dialect.event_stream import StreamEvent
from agentkit.json_schema import JsonValue
from agentkit.sandbox.wire.chat_response import (
    FULL_NOTE,
    SHORT_NOTE,
    ResponseContext,
    split_fragments,
    split_text,
)
from agentkit.sandbox.wire.completion import Completion
from agentkit.sandbox.wire.encoded_response import EncodedResponse
from agentkit.usage import Usage


def encode_messages(completion: Completion, context: ResponseContext) -> EncodedResponse:
    """Encode a response, complete or as server-sent events, as the request asks."""
    if context.request.is_stream:
        return EncodedResponse(headers=context.headers, events=tuple(_events(completion, context)))
    body = encode_messages_response(
        _without_cut_calls(completion).as_response(),
        _head(context),
        stop_sequence=completion.stop_sequence,
    )
    return EncodedResponse(headers=context.headers, body=body)


def encode_count(completion: Completion) -> EncodedResponse:
    """Encode how many tokens a conversation has."""
    return EncodedResponse(
        body={**encode_token_count(completion.prompt_tokens), "sandbox": SHORT_NOTE}
    )


def _head(context: ResponseContext) -> MessageHead:
    return MessageHead(
        response_id=f"msg_{context.response_id}",
        model=context.request.model,
        extra_fields={"sandbox": FULL_NOTE},
    )


def _without_cut_calls(completion: Completion) -> Completion:
    """Drop a call that a limit cut off: a complete body has no place for half an object."""
    calls = tuple(call for call in completion.calls if _is_json(call.arguments))
    return replace(completion, calls=calls)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _events(completion: Completion, context: ResponseContext) -> Iterator[StreamEvent]:
    yield message_start(
        _head(context), Usage(input_tokens=completion.prompt_tokens, output_tokens=1)
    )
    yield ping()
    index = 0
    if completion.text:
        texts = [text_delta(piece) for piece in split_text(completion.text)]
        yield from _block_events(index, {"type": "text", "text": ""}, texts)
        index += 1
    for call in completion.calls:
        is_single = context.quirks.call_chunks == "characters"
        pieces = iter(call.arguments) if is_single else split_fragments(call.arguments)
        block: dict[str, JsonValue] = {
            "type": "tool_use",
            "id": call.id,
            "name": call.name,
            "input": {},
        }
        yield from _block_events(index, block, [input_delta(piece) for piece in pieces])
        index += 1
    ending = encode_ending(completion.finish_reason, stop_sequence=completion.stop_sequence)
    yield from message_end(ending, Usage(output_tokens=completion.completion_tokens))


def _block_events(
    index: int, block: Mapping[str, JsonValue], deltas: list[JsonValue]
) -> Iterator[StreamEvent]:
    yield block_start(index, block)
    for delta in deltas:
        yield block_delta(index, delta)
    yield block_stop(index)
