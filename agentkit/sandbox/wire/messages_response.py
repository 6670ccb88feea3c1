"""Spell an answer in the Anthropic messages form.

In:  a `Completion`, the request it answers, the provider's form.
Out: `Spelled`, whole or as a stream.
"""

import json
from collections.abc import Iterator

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.question import Completion, SpelledCall
from agentkit.sandbox.wire.chat_response import (
    BRIEF_NOTE,
    FULL_NOTE,
    Answering,
    cut_oddly,
    cut_text,
)
from agentkit.sandbox.wire.encoded_response import Spelled, StreamEvent

_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def spell_messages(completion: Completion, answering: Answering) -> Spelled:
    """Spell an answer, whole or as server-sent events, as was asked."""
    if answering.asked.is_stream:
        return Spelled(headers=answering.headers, events=tuple(_events(completion, answering)))
    blocks: list[JsonValue] = []
    if completion.text:
        blocks.append({"type": "text", "text": completion.text})
    blocks += [_block(call, given) for call, given in _whole_calls(completion)]
    body: dict[str, JsonValue] = {
        **_head(completion, answering),
        "content": blocks,
        **_ending(completion),
        "sandbox": FULL_NOTE,
    }
    return Spelled(headers=answering.headers, body=body)


def spell_count(completion: Completion) -> Spelled:
    """Spell how many tokens a conversation has."""
    return Spelled(body={"input_tokens": completion.prompt_tokens, "sandbox": BRIEF_NOTE})


def _head(completion: Completion, answering: Answering) -> dict[str, JsonValue]:
    usage: JsonValue = {
        "input_tokens": completion.prompt_tokens,
        "output_tokens": completion.completion_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
    return {
        "id": f"msg_{answering.response_id}",
        "type": "message",
        "role": "assistant",
        "model": answering.asked.model,
        "usage": usage,
    }


def _ending(completion: Completion) -> dict[str, JsonValue]:
    if completion.stopped_at is not None and completion.finish_reason == "stop":
        return {"stop_reason": "stop_sequence", "stop_sequence": completion.stopped_at}
    return {"stop_reason": _REASONS[completion.finish_reason], "stop_sequence": None}


def _whole_calls(completion: Completion) -> Iterator[tuple[SpelledCall, JsonValue]]:
    """Yield the calls whose input is whole: this form has no place for half an object."""
    for call in completion.calls:
        try:
            yield call, json.loads(call.arguments)
        except ValueError:
            return


def _block(call: SpelledCall, given: JsonValue) -> JsonValue:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": given}


def _event(name: str, **fields: JsonValue) -> StreamEvent:
    return StreamEvent(name=name, data={"type": name, **fields})


def _events(completion: Completion, answering: Answering) -> Iterator[StreamEvent]:
    head = _head(completion, answering)
    usage: JsonValue = {"input_tokens": completion.prompt_tokens, "output_tokens": 1}
    start: JsonValue = {
        **head,
        "usage": usage,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "sandbox": FULL_NOTE,
    }
    yield _event("message_start", message=start)
    yield _event("ping")
    index = 0
    if completion.text:
        pieces: list[JsonValue] = [
            {"type": "text_delta", "text": piece} for piece in cut_text(completion.text)
        ]
        yield from _block_events(index, {"type": "text", "text": ""}, pieces)
        index += 1
    for call in completion.calls:
        cuts = call.arguments if answering.gives.calls == "characters" else None
        pieces = [
            {"type": "input_json_delta", "partial_json": piece}
            for piece in cuts or cut_oddly(call.arguments)
        ]
        yield from _block_events(index, _block(call, {}), pieces)
        index += 1
    spent: JsonValue = {"output_tokens": completion.completion_tokens}
    yield _event("message_delta", delta=_ending(completion), usage=spent)
    yield _event("message_stop")


def _block_events(index: int, block: JsonValue, deltas: list[JsonValue]) -> Iterator[StreamEvent]:
    yield _event("content_block_start", index=index, content_block=block)
    for delta in deltas:
        yield _event("content_block_delta", index=index, delta=delta)
    yield _event("content_block_stop", index=index)
