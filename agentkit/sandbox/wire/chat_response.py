"""Encode a response in the OpenAI chat format, as one provider does.

In:  a `Completion`, the request it answers, the provider's quirks.
Out: `EncodedResponse`, complete or as a stream.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from agentkit.dialect.event_stream import StreamEvent
from agentkit.dialect.openai_chat.server_response import (
    DONE,
    ChatHead,
    arguments_delta,
    call_delta,
    encode_call,
    encode_chat_response,
    encode_chunk,
    encode_usage,
    text_delta,
)
from agentkit.json_schema import JsonValue
from agentkit.message import ToolCall
from agentkit.sandbox.wire.completion import Completion, CompletionRequest
from agentkit.sandbox.wire.encoded_response import EncodedResponse
from agentkit.sandbox.wire.finalize import split_pieces
from agentkit.sandbox.wire.provider_format import ResponseQuirks
from agentkit.value import dataclass

NOTE = "Answered by agentkit's sandbox, which matches words by plain rules: no language model."
SHORT_NOTE: JsonValue = {"is_language_model": False}
FULL_NOTE: JsonValue = {"is_language_model": False, "note": NOTE}

_FINGERPRINT = "agentkit-sandbox-no-language-model"
_FRAGMENT_SIZES = (1, 2, 3, 5, 8, 13)
# Dollars for a million tokens of input and output, as pages of 2025 and 2026 say for this model.
_INPUT_USD, _OUTPUT_USD = 2.0, 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseContext:
    """What a response needs in addition to its completion.

    Attributes:
        response_id: without the provider's prefix.
        created: seconds since 1970.
    """

    request: CompletionRequest
    quirks: ResponseQuirks
    response_id: str
    created: int

    @property
    def full_id(self) -> str:
        """Return the response id with the provider's prefix."""
        return f"{self.quirks.id_prefix}{self.response_id}"

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of the response."""
        return encode_headers(self.quirks, self.full_id)

    def finish_reason(self, completion: Completion) -> str:
        """Return the provider's word for why the answer ended."""
        forced = self.quirks.forced_finish_reason
        if forced is not None and self.request.plan.choice.is_forced and completion.calls:
            return forced
        return completion.finish_reason


def encode_headers(quirks: ResponseQuirks, response_id: str) -> dict[str, str]:
    """Return the headers that the provider sends with a response or a rejection."""
    return {name: value.replace("{id}", response_id) for name, value in quirks.headers.items()}


def encode_chat(completion: Completion, context: ResponseContext) -> EncodedResponse:
    """Encode a response, complete or as server-sent events, as the request asks."""
    if context.request.is_stream:
        return EncodedResponse(headers=context.headers, events=tuple(_events(completion, context)))
    quirks = context.quirks
    body: dict[str, Any] = encode_chat_response(
        completion.as_response(), _head(context, note=FULL_NOTE)
    )
    (choice,) = body["choices"]
    choice["message"] |= _message_quirks(completion, quirks)
    choice["finish_reason"] = context.finish_reason(completion)
    if quirks.upstream:
        choice["native_finish_reason"] = choice["finish_reason"]
    body |= {"usage": usage_with_cost(completion, context), **encode_timings(completion, quirks)}
    return EncodedResponse(headers=context.headers, body=body)


def usage_with_cost(completion: Completion, context: ResponseContext) -> dict[str, JsonValue]:
    """Return the token counts, and the price if the provider reports it."""
    usage = encode_usage(completion.as_response().usage)
    cost_field = context.quirks.cost_field
    # A router reports the price only on request.
    if cost_field and (context.request.wants_usage or not context.quirks.upstream):
        dollars = (
            completion.prompt_tokens * _INPUT_USD + completion.completion_tokens * _OUTPUT_USD
        ) / 1_000_000
        usage[cost_field] = round(dollars, 9)
    return usage


def encode_timings(completion: Completion, quirks: ResponseQuirks) -> dict[str, JsonValue]:
    """Return llama.cpp's counts of the tokens it processed, if the provider reports them."""
    if not quirks.timings:
        return {}
    counts: JsonValue = {
        "prompt_n": completion.prompt_tokens,
        "predicted_n": completion.completion_tokens,
    }
    return {"timings": counts}


def streams_usage(context: ResponseContext) -> bool:
    """Return whether a stream has its usage."""
    policy = context.quirks.stream_usage
    return policy == "always" or (policy == "on_request" and context.request.wants_usage)


def split_fragments(text: str) -> Iterator[str]:
    """Cut `text` where a careless reader fails: inside names, numbers and escapes."""
    position = count = 0
    while position < len(text):
        size = _FRAGMENT_SIZES[count % len(_FRAGMENT_SIZES)]
        yield text[position : position + size]
        position += size
        count += 1


def split_text(text: str) -> Iterator[str]:
    """Cut `text` into chunks of a few words."""
    pieces = split_pieces(text)
    for first in range(0, len(pieces), 3):
        yield "".join(pieces[first : first + 3])


def _head(context: ResponseContext, *, note: JsonValue = SHORT_NOTE) -> ChatHead:
    extra: dict[str, JsonValue] = {"system_fingerprint": _FINGERPRINT, "sandbox": note}
    if context.quirks.upstream:
        extra["provider"] = context.quirks.upstream
    return ChatHead(
        response_id=context.full_id,
        model=context.request.model,
        created=context.created,
        extra_fields=extra,
    )


def _message_quirks(completion: Completion, quirks: ResponseQuirks) -> dict[str, JsonValue]:
    """Return the fields of a message that the provider encodes in its own way."""
    if completion.calls:
        calls: list[JsonValue] = [_encode_call(call, quirks) for call in completion.calls]
        return {"content": _content_with_calls(quirks), "tool_calls": calls}
    if quirks.empty_calls == "absent":
        return {}
    return {"tool_calls": None if quirks.empty_calls == "null" else []}


def _content_with_calls(quirks: ResponseQuirks) -> str | None:
    return None if quirks.content_with_calls == "null" else ""


def _encode_call(call: ToolCall, quirks: ResponseQuirks) -> dict[str, JsonValue]:
    if not quirks.object_arguments:
        return encode_call(call)
    return encode_call(call, arguments=_as_object(call.arguments))


def _as_object(text: str) -> JsonValue:
    """Return arguments as a value; those that a limit cut off stay text."""
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    return value


def _events(completion: Completion, context: ResponseContext) -> Iterator[StreamEvent]:
    """Yield a stream: role, text or calls in chunks, the reason, the usage, the end."""
    quirks = context.quirks
    head = _head(context)
    keep_alive = [StreamEvent(line=quirks.keep_alive)] if quirks.keep_alive else []
    yield from keep_alive
    content = _content_with_calls(quirks) if completion.calls else ""
    first: JsonValue = {"role": "assistant", "content": content}
    yield StreamEvent(data=encode_chunk(_head(context, note=FULL_NOTE), first))
    yield from keep_alive
    for piece in split_text(completion.text):
        yield StreamEvent(data=encode_chunk(head, text_delta(piece)))
    deltas: list[JsonValue] = [*_call_deltas(completion, quirks), {"content": ""}]
    *early, last = deltas
    if quirks.call_chunks == "together" and early:
        *early, last = early
    for delta in early:
        yield StreamEvent(data=encode_chunk(head, delta))
    yield from _end(last, completion, context)
    yield DONE


def _end(
    delta: JsonValue, completion: Completion, context: ResponseContext
) -> Iterator[StreamEvent]:
    """Yield the last chunk, and the usage in it or after it."""
    quirks = context.quirks
    reason = context.finish_reason(completion)
    last: dict[str, Any] = encode_chunk(_head(context), delta, reason=reason)
    if quirks.upstream:
        last["choices"][0]["native_finish_reason"] = reason
    usage = usage_with_cost(completion, context)
    timings = encode_timings(completion, quirks)
    if not streams_usage(context):
        yield StreamEvent(data={**last, **timings})
    elif quirks.usage_in_x_groq:
        yield StreamEvent(data={**last, "x_groq": {"usage": usage}})
    elif quirks.usage_in_own_chunk:
        yield StreamEvent(data=last)
        yield StreamEvent(data={**last, "choices": [], "usage": usage, **timings})
    else:
        yield StreamEvent(data={**last, "usage": usage, **timings})


def _call_deltas(completion: Completion, quirks: ResponseQuirks) -> Iterator[JsonValue]:
    """Yield the deltas of the calls, cut as the provider cuts them."""
    calls = completion.calls
    match quirks.call_chunks:
        case "together":
            together: list[JsonValue] = [
                {**_encode_call(call, quirks), "index": index} for index, call in enumerate(calls)
            ]
            if together:
                yield {"content": "", "tool_calls": together}
        case "separate":
            for call in calls:
                yield {"content": "", "tool_calls": [{**_encode_call(call, quirks), "index": 0}]}
        case "characters":
            yield from _fragment_deltas(calls, iter)
        case "fragments":
            yield from _fragment_deltas(calls, split_fragments)


def _fragment_deltas(
    calls: Sequence[ToolCall], split: Callable[[str], Iterator[str]]
) -> Iterator[JsonValue]:
    for index, call in enumerate(calls):
        yield call_delta(index, call)
        for piece in split(call.arguments):
            yield arguments_delta(index, piece)
