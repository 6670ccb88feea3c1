"""Parse any HTTP/1.1 response with h11.

In:  the head of the request, and the bytes of its response as they arrive.
Out: the response's head, then its body in parts; a malformed one raises `WireError`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

import h11

from agentkit.transport.error_mapping import WireError
from agentkit.value import record

MAX_HEAD_BYTES = 102_400
"""Longest head of a response, and longest line inside a chunked body."""

_new = object.__new__

RawHeaders = Sequence[tuple[bytes, bytes]]

_NO_LENGTH = b"0\r\n\r\n"
_END = h11.EndOfMessage()
_FRAMING = (b"connection", b"expect", b"upgrade")
_KEPT = (b"host", b"content-length", b"transfer-encoding", *_FRAMING)


MAX_JOINED_BYTES = 65_536
"""A longer body is sent as it is: copying it takes longer than another call of `send`."""


class RequestHead:
    """The head of requests that differ in nothing but the length of their body.

    It is checked and encoded once. Each response parser gets a reduced event in its place, without
    a body and with only the headers that affect framing: h11 needs to know that a request was
    sent, and its bytes need no second check.

    Attributes:
        allows_fast_parser: its method and headers leave the form of the response alone.
    """

    def __init__(
        self,
        *,
        method: str | bytes,
        target: str | bytes,
        headers: Iterable[tuple[bytes, bytes]],
        has_length: bool,
    ) -> None:
        """Encode it.

        Args:
            method: as it is sent.
            target: path and query.
            headers: all but the length of the body.
            has_length: the body has a length; else there is none.

        Raises:
            LocalProtocolError: it cannot be sent so.
        """
        length = [(b"content-length", b"0")] if has_length else []
        request = h11.Request(method=method, target=target, headers=[*headers, *length])
        encoded = h11.Connection(h11.CLIENT).send(request) or b""
        kept = [pair for pair in request.headers if pair[0] in _KEPT]
        self.event: h11.Request = h11.Request(method=method, target=target, headers=kept)
        framing = [pair for pair in kept if pair[0] in _FRAMING]
        self.allows_fast_parser: bool = not framing and request.method not in (b"HEAD", b"CONNECT")
        self._start = encoded.removesuffix(_NO_LENGTH) if has_length else encoded
        self._has_length = has_length

    def with_header(self, line: bytes) -> "RequestHead":
        """Return the same head with one more header, which is not checked again.

        Args:
            line: a correct header that does not affect framing, without its line end.
        """
        head = _new(RequestHead)  # `copy` takes five times as long
        head.event, head.allows_fast_parser = self.event, self.allows_fast_parser
        head._has_length = self._has_length
        first, _, rest = self._start.partition(b"\r\n")
        head._start = b"%b\r\n%b\r\n%b" % (first, line, rest)
        return head

    def encode(self, body: bytes) -> tuple[bytes, ...]:
        """Return the parts of the request with this body: one, or two for a long body."""
        if not self._has_length:
            return (self._start,)
        if len(body) > MAX_JOINED_BYTES:
            return (b"%b%d\r\n\r\n" % (self._start, len(body)), body)
        return (b"%b%d\r\n\r\n%b" % (self._start, len(body), body),)


@record
class ResponseHead:
    """The head of a response.

    Attributes:
        headers: names in lower case; several of one name are joined by commas.
        lines: the same as they came.
        version: of HTTP, e.g. `b"1.1"`.
    """

    status: int
    headers: Mapping[str, str]
    lines: bytes = field(compare=False)
    version: bytes = b"1.1"

    @property
    def raw(self) -> RawHeaders:
        """Return the headers as they came, without the space around their values."""
        fields = [line.partition(b":") for line in self.lines.split(b"\r\n")[:-1]]
        return [(name, value.strip(b" ")) for name, _, value in fields]


def add_header(headers: dict[str, str], name: str, value: str) -> None:
    """Add a header to those before it; several of one name are joined by commas."""
    headers[name] = f"{headers[name]}, {value}" if name in headers else value


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


class H11Response:
    """One response of any form.

    Attributes:
        is_complete: it was read to its end.
    """

    def __init__(self, request: RequestHead) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._http.send(request.event)
        self._http.send(_END)
        self.is_complete: bool = False

    def feed(self, data: bytes) -> None:
        """Take what has arrived; no bytes mean that the host has closed the connection."""
        self._http.receive_data(data)

    def head(self) -> ResponseHead | None:
        """Return the head; None while more is needed.

        Raises:
            WireError: it is not the head of a response.
        """
        while (event := self._next()) is not h11.NEED_DATA:
            if type(event) is h11.Response:
                headers: dict[str, str] = {}
                raw = event.headers.raw_items()
                for name, value in raw:
                    add_header(headers, name.lower().decode("ascii"), _text(value))
                return ResponseHead(
                    status=event.status_code,
                    headers=headers,
                    lines=b"".join([b"%b:%b\r\n" % pair for pair in raw]),
                    version=event.http_version,
                )
        return None

    def read(self) -> bytes:
        """Return what has arrived of the body; nothing at its end, and while more is needed.

        Raises:
            WireError: the body ended early.
        """
        parts: list[bytes] = []
        while not self.is_complete:
            try:
                event = self._next()
            except WireError:
                if parts:
                    break  # h11 raises it again at the next call
                raise
            if type(event) is h11.Data:
                parts.append(event.data)
            elif type(event) is h11.EndOfMessage:
                self.is_complete = True
            else:
                break
        return b"".join(parts)

    def is_reusable(self) -> bool:
        """Return whether the connection may carry another exchange after this one."""
        http = self._http
        is_done = http.our_state is h11.DONE and http.their_state is h11.DONE
        return is_done and http.trailing_data == (b"", False)

    def _next(self) -> Any:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise WireError("protocol", str(error)) from error
