"""The decoded body of a response, as it arrives.

In:  the parts of a body as a connection returns them, encoded or not.
Out: pieces, none empty; every failure is a `TransportError`.

The same for every transport: what is decoded, how much is read, which error an interruption is.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from agentkit.errors import TransportError
from agentkit.transport.content_decoder import (
    BodyTooLargeError,
    ContentDecoder,
    DecodeError,
    UnknownEncodingError,
)
from agentkit.transport.error_mapping import ErrorMapper, WireError
from agentkit.wire import WireHead


class BodyParts(Protocol):
    """The parts of one body."""

    async def receive(self) -> bytes:
        """Return the next part; empty at the end of the body, and from then on.

        Raises:
            WireError: the body ended early, or nothing arrived for too long.
        """


class ResponseBody(AsyncIterator[bytes]):
    """The pieces of one body; can be read once, until it is closed."""

    def __init__(self, parts: BodyParts, *, head: WireHead, error_mapper: ErrorMapper) -> None:
        self._parts = parts
        self._request_id = head.request_id
        self._error_mapper = error_mapper
        self._is_closed = False
        self._encoding = head.headers.get("content-encoding", "")
        self._decoder: ContentDecoder | None = None
        self._pieces: Iterator[bytes] = iter(())

    async def __anext__(self) -> bytes:
        if self._is_closed:
            raise RuntimeError("The answer was closed; read it inside its 'async with'.")
        try:
            piece = await self._next()
        except WireError as error:
            raise self._interrupted(error) from error
        except DecodeError as error:
            raise self._interrupted(WireError("content_encoding", str(error))) from error
        except BodyTooLargeError as error:
            raise self._error_mapper.response_too_large(request_id=self._request_id) from error
        except UnknownEncodingError as error:
            raise self._error_mapper.unknown_content_encoding(
                str(error), request_id=self._request_id
            ) from error
        if not piece:
            raise StopAsyncIteration
        return piece

    def close(self) -> None:
        """Reject all further reading: an end would look like the end of the answer."""
        self._is_closed = True

    async def _next(self) -> bytes:
        """Return the next piece; empty at the end."""
        decoder = self._decoder
        if decoder is None:
            # Only now: most bodies are read, and an error belongs to the reader.
            max_bytes = self._error_mapper.settings.max_response_bytes
            decoder = self._decoder = ContentDecoder(self._encoding, max_bytes=max_bytes)
        if decoder.is_plain:
            part = await self._parts.receive()
            decoder.count(len(part))
            return part
        while True:
            for piece in self._pieces:
                return piece
            part = await self._parts.receive()
            if not part:
                decoder.finish()
                return part
            self._pieces = decoder.feed(part)

    def _interrupted(self, error: WireError) -> TransportError:
        return self._error_mapper.during_response(error, request_id=self._request_id)
