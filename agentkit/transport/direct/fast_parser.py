"""Parse responses of the common form without h11.

In:  the bytes of a response, as they arrive.
Out: its head, and its body in parts; None if it has another form.

Nearly every response has one form: HTTP/1.1, a line for each header, a length or plain chunks. This
parser accepts that form only, and reports no error but a body that ends early: anything else is
parsed by h11, from the last chunk boundary on; see docs/decisions/0011-fast-response-parser.md.
"""

import re
from typing import TypeAlias

from agentkit.transport.direct.h11_parser import H11Response, RequestHead, ResponseHead, add_header
from agentkit.transport.error_mapping import WireError
from agentkit.value import dataclass

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEAD = re.compile(rb"HTTP/1\.1 ([2-5]\d\d) [ -~]*\r\n((?:" + _TOKEN + rb":[ -~]*\r\n)*)\r\n")
_WITHOUT_BODY = (204, 304)
_LENGTH_DIGITS = 18
_REQUEST = RequestHead(method="GET", target="/", headers=[(b"host", b"")], has_length=False)
_IN_CHUNKS = b"HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n"

FastBody: TypeAlias = "LengthBody | ChunkedBody"


def parse_fast(data: bytes) -> "tuple[ResponseHead, FastBody] | None":
    """Return the head at the start of `data` and the body after it, if both have the common form.

    `data` is all that has arrived: a head that arrives in pieces is left to h11.
    """
    found = _HEAD.match(data)
    if found is None:
        return None
    headers: dict[str, str] = {}
    for line in found[2].decode("ascii").split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        add_header(headers, name.lower(), value.strip(" "))
    head = ResponseHead(status=int(found[1]), headers=headers, lines=found[2])
    body = _body_of(head)
    if body is None:
        return None
    if found.end() < len(data):
        body.feed(data[found.end() :])
    return head, body


def _body_of(head: ResponseHead) -> "FastBody | None":
    """Return the parser of the body, if there is a body and its headers have the common form."""
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
class _ChunkBoundary:
    """The bytes between two chunks.

    Attributes:
        size: the boundary with the size of the next chunk.
        last: the boundary with the end of the body.
        begun: a prefix of either.
        before: a response that brings h11 to the same state.
    """

    size: re.Pattern[bytes]
    last: re.Pattern[bytes]
    begun: re.Pattern[bytes]
    before: bytes


_FIRST = _ChunkBoundary(
    size=re.compile(rb"([1-9A-Fa-f][0-9A-Fa-f]{0,7})\r\n"),
    last=re.compile(rb"0\r\n\r\n"),
    begun=re.compile(rb"(?:[1-9A-Fa-f][0-9A-Fa-f]{0,7}\r?|0(?:\r(?:\n\r?)?)?)?"),
    before=_IN_CHUNKS,
)
_NEXT = _ChunkBoundary(
    size=re.compile(rb"\r\n" + _FIRST.size.pattern),
    last=re.compile(rb"\r\n" + _FIRST.last.pattern),
    begun=re.compile(rb"(?:\r(?:\n" + _FIRST.begun.pattern + rb")?)?"),
    before=_IN_CHUNKS + b"1\r\n-",
)


class LengthBody:
    """A body with a Content-Length.

    Attributes:
        is_complete: it was read to its end.
    """

    def __init__(self, length: int) -> None:
        self._left = length
        self._buffer = b""
        self.is_complete: bool = length == 0

    def feed(self, data: bytes) -> None:
        """Take what has arrived; see `H11Response.feed`."""
        if not data and self._left:
            raise WireError(
                "protocol", f"the connection ended with {self._left} bytes of the body to come"
            )
        self._buffer += data

    def read(self) -> bytes:
        """Return what has arrived of the body; see `H11Response.read`."""
        part, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
        self._left -= len(part)
        self.is_complete = not self._left
        return part

    def is_reusable(self) -> bool:
        """Return whether the connection may carry another exchange after this one."""
        return self.is_complete and not self._buffer


class ChunkedBody:
    """A body in the chunked transfer coding.

    Attributes:
        is_complete: it was read to its end.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._left = 0
        self._boundary = _FIRST
        self._h11: H11Response | None = None
        self.is_complete: bool = False

    def feed(self, data: bytes) -> None:
        """Take what has arrived; see `H11Response.feed`."""
        if self._h11 is not None:
            self._h11.feed(data)
        elif data:
            self._buffer += data
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
        """Return whether the connection may carry another exchange after this one."""
        if self._h11 is not None:
            return self._h11.is_reusable()
        return self.is_complete and not self._buffer

    def _read_chunks(self) -> list[bytes]:
        """Return what has arrived of the chunks, up to one of another form."""
        data, parts, at = self._buffer, [], 0
        while True:
            if self._left:
                part = data[at : at + self._left]
                if not part:
                    break
                parts.append(part)
                at += len(part)
                self._left -= len(part)
            elif found := self._boundary.size.match(data, at):
                self._left, at = int(found[1], 16), found.end()
                self._boundary = _NEXT
            else:
                at = self._end(data, at)
                break
        self._buffer = data[at:]
        return parts

    def _end(self, data: bytes, at: int) -> int:
        """Parse what follows the last chunk; return where the parsed part ends."""
        if found := self._boundary.last.match(data, at):
            self.is_complete = True
            return found.end()
        if self._boundary.begun.fullmatch(data, at):
            return at
        self._h11 = answer = H11Response(_REQUEST)
        answer.feed(self._boundary.before)
        answer.head()
        answer.read()
        answer.feed(data[at:])
        return len(data)
