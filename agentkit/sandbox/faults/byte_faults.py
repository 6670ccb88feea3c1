"""Misbehaviours of the bytes: errors of proxies, broken connections, wrong lengths, waits.

In:  the honest `Reply`.
Out: another in its place, or None where it cannot be spoiled in this way.
"""

import gzip
from collections.abc import Callable, Mapping
from itertools import pairwise
from random import Random
from typing import TypeAlias

from agentkit.sandbox.http_server import RawReply, Reply
from agentkit.value import replace

Sent: TypeAlias = Reply | RawReply
"""What goes out."""

BytesChange: TypeAlias = Callable[[Reply, Random], Sent | None]
"""Spoils the bytes of an answer, or returns None where it cannot."""

_PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"
_HTML = {"content-type": "text/html; charset=UTF-8"}
_CRUMBS, _PIECE_BYTES = 200, 61
_JSON = {"content-type": "application/json"}


def _status(status: int, body: bytes, headers: Mapping[str, str] = _JSON) -> BytesChange:
    reply = Reply(status=status, headers=headers, chunks=(body,))
    return lambda _, __: reply


def _head(reply: Reply, **more: str) -> bytes:
    """Return the status line and the headers."""
    own = {name.replace("_", "-"): value for name, value in more.items()}
    lines = [f"{name}: {value}\r\n" for name, value in {**reply.headers, **own}.items()]
    return f"HTTP/1.1 {reply.status} OK\r\n{''.join(lines)}\r\n".encode()


def _pieces(reply: Reply) -> list[bytes]:
    """Return the body as HTTP chunks, without the end."""
    return [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in reply.chunks if chunk]


def _whole(reply: Reply) -> list[bytes]:
    """Return the pieces of a whole answer as they should be."""
    return [_head(reply, transfer_encoding="chunked"), *_pieces(reply), b"0\r\n\r\n"]


def _break_off(then: str, *, inside: bool) -> BytesChange:
    """Break off between two chunks, or inside one."""

    def change(reply: Reply, rng: Random) -> RawReply:
        head, *pieces = _whole(reply)[:-1]
        # The last chunk never arrives whole: an answer that is there is no broken one.
        at = rng.randrange(len(pieces))
        half = [pieces[at][: rng.randint(1, len(pieces[at]) - 1)]] if inside else []
        chunks = (head, *pieces[:at], *half)
        return RawReply(chunks=chunks, then="reset" if then == "reset" else "close")

    return change


def _stall_inside(reply: Reply, rng: Random) -> RawReply:
    head, *pieces = _whole(reply)[:-1]
    return RawReply(chunks=(head, *pieces[: rng.randrange(len(pieces))]), then="stall")


def _stall_before(_: Reply, __: Random) -> RawReply:
    return RawReply(then="stall")


def _length(change: Callable[[int], int]) -> BytesChange:
    def wrong(reply: Reply, _: Random) -> RawReply:
        body = b"".join(reply.chunks)
        return RawReply(chunks=(_head(reply, content_length=str(change(len(body)))), body))

    return wrong


def _no_length(reply: Reply, _: Random) -> RawReply:
    """End the body by closing the connection, as HTTP/1.0 does."""
    return RawReply(chunks=(_head(reply, connection="close"), *reply.chunks))


def _crumbs(reply: Reply, _: Random) -> Reply:
    """Send the first bytes one by one, and the rest in pieces that end anywhere."""
    body = b"".join(reply.chunks)
    edges = [*range(min(_CRUMBS, len(body))), *range(_CRUMBS, len(body), _PIECE_BYTES), len(body)]
    pieces = tuple(body[start:end] for start, end in pairwise(edges))
    return replace(reply, is_stream=True, chunks=pieces)


def _gzip(reply: Reply, _: Random) -> Reply:
    """Pack an answer although nobody asked for it."""
    packed = gzip.compress(b"".join(reply.chunks), mtime=0)
    return Reply(headers={**reply.headers, "content-encoding": "gzip"}, chunks=(packed,))


def _gzip_cut(reply: Reply, rng: Random) -> Reply:
    whole = _gzip(reply, rng)
    return replace(whole, chunks=(whole.chunks[0][: len(whole.chunks[0]) // 2],))


def _gzip_untrue(reply: Reply, _: Random) -> Reply:
    """Claim that the body is packed; it is not."""
    return replace(reply, headers={**reply.headers, "content-encoding": "gzip"})


def _not_json(reply: Reply, _: Random) -> Reply | None:
    """Cut the JSON, and send it with the right length."""
    if reply.is_stream:
        return None
    body = b"".join(reply.chunks)
    return replace(reply, chunks=(body[: len(body) // 2],))


def _events(change: Callable[[bytes], bytes]) -> BytesChange:
    def respell(reply: Reply, _: Random) -> Reply | None:
        if not reply.is_stream:
            return None
        return replace(reply, chunks=tuple(map(change, reply.chunks)))

    return respell


def _glued(reply: Reply, _: Random) -> Reply | None:
    """Send a whole stream in one chunk."""
    if not reply.is_stream:
        return None
    return replace(reply, chunks=(b"".join(reply.chunks),))


def _slow(reply: Reply, _: Random) -> RawReply:
    """Send a right answer late; how late is told by the plan."""
    return RawReply(chunks=tuple(_whole(reply)))


BYTES_CHANGES: Mapping[str, BytesChange] = {
    "status_429": _status(
        429, b'{"error":{"code":429,"message":"Rate limited"}}', {**_JSON, "retry-after": "1"}
    ),
    "status_500": _status(500, b"Internal Server Error", {"content-type": "text/plain"}),
    "status_502": _status(502, _PAGE, _HTML),
    "status_503": _status(503, b'{"error":{"code":503,"message":"Overloaded"}}'),
    "status_401": _status(401, b'{"error":{"code":401,"message":"Invalid key"}}'),
    "status_402": _status(402, b'{"error":{"code":402,"message":"Insufficient credits"}}'),
    "html": _status(200, _PAGE, _HTML),
    "body_empty": _status(200, b""),
    "close_before": lambda _, __: RawReply(),
    "reset_before": lambda _, __: RawReply(then="reset"),
    "not_http": lambda _, __: RawReply(chunks=(b"220 mail.example ESMTP\r\n",)),
    "close_between": _break_off("close", inside=False),
    "close_inside": _break_off("close", inside=True),
    "reset_between": _break_off("reset", inside=False),
    "reset_inside": _break_off("reset", inside=True),
    "stall_before": _stall_before,
    "stall_inside": _stall_inside,
    "slow": _slow,
    "length_long": _length(lambda size: size + 100),
    "length_short": _length(lambda size: size // 2),
    "length_none": _no_length,
    "tiny_chunks": _crumbs,
    "gzip": _gzip,
    "gzip_cut": _gzip_cut,
    "gzip_untrue": _gzip_untrue,
    "not_json": _not_json,
    "crlf": _events(lambda chunk: chunk.replace(b"\n", b"\r\n")),
    "no_space": _events(lambda chunk: chunk.replace(b"data: ", b"data:", 1)),
    "one_chunk": _glued,
}
"""By name."""
