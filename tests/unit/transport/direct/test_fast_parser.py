"""The fast parser reads responses as h11 reads them."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.transport.direct.fast_parser import ChunkedBody, LengthBody, parse_fast
from agentkit.transport.direct.h11_parser import H11Response, RequestHead, ResponseHead
from agentkit.transport.error_mapping import WireError

REQUEST = RequestHead(method="POST", target="/", headers=[(b"host", b"h")], has_length=True)
FIXED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def _cut(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places) if a < b]


def _body_of(
    answer: H11Response | LengthBody | ChunkedBody, pieces: Sequence[bytes]
) -> tuple[bytes, str]:
    """Return the body as far as it could be read, and how it ended."""
    body = bytearray()
    try:
        for piece in (None, *pieces, b""):
            if piece is not None and not answer.is_complete:
                answer.feed(piece)
            elif piece:
                return bytes(body), "more"  # a connection that is not read any more
            while part := answer.read():
                body += part
    except WireError:
        return bytes(body), "error"
    if not answer.is_complete:
        return bytes(body), "open"
    return bytes(body), "clean" if answer.is_reusable() else "more"


def _by_h11(pieces: Sequence[bytes]) -> tuple[ResponseHead | None, bytes, str]:
    answer = H11Response(REQUEST)
    left = list(pieces)
    try:
        while (head := answer.head()) is None and left:
            answer.feed(left.pop(0))
    except WireError:
        return None, b"", "error"
    return (head, *_body_of(answer, left))


def _by_fast_parser(pieces: Sequence[bytes]) -> tuple[ResponseHead | None, bytes, str] | None:
    plain = parse_fast(pieces[0]) if pieces else None
    return None if plain is None else (plain[0], *_body_of(plain[1], pieces[1:]))


def check(data: bytes, cuts: Sequence[int] = ()) -> bool:
    """Check that both read the same; return whether the fast parser read anything."""
    pieces = _cut(data, cuts)
    found = _by_fast_parser(pieces)
    if found is None:
        return False
    expected = _by_h11(pieces)
    assert found == expected
    assert found[0] is not None
    assert expected[0] is not None
    assert found[0].raw == expected[0].raw
    return True


@pytest.mark.parametrize(
    "data",
    [
        FIXED + b"hello",
        FIXED + b"hel",
        FIXED + b"hello, and more",
        b"HTTP/1.1 404 \r\ncontent-length:0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2 \r\nX-A:   b c  \r\nx-a:d\r\nY:\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nok",
        CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n",
        CHUNKED + b"0\r\n\r\n",
        CHUNKED + b"0\r\n\r\nHTTP/1.1 200 OK\r\n",
        # From here on h11 goes on in the middle.
        CHUNKED + b"5;part=1\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\n5;part=2\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"005\r\nhello\r\n000\r\n\r\n",
        CHUNKED + b"5  \r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\nmore",
        CHUNKED + b"5\r\nhello, and more\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\nnonsense\r\n",
        CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"123456789\r\nhello",
        CHUNKED + b"5\r\nhel",
    ],
)
def test_ordinary_responses_are_read_as_h11_reads_them_wherever_they_are_cut(data: bytes) -> None:
    """Cut at every position."""
    start = data.index(b"\r\n\r\n") + 4
    assert all(check(data, [cut]) for cut in range(start, len(data) + 1))
    assert check(data, range(start, len(data)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        FIXED[:-2],
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n",
        b"HTTP/1.1 204 None\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 304 Same\r\ncontent-length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999999999999\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx-a: b\r\n c\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nx-a : b\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nx-a: \xe9\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nx-a: b\tc\r\ncontent-length: 2\r\n\r\nok",
        b"nonsense\r\n\r\n",
    ],
)
def test_other_responses_are_left_to_h11(data: bytes) -> None:
    """The fast parser reads nothing of them."""
    assert parse_fast(data) is None


LINES = st.sampled_from(
    [
        b"content-length: 5\r\n",
        b"Content-Length: 0\r\n",
        b"transfer-encoding: chunked\r\n",
        b"HttpConnection: keep-alive\r\n",
        b"connection: close\r\n",
        b"x-a: b\r\n",
        b"X-A:\r\n",
        b"\xff: \r\n",
        b" folded\r\n",
        b"upgrade: h2c\r\n",
    ]
)
BODIES = st.lists(
    st.sampled_from(
        [
            *(b"5\r\nhello\r\n", b"1\r\nx\r\n", b"A\r\n0123456789\r\n", b"0\r\n\r\n"),
            *(b"hello", b"00\r\n\r\n", b"1;e\r\nx\r\n", b"0\r\nt: u\r\n\r\n", b"\r\n", b"\r", b"z"),
        ]
    ),
    max_size=6,
).map(b"".join)


@given(
    status=st.sampled_from([b"200 OK", b"200 ", b"200", b"404 Not Found", b"204 None", b"101 Go"]),
    lines=st.lists(LINES, max_size=4),
    body=BODIES | st.binary(max_size=40),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_any_response_is_read_as_h11_reads_it(
    status: bytes, lines: list[bytes], body: bytes, cuts: list[int]
) -> None:
    """With any head and body and any chunks, or it is left to h11."""
    head = b"HTTP/1.1 " + status + b"\r\n" + b"".join(lines) + b"\r\n"
    check(head + body, [cut + len(head) for cut in cuts])


@given(
    framing=st.sampled_from([FIXED, CHUNKED]),
    body=BODIES,
    cuts=st.lists(st.integers(0, 80), max_size=8),
)
def test_ordinary_heads_with_any_body_are_read_as_h11_reads_them(
    framing: bytes, body: bytes, cuts: list[int]
) -> None:
    """The fast parser reads the head, whatever follows."""
    assert check(framing + body, [cut + len(framing) for cut in cuts])


def test_the_response_to_a_request_that_changes_its_form_is_left_to_h11() -> None:
    """Such as `HEAD` or `Upgrade`."""
    assert REQUEST.allows_fast_parser
    for method, header in (("HEAD", b"x"), ("CONNECT", b"x"), ("GET", b"connection")):
        head = RequestHead(
            method=method, target="h:1", headers=[(b"host", b"h"), (header, b"y")], has_length=False
        )
        assert not head.allows_fast_parser
