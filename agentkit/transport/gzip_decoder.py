"""Unpack a gzip body as it arrives.

In:  pieces of the packed body, cut anywhere.
Out: pieces of the body, none longer than a limit; `GzipError` if it is not gzip or ends early.

The HTTP client has a decoder of its own; when that one fails, it leaves the connection's readers
unfinished, and it unpacks a piece whole, however long it becomes.
"""

import zlib
from collections.abc import Iterator

_GZIP = 31  # zlib's number for a gzip wrapper and the largest window


class GzipError(Exception):
    """The bytes are not gzip, or do not reach its end."""


class GzipDecoder:
    """Unpacks one body, which may be several gzip members in a row."""

    def __init__(self, *, max_piece_bytes: int = 65_536) -> None:
        self._max_piece_bytes = max_piece_bytes
        self._member = zlib.decompressobj(_GZIP)
        self._is_inside = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` completes; read to the end before feeding again.

        Raises:
            GzipError: the bytes are not gzip.
        """
        while data:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            self._is_inside = True
            try:
                piece = self._member.decompress(data, self._max_piece_bytes)
            except zlib.error as error:
                raise GzipError("The body is said to be gzip and is not.") from error
            data = self._member.unconsumed_tail or self._member.unused_data
            if piece:
                yield piece

    def close(self) -> None:
        """Check that the body reached its end.

        Raises:
            GzipError: it stops in the middle.
        """
        if self._is_inside and not self._member.eof:
            raise GzipError("The gzip body stops in the middle.")
