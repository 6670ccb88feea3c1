"""Find what has no meaning at the edges of an answer: special tokens, Markdown decoration.

In:  parts of an answer's text.
Out: whether they are blank; the text without such markers at its edges.
"""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from agentkit.chat import Repair
from agentkit.dialect.text_calls.markers import Marker
from agentkit.dialect.text_calls.quotation import DECORATION
from agentkit.dialect.text_calls.table import CLOSERS, DROPPED, MARKERS, OPENERS
from agentkit.dialect.tool_call_assembler import short

_BRACKET_CHARS = 2  # with the backslash that Markdown may put before it
_MAX_BEGINNING_CHARS = 300
_PROSE = re.compile(r"[^\W\d_]+ [^\W\d_]+ [^\W\d_]+")
_FENCE_LINE = re.compile(r"\A\s*(?:[*_>]{0,3}\s*)(?:`{3,}|~{3,})[\w-]{0,40}[ \t]*\n")


def is_blank(text: str, *, is_start: bool = False) -> bool:
    """Return whether text holds nothing but white space, decoration and unimportant markers.

    Args:
        text: some text of an answer.
        is_start: it is the beginning of the answer, where an opening fence is decoration too.
    """
    if is_start:
        text = _FENCE_LINE.sub("", text)
    return not without_markers(text).strip(f"{DECORATION}~ \t\r\n")


def without_markers(text: str) -> str:
    """Return text without the markers that mean nothing at the edges of an answer."""
    parts: list[str] = []
    at = 0
    found = MARKERS.search(text)
    while isinstance(found, Marker):
        if found.name in DROPPED:
            parts.append(text[at : found.start])
            at = found.end
        found = MARKERS.search(text, found.end)
    return "".join([*parts, text[at:]])


def trim(
    text: str, *, is_start: bool = False, with_openers: bool = False, has_opener: bool = False
) -> tuple[str, tuple[Repair, ...]]:
    """Return text without unimportant markers at its edges, and what was dropped.

    Args:
        text: answer text.
        is_start: it is the beginning of the answer, so its start is an edge too.
        with_openers: openers without a call are unimportant, too. Otherwise a closing mark stays if
            an opener is in the text: then both are part of an example.
        has_opener: an opener is in the text before this one.
    """
    markers = list(_found(text))
    if not markers:
        return text, ()
    names = DROPPED | (OPENERS.keys() if with_openers else frozenset())
    has_opener = has_opener or any(one.name in OPENERS for one in markers)
    if has_opener and not with_openers:
        names -= CLOSERS
    start, end = 0, len(text)
    while is_start and markers and _is_edge(text, start, markers[0], names, is_start=True):
        start = markers.pop(0).end
    while markers and _is_edge(text, end, markers[-1], names, is_start=False):
        end = markers.pop().start
    dropped = f"{text[:start].strip()} {text[end:].strip()}".strip()
    if not dropped:
        return text, ()
    kept = text[start:end]
    kept = kept.lstrip() if start else kept
    return kept.rstrip() if end < len(text) else kept, (dropped_marker(dropped),)


def _is_edge(
    text: str, edge: int, marker: Marker, names: AbstractSet[str], *, is_start: bool
) -> bool:
    """Return whether nothing but white space is between a marker and an edge."""
    between = text[edge : marker.start] if is_start else text[marker.end : edge]
    return marker.name in names and not between.strip()


def _found(text: str) -> Iterator[Marker]:
    found = MARKERS.search(text)
    while isinstance(found, Marker):
        yield found
        found = MARKERS.search(text, found.end)


def may_end_in_call(text: str, *, is_start: bool) -> bool:
    """Return whether text that was cut off ends in a marker, or where a call begins.

    Args:
        text: the end of an answer.
        is_start: it is the beginning of the answer too.
    """
    between: list[str] | None = None  # what is between markers since the last opener
    at = 0
    found = MARKERS.search(text, is_end=False)
    while isinstance(found, Marker):
        if found.name in OPENERS:
            between = []
        elif between is not None:
            between.append(text[at : found.start])
        at = found.end
        found = MARKERS.search(text, at, is_end=False)
    if found is not None and len(text) - found > _BRACKET_CHARS:
        return True
    if between is not None:
        rest = "".join([*between, text[at:found]])
        return len(rest) <= _MAX_BEGINNING_CHARS and _PROSE.search(rest) is None
    return found is not None and is_start and not text[:found].strip()


def dropped_marker(text: str) -> Repair:
    """Return the repair for special tokens that no user should see."""
    return Repair(kind="dropped_marker", before=short(text), after="")
