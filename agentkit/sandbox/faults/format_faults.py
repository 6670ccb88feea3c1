"""Faults of the format: events and fields that are missing, repeated or wrong.

In:  a response in the OpenAI chat format, as JSON values, complete or as the events of a stream.
Out: a faulty one, or None if the fault does not apply to it.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any, TypeAlias

from agentkit.dialect.event_stream import StreamEvent, comment
from agentkit.dialect.openai_chat.server_response import DONE
from agentkit.json_schema import JsonValue
from agentkit.sandbox.wire.encoded_response import EncodedResponse

FormatFault: TypeAlias = Callable[[EncodedResponse, Random], EncodedResponse | None]
"""Returns a faulty response, or None if the fault does not apply."""

_ERROR: JsonValue = {
    "error": {
        "message": "The upstream provider is overloaded.",
        "type": "server_error",
        "code": 502,
    }
}
_ERROR_TEXT = "The upstream provider ended the connection."


def _values(response: EncodedResponse) -> list[Any]:
    """Return the JSON values of a response, to be changed in place."""
    if response.events is None:
        return [response.body]
    return [event.data for event in response.events if event.data is not None]


def _choices(response: EncodedResponse) -> list[dict[str, Any]]:
    values = [value for value in _values(response) if isinstance(value, dict)]
    return [choice for value in values for choice in value.get("choices") or ()]


def _parts(response: EncodedResponse) -> list[dict[str, Any]]:
    """Return the call deltas of a stream, in order; of a complete response its calls."""
    messages = [c.get("delta") or c.get("message") or {} for c in _choices(response)]
    return [part for one in messages for part in one.get("tool_calls") or ()]


def _copy(response: EncodedResponse) -> EncodedResponse:
    return replace(response, body=deepcopy(response.body), events=deepcopy(response.events))


def _with_finish(reason: str | None) -> FormatFault:
    def change(response: EncodedResponse, _: Random) -> EncodedResponse | None:
        changed = _copy(response)
        found = [c for c in _choices(changed) if c.get("finish_reason") not in (None, reason)]
        for choice in found:
            choice["finish_reason"] = reason
        return changed if found else None

    return change


def _finish_error(response: EncodedResponse, rng: Random) -> EncodedResponse | None:
    """Report in the finish reason that the answer failed, as routers do."""
    return _with_finish("error")(response, rng)


def _index(change_part: Callable[[dict[str, Any]], None], *, least: int = 1) -> FormatFault:
    """Change the index in every delta of a stream with at least so many calls."""

    def change(response: EncodedResponse, _: Random) -> EncodedResponse | None:
        changed = _copy(response)
        parts = [part for part in _parts(changed) if "index" in part]
        if response.events is None or len({part["index"] for part in parts}) < least:
            return None
        for part in parts:
            change_part(part)
        return changed

    return change


def _index_per_chunk(response: EncodedResponse, _: Random) -> EncodedResponse | None:
    changed = _copy(response)
    parts = _parts(changed)
    if response.events is None or len(parts) < 2:
        return None
    for count, part in enumerate(parts):
        part["index"] = count
    return changed


def _repeat(field: str) -> FormatFault:
    """Repeat the id or the name of a call in each of its deltas."""

    def change(response: EncodedResponse, _: Random) -> EncodedResponse | None:
        changed = _copy(response)
        parts = _parts(changed)
        known: str | None = None
        repeated = 0
        for part in parts if response.events is not None else ():
            holder = part if field == "id" else part["function"]
            repeated += field not in holder and known is not None
            known = holder.setdefault(field, known)
        return changed if repeated else None

    return change


def _name_split(response: EncodedResponse, _: Random) -> EncodedResponse | None:
    """Send each name in two deltas."""
    events, count = list[StreamEvent](), 0
    for event in (_copy(response).events if response.events is not None else None) or ():
        head, tail = deepcopy(event), deepcopy(event)
        opening = [p for p in _parts_of(head) if p.get("function", {}).get("name")]
        if len(opening) != 1 or opening[0]["function"].get("arguments"):
            events.append(event)
            continue
        (part,) = opening
        (rest,) = _parts_of(tail)
        name = part["function"]["name"]
        part["function"]["name"] = name[: len(name) // 2]
        rest["function"] = {"name": name[len(name) // 2 :], "arguments": ""}
        del rest["id"]
        events += [head, tail]
        count += 1
    return replace(response, events=tuple(events)) if count else None


def _parts_of(event: StreamEvent) -> list[dict[str, Any]]:
    return _parts(EncodedResponse(events=(event,)))


def _type_missing(response: EncodedResponse, _: Random) -> EncodedResponse | None:
    """Leave out the type of each call."""
    changed = _copy(response)
    parts = [part for part in _parts(changed) if part.pop("type", None)]
    return changed if parts else None


def _no_usage(response: EncodedResponse, _: Random) -> EncodedResponse | None:
    changed = _copy(response)
    found = [v for v in _values(changed) if isinstance(v, dict) and v.pop("usage", None)]
    return changed if found else None


def _null_usage(response: EncodedResponse, _: Random) -> EncodedResponse | None:
    changed = _copy(response)
    found = [v for v in _values(changed) if isinstance(v, dict) and v.get("usage")]
    for value in found:
        value["usage"] = None
    return changed if found else None


def _no_choices(response: EncodedResponse, _: Random) -> EncodedResponse | None:
    changed = _copy(response)
    found = [v for v in _values(changed) if isinstance(v, dict) and "choices" in v]
    for value in found:
        value["choices"] = []
    return changed if found else None


def _error_in_200(response: EncodedResponse, _: Random) -> EncodedResponse:
    if response.events is None:
        return replace(response, body=_ERROR)
    return replace(response, events=(StreamEvent(data=_ERROR),))


def _cut_events(response: EncodedResponse, rng: Random) -> tuple[StreamEvent, ...] | None:
    """Return the beginning of a stream, without its finish reason."""
    events = response.events or ()
    last = next((i for i, event in enumerate(events) if _ends(event)), 0)
    return events[: rng.randint(1, last)] if last else None


def _ends(event: StreamEvent) -> bool:
    one = EncodedResponse(events=(event,))
    return any(choice.get("finish_reason") for choice in _choices(one))


def _error_in_stream(response: EncodedResponse, rng: Random) -> EncodedResponse | None:
    cut = _cut_events(response, rng)
    return None if cut is None else replace(response, events=(*cut, StreamEvent(data=_ERROR)))


def _error_event(response: EncodedResponse, rng: Random) -> EncodedResponse | None:
    """Send the error as an event of that name."""
    cut = _cut_events(response, rng)
    event = StreamEvent(name="error", data={"message": _ERROR_TEXT})
    return None if cut is None else replace(response, events=(*cut, event))


def _no_finish(response: EncodedResponse, rng: Random) -> EncodedResponse | None:
    cut = _cut_events(response, rng)
    return None if cut is None else replace(response, events=cut)


def _no_done(response: EncodedResponse, _: Random) -> EncodedResponse | None:
    """Leave out the line that ends a stream; the finish reason is still sent."""
    kept = tuple(e for e in response.events or () if e != DONE)
    return replace(response, events=kept) if kept != (response.events or ()) else None


def _comments(response: EncodedResponse, _: Random) -> EncodedResponse | None:
    if response.events is None:
        return None
    return replace(response, events=tuple(_between(response.events)))


def _between(events: tuple[StreamEvent, ...]) -> Iterator[StreamEvent]:
    for event in events:
        yield comment("still working")
        yield event


FORMAT_FAULTS: Mapping[str, FormatFault] = {
    "finish_stop": _with_finish("stop"),
    "finish_tool_calls": _with_finish("tool_calls"),
    "finish_empty": _with_finish(""),
    "finish_unknown": _with_finish("eos_token"),
    "finish_error": _finish_error,
    "finish_missing": _with_finish(None),
    "index_missing": _index(lambda part: part.pop("index")),
    "index_null": _index(lambda part: part.update(index=None)),
    "index_same": _index(lambda part: part.update(index=0), least=2),
    "index_per_chunk": _index_per_chunk,
    "ids_repeated": _repeat("id"),
    "name_repeated": _repeat("name"),
    "name_split": _name_split,
    "type_missing": _type_missing,
    "usage_missing": _no_usage,
    "usage_null": _null_usage,
    "choices_empty": _no_choices,
    "error_in_200": _error_in_200,
    "error_in_stream": _error_in_stream,
    "error_event": _error_event,
    "no_finish": _no_finish,
    "no_done": _no_done,
    "comments": _comments,
}
"""By name."""
