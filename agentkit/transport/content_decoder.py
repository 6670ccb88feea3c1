"""Decode the `Content-Encoding` of a body as it arrives, within a bound.

In:  pieces of the encoded body, cut anywhere.
Out: pieces of the body, none longer than a limit; an error if the body is not what its header says,
     ends early, or is too large.

HTTP clients have decoders of their own, which decode a piece completely, however large it becomes:
1.3 MB of gzip can become 1.5 GB before the first size check. The bound here counts each decoded
byte as it is made.
"""

import zlib
from collections.abc import Iterator

_GZIP = 31  # zlib's number for a gzip wrapper and the largest window
_GZIP_NAMES = ("gzip", "x-gzip")  # RFC 9110, 8.4.1.3: recipients treat both alike

# RFC 9110, 8.4: `identity` is not to be sent, but is. Proxies and web frameworks also send a
# charset or the word "none", where the body is not encoded at all.
_NOT_ENCODED = ("", "identity", "none", "utf-8", "utf8", "us-ascii", "iso-8859-1")

MIN_MEMBER_BYTES = 1_024
"""What a gzip member counts at least. RFC 1952 allows any number of members in a row; a body of
empty ones never grows, costs time for each, and would pass every limit of decoded bytes."""


class DecodeError(Exception):
    """The bytes are not in the encoding that the header names, or stop before its end."""


class BodyTooLargeError(Exception):
    """The decoded body is longer than its bound."""


class UnknownEncodingError(Exception):
    """The header names an encoding that was not accepted."""


def is_mislabelled(content_encoding: str) -> bool:
    """Return whether a header names something that is not an encoding, for a plain body."""
    return _normal(content_encoding) in _NOT_ENCODED[1:]


class ContentDecoder:
    """Decodes one body.

    Attributes:
        left: how many bytes the rest of the body may have.
    """

    def __init__(
        self, content_encoding: str, *, max_bytes: int, max_piece_bytes: int = 65_536
    ) -> None:
        """Prepare for one body.

        Args:
            content_encoding: the value of the header; empty if there is none.
            max_bytes: longest decoded body.
            max_piece_bytes: longest piece that `feed` yields of an encoded body.

        Raises:
            UnknownEncodingError: the encoding is neither gzip nor none.
        """
        name = _normal(content_encoding)
        if name not in _NOT_ENCODED and name not in _GZIP_NAMES:
            raise UnknownEncodingError(name)
        # A decompressor takes memory and time, and most bodies need none.
        self._member = zlib.decompressobj(_GZIP) if name in _GZIP_NAMES else None
        self.left: int = max_bytes
        # A file name in the header, or empty blocks, can go on for ever without a decoded byte.
        # What deflate cannot shrink grows by less than a hundredth.
        self._encoded_left = 2 * max_bytes
        self._max_piece_bytes = max_piece_bytes
        self._is_inside = False
        self._member_bytes = 0

    @property
    def is_plain(self) -> bool:
        """Return whether the body is not encoded."""
        return self._member is None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` completes; exhaust the iterator before feeding again.

        Raises:
            DecodeError: the bytes are not gzip.
            BodyTooLargeError: the body is longer than its bound.
        """
        if self._member is None:
            self.count(len(data))
            yield data
            return
        self._encoded_left -= len(data)
        if self._encoded_left < 0:
            raise BodyTooLargeError
        while data:
            if self._member.eof:
                self._member = self._next_member()
            self._is_inside = True
            try:
                piece = self._member.decompress(data, self._max_piece_bytes)
            except zlib.error as error:
                raise DecodeError("The body is said to be gzip and is not.") from error
            data = self._member.unconsumed_tail or self._member.unused_data
            if piece:
                self._member_bytes += len(piece)
                self.count(len(piece))
                yield piece

    def count(self, size: int) -> None:
        """Count decoded bytes.

        Raises:
            BodyTooLargeError: they exceed the bound.
        """
        self.left -= size
        if self.left < 0:
            raise BodyTooLargeError

    def finish(self) -> None:
        """Check that the body reached its end.

        Raises:
            DecodeError: it stops in the middle.
        """
        if self._member is not None and self._is_inside and not self._member.eof:
            raise DecodeError("The gzip body stops in the middle.")

    def _next_member(self) -> "zlib._Decompress":
        self.count(max(0, MIN_MEMBER_BYTES - self._member_bytes))
        self._member_bytes = 0
        return zlib.decompressobj(_GZIP)


def _normal(content_encoding: str) -> str:
    return content_encoding.strip().lower()
