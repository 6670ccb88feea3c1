"""Faults of the bytes: errors of proxies, broken connections, wrong lengths, delays.

In:  the correct `Reply`.
Out: a faulty one, or None if the fault does not apply to it.
"""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import TypeAlias

from agentkit.sandbox.http_server import RawReply, Reply

SentReply: TypeAlias = Reply | RawReply
"""What is sent to the client."""

ByteFault: TypeAlias = Callable[[Reply, Random], SentReply | None]
"""Returns a faulty reply, or None if the fault does not apply."""

_PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"
_HTML = {"content-type": "text/html; charset=UTF-8"}
_SINGLE_BYTES, _PIECE_BYTES = 200, 61
_JSON = {"content-type": "application/json"}


def _status(status: int, body: bytes, headers: Mapping[str, str] = _JSON) -> ByteFault:
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


def _correct(reply: Reply) -> list[bytes]:
    """Return the chunks of the correct reply."""
    return [_head(reply, transfer_encoding="chunked"), *_pieces(reply), b"0\r\n\r\n"]


def _disconnect(then: str, *, inside: bool) -> ByteFault:
    """Close or reset the connection between two chunks, or inside one."""

    def change(reply: Reply, rng: Random) -> RawReply:
        head, *pieces = _correct(reply)[:-1]
        # The last chunk is never sent completely: then nothing would be missing.
        at = rng.randrange(len(pieces))
        half = [pieces[at][: rng.randint(1, len(pieces[at]) - 1)]] if inside else []
        chunks = (head, *pieces[:at], *half)
        return RawReply(chunks=chunks, then="reset" if then == "reset" else "close")

    return change


def _stall_inside(reply: Reply, rng: Random) -> RawReply:
    head, *pieces = _correct(reply)[:-1]
    return RawReply(chunks=(head, *pieces[: rng.randrange(len(pieces))]), then="stall")


def _stall_before(_: Reply, __: Random) -> RawReply:
    return RawReply(then="stall")


def _length(change: Callable[[int], int]) -> ByteFault:
    def wrong(reply: Reply, _: Random) -> RawReply:
        body = b"".join(reply.chunks)
        return RawReply(chunks=(_head(reply, content_length=str(change(len(body)))), body))

    return wrong


def _no_length(reply: Reply, _: Random) -> RawReply:
    """End the body by closing the connection, as HTTP/1.0 does."""
    return RawReply(chunks=(_head(reply, connection="close"), *reply.chunks))


def _tiny_chunks(reply: Reply, _: Random) -> Reply:
    """Send the first bytes one by one, and the rest in chunks that end anywhere."""
    body = b"".join(reply.chunks)
    edges = [
        *range(min(_SINGLE_BYTES, len(body))),
        *range(_SINGLE_BYTES, len(body), _PIECE_BYTES),
        len(body),
    ]
    pieces = tuple(body[start:end] for start, end in pairwise(edges))
    return replace(reply, is_stream=True, chunks=pieces)


def _gzip(reply: Reply, _: Random) -> Reply:
    """Compress the body though the client did not offer to accept it."""
    packed = gzip.compress(b"".join(reply.chunks), mtime=0)
    return Reply(headers={**reply.headers, "content-encoding": "gzip"}, chunks=(packed,))


def _gzip_cut(reply: Reply, rng: Random) -> Reply:
    packed = _gzip(reply, rng)
    return replace(packed, chunks=(packed.chunks[0][: len(packed.chunks[0]) // 2],))


def _gzip_untrue(reply: Reply, _: Random) -> Reply:
    """Claim that the body is compressed, which it is not."""
    return replace(reply, headers={**reply.headers, "content-encoding": "gzip"})


def _not_json(reply: Reply, _: Random) -> Reply | None:
    """Cut the JSON, and send it with the right length."""
    if reply.is_stream:
        return None
    body = b"".join(reply.chunks)
    return replace(reply, chunks=(body[: len(body) // 2],))


def _events(change: Callable[[bytes], bytes]) -> ByteFault:
    def change_events(reply: Reply, _: Random) -> Reply | None:
        if not reply.is_stream:
            return None
        return replace(reply, chunks=tuple(map(change, reply.chunks)))

    return change_events


def _one_chunk(reply: Reply, _: Random) -> Reply | None:
    """Send a complete stream in one chunk."""
    if not reply.is_stream:
        return None
    return replace(reply, chunks=(b"".join(reply.chunks),))


def _slow(reply: Reply, _: Random) -> RawReply:
    """Send the correct reply late; the plan has the delay."""
    return RawReply(chunks=tuple(_correct(reply)))


BYTE_FAULTS: Mapping[str, ByteFault] = {
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
    "close_between": _disconnect("close", inside=False),
    "close_inside": _disconnect("close", inside=True),
    "reset_between": _disconnect("reset", inside=False),
    "reset_inside": _disconnect("reset", inside=True),
    "stall_before": _stall_before,
    "stall_inside": _stall_inside,
    "slow": _slow,
    "length_long": _length(lambda size: size + 100),
    "length_short": _length(lambda size: size // 2),
    "length_none": _no_length,
    "tiny_chunks": _tiny_chunks,
    "gzip": _gzip,
    "gzip_cut": _gzip_cut,
    "gzip_untrue": _gzip_untrue,
    "not_json": _not_json,
    "crlf": _events(lambda chunk: chunk.replace(b"\n", b"\r\n")),
    "no_space": _events(lambda chunk: chunk.replace(b"data: ", b"data:", 1)),
    "one_chunk": _one_chunk,
}
"""By name."""
