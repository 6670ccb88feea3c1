"""Redact text that comes in pieces.

In:  pieces of text, cut anywhere.
Out: pieces of redacted text; all together what redacting the whole text gives.

The end of what has come is held back while a match might begin there.
"""

import re
from collections.abc import Sequence


class HeldText:
    """Redacts one text that comes in pieces."""

    def __init__(
        self, patterns: Sequence[re.Pattern[str]], *, replacement: str, longest: int
    ) -> None:
        """Begin a text.

        Args:
            patterns: applied one after the other.
            replacement: stands in place of a match.
            longest: characters of the longest match, with what a pattern looks at around it.
        """
        self._sieves = [
            _Sieve(pattern, replacement=replacement, longest=longest) for pattern in patterns
        ]

    def feed(self, text: str) -> str:
        """Take a piece, and return what is settled now."""
        for sieve in self._sieves:
            text = sieve.feed(text)
        return text

    def close(self) -> str:
        """Return what was held back; the text is at its end."""
        text = ""
        for sieve in self._sieves:
            text = sieve.feed(text) + sieve.close()
        return text


class _Sieve:
    """Takes the matches of one pattern out of a text."""

    def __init__(self, pattern: re.Pattern[str], *, replacement: str, longest: int) -> None:
        self._pattern = pattern
        self._replacement = replacement
        self._longest = longest
        self._text = ""  # what is held back, and before it what a pattern may look back at
        self._settled = 0  # so much of it has gone out

    def feed(self, text: str) -> str:
        """Take a piece, and return what no later piece can change."""
        self._text += text
        end = len(self._text)
        return self._pass_on(safe=end - self._longest, is_end=False) if text else ""

    def close(self) -> str:
        """Return the rest."""
        return self._pass_on(safe=len(self._text), is_end=True)

    def _pass_on(self, *, safe: int, is_end: bool) -> str:
        """Return the text up to `safe`, or less where a match is not at its end."""
        passed: list[str] = []
        at, end = self._settled, len(self._text)
        for match in self._pattern.finditer(self._text, at):
            if match.start() == match.end():
                continue
            if not is_end and (match.start() >= safe or match.end() == end):
                safe = min(safe, match.start())
                break
            passed += (self._text[at : match.start()], self._replacement)
            at = match.end()
        stop = max(at, safe)
        passed.append(self._text[at:stop])
        first_kept = max(0, stop - self._longest)
        self._text = self._text[first_kept:]
        self._settled = stop - first_kept
        return "".join(passed)
