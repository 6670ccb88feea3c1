"""Spell an answer in the OpenAI chat form, as one provider does.

In:  a `Completion`, the request it answers, the provider's form.
Out: `Spelled`, whole or as a stream.
"""

import json
from collections.abc import Iterator, Mapping

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.question import Asked, Completion, SpelledCall
from agentkit.sandbox.wire.encoded_response import Spelled, StreamEvent
from agentkit.sandbox.wire.finalize import split_pieces
from agentkit.sandbox.wire.provider_format import Gives
from agentkit.value import dataclass

NOTE = "ModelExchange by agentkit's sandbox, which matches words by plain rules: no language model."
BRIEF_NOTE: JsonValue = {"is_language_model": False}
FULL_NOTE: JsonValue = {"is_language_model": False, "note": NOTE}
DONE = StreamEvent(line="data: [DONE]")

_FINGERPRINT = "agentkit-sandbox-no-language-model"
_ODD_CUTS = (1, 2, 3, 5, 8, 13)
# Dollars for a million tokens in and out, as pages of 2025 and 2026 say for this model.
_INPUT_USD, _OUTPUT_USD = 2.0, 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """What an answer needs beside what it says.

    Attributes:
        response_id: without what the provider puts before it.
        created: seconds since 1970.
    """

    asked: Asked
    gives: Gives
    response_id: str
    created: int

    @property
    def full_id(self) -> str:
        """Return the response id in the provider's form."""
        return f"{self.gives.response_id}{self.response_id}"

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of the answer."""
        return spell_headers(self.gives, self.full_id)

    def finish_reason(self, completion: Completion) -> str:
        """Return the provider's word for why the answer ended."""
        forced = self.gives.forced_finish
        if forced is not None and self.asked.ask.choice.is_forced and completion.calls:
            return forced
        return completion.finish_reason


def spell_headers(gives: Gives, response_id: str) -> dict[str, str]:
    """Return the headers that the provider sends with an answer or a refusal."""
    return {name: value.replace("{id}", response_id) for name, value in gives.headers.items()}


def spell_chat(completion: Completion, answering: Answering) -> Spelled:
    """Spell an answer, whole or as server-sent events, as was asked."""
    if answering.asked.is_stream:
        return Spelled(headers=answering.headers, events=tuple(_events(completion, answering)))
    head = {**_head(answering, "chat.completion"), "sandbox": FULL_NOTE}
    choice: dict[str, JsonValue] = {
        "index": 0,
        "message": _message(completion, answering.gives),
        "finish_reason": answering.finish_reason(completion),
    }
    if answering.gives.upstream:
        choice["native_finish_reason"] = choice["finish_reason"]
    body: dict[str, JsonValue] = {
        **head,
        "choices": [choice],
        "usage": spell_usage(completion, answering),
        **spell_timings(completion, answering.gives),
    }
    return Spelled(headers=answering.headers, body=body)


def spell_usage(completion: Completion, answering: Answering) -> dict[str, JsonValue]:
    """Return the counts; a price only where it is told, and asked for."""
    usage: dict[str, JsonValue] = {
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "total_tokens": completion.prompt_tokens + completion.completion_tokens,
    }
    field = answering.gives.cost_field
    if field and (answering.asked.wants_usage or not answering.gives.upstream):
        dollars = (
            completion.prompt_tokens * _INPUT_USD + completion.completion_tokens * _OUTPUT_USD
        ) / 1_000_000
        usage[field] = round(dollars, 9)
    return usage


def spell_timings(completion: Completion, gives: Gives) -> dict[str, JsonValue]:
    """Return what the provider tells of its work, if it does."""
    if not gives.has_timings:
        return {}
    counts: JsonValue = {
        "prompt_n": completion.prompt_tokens,
        "predicted_n": completion.completion_tokens,
    }
    return {"timings": counts}


def tells_usage(answering: Answering) -> bool:
    """Say whether a stream tells its usage."""
    told = answering.gives.stream_usage
    return told == "always" or (told == "asked" and answering.asked.wants_usage)


def cut_oddly(text: str) -> Iterator[str]:
    """Cut `text` where a careless reader trips: inside names, numbers and escapes."""
    position = count = 0
    while position < len(text):
        size = _ODD_CUTS[count % len(_ODD_CUTS)]
        yield text[position : position + size]
        position += size
        count += 1


def cut_text(text: str) -> Iterator[str]:
    """Cut `text` into pieces of a few words."""
    pieces = split_pieces(text)
    for first in range(0, len(pieces), 3):
        yield "".join(pieces[first : first + 3])


def _head(answering: Answering, kind: str) -> dict[str, JsonValue]:
    head: dict[str, JsonValue] = {
        "id": answering.full_id,
        "object": kind,
        "created": answering.created,
        "model": answering.asked.model,
        "system_fingerprint": _FINGERPRINT,
        "sandbox": BRIEF_NOTE,
    }
    if answering.gives.upstream:
        head["provider"] = answering.gives.upstream
    return head


def _message(completion: Completion, gives: Gives) -> dict[str, JsonValue]:
    calls: list[JsonValue] = [_spell_call(call, gives) for call in completion.calls]
    message: dict[str, JsonValue] = {"role": "assistant", "content": completion.text}
    if calls:
        message["content"] = _blank(gives)
        message["tool_calls"] = calls
    elif gives.no_calls != "absent":
        message["tool_calls"] = None if gives.no_calls == "null" else []
    return message


def _blank(gives: Gives) -> str | None:
    return None if gives.blank == "null" else ""


def _spell_call(call: SpelledCall, gives: Gives, *, arguments: str | None = None) -> JsonValue:
    """Return a call, with all of its arguments or with others in their place."""
    given: JsonValue = call.arguments if arguments is None else arguments
    if gives.has_object_arguments and arguments is None:
        given = _as_object(call.arguments)
    function: JsonValue = {"name": call.name, "arguments": given}
    return {"id": call.id, "type": "function", "function": function}


def _as_object(text: str) -> JsonValue:
    """Return arguments as a value; what a limit cut off stays text."""
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    return value


def _events(completion: Completion, answering: Answering) -> Iterator[StreamEvent]:
    """Yield a stream: role, text or calls in pieces, the reason, the usage, the end."""
    gives = answering.gives
    head = _head(answering, "chat.completion.chunk")
    comment = [StreamEvent(line=gives.comment)] if gives.comment else []
    yield from comment
    first: JsonValue = {"role": "assistant", "content": _blank(gives) if completion.calls else ""}
    yield _chunk({**head, "sandbox": FULL_NOTE}, first)
    yield from comment
    for piece in cut_text(completion.text):
        yield _chunk(head, {"content": piece})
    deltas: list[JsonValue] = [*_call_deltas(completion, gives), {"content": ""}]
    *early, last = deltas
    if gives.calls == "whole" and early:
        *early, last = early
    for delta in early:
        yield _chunk(head, delta)
    end = _chunk(head, last, reason=answering.finish_reason(completion), gives=gives)
    yield from _end(end, completion, answering, head)
    yield DONE


def _end(
    end: StreamEvent,
    completion: Completion,
    answering: Answering,
    head: Mapping[str, JsonValue],
) -> Iterator[StreamEvent]:
    """Yield the last chunk, and the usage in it or after it."""
    gives = answering.gives
    last = end.data if isinstance(end.data, dict) else {}
    usage = spell_usage(completion, answering)
    timings = spell_timings(completion, gives)
    if not tells_usage(answering):
        yield StreamEvent(data={**last, **timings})
    elif gives.is_usage_beside:
        yield StreamEvent(data={**last, "x_groq": {"usage": usage}})
    elif gives.is_usage_apart:
        yield end
        yield StreamEvent(data={**head, "choices": [], "usage": usage, **timings})
    else:
        yield StreamEvent(data={**last, "usage": usage, **timings})


def _chunk(
    head: Mapping[str, JsonValue],
    delta: JsonValue,
    *,
    reason: str | None = None,
    gives: Gives | None = None,
) -> StreamEvent:
    choice: dict[str, JsonValue] = {"index": 0, "delta": delta, "finish_reason": reason}
    if gives is not None and gives.upstream:
        choice["native_finish_reason"] = reason
    return StreamEvent(data={**head, "choices": [choice]})


def _call_deltas(completion: Completion, gives: Gives) -> Iterator[JsonValue]:
    """Yield the deltas that make up the calls."""
    calls = completion.calls
    match gives.calls:
        case "whole":
            together: list[JsonValue] = [_at(i, _spell_call(c, gives)) for i, c in enumerate(calls)]
            if together:
                yield {"content": "", "tool_calls": together}
        case "each":
            for call in calls:
                yield {"content": "", "tool_calls": [_at(0, _spell_call(call, gives))]}
        case _:
            for index, call in enumerate(calls):
                yield {"tool_calls": [_at(index, _spell_call(call, gives, arguments=""))]}
                pieces = list(call.arguments) if gives.calls == "characters" else None
                for piece in pieces or cut_oddly(call.arguments):
                    function: JsonValue = {"arguments": piece}
                    yield {"tool_calls": [{"index": index, "function": function}]}


def _at(index: int, call: JsonValue) -> JsonValue:
    return {**call, "index": index} if isinstance(call, dict) else call
