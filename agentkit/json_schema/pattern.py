"""Match the patterns of schemas in linear time.

In:  patterns and texts, both from untrusted sources.
Out: whether a pattern is found in a text; None if that is not checked here.

A pattern such as `(a+)+$` keeps Python's own engine busy for years over one line of text (ReDoS),
and that engine holds the GIL. pydantic-core carries Rust's engine, whose time is linear in the
text. What Rust's engine does not know is not checked: lookahead, lookbehind and back references,
which zod writes for e-mail addresses and durations, and the syntax of other dialects. Python's
engine is never used as a fallback.

Linear is not yet quick: `[ab]*a[ab]{900}` takes 12 microseconds for each character. A text that is
too long for its pattern is not checked either.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic_core import SchemaError, SchemaValidator, core_schema

from agentkit.json_schema.steps import spend

MAX_WORK = 20_000_000
"""States of a pattern times characters of a text; about a third of a second at worst."""

MAX_STATES = 10_000
"""States of a pattern: as many take 10 ms to compile and 3 MB of memory, of which 128 are kept."""

MAX_PATTERN_CHARACTERS = 20_000

_PART = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?[^():]*[:>])?|\)|\{\d*,?\d*\}|.", re.DOTALL
)
_CLASS_STATES = {"w": 100, "W": 100, "p": 100, "P": 100, "d": 10, "D": 10, "s": 10, "S": 10}
"""States of the classes of Unicode, which are made of many ranges."""


def is_supported(pattern: str) -> bool:
    """Return whether a pattern can be matched in linear time."""
    return _compile(pattern) is not None


def has_match(pattern: str, text: str) -> bool | None:
    """Return whether `pattern` is found anywhere in `text`; None if that is not checked."""
    compiled = _compile(pattern)
    if compiled is None or _states_of(pattern) * len(text) > MAX_WORK:
        return None
    return compiled.isinstance_python(text)


def is_additional(key: str, schema: Mapping[str, Any]) -> bool:
    """Return whether neither `properties` nor `patternProperties` of a schema name `key`.

    A pattern that is not checked may name any key.
    """
    if key in schema.get("properties", ()):
        return False
    return all(has_match(text, key) is False for text in schema.get("patternProperties", ()))


@lru_cache(maxsize=128)
def _compile(pattern: str) -> SchemaValidator | None:
    """Return the pattern for Rust's engine; None if that does not know it."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        return None
    states = _states_of(pattern)
    if states > MAX_STATES:
        return None
    spend(10 + states // 3)  # the time it takes
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError:
        return None


@lru_cache(maxsize=1024)
def _states_of(pattern: str) -> int:
    """Estimate the states of the compiled pattern: `a{50}` has 50, and nested repeats multiply."""
    groups = [0]
    last = 0  # the states of the part before, which a repeat multiplies
    for part in _PART.findall(pattern):
        if part[0] == "(":
            groups.append(0)
            last = 0
        elif part == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        elif part[0] == "{" and len(part) > 2:
            numbers = [min(int(number), MAX_WORK) for number in re.findall(r"\d+", part)]
            times = max(numbers, default=1)
            groups[-1] += last * (times - 1)
            last *= times
        else:
            last = _states_of_part(part)
            groups[-1] += last
    return max(sum(groups), 1)


def _states_of_part(part: str) -> int:
    """Return the states of a character, an escape or a class."""
    classes = [_CLASS_STATES.get(escaped, 0) for escaped in re.findall(r"\\(.)", part)]
    if part in ("|", "^", "$", "*", "+", "?"):
        return 0
    return max(sum(classes), 5 if part.startswith("[^") or part == "." else 1)
