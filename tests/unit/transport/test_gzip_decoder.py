"""A gzip body is unpacked the same however it is cut, and never silently short."""

import gzip
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.transport.gzip_decoder import GzipDecoder, GzipError

BODY = b'{"choices": [' + b'{"text": "word"},' * 200 + b"]}"
PACKED = gzip.compress(BODY[:1000]) + gzip.compress(BODY[1000:])


def unpack(packed: bytes, edges: list[int]) -> bytes:
    """Unpack bytes that arrive cut at `edges`."""
    gunzip = GzipDecoder(max_piece_bytes=100)
    parts = [packed[start:end] for start, end in pairwise([0, *sorted(edges), len(packed)])]
    body = b"".join(piece for part in parts for piece in gunzip.feed(part))
    gunzip.close()
    return body


@settings(max_examples=100)
@given(edges=st.lists(st.integers(min_value=0, max_value=len(PACKED)), max_size=20))
def test_a_body_does_not_depend_on_where_it_was_cut(edges: list[int]) -> None:
    """Two members in a row are one body."""
    assert unpack(PACKED, edges) == BODY


@given(end=st.integers(min_value=1, max_value=len(gzip.compress(BODY)) - 1))
def test_a_body_that_stops_in_the_middle_is_an_error(end: int) -> None:
    """Half an answer must not look like a whole one."""
    with pytest.raises(GzipError, match="stops in the middle"):
        unpack(gzip.compress(BODY)[:end], [])


def test_a_body_of_nothing_is_a_body() -> None:
    """An answer to HEAD says gzip and has none."""
    assert unpack(b"", []) == b""


def test_a_body_that_is_not_gzip_is_an_error() -> None:
    """Some proxies unpack and leave the header."""
    with pytest.raises(GzipError, match="said to be gzip and is not"):
        unpack(b"plain", [])


def test_a_small_body_that_unpacks_to_a_huge_one_comes_in_small_pieces() -> None:
    """So the reader can stop it before it fills memory."""
    packed = gzip.compress(bytes(50_000_000))
    tracemalloc.start()
    try:
        pieces = GzipDecoder().feed(packed)
        sizes = [len(next(pieces)) for _ in range(10)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert sizes == [65_536] * 10
    assert peak < 1_000_000
