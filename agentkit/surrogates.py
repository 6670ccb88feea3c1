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
from collections.abc import Mapping
from functools import cache
from operator import is_
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

from agentkit.value import replace

T = TypeVar("T")

_CONSTANT = frozenset({"type", "role"})
_NO_TEXT = frozenset({bool, int, float, bytes, type(None)})


def replace_surrogates(value: T) -> T:
    """Return `value` with the text in it repaired: text, JSON, dataclasses, and sequences of these.

    Two halves of a pair that follow each other become their character.
    """
    kind: type = type(value)
    if kind is str:
        text = cast(str, value)
        return value if text.isascii() else cast(T, _repair_text(text))
    if kind in _NO_TEXT:
        return value
    if isinstance(value, list | tuple):
        items = [replace_surrogates(item) for item in value]
        return value if all(map(is_, items, value)) else cast(T, kind(items))
    if isinstance(value, Mapping):
        named = {replace_surrogates(key): replace_surrogates(item) for key, item in value.items()}
        is_same = all(map(is_, named, value)) and all(map(is_, named.values(), value.values()))
        return value if is_same else cast(T, named)
    return _repair_fields(value)


def dump_json(adapter: TypeAdapter[T], value: T) -> str:
    """Return `value` as JSON text that can be encoded as UTF-8; see `TypeAdapter.dump_json`."""
    try:
        return adapter.dump_json(value).decode()
    except ValueError:  # pydantic refuses a lone surrogate
        plain = replace_surrogates(adapter.dump_python(value, mode="json"))
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _repair_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _repair_fields(value: T) -> T:
    """Return a dataclass with its fields repaired; any other value as it is."""
    changed: dict[str, Any] = {}
    kind: type = type(value)
    for name in _field_names(kind):
        old = getattr(value, name)
        # Nearly every field is one of these; each message of a conversation comes through here.
        if not old or type(old) in _NO_TEXT or (type(old) is str and old.isascii()):
            continue
        new = replace_surrogates(old)
        if new is not old:
            changed[name] = new
    return replace(value, **changed) if changed else value


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    if not dataclasses.is_dataclass(kind):
        return ()
    names = (field.name for field in dataclasses.fields(kind) if field.init)
    return tuple(name for name in names if name not in _CONSTANT)
