"""Any answer of HTTP/1.1, read by h11.

In:  the head of the request, and the bytes of its answer as they arrive.
Out: the answer's head, then its body in parts; what is wrong with it is a `WireError`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import h11

from agentkit.transport.error_mapping import WireError
from agentkit.value import dataclass, maker

MAX_HEAD_BYTES = 102_400
"""Longest head of an answer, and longest line inside a chunked body."""

RawHeaders = Sequence[tuple[bytes, bytes]]

_NO_LENGTH = b"0\r\n\r\n"
_END = h11.EndOfMessage()
_BENDING = (b"connection", b"expect", b"upgrade")
_TOLD = (b"host", b"content-length", b"transfer-encoding", *_BENDING)


class RequestHead:
    """The head of requests that differ in nothing but the length of their body.

    It is checked and spelled once. h11 is told of a request without a body in its place, with
    only those headers that mean something to it: what it has to know of a request is that it is
    sent, and the bytes need no second look.

    Attributes:
        allows_fast_parser: nothing in it bends the form of its answer.
    """

    def __init__(
        self,
        *,
        method: str | bytes,
        target: str | bytes,
        headers: Iterable[tuple[bytes, bytes]],
        has_length: bool,
    ) -> None:
        """Spell it.

        Args:
            method: as it is sent.
            target: path and query.
            headers: all but the length of the body.
            has_length: the body has a length; else there is none.

        Raises:
            LocalProtocolError: it cannot be sent so.
        """
        length = [(b"content-length", b"0")] if has_length else []
        whole = h11.Request(method=method, target=target, headers=[*headers, *length])
        spelled = h11.Connection(h11.CLIENT).send(whole) or b""
        told = [pair for pair in whole.headers if pair[0] in _TOLD]
        self.event = h11.Request(method=method, target=target, headers=told)
        bending = [pair for pair in told if pair[0] in _BENDING]
        self.allows_fast_parser = not bending and whole.method not in (b"HEAD", b"CONNECT")
        self._start = spelled.removesuffix(_NO_LENGTH) if has_length else spelled
        self._has_length = has_length

    def spell(self, body: bytes) -> bytes:
        """Return the request with this body."""
        if not self._has_length:
            return self._start
        return b"%b%d\r\n\r\n%b" % (self._start, len(body), body)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseHead:
    """The head of an answer.

    Attributes:
        version: of HTTP, e.g. `b"1.1"`.
        raw: the headers as they came, without the space around their values.
        headers: the same; names in small letters, several of one name joined by commas.
    """

    status: int
    version: bytes
    raw: RawHeaders
    headers: Mapping[str, str]

    @staticmethod
    def of(status: int, raw: RawHeaders, *, version: bytes = b"1.1") -> "ResponseHead":
        """Build a head."""
        return _new_head(status=status, version=version, raw=raw, headers=_joined(raw))


_new_head = maker(ResponseHead)


def _joined(raw: RawHeaders) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name = raw_name.lower().decode("ascii")
        try:
            value = raw_value.decode()
        except UnicodeDecodeError:
            value = raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


class H11Response:
    """One answer of any form.

    Attributes:
        is_complete: it was read to its end.
    """

    def __init__(self, request: RequestHead) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._http.send(request.event)
        self._http.send(_END)
        self.is_complete = False

    def feed(self, data: bytes) -> None:
        """Take what has arrived; nothing means that the host has ended the connection."""
        self._http.receive_data(data)

    def head(self) -> ResponseHead | None:
        """Return the head; None while more is needed.

        Raises:
            WireError: it is no head of an answer.
        """
        while (event := self._next()) is not h11.NEED_DATA:
            if type(event) is h11.Response:
                raw = event.headers.raw_items()
                return ResponseHead.of(event.status_code, raw, version=event.http_version)
        return None

    def read(self) -> bytes:
        """Return what has arrived of the body; nothing at its end, and while more is needed.

        Raises:
            WireError: the body does not arrive whole.
        """
        parts: list[bytes] = []
        while not self.is_complete:
            try:
                event = self._next()
            except WireError:
                if parts:
                    break  # h11 says it again when it is asked for more
                raise
            if type(event) is h11.Data:
                parts.append(event.data)
            elif type(event) is h11.EndOfMessage:
                self.is_complete = True
            else:
                break
        return b"".join(parts)

    def is_reusable(self) -> bool:
        """Say whether the connection may carry another exchange after this one."""
        http = self._http
        is_done = http.our_state is h11.DONE and http.their_state is h11.DONE
        return is_done and http.trailing_data == (b"", False)

    def _next(self) -> Any:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise WireError("protocol", str(error)) from error
