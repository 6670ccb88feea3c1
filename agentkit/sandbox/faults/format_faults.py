"""Misbehaviours of the form: events and fields that are missing, doubled or wrong.

In:  an answer in the OpenAI chat form, as JSON values, whole or as the events of a stream.
Out: another in its place, or None where it cannot be spoiled in this way.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from random import Random
from typing import Any, TypeAlias

from agentkit.json_schema import JsonValue
from agentkit.sandbox.wire.encoded_response import Spelled, StreamEvent
from agentkit.value import replace

FormChange: TypeAlias = Callable[[Spelled, Random], Spelled | None]
"""Spoils the form of an answer, or returns None where it cannot."""

_FAULT: JsonValue = {
    "error": {
        "message": "The upstream provider is overloaded.",
        "type": "server_error",
        "code": 502,
    }
}
_WORDS = ("The upstream ", "provider broke off.")


def _values(spelled: Spelled) -> list[Any]:
    """Return the JSON values of an answer, to be changed in place."""
    if spelled.events is None:
        return [spelled.body]
    return [event.data for event in spelled.events if event.data is not None]


def _choices(spelled: Spelled) -> list[dict[str, Any]]:
    values = [value for value in _values(spelled) if isinstance(value, dict)]
    return [choice for value in values for choice in value.get("choices") or ()]


def _parts(spelled: Spelled) -> list[dict[str, Any]]:
    """Return the pieces of calls, in order; of a whole answer its calls."""
    said = [c.get("delta") or c.get("message") or {} for c in _choices(spelled)]
    return [part for one in said for part in one.get("tool_calls") or ()]


def _copied(spelled: Spelled) -> Spelled:
    return replace(spelled, body=deepcopy(spelled.body), events=deepcopy(spelled.events))


def _with_finish(reason: str | None) -> FormChange:
    def change(spelled: Spelled, _: Random) -> Spelled | None:
        spoiled = _copied(spelled)
        told = [c for c in _choices(spoiled) if c.get("finish_reason") not in (None, reason)]
        for choice in told:
            choice["finish_reason"] = reason
        return spoiled if told else None

    return change


def _finish_error(spelled: Spelled, rng: Random) -> Spelled | None:
    """Say that the answer failed in the place of the reason, as routers do."""
    return _with_finish("error")(spelled, rng)


def _index(spoil: Callable[[dict[str, Any]], None], *, least: int = 1) -> FormChange:
    """Spoil the index of every piece of a stream with at least so many calls."""

    def change(spelled: Spelled, _: Random) -> Spelled | None:
        spoiled = _copied(spelled)
        parts = [part for part in _parts(spoiled) if "index" in part]
        if spelled.events is None or len({part["index"] for part in parts}) < least:
            return None
        for part in parts:
            spoil(part)
        return spoiled

    return change


def _index_counts_pieces(spelled: Spelled, _: Random) -> Spelled | None:
    spoiled = _copied(spelled)
    parts = _parts(spoiled)
    if spelled.events is None or len(parts) < 2:
        return None
    for count, part in enumerate(parts):
        part["index"] = count
    return spoiled


def _repeat(field: str) -> FormChange:
    """Tell the id or the name of a call with every piece of it."""

    def change(spelled: Spelled, _: Random) -> Spelled | None:
        spoiled = _copied(spelled)
        parts = _parts(spoiled)
        told: str | None = None
        changed = 0
        for part in parts if spelled.events is not None else ():
            holder = part if field == "id" else part["function"]
            changed += field not in holder and told is not None
            told = holder.setdefault(field, told)
        return spoiled if changed else None

    return change


def _names_in_parts(spelled: Spelled, _: Random) -> Spelled | None:
    """Send each name in two pieces."""
    events, changed = list[StreamEvent](), 0
    for event in (_copied(spelled).events if spelled.events is not None else None) or ():
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
        changed += 1
    return replace(spelled, events=tuple(events)) if changed else None


def _parts_of(event: StreamEvent) -> list[dict[str, Any]]:
    return _parts(Spelled(events=(event,)))


def _type_missing(spelled: Spelled, _: Random) -> Spelled | None:
    """Leave out that a call is one of a function."""
    spoiled = _copied(spelled)
    parts = [part for part in _parts(spoiled) if part.pop("type", None)]
    return spoiled if parts else None


def _no_usage(spelled: Spelled, _: Random) -> Spelled | None:
    spoiled = _copied(spelled)
    told = [v for v in _values(spoiled) if isinstance(v, dict) and v.pop("usage", None)]
    return spoiled if told else None


def _null_usage(spelled: Spelled, _: Random) -> Spelled | None:
    spoiled = _copied(spelled)
    told = [v for v in _values(spoiled) if isinstance(v, dict) and v.get("usage")]
    for value in told:
        value["usage"] = None
    return spoiled if told else None


def _no_choices(spelled: Spelled, _: Random) -> Spelled | None:
    spoiled = _copied(spelled)
    told = [v for v in _values(spoiled) if isinstance(v, dict) and "choices" in v]
    for value in told:
        value["choices"] = []
    return spoiled if told else None


def _error_in_200(spelled: Spelled, _: Random) -> Spelled:
    if spelled.events is None:
        return replace(spelled, body=_FAULT)
    return replace(spelled, events=(StreamEvent(data=_FAULT),))


def _cut_events(spelled: Spelled, rng: Random) -> tuple[StreamEvent, ...] | None:
    """Return the beginning of a stream, without its reason for ending."""
    events = spelled.events or ()
    last = next((i for i, event in enumerate(events) if _ends(event)), 0)
    return events[: rng.randint(1, last)] if last else None


def _ends(event: StreamEvent) -> bool:
    one = Spelled(events=(event,))
    return any(choice.get("finish_reason") for choice in _choices(one))


def _error_in_stream(spelled: Spelled, rng: Random) -> Spelled | None:
    cut = _cut_events(spelled, rng)
    return None if cut is None else replace(spelled, events=(*cut, StreamEvent(data=_FAULT)))


def _error_event(spelled: Spelled, rng: Random) -> Spelled | None:
    """Send the error as an event of that name, in words."""
    cut = _cut_events(spelled, rng)
    event = StreamEvent(name="error", data={"message": "".join(_WORDS)})
    return None if cut is None else replace(spelled, events=(*cut, event))


def _no_finish(spelled: Spelled, rng: Random) -> Spelled | None:
    cut = _cut_events(spelled, rng)
    return None if cut is None else replace(spelled, events=cut)


def _no_done(spelled: Spelled, _: Random) -> Spelled | None:
    """Leave out the line that ends a stream; the reason still came."""
    kept = tuple(e for e in spelled.events or () if e.line != "data: [DONE]")
    return replace(spelled, events=kept) if kept != (spelled.events or ()) else None


def _comments(spelled: Spelled, _: Random) -> Spelled | None:
    if spelled.events is None:
        return None
    return replace(spelled, events=tuple(_between(spelled.events)))


def _between(events: tuple[StreamEvent, ...]) -> Iterator[StreamEvent]:
    for event in events:
        yield StreamEvent(line=": still working")
        yield event


FORM_CHANGES: Mapping[str, FormChange] = {
    "finish_stop": _with_finish("stop"),
    "finish_tool_calls": _with_finish("tool_calls"),
    "finish_empty": _with_finish(""),
    "finish_unknown": _with_finish("eos_token"),
    "finish_error": _finish_error,
    "finish_missing": _with_finish(None),
    "index_missing": _index(lambda part: part.pop("index")),
    "index_null": _index(lambda part: part.update(index=None)),
    "index_same": _index(lambda part: part.update(index=0), least=2),
    "index_per_chunk": _index_counts_pieces,
    "ids_repeated": _repeat("id"),
    "name_repeated": _repeat("name"),
    "name_split": _names_in_parts,
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
