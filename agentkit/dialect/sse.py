"""Read server-sent events from bytes that may be cut anywhere.

In:  bytes of an event stream.
Out: `ServerEvent`s, each as soon as it is complete.

The format is https://html.spec.whatwg.org/multipage/server-sent-events.html, with two exceptions:
an event that the end of the stream cuts off before its blank line is still returned, and a line of
plain JSON counts as data, because proxies write their errors into a running stream that way.
Every byte is examined once, however the network cut the stream.
"""

from agentkit.value import record

_LINE_ENDS = (b"\n", b"\r")
_BOM = b"\xef\xbb\xbf"


@record
class ServerEvent:
    """One event; `name` is None where the provider gave none."""

    data: str
    name: str | None = None


class SSEDecoder:
    """Turns the bytes of one stream into events."""

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._name: str | None = None
        self._skip_newline = False
        self._is_first_line = True

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Read the next bytes and return the events they complete, in order."""
        if self._skip_newline and data[:1] == b"\n":
            data = data[1:]
            self._skip_newline = False
        if not data:
            return []
        # A chunk that ends with CR has ended its line; the LF may still follow in the next one.
        self._skip_newline = data[-1:] == b"\r"
        events: list[ServerEvent] = []
        lines = data.splitlines()
        rest = b"" if data[-1:] in _LINE_ENDS else lines.pop()
        for line in lines:
            if self._line:
                self._line.append(line)
                self._end_line(self._take_line(), events)
            elif line or self._is_first_line:
                self._end_line(line, events)
            else:
                self._dispatch(events)
        if rest:
            self._line.append(rest)
        return events

    def close(self) -> list[ServerEvent]:
        """Return the event that the end of the stream cut off, if there is one."""
        events: list[ServerEvent] = []
        if self._line:
            self._end_line(self._take_line(), events)
        self._dispatch(events)
        return events

    def _take_line(self) -> bytes:
        """Return the line that came in pieces."""
        line = b"".join(self._line)
        self._line.clear()
        return line

    def _end_line(self, line: bytes, events: list[ServerEvent]) -> None:
        """Read a complete line."""
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BOM)
            if not line:
                return
        if line[:1] == b"{":
            self._dispatch(events)
            self._data.append(line)
            self._dispatch(events)
            return
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
        elif field == b"event":
            self._name = value.removeprefix(b" ").decode("utf-8", "replace")

    def _dispatch(self, events: list[ServerEvent]) -> None:
        """Add the event collected so far; one without data is no event."""
        if self._data:
            text = b"\n".join(self._data).decode("utf-8", "replace")
            events.append(ServerEvent(data=text, name=self._name))
            self._data.clear()
        self._name = None
