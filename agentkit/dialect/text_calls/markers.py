r"""Find the markers of the model families in text.

In:  markers in canonical form; text that may end in the middle of one.
Out: the marker at a position and its end, or whether one may still be completed there.

Models and servers write one marker in many ways: `[TOOL_CALLS]`, `[tool_calls]`, `[ TOOL-CALLS ]`,
`\[TOOL\_CALLS\]` (Markdown escapes), and DeepSeek's `<|tool_calls_begin|>` with wide bars and
underscores or with ASCII ones. The canonical form is lower case, with ASCII bars and without
underscores, hyphens, spaces and backslashes.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from agentkit.value import record

MAX_FILLING = 2
"""How many characters without meaning may follow each other inside a marker."""

_FILLING = frozenset("\\_- \u2581")
_WIDE_BAR = "\uff5c"  # of DeepSeek's special tokens
_BARS = {_WIDE_BAR: "|"}
_END = ""


@record
class Marker:
    """A marker found in a text.

    Attributes:
        name: its canonical form.
        start: where it begins.
        end: the position after it.
    """

    name: str
    start: int
    end: int


class Incomplete:
    """The text ends where a marker may still be completed."""


INCOMPLETE: Final = Incomplete()


def canonical(marker: str) -> str:
    """Return the canonical form of a marker."""
    text = "".join(_BARS.get(char, char) for char in marker.lower())
    return "".join(char for char in text if char not in _FILLING)


class Markers:
    """Finds any of a set of markers; the longest one counts.

    Attributes:
        first_chars: what a marker may begin with, for a set of characters in a pattern.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._root: dict[str, Any] = {}
        for name in names:
            node = self._root
            for char in canonical(name):
                following = node.setdefault(char, {})
                node[char.upper()] = following
                if char == "|":
                    node[_WIDE_BAR] = following
                node = following
            node[_END] = canonical(name)
        self.first_chars: str = "".join(map(re.escape, sorted(self._root))) + r"\\"
        self._first = re.compile(f"[{self.first_chars}]")

    def search(self, text: str, start: int = 0, *, is_end: bool = True) -> "Marker | int | None":
        """Return the first marker at or after `start`.

        Args:
            text: the text to search.
            start: where to begin.
            is_end: no more text follows, so an incomplete marker is none.

        Returns:
            The marker; or the position of an incomplete one at the end; or None.
        """
        for first in self._first.finditer(text, start):
            found = self.match(text, first.start(), is_end=is_end)
            if isinstance(found, Marker):
                return found
            if found is not None:
                return first.start()
        return None

    def match(self, text: str, start: int, *, is_end: bool = True) -> "Marker | Incomplete | None":
        """Return the marker that begins at `start`, or whether one may be completed there."""
        node: Mapping[str, Any] = self._root
        best: Marker | None = None
        filling = 0
        for at in range(start, len(text)):
            char = text[at]
            following = node.get(char)
            if following is not None:
                node, filling = following, 0
                if _END in node:
                    best = Marker(name=node[_END], start=start, end=at + 1)
                    if len(node) == 1:
                        return best
            elif char in _FILLING and filling < MAX_FILLING and (char == "\\" or at > start):
                filling += 1
            else:
                return best
        return best if is_end else INCOMPLETE


def match_marker(text: str, start: int, name: str) -> int | None:
    """Return the position after the marker `name`, in canonical form, if it begins at `start`."""
    at, filling = start, 0
    for expected in name:
        while at < len(text) and text[at] in _FILLING and filling < MAX_FILLING:
            if at == start and text[at] != "\\":
                return None
            at, filling = at + 1, filling + 1
        char = text[at : at + 1]
        if _BARS.get(char, char.lower()) != expected:
            return None
        at, filling = at + 1, 0
    return at
