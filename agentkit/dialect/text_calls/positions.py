"""Decide by their position which calls in the text of an answer count.

In:  the layout of the held text, and what precedes it.
Out: `Decision`.

Calls with only white space or closing marks between them are one row. *Before* is what precedes the
first row, *after* what follows the last one:

- (a) before is empty or decoration (`**`, a fence), and after is empty: calls. Before is empty and
  after is prose without another call: calls; the prose is dropped, because models invent results
  after a call. Decoration before and prose after: text, a quotation.
- (b) the opener is quoted (see `quotation`): text.
- (c) prose before, and after is empty: calls.
- (d) prose before on the same line, and prose after: text, the model writes about a call.
- (e) anything else is not certain: nothing runs, and the model is asked once to call again.
"""

from typing import Literal, TypeAlias

from agentkit.dialect.lenient_json import LenientJsonError, parse_lenient
from agentkit.dialect.text_calls.layout import Layout
from agentkit.dialect.text_calls.rows import Row
from agentkit.dialect.text_calls.table import contains_opener
from agentkit.dialect.text_calls.unimportant import is_blank, without_markers
from agentkit.value import dataclass

_MAX_OBJECTS = 32

Kind: TypeAlias = Literal["text", "calls", "unclear", "malformed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the rows of an answer are."""

    kind: Kind
    rows: tuple[Row, ...] = ()
    dropped: str = ""


def decide(layout: Layout) -> Decision:
    """Return what the rows of a layout are, by the rules (a) to (e)."""
    rows = tuple(layout.rows)
    dropped = rows[-1].dropped if rows else ""
    if not rows:
        return Decision(kind="text")
    first, last = layout.texts[0], layout.texts[-1]
    kind: Kind
    if len(rows) > 1 and not all(map(is_blank, layout.texts[1:-1])):
        kind = "unclear"
    elif is_blank(last):
        kind = "calls"  # (a), (c)
    elif not (without_markers(first).strip() or rows[0].lead.strip()):
        kind = "unclear" if _holds_call(last) else "calls"  # (a)
        dropped = last.strip() if kind == "calls" else dropped
    elif is_blank(first, is_start=True) or without_markers(first).rpartition("\n")[2].strip():
        kind = "text"  # (a), (d)
    else:
        kind = "unclear"  # (e)
    if not all(row.groups for row in rows):
        kind = "malformed" if kind == "calls" else "text"
    return Decision(kind=kind, rows=rows, dropped=dropped)


def _holds_call(text: str) -> bool:
    """Return whether prose after calls holds another opener, or an object: maybe a correction."""
    if contains_opener(text):
        return True
    start = text.find("{")
    for _ in range(_MAX_OBJECTS):
        if start < 0:
            return False
        try:
            parse_lenient(text, start)
        except LenientJsonError:
            start = text.find("{", start + 1)
        else:
            return True
    return True
