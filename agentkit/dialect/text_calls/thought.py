"""Reasoning inside the text of an answer.

In:  text after an opening tag, or after a prompt that holds one.
Out: pieces of reasoning, and where the thought ends.

A thought ends at its closing tag; one in a quotation ("write `</think>`") is part of the thought,
unless there is no other. A thought inside the text counts only if it is closed: an unquoted mention
of a tag must not make the rest of an answer disappear.
"""

from collections.abc import Set as AbstractSet

from agentkit.dialect.text_calls.markers import Marker
from agentkit.dialect.text_calls.piece import Piece
from agentkit.dialect.text_calls.quotation import Quotation
from agentkit.dialect.text_calls.table import MARKERS, REASONING, REASONING_ENDS

_MAX_SPACE_CHARS = 400


class Thought:
    """One thought."""

    def __init__(
        self, closings: AbstractSet[str], *, opening: str = "", is_prefilled: bool = False
    ) -> None:
        self._closings = closings
        self._opening = opening
        self._is_opened = not is_prefilled  # its own opening tag was seen
        self._quotation = Quotation()
        self._texts: list[str] = []
        self._quoted_end: tuple[int, int] | None = None  # in the texts, of the first quoted tag
        self._size = 0
        self.is_closed: bool = False

    @classmethod
    def opened(cls, marker: Marker) -> "Thought":
        """Return the thought that an opening tag at the start of an answer begins."""
        return cls({REASONING[marker.name]})

    @classmethod
    def inside(cls, marker: Marker, opening: str) -> "Thought":
        """Return the thought that an opening tag inside the text begins."""
        return cls({REASONING[marker.name]}, opening=opening)

    @classmethod
    def prefilled(cls) -> "Thought":
        """Return a thought whose opening tag is in the prompt."""
        return cls(REASONING_ENDS, is_prefilled=True)

    @property
    def is_inside(self) -> bool:
        """Return whether answer text precedes the thought."""
        return bool(self._opening)

    def feed(self, buffer: str, pieces: list[Piece]) -> str:
        """Read from `buffer` and return what is left of it."""
        if not self._texts and not self.is_inside:
            buffer = buffer.lstrip()
        while buffer and not self.is_closed:
            found = MARKERS.search(buffer, is_end=False)
            if not isinstance(found, Marker):
                end = len(buffer) if found is None else found
                tail = end - len(buffer[:end].rstrip())
                end -= tail if tail <= _MAX_SPACE_CHARS and not self.is_inside else 0
                self._add(buffer[:end], pieces)
                return buffer[end:]
            is_first = not self._is_opened and not self._texts and found.start == 0
            if is_first and found.name in REASONING:
                self._is_opened = True
                self._closings = {REASONING[found.name]}
                buffer = buffer[found.end :].lstrip()
                continue
            self._add(buffer[: found.start], pieces)
            if found.name in self._closings and not self._quotation.is_open:
                self.is_closed = True
                self._emit_inside(pieces)
            else:
                if found.name in self._closings and self._quoted_end is None:
                    self._quoted_end = (self._size, self._size + found.end - found.start)
                self._add(buffer[found.start : found.end], pieces)
            buffer = buffer[found.end :]
        return buffer

    def close(self, buffer: str, *, is_cut: bool) -> tuple[list[Piece], str, bool]:
        """Decide what a thought without its closing tag is.

        Returns:
            The last pieces of reasoning; text that is none; whether that is all of the answer.
        """
        pieces: list[Piece] = []
        emitted = "".join(self._texts)
        text = emitted + buffer
        if self.is_inside and (self._quoted_end is None or is_cut):
            return pieces, self._opening + text, False
        if is_cut or (self._quoted_end is None and self._is_opened):
            self._add(buffer, pieces)
            return pieces, "", False
        if emitted and not self.is_inside:
            pieces.append(Piece("was_answer", emitted))
        start, end = self._quoted_end or (0, 0)
        if start:
            pieces.append(Piece("reasoning", text[:start]))
        return pieces, text[end:].lstrip(), not self.is_inside

    def _add(self, text: str, pieces: list[Piece]) -> None:
        """Add text to the thought."""
        if not text:
            return
        self._texts.append(text)
        self._size += len(text)
        self._quotation.feed(text)
        if not self.is_inside:
            pieces.append(Piece("reasoning", text))

    def _emit_inside(self, pieces: list[Piece]) -> None:
        """Emit a thought inside the text, which was held until it was closed."""
        if self.is_inside and self._texts:
            pieces.append(Piece("reasoning", "".join(self._texts)))
