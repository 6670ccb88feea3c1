"""Answers of the usual form, read at sight.

In:  the bytes of an answer, as they arrive.
Out: its head, and its body in parts; or the word that it is not of the usual form.

Nearly every answer is of one form: HTTP/1.1, a line for each header, a length or plain chunks. What
is here reads that form and nothing else, and finds nothing wrong but a body that ends too soon:
whatever is of another form is read by h11, from the last border on; see
docs/decisions/0011-fast-response-parser.md.
"""

import re
from typing import TypeAlias

from agentkit.transport.direct.h11_parser import H11Response, RequestHead, ResponseHead
from agentkit.transport.error_mapping import WireError
from agentkit.value import dataclass

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEAD = re.compile(rb"HTTP/1\.1 ([2-5]\d\d) [ -~]*\r\n((?:" + _TOKEN + rb":[ -~]*\r\n)*)\r\n")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):([ -~]*)\r\n")
_WITHOUT_BODY = (204, 304)
_LENGTH_DIGITS = 18
_REQUEST = RequestHead(method="GET", target="/", headers=[(b"host", b"")], has_length=False)
_IN_CHUNKS = b"HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n"

FastBody: TypeAlias = "LengthBody | ChunkedBody"


def parse_fast(heard: bytes) -> "tuple[ResponseHead, FastBody] | None":
    """Return the head at the start of `heard` and the body after it, if both are of the usual form.

    `heard` is all that has arrived: a head that comes in pieces is not usual.
    """
    found = _HEAD.match(heard)
    if found is None:
        return None
    raw = [(name, value.strip(b" ")) for name, value in _FIELD.findall(found[2])]
    head = ResponseHead.of(int(found[1]), raw)
    body = _body_of(head)
    if body is None:
        return None
    if found.end() < len(heard):
        body.feed(heard[found.end() :])
    return head, body


def _body_of(head: ResponseHead) -> "FastBody | None":
    """Return what reads the body, where there is one and its end is told in the usual way."""
    headers = head.headers
    if head.status in _WITHOUT_BODY or "upgrade" in headers:
        return None
    if headers.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if length is None:
        return ChunkedBody() if coding == "chunked" else None
    if coding is not None or not length.isdigit() or len(length) > _LENGTH_DIGITS:
        return None
    return LengthBody(int(length))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Border:
    """What stands between two chunks.

    Attributes:
        size: it, with the size of the chunk that comes.
        last: it, and then the end of the body.
        begun: the start of either.
        before: an answer that brings h11 to the same place.
    """

    size: re.Pattern[bytes]
    last: re.Pattern[bytes]
    begun: re.Pattern[bytes]
    before: bytes


_FIRST = _Border(
    size=re.compile(rb"([1-9A-Fa-f][0-9A-Fa-f]{0,7})\r\n"),
    last=re.compile(rb"0\r\n\r\n"),
    begun=re.compile(rb"(?:[1-9A-Fa-f][0-9A-Fa-f]{0,7}\r?|0(?:\r(?:\n\r?)?)?)?"),
    before=_IN_CHUNKS,
)
_NEXT = _Border(
    size=re.compile(rb"\r\n" + _FIRST.size.pattern),
    last=re.compile(rb"\r\n" + _FIRST.last.pattern),
    begun=re.compile(rb"(?:\r(?:\n" + _FIRST.begun.pattern + rb")?)?"),
    before=_IN_CHUNKS + b"1\r\n-",
)


class LengthBody:
    """A body of a length that is known.

    Attributes:
        is_complete: it was read to its end.
    """

    def __init__(self, length: int) -> None:
        self._left = length
        self._heard = b""
        self.is_complete = length == 0

    def feed(self, data: bytes) -> None:
        """Take what has arrived; see `H11Response.feed`."""
        if not data and self._left:
            raise WireError(
                "protocol", f"the connection ended with {self._left} bytes of the body to come"
            )
        self._heard += data

    def read(self) -> bytes:
        """Return what has arrived of the body; see `H11Response.read`."""
        part, self._heard = self._heard[: self._left], self._heard[self._left :]
        self._left -= len(part)
        self.is_complete = not self._left
        return part

    def is_reusable(self) -> bool:
        """Say whether the connection may carry another exchange after this one."""
        return self.is_complete and not self._heard


class ChunkedBody:
    """A body in chunks.

    Attributes:
        is_complete: it was read to its end.
    """

    def __init__(self) -> None:
        self._heard = b""
        self._left = 0
        self._border = _FIRST
        self._h11: H11Response | None = None
        self.is_complete = False

    def feed(self, data: bytes) -> None:
        """Take what has arrived; see `H11Response.feed`."""
        if self._h11 is not None:
            self._h11.feed(data)
        elif data:
            self._heard += data
        else:
            raise WireError("protocol", "the connection ended inside a body in chunks")

    def read(self) -> bytes:
        """Return what has arrived of the body; see `H11Response.read`."""
        if self.is_complete:
            return b""
        if self._h11 is None:
            parts = self._read_chunks()
            if parts or self._h11 is None:
                return b"".join(parts)
        part = self._h11.read()
        self.is_complete = self._h11.is_complete
        return part

    def is_reusable(self) -> bool:
        """Say whether the connection may carry another exchange after this one."""
        if self._h11 is not None:
            return self._h11.is_reusable()
        return self.is_complete and not self._heard

    def _read_chunks(self) -> list[bytes]:
        """Return what has arrived of the chunks, up to one that is not plain."""
        heard, parts, at = self._heard, [], 0
        while True:
            if self._left:
                part = heard[at : at + self._left]
                if not part:
                    break
                parts.append(part)
                at += len(part)
                self._left -= len(part)
            elif found := self._border.size.match(heard, at):
                self._left, at = int(found[1], 16), found.end()
                self._border = _NEXT
            else:
                at = self._end(heard, at)
                break
        self._heard = heard[at:]
        return parts

    def _end(self, heard: bytes, at: int) -> int:
        """Look at what is no chunk; return where what is read of it ends."""
        if found := self._border.last.match(heard, at):
            self.is_complete = True
            return found.end()
        if self._border.begun.fullmatch(heard, at):
            return at
        self._h11 = answer = H11Response(_REQUEST)
        answer.feed(self._border.before)
        answer.head()
        answer.read()
        answer.feed(heard[at:])
        return len(heard)
