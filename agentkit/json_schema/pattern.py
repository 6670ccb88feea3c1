"""Match the patterns of schemas in bounded time.

In:  untrusted patterns, untrusted text.
Out: whether the pattern is found in the text.

A pattern such as `(a+)+$` would keep Python's engine busy for years with one line of text (a denial
of service by regular expression). pydantic includes Rust's engine, whose time is linear in the
text. Patterns that it does not support (lookahead, lookbehind, back references) are matched by
Python's engine within bounds.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic_core import SchemaError, SchemaValidator, core_schema

MAX_HARD_TEXT = 256
"""Maximum length of text for Python's engine, whose time may grow with a power of it."""

MAX_HARD_REPEATS = 4
"""Maximum number of open repeats (`*`, `+`, `{2,}`) in a pattern for Python's engine."""


class PatternError(ValueError):
    """The pattern is invalid, or cannot be matched within bounds; the message gives the reason."""


class UnmatchedError(ValueError):
    """The text is too long for a pattern of this kind."""


def check_pattern(pattern: str) -> None:
    """Check that a pattern can be matched in bounded time.

    Raises:
        PatternError: it is invalid, or cannot be bounded.
    """
    if _linear(pattern) is not None:
        return
    try:
        re.compile(pattern)
    except re.error as error:
        raise PatternError(f"cannot be read: {error}") from error
    if is_nested(pattern):
        raise PatternError(
            "could take unbounded time: it has lookaround or back references, and nested repeats"
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
    """Return the pattern for Rust's engine; None if that does not support it."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError:
        return None


_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?[^)]?)?|\)|\{\d*,\d*\}|.", re.DOTALL)


def is_nested(pattern: str) -> bool:
    """Return whether a repeated group contains a repeat, or there are many repeats."""
    open_groups = [False]
    closed = False  # the previous part closed a group that contains a repeat
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
