r"""Replace lone surrogates, which no encoding can carry.

In:  text and values that hold text.
Out: the same with U+FFFD for each lone surrogate; the very same object if there is none.

Lone surrogates come from file names that are not UTF-8 (Python decodes those with
`surrogateescape`), from JSON escapes such as `\ud83d` without their second half, and from models
that split a pair over two tokens. They are replaced where they enter a history, an event or a
journal; otherwise they would raise an error later, where those are encoded.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from operator import attrgetter, is_
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

_CONSTANT = frozenset({"type", "role"})
_NO_TEXT = frozenset({bool, int, float, bytes, type(None)})


def replace_surrogates(value: T) -> T:
    """Return `value` with the text in it repaired: text, JSON, dataclasses, and sequences of these.

    Two halves of a pair that follow each other become their character.
    """
    repaired: T = _repair_of(type(value))(value)
    return repaired


def dump_json(adapter: TypeAdapter[T], value: T) -> str:
    """Return `value` as JSON text that can be encoded as UTF-8; see `TypeAdapter.dump_json`."""
    try:
        return adapter.dump_json(value).decode()
    except ValueError:  # pydantic refuses a lone surrogate
        plain = replace_surrogates(adapter.dump_python(value, mode="json"))
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _choose_repair(kind: type) -> Callable[[Any], Any]:
    """Return what repairs a value of a type."""
    if kind is str:
        return _repair_text
    if issubclass(kind, list | tuple):
        return _repair_sequence
    if issubclass(kind, Mapping):
        return _repair_mapping
    if kind in _NO_TEXT or not dataclasses.is_dataclass(kind):
        return _unchanged
    named = {field.name for field in dataclasses.fields(kind) if field.init} - _CONSTANT
    if not named:
        return _unchanged
    names = sorted(named)
    first = attrgetter(names[0])
    read = attrgetter(*names) if len(names) > 1 else lambda value: (first(value),)
    return partial(_repair_fields, names, read)


# Each message of a conversation comes through here; the bound is for types made at run time.
_repair_of: Callable[[type], Callable[[Any], Any]] = lru_cache(maxsize=1024)(_choose_repair)


def _unchanged(value: T) -> T:
    return value


def _repair_text(text: str) -> str:
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _repair_sequence(values: Sequence[Any]) -> Sequence[Any]:
    for item in values:
        if _repair_of(type(item))(item) is not item:  # hardly ever
            return type(values)(map(replace_surrogates, values))  # type: ignore[call-arg]  # a list or a tuple
    return values


def _repair_mapping(values: Mapping[Any, Any]) -> Mapping[Any, Any]:
    named = {replace_surrogates(key): replace_surrogates(item) for key, item in values.items()}
    is_same = all(map(is_, named, values)) and all(map(is_, named.values(), values.values()))
    return values if is_same else named


def _repair_fields(names: Sequence[str], read: Callable[[Any], tuple[Any, ...]], value: Any) -> Any:
    for old in read(value):
        if not old or (type(old) is str and old.isascii()):  # nearly every field
            continue
        if _repair_of(type(old))(old) is not old:
            new = map(replace_surrogates, read(value))
            return replace(value, **dict(zip(names, new, strict=True)))
    return value
