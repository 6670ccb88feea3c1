"""Find the recorded exchange for a request, or describe how the nearest one differs.

In:  recorded exchanges and a request, both redacted.
Out: a key that is equal for requests that mean the same; the nearest exchange and the first
     difference as text.

A JSON body is compared as a value: the order of fields and the spacing do not count, the type of a
number does. Headers are not compared.
"""

import json
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from agentkit.recording.recording import RecordedExchange
from agentkit.value import dataclass
from agentkit.wire import WireRequest

_SHOWN_CHARS = 60
_BEFORE_CHARS = 20
_NOTHING = "nothing"
_MAX_DEPTH = 50  # deeper values are compared as one text


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestExchange:
    """The recorded exchange that is most similar to a request.

    Attributes:
        index: its position, from 0.
        difference: the first difference, as text; None if there is none.
    """

    index: int
    difference: str | None


def request_key(provider: str, request: WireRequest) -> str:
    """Return a text that is equal for requests that mean the same."""
    return json.dumps(_facts(provider, request), sort_keys=True)


def nearest(
    provider: str, request: WireRequest, recorded: Sequence[RecordedExchange]
) -> NearestExchange:
    """Return the exchange of `recorded`, which is not empty, that differs least.

    Fewer differing places count first, then how far the values at the first of them agree.
    """
    requested = dict(_leaves(_facts(provider, request)))
    compared = [_compare(requested, exchange) for exchange in recorded]
    index = min(range(len(recorded)), key=lambda at: (compared[at].places, -compared[at].agreeing))
    return NearestExchange(index=index, difference=compared[index].first)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """How many places differ, how many characters agree at the first one, and its description."""

    places: int = 0
    agreeing: int = 0
    first: str | None = None


def _compare(requested: dict[str, str], exchange: RecordedExchange) -> _Comparison:
    known = dict(_leaves(_facts(exchange.provider, exchange.request)))
    places = [place for place in {**requested, **known} if requested.get(place) != known.get(place)]
    if not places:
        return _Comparison()
    left, right = known.get(places[0], _NOTHING), requested.get(places[0], _NOTHING)
    length = min(len(left), len(right))
    split = next((at for at in range(length) if left[at] != right[at]), length)
    return _Comparison(
        places=len(places),
        agreeing=split,
        first=f"at {places[0]}: recorded {_excerpt(left, split)}, sent {_excerpt(right, split)}",
    )


def _facts(provider: str, request: WireRequest) -> dict[str, JsonValue]:
    """Return what is compared, the most significant first."""
    facts: dict[str, JsonValue] = {
        "provider": provider,
        "method": request.method,
        "path": request.path,
        "stream": request.stream,
    }
    try:
        return {**facts, "body": json.loads(request.body)}
    except (ValueError, RecursionError):
        return {**facts, "text": request.body.decode("utf-8", "backslashreplace")}


def _leaves(value: JsonValue, place: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the place and the JSON text of each leaf value, in order."""
    if isinstance(value, dict) and value and depth < _MAX_DEPTH:
        for name, inner in value.items():
            yield from _leaves(inner, f"{place}.{name}" if place else name, depth + 1)
    elif isinstance(value, list) and value and depth < _MAX_DEPTH:
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{index}]", depth + 1)
    else:
        yield place, json.dumps(value, ensure_ascii=False)


def _excerpt(text: str, split: int) -> str:
    """Return the part of `text` around the first difference."""
    if len(text) <= _SHOWN_CHARS:
        return text
    start = max(0, split - _BEFORE_CHARS)
    end = start + _SHOWN_CHARS
    before, after = "…" if start else "", "…" if end < len(text) else ""
    return f"{before}{text[start:end]}{after}"
