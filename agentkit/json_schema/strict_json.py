"""Read JSON text from a stranger, strictly and within bounds.

In:  text of any kind.
Out: a JSON value, or `JsonTextError` in words that a model can use.

The cost is linear in the text, whatever stands in it. What `json.loads` lets through is refused:
NaN and Infinity, numbers that overflow to them, a key that stands twice, half characters.
"""

import json
import math
from collections import Counter
from decimal import Decimal
from typing import TypeAlias

from pydantic import JsonValue

__all__ = ["JsonObject", "JsonValue"]

JsonObject: TypeAlias = dict[str, JsonValue]


MAX_CHARACTERS = 2_000_000
MAX_DEPTH = 64
MAX_DIGITS = 1_000


_EXACT_DIGITS = 15  # so many a float always keeps


class LossyFloat(float):
    """A number whose text says more than a float can keep.

    That is harmless where a float is wanted, and wrong where a decimal is.
    """

    __slots__ = ()


class JsonTextError(ValueError):
    """The text is not the JSON it should be; the message says where and why."""


def parse_json(
    text: str, *, max_characters: int = MAX_CHARACTERS, max_depth: int = MAX_DEPTH
) -> JsonValue:
    """Read one JSON value.

    Args:
        text: may hold anything.
        max_characters: longest text that is read at all.
        max_depth: how many arrays and objects may stand inside each other.

    Raises:
        JsonTextError: the text is not strict JSON, or is over a bound.
    """
    if len(text) > max_characters:
        raise JsonTextError(
            f"it has {len(text):,} characters, and at most {max_characters:,} are read"
        )
    try:
        value: JsonValue = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JsonTextError(_place(error, text)) from error
    except RecursionError as error:
        raise JsonTextError(_too_deep(max_depth)) from error
    if text.count("[") + text.count("{") > max_depth and depth_of(value, max_depth) > max_depth:
        raise JsonTextError(_too_deep(max_depth))
    if not text.isascii() or "\\u" in text:
        _check_characters(value)
    return value


def depth_of(value: JsonValue, limit: int) -> int:
    """Return how many containers stand inside each other; counting stops above `limit`."""
    depth = 0
    level = [value]
    while depth <= limit:
        inner: list[JsonValue] = []
        is_deeper = False
        for item in level:
            if isinstance(item, dict):
                is_deeper = True
                inner.extend(item.values())
            elif isinstance(item, list):
                is_deeper = True
                inner.extend(item)
        if not is_deeper:
            return depth
        depth += 1
        level = inner
    return depth


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """Build an object whose keys all differ."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise JsonTextError(f"the key {_shorten(twice)!r} stands twice in one object")
    return found


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise JsonTextError(f"the number {_shorten(text)} is too large")
    if len(text) > _EXACT_DIGITS and Decimal(text) != Decimal(repr(value)):
        return LossyFloat(value)
    return value


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise JsonTextError(f"a number has {len(text):,} digits; at most {MAX_DIGITS:,} are read")
    return int(text)


def _constant(text: str) -> JsonValue:
    raise JsonTextError(f"{text} is not a JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
)


def _check_characters(value: JsonValue) -> None:
    """Refuse lone surrogates: no encoding can carry them on."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        raise JsonTextError(f"it holds half a character ({half})") from error


def _place(error: json.JSONDecodeError, text: str) -> str:
    """Say what is wrong and show where."""
    near = text[max(0, error.pos - 20) : error.pos + 20]
    where = f" near {near!r}" if near.strip() else ""
    return f"{error.msg} at character {error.pos}{where}"


def _too_deep(limit: int) -> str:
    return f"its arrays and objects stand more than {limit} deep inside each other"


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
