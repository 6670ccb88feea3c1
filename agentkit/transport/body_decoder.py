"""Decode and count the body of an HTTP response.

In:  the content encoding, a limit, the parts of the body as they arrive.
Out: pieces of the decoded body; an error if it exceeds the limit or is not encoded as declared.

Both the encoded and the decoded bytes count: a body of endless empty gzip members decodes to
nothing, and a small one can decode to gigabytes.
"""

from collections.abc import Iterator

from agentkit.transport.gzip_decoder import GzipDecoder

PLAIN = frozenset({"", "identity", "none", "utf-8", "utf8", "binary", "chunked"})
"""Encodings of a plain body: `identity`, and values that misconfigured servers send for it."""

_GZIP = frozenset({"gzip", "x-gzip"})


class BodyTooLargeError(Exception):
    """A body exceeds its limit."""


class UnknownEncodingError(Exception):
    """A body has a content encoding that was not asked for."""


class BodyDecoder:
    """Decodes one body."""

    def __init__(self, encoding: str, *, max_bytes: int | None) -> None:
        """Prepare for one body.

        Args:
            encoding: the `Content-Encoding` header; empty if there is none.
            max_bytes: limit of the encoded and of the decoded size; None for no limit.

        Raises:
            UnknownEncodingError: the encoding is neither gzip nor plain.
        """
        name = encoding.strip().lower()
        if name not in PLAIN and name not in _GZIP:
            raise UnknownEncodingError(f"The content encoding {name!r} is not supported.")
        self._gunzip = GzipDecoder() if name in _GZIP else None
        self._max_bytes = max_bytes
        self._encoded_bytes = 0
        self._decoded_bytes = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded pieces of a part; read to the end before feeding the next.

        Raises:
            BodyTooLargeError: the body exceeds its limit.
            GzipError: the body is not gzip.
        """
        self._encoded_bytes += len(data)
        self._check(self._encoded_bytes)
        for piece in (data,) if self._gunzip is None else self._gunzip.feed(data):
            self._decoded_bytes += len(piece)
            self._check(self._decoded_bytes)
            yield piece

    def close(self) -> None:
        """Check that the body is complete.

        Raises:
            GzipError: it stops in the middle.
        """
        if self._gunzip is not None:
            self._gunzip.close()

    def _check(self, size: int) -> None:
        if self._max_bytes is not None and size > self._max_bytes:
            raise BodyTooLargeError(f"The body exceeds {self._max_bytes / 1_000_000:g} MB.")
