"""A gzip body is decoded the same however it is cut, never silently short, and within its bound."""

import gzip
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.transport.content_decoder import (
    BodyTooLargeError,
    ContentDecoder,
    DecodeError,
    UnknownEncodingError,
    is_mislabelled,
)

BODY = b'{"choices": [' + b'{"text": "word"},' * 200 + b"]}"
ENCODED = gzip.compress(BODY[:1000]) + gzip.compress(BODY[1000:])


def decoded(encoded: bytes, edges: list[int]) -> bytes:
    """Decode bytes that arrive cut at `edges`."""
    decoder = ContentDecoder("gzip", max_bytes=100_000, max_piece_bytes=100)
    parts = [encoded[start:end] for start, end in pairwise([0, *sorted(edges), len(encoded)])]
    body = b"".join(piece for part in parts for piece in decoder.feed(part))
    decoder.finish()
    return body


@settings(max_examples=100)
@given(edges=st.lists(st.integers(min_value=0, max_value=len(ENCODED)), max_size=20))
def test_a_body_does_not_depend_on_where_it_was_cut(edges: list[int]) -> None:
    """Two members in a row are one body."""
    assert decoded(ENCODED, edges) == BODY


@given(end=st.integers(min_value=1, max_value=len(gzip.compress(BODY)) - 1))
def test_a_body_that_stops_in_the_middle_is_an_error(end: int) -> None:
    """Half an answer must not look complete."""
    with pytest.raises(DecodeError, match="stops in the middle"):
        decoded(gzip.compress(BODY)[:end], [])


def test_a_body_of_nothing_is_a_body() -> None:
    """An answer to HEAD says gzip and has none."""
    assert decoded(b"", []) == b""


def test_a_body_that_is_not_gzip_is_an_error() -> None:
    """Some proxies decode the body and leave the header."""
    with pytest.raises(DecodeError, match="said to be gzip and is not"):
        decoded(b"plain", [])


def test_a_small_body_that_decodes_to_a_huge_one_comes_in_small_pieces() -> None:
    """So the reader can stop it before it fills memory."""
    encoded = gzip.compress(bytes(50_000_000))
    tracemalloc.start()
    try:
        pieces = ContentDecoder("gzip", max_bytes=50_000_000).feed(encoded)
        sizes = [len(next(pieces)) for _ in range(10)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert sizes == [65_536] * 10
    assert peak < 1_000_000


BODIES_WITHOUT_END = {
    "decoded bytes": gzip.compress(bytes(200_000)),
    "empty members": gzip.compress(b"") * 1_000,
    "members of a byte": gzip.compress(b"x") * 1_000,
    "a file name in the header": b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 300_000,
    "empty blocks": gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff" * 60_000,
}


@pytest.mark.parametrize("body", BODIES_WITHOUT_END.values(), ids=BODIES_WITHOUT_END)
@pytest.mark.parametrize("size", [1_000, 100_000])
def test_a_body_without_end_reaches_the_bound(body: bytes, size: int) -> None:
    """Whatever the body is made of, and however it is cut."""
    decoder = ContentDecoder("gzip", max_bytes=100_000)
    parts = [body[at : at + size] for at in range(0, len(body), size)]

    with pytest.raises(BodyTooLargeError):
        for part in parts:
            for piece in decoder.feed(part):
                assert len(piece) <= 65_536


def test_a_body_of_many_small_members_is_within_the_bound_of_a_transport() -> None:
    """As a server writes that compresses each event on its own."""
    decoder = ContentDecoder("gzip", max_bytes=64_000_000)
    body = gzip.compress(b"data: {}\n\n") * 5_000

    assert b"".join(decoder.feed(body)) == b"data: {}\n\n" * 5_000
    decoder.finish()


@pytest.mark.parametrize("name", ["", "identity", "none", "UTF-8", " utf8 ", "iso-8859-1"])
def test_a_header_that_names_no_encoding_leaves_the_body_as_it_is(name: str) -> None:
    """Some providers and proxies put a charset or the word none there."""
    decoder = ContentDecoder(name, max_bytes=10)

    assert list(decoder.feed(b"plain")) == [b"plain"]
    assert is_mislabelled(name) == bool(name)
    decoder.finish()
    with pytest.raises(BodyTooLargeError):
        list(decoder.feed(b"longer than ten"))


@pytest.mark.parametrize("name", ["br", "zstd", "deflate", "gzip, gzip", "x"])
def test_an_encoding_that_was_not_accepted_is_refused(name: str) -> None:
    """Its bytes would be read as text."""
    with pytest.raises(UnknownEncodingError):
        ContentDecoder(name, max_bytes=10)
    assert not is_mislabelled(name)
