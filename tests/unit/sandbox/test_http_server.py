"""The server on loopback, spoken to byte by byte."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio
import pytest
from anyio.abc import SocketStream

from agentkit.sandbox.http_server import (
    Handler,
    HttpRequest,
    RawReply,
    Reply,
    ServerLimits,
    serve,
)


class Echo:
    """A handler that keeps what it was asked and repeats the body."""

    def __init__(self) -> None:
        self.seen: list[HttpRequest] = []

    async def __call__(self, request: HttpRequest) -> Reply | RawReply:
        """Repeat the body, in pieces for /stream."""
        self.seen.append(request)
        if request.path == "/stream":
            return Reply(chunks=[b"one", b"", b"two"], is_stream=True)
        return Reply(headers={"content-type": "text/plain"}, chunks=[b"<", request.body, b">"])


@asynccontextmanager
async def _connect(url: str) -> AsyncIterator[SocketStream]:
    port = urlsplit(url).port
    assert port is not None
    with anyio.fail_after(60):
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            yield stream


async def _read_all(stream: SocketStream) -> bytes:
    got = b""
    try:
        while True:
            got += await stream.receive()
    except anyio.EndOfStream:
        return got


async def _talk(handler: Handler, *sent: bytes, limits: ServerLimits | None = None) -> bytes:
    """Send bytes, say that no more come, and return all that the server answers."""
    async with serve(handler, limits=limits) as url, _connect(url) as stream:
        for data in sent:
            await stream.send(data)
        await stream.send_eof()
        return await _read_all(stream)


def _post(path: str, body: bytes, *fields: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: x", f"content-length: {len(body)}", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def test_a_request_is_complete_and_its_response_has_a_length() -> None:
    """Cut anywhere on the way."""
    echo = Echo()
    request = _post("/x?a=1&b=2", b"hello", "X-Odd: Yes")

    got = await _talk(echo, request[:9], request[9:-2], request[-2:])

    assert echo.seen == [
        HttpRequest(
            method="POST",
            path="/x",
            query="a=1&b=2",
            headers={"host": "x", "content-length": "5", "x-odd": "Yes"},
            body=b"hello",
        )
    ]
    head, body = got.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: 7" in head
    assert body == b"<hello>"


async def test_a_connection_carries_several_requests_also_when_sent_at_once() -> None:
    """Keep-alive, in order."""
    echo = Echo()

    got = await _talk(echo, _post("/a", b"1") + _post("/b", b"2"))

    assert [one.path for one in echo.seen] == ["/a", "/b"]
    assert got.index(b"<1>") < got.index(b"<2>")


async def test_a_stream_is_sent_in_chunks_and_empty_ones_do_not_end_it() -> None:
    """An empty chunk on the wire means the end."""
    got = await _talk(Echo(), _post("/stream", b""))

    assert b"transfer-encoding: chunked" in got.lower()
    assert got.endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


async def test_head_and_expect_are_honoured() -> None:
    """HEAD has no body; a client that waits for 100 gets it."""
    head = await _talk(Echo(), b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")
    waited = await _talk(Echo(), _post("/", b"hi", "expect: 100-continue"))

    assert head.endswith(b"\r\n\r\n")
    assert b"content-length: 2" in head
    assert b"<hi>" in waited


async def test_a_client_that_waits_for_100_gets_it() -> None:
    """Before it sends the body."""
    async with serve(Echo()) as url, _connect(url) as stream:
        request = _post("/", b"hi", "expect: 100-continue")
        await stream.send(request[:-2])
        first = await stream.receive()
        await stream.send(b"hi")
        await stream.send_eof()
        rest = await _read_all(stream)

    assert first.startswith(b"HTTP/1.1 100 ")
    assert b"<hi>" in rest


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nbig: " + b"y" * 400_000 + b"\r\n\r\n", b"431"),
    ],
    ids=["no request", "bad length", "long head"],
)
async def test_bytes_that_are_not_a_request_are_rejected(sent: bytes, status: bytes) -> None:
    """The connection ends after it."""
    got = await _talk(Echo(), sent)

    assert got.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in got


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunks"])
async def test_a_body_over_the_limit_is_rejected(is_chunked: bool) -> None:
    """Whether its length was said before or not."""
    echo = Echo()
    limits = ServerLimits(max_body_bytes=10, linger_seconds=0.5)
    chunked = (
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nb\r\n0123456789a\r\n"
    )

    got = await _talk(echo, chunked if is_chunked else _post("/", b"0123456789a"), limits=limits)

    assert got.startswith(b"HTTP/1.1 413 ")
    assert b"longer than 10 bytes" in got
    assert echo.seen == []


async def test_a_failing_handler_is_answered_with_500() -> None:
    """The client must not wait for ever."""

    async def fail(_: HttpRequest) -> Reply:
        raise RuntimeError("oops")

    got = await _talk(fail, _post("/", b""))

    assert got.startswith(b"HTTP/1.1 500 ")
    assert b"RuntimeError: oops" in got


async def test_a_client_that_disconnects_early_does_not_disturb_others() -> None:
    """In the middle of its request, and in the middle of the answer."""
    async with serve(Echo()) as url:
        async with _connect(url) as stream:
            await stream.send(_post("/", b"hello")[:-3])
        async with _connect(url) as stream:
            await stream.send(_post("/stream", b""))
        async with _connect(url) as stream:
            await stream.send(_post("/", b"still here"))
            assert b"<still here>" in await stream.receive()


async def test_a_silent_connection_is_closed() -> None:
    """It would be held for ever otherwise."""
    limits = ServerLimits(idle_seconds=0.05)

    async with serve(Echo(), limits=limits) as url, _connect(url) as stream:
        assert await _read_all(stream) == b""


async def test_more_clients_than_allowed_wait_for_their_turn() -> None:
    """The second is answered when the first leaves."""
    limits = ServerLimits(max_connections=1)

    async with serve(Echo(), limits=limits) as url, _connect(url) as first:
        await first.send(_post("/", b"1"))
        assert b"<1>" in await first.receive()
        async with _connect(url) as second:
            await second.send(_post("/", b"2"))
            with anyio.move_on_after(0.05) as scope:
                await second.receive()
            assert scope.cancelled_caught
            await first.aclose()
            assert b"<2>" in await second.receive()


async def test_raw_bytes_are_sent_as_they_are() -> None:
    """Then the connection is closed."""

    async def raw(_: HttpRequest) -> RawReply:
        return RawReply(chunks=[b"HTTP/1.1 299 Odd\r\n", b"content-length: 99\r\n\r\nshort"])

    assert (await _talk(raw, _post("/", b""))).endswith(b"99\r\n\r\nshort")


async def test_a_reset_is_a_reset() -> None:
    """Not an orderly end."""

    async def reset(_: HttpRequest) -> RawReply:
        return RawReply(chunks=[b"HTTP/1.1 200 OK\r\n"], then="reset")

    async with serve(reset) as url, _connect(url) as stream:
        await stream.send(_post("/", b""))
        with pytest.raises(anyio.BrokenResourceError):
            while True:
                await stream.receive()


async def test_a_stall_lasts_until_the_client_leaves_or_the_server_stops() -> None:
    """And never longer."""

    async def stall(_: HttpRequest) -> RawReply:
        return RawReply(chunks=[b"HTTP/1.1 200 OK\r\n"], then="stall")

    async with serve(stall) as url, _connect(url) as left, _connect(url) as kept:
        for stream in (left, kept):
            await stream.send(_post("/", b""))
            assert await stream.receive() == b"HTTP/1.1 200 OK\r\n"
            await stream.send(b"more")
        await left.aclose()


async def test_what_the_body_of_the_context_raises_comes_out_as_it_is() -> None:
    """No exception group crosses the border."""
    with pytest.raises(ZeroDivisionError):
        async with serve(Echo()):
            raise ZeroDivisionError
