"""The body of an answer, unpacked, as it arrives.

In:  the parts of a body as a connection gives them, packed or not.
Out: pieces, none empty; every failure is a `TransportError`.

The same for every transport: what is unpacked, how much is taken, what is said when it breaks off.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from agentkit.errors import TransportError
from agentkit.transport.error_mapping import ErrorMapper, WireError
from agentkit.transport.gzip_decoder import GzipDecoder, GzipError
from agentkit.wire import WireHead


class BodyParts(Protocol):
    """The parts of one body."""

    async def receive(self) -> bytes:
        """Return the next part; empty at the end of the body, and from then on.

        Raises:
            WireError: the body does not arrive whole, or nothing came for too long.
        """


class ResponseBody(AsyncIterator[bytes]):
    """The pieces of one body; can be read once, until it is closed."""

    def __init__(self, parts: BodyParts, *, head: WireHead, border: ErrorMapper) -> None:
        self._parts = parts
        self._request_id = head.request_id
        self._border = border
        self._left = border.settings.max_response_bytes
        self._is_closed = False
        self._coding = head.headers.get("content-encoding", "").strip().lower()
        self._gunzip = GzipDecoder() if self._coding in ("gzip", "x-gzip") else None
        self._unpacked: Iterator[bytes] = iter(())

    async def __anext__(self) -> bytes:
        if self._is_closed:
            raise RuntimeError("The answer was closed; read it inside its 'async with'.")
        if self._gunzip is None and self._coding not in ("", "identity"):
            raise self._border.unknown_content_encoding(self._coding, request_id=self._request_id)
        try:
            chunk = await self._next()
        except WireError as error:
            raise self._broken(error) from error
        except GzipError as error:
            raise self._broken(WireError("content_encoding", str(error))) from error
        if not chunk:
            raise StopAsyncIteration
        self._left -= len(chunk)
        if self._left < 0:
            raise self._border.response_too_large(request_id=self._request_id)
        return chunk

    def close(self) -> None:
        """Let nothing be read any more: an end would look like the end of the answer."""
        self._is_closed = True

    async def _next(self) -> bytes:
        """Return the next piece; empty at the end."""
        if self._gunzip is None:
            return await self._parts.receive()
        while True:
            for piece in self._unpacked:
                return piece
            part = await self._parts.receive()
            if not part:
                self._gunzip.close()
                return part
            self._unpacked = self._gunzip.feed(part)

    def _broken(self, error: WireError) -> TransportError:
        return self._border.during_response(error, request_id=self._request_id)
