"""Track whether a position in Markdown text is inside a quotation.

In:  text, in pieces cut anywhere.
Out: whether what follows is quoted: in a fence, in inline code, in a block-quote line, or after an
     opening quotation mark or parenthesis of its line.

A call that a model quotes must not run: a web page or a file can contain any call, and models show
what they read (prompt injection). Fences and code spans follow https://spec.commonmark.org/0.31.2/,
with one exception: a code span that is not closed stays open until the end of its paragraph,
because in a stream its end cannot be known. Every character is examined once, and not before the
state is asked for: most answers hold nothing that could be quoted.
"""

import re
from copy import copy

DECORATION = "*_`>"
"""What Markdown puts before something to make it bold, code or a quotation."""

MAX_DECORATION = 20
"""How many characters of decoration are looked at before a marker."""

_MAX_LAYERS = 3
_SIGNIFICANT = re.compile(
    r"[\n`~>\"'()\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a\u2018\u2019\u201a]"
)
_PAIRS = {
    "\u201c": "\u201d",
    "\u201e": "\u201c",
    "\u00ab": "\u00bb",
    "\u2039": "\u203a",
    "\u2018": "\u2019",
    "\u201a": "\u2018",
    '"': '"',
}
_MIN_FENCE = 3
_MAX_INDENT = 3


class Quotation:
    """The state of quotation after the text seen so far."""

    def __init__(self) -> None:
        self._fence: tuple[str, int] | None = None
        self._code = 0  # how many backticks opened the code span that is open
        self._run: tuple[str, int] | None = None  # fence characters that may still get more
        self._run_is_first = False
        self._is_fence_start = False
        self._is_fence_end = False
        self._is_block_quote = False
        self._has_text = False  # of the current line
        self._indent = 0
        self._closers: list[str] = []
        self._last = "\n"
        self._unread: list[str] = []

    @property
    def is_open(self) -> bool:
        """Return whether what follows, which must not be a backtick or tilde, is quoted."""
        self._read()
        if self._run is not None:
            ended = self.copy()
            ended._end_run()
            return ended.is_open
        is_code = self._fence is not None or bool(self._code)
        return is_code or self._is_block_quote or bool(self._closers)

    @property
    def is_line_start(self) -> bool:
        """Return whether what follows begins a line and is not quoted."""
        return not self.is_open and not self._has_text

    def copy(self) -> "Quotation":
        """Return an independent copy."""
        self._read()
        other = copy(self)
        other._closers = list(self._closers)
        other._unread = []
        return other

    def feed(self, text: str) -> None:
        """Add the next piece."""
        self._unread.append(text)

    def _read(self) -> None:
        """Examine the pieces that were added since the last time."""
        if self._unread:
            unread, self._unread = self._unread, []
            self._examine("".join(unread))

    def _examine(self, text: str) -> None:
        at = 0
        for found in _SIGNIFICANT.finditer(text):
            self._plain(text[at : found.start()])
            self._sign(found.group())
            at = found.end()
        self._plain(text[at:])

    def _plain(self, text: str) -> None:
        """Read characters without a meaning of their own."""
        if not text:
            return
        self._end_run()
        stripped = text.lstrip(" \t")
        if not self._has_text:
            self._indent += len(text) - len(stripped)
        if stripped.strip():
            self._has_text = True
            self._is_fence_end = False
        self._last = text[-1]

    def _sign(self, sign: str) -> None:
        """Read one character that has a meaning."""
        if sign in "`~":
            self._fence_sign(sign)
        else:
            self._end_run()
            if sign == "\n":
                self._end_line()
            elif self._fence is None and not self._code:
                self._mark(sign)
            else:
                self._has_text = True
                self._is_fence_end = False
        self._last = sign

    def _fence_sign(self, sign: str) -> None:
        if self._run is not None and self._run[0] == sign:
            self._run = (sign, self._run[1] + 1)
            return
        self._end_run()
        self._run = (sign, 1)
        self._run_is_first = not self._has_text and self._indent <= _MAX_INDENT
        self._has_text = True
        self._is_fence_end = False

    def _end_run(self) -> None:
        """Decide what a run of backticks or tildes was: a fence, code, or text."""
        if self._run is None:
            return
        sign, length = self._run
        self._run = None
        if self._fence is not None and self._is_fence_start and sign == self._fence[0] == "`":
            # A fence has no backtick on its first line, so it was the start of a code span.
            self._code = 0 if length == self._fence[1] else self._fence[1]
            self._fence = None
        elif self._fence is not None:
            own, least = self._fence
            self._is_fence_end = self._run_is_first and sign == own and length >= least
        elif self._run_is_first and length >= _MIN_FENCE and not self._code:
            self._fence = (sign, length)
            self._is_fence_start = True
        elif sign == "`":
            if not self._code:
                self._code = length
            elif self._code == length:
                self._code = 0

    def _mark(self, sign: str) -> None:
        """Read a quotation mark, a parenthesis, or the mark of a block quote."""
        if sign == ">" and not self._has_text:
            self._is_block_quote = True
            return
        is_after_word = self._last.isalnum()
        if self._closers and sign == self._closers[-1] and not (sign == "'" and self._last == " "):
            self._closers.pop()
        elif sign == "(":
            self._closers.append(")")
        elif sign == "'" and not is_after_word and "'" not in self._closers:
            self._closers.append("'")  # after a letter it is an apostrophe
        elif sign in _PAIRS and _PAIRS[sign] not in self._closers:
            self._closers.append(_PAIRS[sign])
        self._has_text = True

    def _end_line(self) -> None:
        if self._is_fence_end:
            self._fence = None
        if not self._has_text:
            self._code = 0  # a blank line ends the paragraph, and with it its code spans
        self._is_fence_start = self._is_fence_end = False
        self._is_block_quote = self._has_text = False
        self._indent = 0
        self._closers.clear()


def decoration_start(text: str, *, is_attached: bool = False) -> int:
    """Return the start of the Markdown decoration at the end of `text`.

    Args:
        text: what precedes a marker.
        is_attached: a word immediately precedes `text`; the first characters belong to it then.
    """
    start = len(text)
    for _ in range(_MAX_LAYERS):
        end = len(text[:start].rstrip())
        plain = len(text[:end].rstrip(DECORATION))
        is_of_a_word = not text[plain - 1].isspace() if plain else is_attached
        if plain == end or is_of_a_word:
            break
        start = plain
    return start
