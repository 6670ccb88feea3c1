"""Redact streamed text.

In:  chunks of text, cut anywhere.
Out: chunks of redacted text; joined, they equal the redaction of the joined input.

The end of the text received so far is held back while a match might begin there.
"""

import re
from collections.abc import Sequence


class StreamingRedactor:
    """Redacts one streamed text."""

    def __init__(
        self, patterns: Sequence[re.Pattern[str]], *, replacement: str, longest: int
    ) -> None:
        """Start a text.

        Args:
            patterns: applied one after the other.
            replacement: replaces each match.
            longest: characters of the longest match, including its lookahead and lookbehind.
        """
        self._stages = [
            _PatternRedactor(pattern, replacement=replacement, longest=longest)
            for pattern in patterns
        ]

    def feed(self, text: str) -> str:
        """Add a chunk, and return the text that is final now."""
        for stage in self._stages:
            text = stage.feed(text)
        return text

    def close(self) -> str:
        """End the text, and return what was held back."""
        text = ""
        for stage in self._stages:
            text = stage.feed(text) + stage.close()
        return text


class _PatternRedactor:
    """Replaces the matches of one pattern in a streamed text."""

    def __init__(self, pattern: re.Pattern[str], *, replacement: str, longest: int) -> None:
        self._pattern = pattern
        self._replacement = replacement
        self._longest = longest
        self._text = ""  # the text that is held back, after the text a lookbehind may need
        self._emitted = 0  # how much of `_text` was returned

    def feed(self, text: str) -> str:
        """Add a chunk, and return the text that no later chunk can change."""
        self._text += text
        end = len(self._text)
        return self._release(safe=end - self._longest, is_end=False) if text else ""

    def close(self) -> str:
        """Return the rest."""
        return self._release(safe=len(self._text), is_end=True)

    def _release(self, *, safe: int, is_end: bool) -> str:
        """Return the redacted text up to `safe`, or less if a match may go on."""
        released: list[str] = []
        at, end = self._emitted, len(self._text)
        for match in self._pattern.finditer(self._text, at):
            if match.start() == match.end():
                continue
            if not is_end and (match.start() >= safe or match.end() == end):
                safe = min(safe, match.start())
                break
            released += (self._text[at : match.start()], self._replacement)
            at = match.end()
        stop = max(at, safe)
        released.append(self._text[at:stop])
        first_kept = max(0, stop - self._longest)
        self._text = self._text[first_kept:]
        self._emitted = stop - first_kept
        return "".join(released)
