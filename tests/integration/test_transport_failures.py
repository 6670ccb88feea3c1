"""Failures of exchanges over real sockets, and their errors."""

import gc
import gzip
import logging
import socket
import struct

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute, SocketStream

from agentkit.config.profile import Auth, ProviderProfile
from agentkit.errors import ErrorKind, Retry, TransportError
from agentkit.sandbox.http_server import RawReply, Reply, serve
from agentkit.transport.http_settings import HttpSettings
from agentkit.transport.httpx_transport import HttpTransport
from agentkit.wire import WireRequest
from tests.integration.transport_server import (
    BOTH,
    HEAD,
    KEY,
    Answer,
    Make,
    ScriptedServer,
    fetch,
    listening,
    reach,
    read_request,
    with_client,
)

PACKED = gzip.compress(b"word " * 1000)


@BOTH
@pytest.mark.parametrize(
    ("reply", "kind", "retry", "text"),
    [
        (RawReply(), "connection", "same", "closed the connection before it answered"),
        (RawReply(then="reset"), "connection", "same", "before it answered"),
        (RawReply(chunks=(b"220 mail.example ESMTP\r\n",)), "connection", "same", "in HTTP"),
        (RawReply(chunks=(b"HTTP/1.1 200 OK\r\nx: ",), then="stall"), "timeout", "same", "begin"),
        (RawReply(then="stall"), "timeout", "same", "did not begin to answer within 0.1 s"),
    ],
    ids=["closed", "reset", "not HTTP", "half a head", "silent"],
)
async def test_a_server_that_does_not_respond(
    make: Make, reply: RawReply, kind: ErrorKind, retry: Retry, text: str
) -> None:
    """The error states the phase and whether to retry."""
    settings = HttpSettings(first_byte_seconds=0.1)
    async with reach(make, ScriptedServer(reply), settings=settings) as transport:
        with pytest.raises(TransportError) as caught:
            await fetch(transport)

    assert (caught.value.kind, caught.value.retry) == (kind, retry)
    assert text in str(caught.value)


@BOTH
@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        (
            RawReply(chunks=(HEAD, b"content-length: 9\r\n\r\n1234")),
            "stream_interrupted",
            "closed the connection in the middle",
        ),
        (
            RawReply(chunks=(HEAD, b"content-length: 9\r\n\r\n1234"), then="reset"),
            "stream_interrupted",
            "closed the connection in the middle",
        ),
        (
            RawReply(chunks=(HEAD, b"transfer-encoding: chunked\r\n\r\n4\r\n1234\r\n")),
            "stream_interrupted",
            "closed the connection in the middle",
        ),
        (
            RawReply(chunks=(HEAD, b"transfer-encoding: chunked\r\n\r\nzz\r\n1234\r\n")),
            "stream_interrupted",
            "closed the connection in the middle",
        ),
        (
            RawReply(chunks=(HEAD, b"content-length: 9\r\n\r\n1234"), then="stall"),
            "timeout",
            "sent nothing in the middle of its answer for 0.1 s",
        ),
        (
            Reply(
                headers={"x-request-id": "req-7", "content-encoding": "gzip"}, chunks=(b"plain",)
            ),
            "stream_interrupted",
            "said to be gzip and is not",
        ),
        (
            Reply(
                headers={"x-request-id": "req-7", "content-encoding": "gzip"},
                chunks=(PACKED[:-9],),
            ),
            "stream_interrupted",
            "stops in the middle",
        ),
    ],
    ids=["short", "reset", "no last chunk", "bad chunk", "stall", "not gzip", "half gzip"],
)
async def test_an_incomplete_response(
    make: Make, reply: Answer, kind: ErrorKind, text: str
) -> None:
    """It is never taken for a complete one; the error has the request id."""
    settings = HttpSettings(idle_seconds=0.1)
    async with reach(make, ScriptedServer(reply), settings=settings) as transport:
        with pytest.raises(TransportError) as caught:
            await fetch(transport)
    gc.collect()

    assert (caught.value.kind, caught.value.retry) == (kind, "same")
    assert caught.value.request_id == "req-7"
    assert text in str(caught.value)


@BOTH
async def test_an_idle_deadline_may_be_longer_than_that_for_the_first_byte(make: Make) -> None:
    """Each wait has its own."""
    pause = 0.2

    async def answer(stream: SocketStream) -> None:
        async with stream:
            await read_request(stream)
            await stream.send(HEAD + b"content-length: 2\r\n\r\n1")
            await anyio.sleep(pause)  # the wait is what is tested
            await stream.send(b"2")

    settings = HttpSettings(first_byte_seconds=pause / 2, idle_seconds=4)
    async with listening(make, answer, settings=settings) as transport:
        _, body = await fetch(transport)

    assert body == b"12"


async def test_a_transport_without_deadlines_is_still_bounded() -> None:
    """A user's own client may use any transport."""

    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await anyio.sleep_forever()
            raise AssertionError(request)

    settings = HttpSettings(connect_seconds=0.01, write_seconds=0.01, first_byte_seconds=0.01)
    client = httpx.AsyncClient(transport=Silent())
    async with (
        client,
        reach(with_client(client), ScriptedServer(Reply()), settings=settings) as transport,
    ):
        with pytest.raises(TransportError, match="did not begin to answer") as caught:
            await fetch(transport)

    assert caught.value.kind == "timeout"


@BOTH
async def test_a_server_that_disconnects_during_the_request(make: Make) -> None:
    """The request is larger than the network buffers, so a part is not sent yet."""

    async def answer(stream: SocketStream) -> None:
        await stream.receive()
        raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - not Django's
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await stream.aclose()

    async with listening(make, answer) as transport:
        with pytest.raises(TransportError, match="before it answered") as caught:
            await fetch(transport, WireRequest(path="/x", body=b"{" + b" " * 20_000_000 + b"}"))
    gc.collect()

    assert (caught.value.kind, caught.value.retry) == ("connection", "same")


@BOTH
async def test_an_endless_response_is_cut(make: Make) -> None:
    """Also one that is small until it is decompressed."""
    reply = Reply(headers={"content-encoding": "gzip"}, chunks=(gzip.compress(bytes(1_000_000)),))
    settings = HttpSettings(max_response_bytes=100_000)
    async with reach(make, ScriptedServer(reply), settings=settings) as transport:
        with pytest.raises(TransportError, match="more than 100000 bytes") as caught:
            await fetch(transport)

    assert (caught.value.kind, caught.value.retry) == ("bad_response", "never")


@BOTH
async def test_a_response_with_an_unrequested_encoding_is_rejected(make: Make) -> None:
    """Its bytes would be read as text."""
    reply = Reply(headers={"content-encoding": "br"}, chunks=(b"\x0b\x02\x80",))
    async with reach(make, ScriptedServer(reply)) as transport:
        with pytest.raises(TransportError, match="as 'br', which was not accepted") as caught:
            await fetch(transport)

    assert (caught.value.kind, caught.value.retry) == ("bad_response", "never")


@BOTH
async def test_a_refused_connection_is_an_error_with_the_address(make: Make) -> None:
    """The usual reason is a local server that is not running."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: no one else answers there
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        transport = make(ProviderProfile(name="vllm", title="V", base_url=f"{url}/v1"))
        with anyio.fail_after(60), pytest.raises(TransportError) as caught:
            await fetch(transport)
        await transport.aclose()

    assert (caught.value.kind, caught.value.retry) == ("connection", "same")
    assert str(caught.value).startswith(f"'vllm' ({url}) could not be reached: ")


@BOTH
async def test_a_server_without_tls_is_an_error_that_says_so(make: Make) -> None:
    """The usual reason is https in place of http; it is not retried."""
    async with serve(ScriptedServer(Reply()).answer) as url:
        base_url = url.replace("http:", "https:")
        transport = make(ProviderProfile(name="h", title="H", base_url=base_url))
        with anyio.fail_after(60), pytest.raises(TransportError, match="not speak TLS") as caught:
            await fetch(transport)
        await transport.aclose()

    assert (caught.value.kind, caught.value.retry) == ("connection", "never")


async def test_a_client_that_reads_responses_itself_is_an_error() -> None:
    """Its own hook leaves nothing to stream."""

    async def hook(response: httpx.Response) -> None:
        await response.aread()

    client = httpx.AsyncClient(event_hooks={"response": [hook]})
    async with (
        client,
        reach(with_client(client), ScriptedServer(Reply(chunks=(b"x",)))) as transport,
    ):
        with pytest.raises(TransportError, match="has read the answer already"):
            await fetch(transport)


@BOTH
async def test_the_error_does_not_repeat_a_header_that_the_client_rejects(make: Make) -> None:
    """The HTTP client's own message contains its value."""
    async with reach(make, ScriptedServer(Reply())) as transport:
        with pytest.raises(TransportError, match="got no request") as caught:
            await fetch(transport, WireRequest(path="/x", headers={"x-a": "geheim\r\n"}))

    assert (caught.value.retry, caught.value.__cause__) == ("never", None)
    assert caught.value.__suppress_context__
    assert "geheim" not in str(caught.value)


@BOTH
@pytest.mark.parametrize(
    ("auth", "body"),
    [(Auth(), b"{}"), (Auth(kind="header", name="x-api-key"), b"{}"), (Auth(kind="body"), b"{}")],
    ids=["bearer", "header", "body"],
)
async def test_the_key_is_in_no_log_line_and_no_error(
    make: Make, auth: Auth, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in those of the HTTP client either, at any level."""
    caplog.set_level(logging.DEBUG)
    server = ScriptedServer(
        Reply(), RawReply(), RawReply(chunks=(HEAD, b"content-length: 9\r\n\r\n1"))
    )
    errors: list[TransportError] = []
    async with reach(make, server, auth=auth) as transport:
        await fetch(transport, WireRequest(path="/x", body=body))
        for _ in range(2):
            with pytest.raises(TransportError) as caught:
                await fetch(transport, WireRequest(path="/x", body=body))
            errors.append(caught.value)

    shown = [str(error) + repr(error) + repr(vars(error)) for error in errors]
    shown += [repr(error.__cause__) + str(error.__cause__) for error in errors]
    assert any("response_started" in record.getMessage() for record in caplog.records)
    assert any("httpcore" in record.name for record in caplog.records) == (make is HttpTransport)
    assert KEY not in caplog.text + "".join(shown) + repr(transport)
