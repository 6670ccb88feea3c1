"""Decoding and counting bodies."""

import gzip

import pytest

from agentkit.transport.body_decoder import BodyDecoder, BodyTooLargeError, UnknownEncodingError
from agentkit.transport.gzip_decoder import GzipError

EMPTY_MEMBER = gzip.compress(b"")


def decode(encoding: str, *parts: bytes, max_bytes: int | None = 1_000) -> bytes:
    """Return the decoded body."""
    decoder = BodyDecoder(encoding, max_bytes=max_bytes)
    decoded = b"".join(piece for part in parts for piece in decoder.feed(part))
    decoder.close()
    return decoded


@pytest.mark.parametrize("encoding", ["", "identity", "UTF-8", "none"])
def test_a_plain_body_is_returned_unchanged(encoding: str) -> None:
    """Also if a misconfigured server declares a character set as its encoding."""
    assert decode(encoding, b"a", b"b") == b"ab"


@pytest.mark.parametrize("encoding", ["gzip", " X-GZIP"])
def test_gzip_is_decoded_however_it_is_cut(encoding: str) -> None:
    """In several members too."""
    body = gzip.compress(b"a" * 50) + EMPTY_MEMBER + gzip.compress(b"b")

    assert decode(encoding, *(body[at : at + 1] for at in range(len(body)))) == b"a" * 50 + b"b"


@pytest.mark.parametrize(
    ("encoding", "parts"),
    [
        ("", [b"a" * 600, b"a" * 600]),
        ("gzip", [gzip.compress(b"a" * 10_000_000)]),
        ("gzip", [EMPTY_MEMBER] * 100),
    ],
    ids=["plain", "decoded", "encoded"],
)
def test_both_sizes_have_the_limit(encoding: str, parts: list[bytes]) -> None:
    """A small body may decode to gigabytes, and an endless one to nothing."""
    with pytest.raises(BodyTooLargeError, match=r"exceeds 0\.001 MB"):
        decode(encoding, *parts)


def test_without_a_limit_nothing_is_counted() -> None:
    """For event streams, whose events have their own limit."""
    assert len(decode("gzip", gzip.compress(b"a" * 100_000), max_bytes=None)) == 100_000


def test_a_body_that_stops_in_the_middle_is_an_error() -> None:
    """It is not complete."""
    with pytest.raises(GzipError, match="stops in the middle"):
        decode("gzip", gzip.compress(b"a" * 50)[:-4])


def test_another_encoding_is_an_error() -> None:
    """It was not asked for."""
    with pytest.raises(UnknownEncodingError, match="'br' is not supported"):
        BodyDecoder("br", max_bytes=None)
