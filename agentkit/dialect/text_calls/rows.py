"""Read the calls that follow each other in the text of an answer.

In:  a text and an opener in it, the offered tools.
Out: `Row`: the calls with only white space or closing marks between them.

The first family that reads a complete call after an opener counts. Text behind a result marker is a
tool result that the model invented.
"""

import re
from dataclasses import replace

from agentkit.chat import Repair
from agentkit.dialect.lenient_json import LenientJsonError, parse_lenient
from agentkit.dialect.text_calls.grammar import Cursor, NotACallError, OfferedTools
from agentkit.dialect.text_calls.markers import Marker, canonical
from agentkit.dialect.text_calls.table import (
    CLOSERS,
    MARKERS,
    OPENERS,
    RESULT_MARKERS,
    SPECIAL_TOKENS,
)
from agentkit.dialect.tool_call_assembler import CallDraft, short
from agentkit.value import dataclass

_OBJECT_START = re.compile(
    r"(?P<space>(?:[*_]{1,3}|`(?!``))?[\s:=]{0,40}(?:```\w{0,20}\s*)?)\\?(?:\[\s{0,40})?\\?\{\s{0,40}[\"']"
)
_SEPARATOR = re.compile(r"[\s,;]+|`{1,3}(?![\w`])|\*{1,3}(?=\s|\Z|[<\[])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The calls after one opener.

    Attributes:
        calls: one or more; the last may be a broken one.
        source: from the opener to the end of the last call.
        is_closed: a closing mark follows, so the calls are complete even if the answer was cut.
    """

    calls: tuple[CallDraft, ...]
    source: str
    is_closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Calls that follow each other.

    Attributes:
        groups: none if an opener and its closing mark enclose something unreadable.
        source: the text of the row.
        lead: the decoration before it.
        dropped: an invented tool result after the row, and all behind it.
    """

    groups: tuple[Group, ...]
    source: str
    lead: str = ""
    dropped: str = ""

    @property
    def calls(self) -> tuple[CallDraft, ...]:
        """Return all calls, in order."""
        return tuple(call for group in self.groups for call in group.calls)


def read_row(text: str, opener: Marker, tools: OfferedTools) -> tuple[Row | None, int]:
    """Return the row that begins at `opener` and its end; None if no call follows."""
    groups: list[Group] = []
    end = opener.end
    marker: Marker | None = opener
    dropped = ""
    while marker is not None:
        found = _read_group(text, marker, tools)
        if found is None:
            break
        calls, at = found
        end, is_closed, following = _skip_closing(text, at)
        source = text[marker.start : at]
        groups.append(Group(calls=tuple(calls), source=source, is_closed=is_closed))
        if following is not None and following.name in RESULT_MARKERS:
            dropped = text[end:]
            break
        is_next = following is not None and following.name in OPENERS
        marker = following if is_next and calls[-1].rejection is None else None
    if not groups:
        return _unreadable_row(text, opener)
    row = Row(groups=tuple(groups), source=text[opener.start : end], dropped=dropped)
    return row, len(text) if dropped else end


def _read_group(
    text: str, marker: Marker, tools: OfferedTools
) -> tuple[list[CallDraft], int] | None:
    """Return the calls after one opener and their end, by the first family that reads any."""
    for family in OPENERS[marker.name]:
        cursor = Cursor(text, marker.end, tools)
        try:
            calls = family.read(cursor, marker.name) if family.read is not None else []
        except NotACallError:
            continue
        if calls:
            return calls, cursor.at
    return None


def _skip_closing(text: str, at: int) -> tuple[int, bool, Marker | None]:
    """Skip what may follow a call.

    Returns:
        The position after it, whether a closing mark was among it, and the next marker there.
    """
    is_closed = False
    while True:
        separator = _SEPARATOR.match(text, at)
        at = separator.end() if separator is not None else at
        marker = MARKERS.match(text, at)
        if not isinstance(marker, Marker):
            return at, is_closed, None
        if marker.name in OPENERS or marker.name not in CLOSERS | SPECIAL_TOKENS:
            return at, is_closed, marker
        is_closed = is_closed or marker.name in CLOSERS
        at = marker.end


def _unreadable_row(text: str, opener: Marker) -> tuple[Row | None, int]:
    """Return a row without calls if an opener is followed by something that should be one.

    That is an object which is not a call, or is cut off before its name, or anything else that the
    opener's closing mark follows.
    """
    begun = _OBJECT_START.match(text, opener.end)
    if begun is not None:
        try:
            end = parse_lenient(text, begun.end("space")).end
        except LenientJsonError:
            end = len(text)
        return Row(groups=(), source=text[opener.start : end]), end
    own = {name for family in OPENERS[opener.name] for name in family.closers}
    names = {canonical(name) for name in own}
    found = MARKERS.search(text, opener.end)
    while isinstance(found, Marker):
        if found.name in OPENERS:
            return None, opener.end
        if found.name in names:
            is_empty = not text[opener.end : found.start].strip()
            row = Row(groups=(), source=text[opener.start : found.end])
            return (None, opener.end) if is_empty else (row, found.end)
        found = MARKERS.search(text, found.end)
    return None, opener.end


def moved(call: CallDraft, source: str) -> CallDraft:
    """Return a call with the repair that it was found in the text."""
    after = short(f"{call.name}({call.arguments})")
    repair = Repair(kind="text_call", before=short(source), after=after)
    return replace(call, repairs=(repair, *call.repairs))
