"""Parse untrusted JSON text, strictly and within bounds.

In:  any text.
Out: a JSON value, or `JsonTextError` with a message for the model.

The cost is linear in the text. Values that `json.loads` accepts are rejected here: NaN and
Infinity, numbers that overflow to them, duplicate keys, lone surrogates.

`json` calls Python for each object and number, so that these can be examined. For a large text,
pydantic's parser takes half the time; its value is taken if counts show that nothing in the text
has to be examined.
"""

import json
import math
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from itertools import compress
from typing import TypeAlias

from pydantic import JsonValue
from pydantic_core import from_json

__all__ = ["JsonObject", "JsonValue"]

JsonObject: TypeAlias = dict[str, JsonValue]


LARGE_TEXT = 10_000
"""Texts of this size and more are parsed by pydantic if possible."""

MAX_CHARACTERS = 2_000_000
MAX_DEPTH = 64
MAX_DIGITS = 1_000


_is_container = frozenset({list, dict}).__contains__
_EXACT_DIGITS = 15  # digits that a float always keeps

_NO_MARKS = bytes(set(range(256)) - set(b'"\\'))
_IN_NUMBERS = bytes.maketrans(b"123456789.+-eE", b"0" * 12 + b"ee")
_LONG_NUMBER = b"0" * (_EXACT_DIGITS + 1)
_EXPONENT = b"0e0"


class LossyFloat(float):
    """A number with more digits than a float can keep.

    This is harmless if a float is expected, and wrong if a decimal is.
    """

    __slots__ = ()


class JsonTextError(ValueError):
    """The text is not strict JSON; the message gives the position and the reason."""


def parse_json(
    text: str, *, max_characters: int = MAX_CHARACTERS, max_depth: int = MAX_DEPTH
) -> JsonValue:
    """Parse one JSON value.

    Args:
        text: any text.
        max_characters: the maximum length of the text.
        max_depth: the maximum nesting of arrays and objects.

    Raises:
        JsonTextError: the text is not strict JSON, or exceeds a bound.
    """
    if len(text) > max_characters:
        raise JsonTextError(
            f"it has {len(text):,} characters, and at most {max_characters:,} are read"
        )
    if len(text) >= LARGE_TEXT:
        with suppress(ValueError):
            return _parse_usual(text, max_depth)
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
    """Return the nesting depth of arrays and objects; counting stops above `limit`."""
    return _measure(value, limit)[0]


def _measure(value: JsonValue, limit: int) -> tuple[int, int]:
    """Return the depth of arrays and objects, and the number of strings, keys included."""
    depth = 0
    strings = int(isinstance(value, str))
    level = [value] if _is_container(type(value)) else []
    while level and depth <= limit:
        depth += 1
        inside: list[JsonValue] = []
        for item in level:
            if isinstance(item, dict):
                strings += len(item)
                inside.extend(item.values())
            elif isinstance(item, list):
                inside.extend(item)
        kinds = list(map(type, inside))
        strings += kinds.count(str)
        level = list(compress(inside, map(_is_container, kinds)))
    return depth, strings


def _parse_usual(text: str, max_depth: int) -> JsonValue:
    """Parse text that holds nothing to be examined.

    A number to be examined is long or has an exponent. Each string has two quotation marks, so a
    key is a duplicate if the text has more of them than the value; for this, no mark is escaped.

    Raises:
        ValueError: the text is not of this kind.
    """
    data = text.encode()
    numbers, marks = data.translate(_IN_NUMBERS), data.translate(None, _NO_MARKS)
    if _LONG_NUMBER in numbers or _EXPONENT in numbers or b"\\" in marks:
        raise ValueError
    # Keys recur, texts hardly ever: to look each one up takes longer than to make it.
    value: JsonValue = from_json(data, allow_inf_nan=False, cache_strings="keys")
    depth, strings = _measure(value, max_depth)
    if depth > max_depth or len(marks) != 2 * strings:
        raise ValueError
    return value


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """Build an object without duplicate keys."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise JsonTextError(f"the key {_shorten(twice)!r} is a duplicate in its object")
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
    """Reject lone surrogates, which cannot be encoded."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        found = f"\\u{ord(error.object[error.start]):04x}"
        raise JsonTextError(f"it holds a lone surrogate ({found})") from error


def _place(error: json.JSONDecodeError, text: str) -> str:
    """Describe what is wrong at which position."""
    near = text[max(0, error.pos - 20) : error.pos + 20]
    where = f" near {near!r}" if near.strip() else ""
    return f"{error.msg} at character {error.pos}{where}"


def _too_deep(limit: int) -> str:
    return f"its arrays and objects are nested more than {limit} deep"


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
