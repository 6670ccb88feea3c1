"""Separate the held text of a complete answer into texts, rows of calls, and thoughts.

In:  the text from the first opener on, and what precedes it.
Out: `Layout`.
"""

from collections.abc import Iterator
from dataclasses import field, replace

from agentkit.dialect.text_calls.grammar import OfferedTools
from agentkit.dialect.text_calls.markers import Marker
from agentkit.dialect.text_calls.quotation import Quotation, decoration_start
from agentkit.dialect.text_calls.rows import Row, read_row
from agentkit.dialect.text_calls.table import MARKERS, OPENERS, REASONING, REASONING_ENDS
from agentkit.dialect.text_calls.unimportant import is_blank
from agentkit.value import dataclass

MAX_ATTEMPTS = 32
"""How many openers without a readable call, or lines that may be quoted, are tried; each may cost a
search of the rest, or of the conversation."""


@dataclass(slots=True, kw_only=True)
class Layout:
    """The parts of an answer: texts and rows in turn, and the reasoning between them.

    Attributes:
        texts: one more than `rows`.
        ends_reasoning: a closing tag of reasoning showed that what came before was a thought.
    """

    texts: list[str] = field(default_factory=lambda: [""])
    rows: list[Row] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    ends_reasoning: bool = False


def read_layout(text: str, tools: OfferedTools, *, may_end_reasoning: bool = False) -> Layout:
    """Return the parts of an answer.

    Args:
        text: the answer, without thoughts that ended before.
        tools: those on offer.
        may_end_reasoning: a closing tag without an opening one may still end a thought.
    """
    return _LayoutReader(text, tools).read(may_end_reasoning=may_end_reasoning)


class _LayoutReader:
    """Reads a text once, from its start to its end."""

    def __init__(self, text: str, tools: OfferedTools) -> None:
        self._text = text
        self._tools = tools
        self._quotation = Quotation()
        self._layout = Layout()
        self._start = 0  # of the text that is not in the layout yet
        self._fed = 0  # how far the quotation has read
        self._attempts = 0
        self._is_first = True  # no opener was seen yet

    def read(self, *, may_end_reasoning: bool) -> Layout:
        found = MARKERS.search(self._text)
        while isinstance(found, Marker):
            at = found.end
            if found.name in OPENERS:
                at = self._opener(found)
            elif found.name in REASONING:
                at = self._reasoning(found)
            elif found.name in REASONING_ENDS and may_end_reasoning and self._is_end(found):
                may_end_reasoning = False
                self._end_reasoning(found)
            found = MARKERS.search(self._text, at)
        self._add_text(len(self._text))
        return self._layout

    def _opener(self, marker: Marker) -> int:
        """Read the row that begins at an opener, and return where to go on.

        A quoted row is text to its end: its later openers may be on lines of their own.
        """
        has_prose = not self._is_first or self._has_prose(marker)
        self._is_first = False
        is_quoted = has_prose and self._is_quoted(marker)
        if self._attempts > MAX_ATTEMPTS:
            return len(self._text)
        row, end = read_row(self._text, marker, self._tools)
        if row is None or is_quoted:
            self._attempts += 1
            return marker.end if row is None else marker.start + len(row.source)
        start = self._start + decoration_start(self._text[self._start : marker.start])
        self._add_text(start)
        self._layout.rows.append(replace(row, lead=self._text[start : marker.start]))
        self._layout.texts.append("")
        self._start = self._fed = end
        return end

    def _reasoning(self, marker: Marker) -> int:
        """Take out a thought, if it is closed and not quoted, and return where to go on.

        A thought that is not closed is text to its end, and no call in it counts.
        """
        if self._is_quoted(marker):
            return marker.end
        closing = find_closing(self._text, marker.end, REASONING[marker.name])
        if closing is None:
            return len(self._text)
        self._add_text(marker.start)
        self._layout.reasoning.append(self._text[marker.end : closing.start])
        self._start = self._fed = closing.end
        return closing.end

    def _is_end(self, marker: Marker) -> bool:
        """Return whether a closing tag alone ends a thought: not quoted, not in a sentence."""
        around = self._text[max(0, marker.start - 1) : marker.start], self._text[marker.end :][:1]
        is_in_sentence = all(char in (" ", "\t") for char in around)
        return not is_in_sentence and not self._is_quoted(marker)

    def _end_reasoning(self, marker: Marker) -> None:
        """Make all that came before a thought."""
        thought = self._text[: marker.start]
        self._layout = Layout(reasoning=[thought], ends_reasoning=True)
        self._quotation = Quotation()
        self._is_first = True
        self._start = self._fed = marker.end

    def _is_quoted(self, marker: Marker) -> bool:
        """Return whether a marker is in a quotation."""
        if self._fed < marker.start:
            self._quotation.feed(self._text[self._fed : marker.start])
            self._fed = marker.start
        return self._quotation.is_open

    def _has_prose(self, marker: Marker) -> bool:
        """Return whether anything but decoration precedes the first opener."""
        texts = (*self._layout.texts, self._text[self._start : marker.start])
        return not is_blank("".join(texts), is_start=True)

    def _add_text(self, end: int) -> None:
        self._layout.texts[-1] += self._text[self._start : end]
        if end > self._fed:
            self._quotation.feed(self._text[self._fed : end])
        self._start = self._fed = max(end, self._start)


def find_closing(text: str, start: int, name: str) -> Marker | None:
    """Return the marker that ends a thought: the first that is not quoted, else the first."""
    quotation = Quotation()
    fed, first = start, None
    for marker in _all_named(text, start, name):
        quotation.feed(text[fed : marker.start])
        fed = marker.end
        if not quotation.is_open:
            return marker
        first = first or marker
    return first


def _all_named(text: str, start: int, name: str) -> Iterator[Marker]:
    found = MARKERS.search(text, start)
    while isinstance(found, Marker):
        if found.name == name:
            yield found
        found = MARKERS.search(text, found.end)
