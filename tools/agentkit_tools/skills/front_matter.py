"""Read the front matter of a `SKILL.md`.

In:  the text of the file.
Out: its keys and values as text, and the rest of the file.

Of YAML, only what skills use is read: `key: value`, quotation marks, `|` and `>` blocks. A value of
any other form is kept as text or left out; nothing is ever executed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_KEY = re.compile(r"(?P<key>[A-Za-z][\w-]{0,60}):(?:[ \t]+(?P<value>.*))?$")
_BLOCK = re.compile(r"[|>][+-]?\d?$")
_FENCE = "---"
MAX_LINES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """The beginning of a file, and what follows it."""

    values: Mapping[str, str]
    body: str


def read_front_matter(text: str) -> FrontMatter | None:
    """Return the front matter; None if the file has none."""
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].rstrip() != _FENCE:
        return None
    end = next(
        (at for at, line in enumerate(lines[1:MAX_LINES], 1) if line.rstrip() == _FENCE), None
    )
    if end is None:
        return None
    values: dict[str, str] = {}
    at = 1
    while at < end:
        found = _KEY.match(lines[at])
        at += 1
        if found is None:
            continue
        more: list[str] = []
        while at < end and (not lines[at].strip() or lines[at][0] in " \t"):
            more.append(lines[at].strip())
            at += 1
        values[found["key"]] = _value((found["value"] or "").strip(), more)
    return FrontMatter(values=values, body="\n".join(lines[end + 1 :]).strip())


def _value(first: str, more: list[str]) -> str:
    """Return a value that may go on in indented lines."""
    if _BLOCK.match(first):
        between = "\n" if first[0] == "|" else " "
        return between.join(more).strip()
    text = " ".join([first, *more]).strip()
    for mark in ("'", '"'):
        if len(text) > 1 and text.startswith(mark) and text.endswith(mark):
            inner = text[1:-1]
            return inner.replace("''", "'") if mark == "'" else inner.replace('\\"', '"')
    return text.partition(" #")[0].strip()
