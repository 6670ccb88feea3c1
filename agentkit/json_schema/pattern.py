"""Match the patterns of schemas, none of which may run on without end.

In:  patterns of strangers, texts of strangers.
Out: whether one is found in the other.

A pattern such as `(a+)+$` keeps Python's own engine busy for years over a line of text. pydantic
carries Rust's, whose time is linear in the text; what that engine does not know (looking ahead or
behind, back references) is left to Python's within bounds.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic_core import SchemaError, SchemaValidator, core_schema

MAX_HARD_TEXT = 256
"""Characters of a text that is matched by Python's engine, which may need powers of them."""

MAX_HARD_REPEATS = 4
"""Open repeats (`*`, `+`, `{2,}`) of a pattern that is matched by Python's engine."""


class PatternError(ValueError):
    """The pattern cannot be read, or cannot be matched within bounds; the message says why."""


class UnmatchedError(ValueError):
    """The text is too long for a pattern of this kind."""


def check_pattern(pattern: str) -> None:
    """Look whether a pattern can be matched in bounded time.

    Raises:
        PatternError: it cannot.
    """
    if _linear(pattern) is not None:
        return
    try:
        re.compile(pattern)
    except re.error as error:
        raise PatternError(f"cannot be read: {error}") from error
    if is_nested(pattern):
        raise PatternError(
            "could run on without end: it looks around or refers back, and repeats what repeats"
        )


def has_match(pattern: str, text: str) -> bool:
    """Return whether `pattern` is found anywhere in `text`.

    Raises:
        UnmatchedError: the text is too long for this pattern.
    """
    linear = _linear(pattern)
    if linear is not None:
        return linear.isinstance_python(text)
    if len(text) > MAX_HARD_TEXT:
        raise UnmatchedError(f"texts for this pattern have at most {MAX_HARD_TEXT} characters")
    return re.search(pattern, text) is not None


def is_additional(key: str, schema: Mapping[str, Any]) -> bool:
    """Return whether neither `properties` nor `patternProperties` of a schema name `key`."""
    if key in schema.get("properties", ()):
        return False
    return not any(has_match(text, key) for text in schema.get("patternProperties", ()))


@lru_cache(maxsize=1024)
def _linear(pattern: str) -> SchemaValidator | None:
    """Return the pattern for Rust's engine; None if that does not know all in it."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError:
        return None


_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?[^)]?)?|\)|\{\d*,\d*\}|.", re.DOTALL)


def is_nested(pattern: str) -> bool:
    """Return whether a group that repeats something is repeated itself, or much is repeated."""
    open_groups = [False]
    closed = False  # the part before closed a group in which something repeats
    repeats = 0
    for part in _PART.findall(pattern):
        is_repeat = part in ("*", "+") or (part[0] == "{" and "," in part)
        if is_repeat and closed:
            return True
        repeats += is_repeat
        closed = False
        if part[0] == "(":
            open_groups.append(False)
        elif part == ")":
            closed = open_groups.pop() if len(open_groups) > 1 else False
            open_groups[-1] = open_groups[-1] or closed
        elif is_repeat:
            open_groups[-1] = True
    return repeats > MAX_HARD_REPEATS
