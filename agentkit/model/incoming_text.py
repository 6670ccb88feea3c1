"""Turn the text deltas of an answer into the text they stand for.

In:  the text of deltas, in the order they arrived.
Out: what each adds to the text.

Two provider faults are undone. Gateways that cut text by UTF-16 units send the halves of an emoji
in two JSON strings: halves are joined, a lone one becomes U+FFFD. And some providers send all text
so far with each delta, or once more at the end: such a snapshot replaces what came before it.
"""

from agentkit.surrogates import replace_surrogates

_MIN_SNAPSHOT_CHARS = 6
_MIN_REPEAT_CHARS = 8
_MIN_SINGLE_REPEAT_CHARS = 24
_MIN_DISTINCT_CHARS = 3
_START_CHARS = 64


class IncomingText:
    """The text of one answer as it arrives."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._start = ""
        self._size = 0
        self._half = ""
        self._maybe: str | None = None  # may be a snapshot, or go on with the text
        self._is_cumulative = False
        self._deltas = 0
        self.has_snapshots: bool = False

    def feed(self, text: str) -> str:
        """Take the text of the next delta and return what it adds."""
        text = self._half + text
        self._half = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return self._added(replace_surrogates(text)) if text else ""

    def close(self) -> str:
        """Return what the end of the answer adds."""
        half, self._half = replace_surrogates(self._half), ""
        added = self._added(half) if half else ""
        if self._maybe is None:
            return added
        maybe, self._maybe = self._maybe, None
        is_word = sum(map(str.isalpha, self._start)) >= _MIN_DISTINCT_CHARS
        is_snapshot = is_word or len(maybe) == self._size
        self.has_snapshots = self.has_snapshots or is_snapshot
        return added + self._add(maybe[self._size :] if is_snapshot else maybe)

    def _added(self, text: str) -> str:
        if self._maybe is not None:
            maybe, self._maybe = self._maybe, None
            is_longer = len(text) > len(maybe) and text.startswith(maybe)
            if is_longer and len(set(text)) >= _MIN_DISTINCT_CHARS:
                self.has_snapshots = self._is_cumulative = True
            else:
                return self._add(maybe) + self._added(text)
        if len(text) < self._size or not text.startswith(self._start) or not self._size:
            return self._add(text)
        so_far = "".join(self._parts)
        self._parts = [so_far]
        if not text.startswith(so_far):
            return self._add(text)
        return self._snapshot(text, so_far)

    def _snapshot(self, text: str, so_far: str) -> str:
        """Take text that begins with all text so far."""
        is_distinct = len(set(so_far)) >= _MIN_DISTINCT_CHARS
        if self._is_cumulative:
            return self._add(text[len(so_far) :])
        if len(text) == len(so_far):
            least = _MIN_REPEAT_CHARS if self._deltas > 1 else _MIN_SINGLE_REPEAT_CHARS
            if not is_distinct or self._size < least:
                return self._add(text)
            self._maybe = text  # all once more at the end, if it is the end
            return ""
        if not is_distinct or self._size < _MIN_SNAPSHOT_CHARS:
            self._maybe = text  # "ha" and "haha", or a snapshot: the next delta shows it
            return ""
        self.has_snapshots = self._is_cumulative = True
        return self._add(text[len(so_far) :])

    def _add(self, text: str) -> str:
        """Add text to the answer."""
        if text:
            self._parts.append(text)
            self._deltas += 1
            self._size += len(text)
            if len(self._start) < _START_CHARS:
                self._start = (self._start + text)[:_START_CHARS]
        return text
