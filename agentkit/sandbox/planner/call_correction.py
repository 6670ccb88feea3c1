"""Make a failed call once more, where its error names what to change.

In:  a call and the words of its error.
Out: the arguments to try, or None: nothing is guessed.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher

from agentkit.json_schema import JsonValue

_ALIKE = 0.75

_QUOTED = re.compile(r"['\"`\u2018\u201c]([^'\"`\u2019\u201d]+)['\"`\u2019\u201d]")
_ZONE = re.compile(r"[A-Z][\w+-]*(?:/[A-Z][\w+-]*)+")
_LISTED = re.compile(
    r"\b(?:(?:did you mean|one of|use|try|choose from|close(?:st)?(?: names)?(?: are| is)?)\b:?"
    r"|(?:available|allowed|valid|known|existing)\b[^:;.]{0,40}:)"
    r"\s+([^;!?]+?)(?=[.;!?](?:\s|$)|$)",
    re.I,
)
_MAX_ERROR = 2_000


def repair(arguments: Mapping[str, JsonValue], error: str) -> Mapping[str, JsonValue] | None:
    """Return `arguments` with the one value replaced that `error` names a substitute for."""
    error = error[:_MAX_ERROR]
    for name, value in arguments.items():
        if not isinstance(value, str) or value.lower() not in error.lower():
            continue
        for better in _find_substitutes(value, error):
            return {**arguments, name: better}
    return None


def _find_substitutes(value: str, error: str) -> Iterator[str]:
    """Yield what the error offers in place of `value`, the likeliest first."""
    offered = [one for one in _find_offered(error) if one.lower() != value.lower()]
    alike = [one for one in offered if _fold(value) in _fold(one) or _fold(one) in _fold(value)]
    yield from alike
    if re.search(r"did you mean", error, re.I):
        yield from offered[:1]
    yield from (one for one in offered if _likeness(value, one) >= _ALIKE)
    for one in _find_offered(error):
        if one.lower() == value.lower() and one != value:
            yield one  # only the case is wrong


def _find_offered(error: str) -> list[str]:
    found = [*_QUOTED.findall(error), *_ZONE.findall(error)]
    for listed in _LISTED.finditer(error):
        parts = re.split(r"[,;?\n]|\bor\b|\band\b", listed.group(1))
        found += [part.strip(" .'\"`[]()") for part in parts]
    return [one for one in found if one and len(one) <= 100]


def _likeness(value: str, offered: str) -> float:
    """Return how much two names have in common, 0 to 1; of a path, its end counts."""
    end = offered.rsplit("/", 1)[-1]
    return SequenceMatcher(None, _fold(value), _fold(end)).ratio()


def _fold(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()
