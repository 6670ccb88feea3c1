"""The direct connection pool serves a user's own httpx client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import anyio
import httpx
import pytest

from agentkit.sandbox.http_server import RawReply, Reply, serve
from agentkit.transport.direct.httpx_adapter import DirectAsyncTransport
from agentkit.transport.http_settings import HttpSettings
from tests.integration.transport_server import HEAD, Answer, ScriptedServer


@asynccontextmanager
async def client_of(
    *answers: Answer, settings: HttpSettings | None = None
) -> AsyncIterator[tuple[httpx.AsyncClient, ScriptedServer]]:
    """Start a server with these responses, and yield a client of it."""
    server = ScriptedServer(*answers)
    with anyio.fail_after(60):
        async with (
            serve(server.answer) as url,
            httpx.AsyncClient(
                transport=DirectAsyncTransport(settings), base_url=url, auth=("me", "mine")
            ) as client,
        ):
            yield client, server


async def test_a_request_is_sent_with_all_that_the_client_adds() -> None:
    """And the response is httpx's own."""
    async with client_of(Reply(status=201, headers={"X-A": "1"}, chunks=(b"[1]",))) as got:
        client, server = got
        response = await client.post("/x?y=1", json={"a": 1})

    (sent,) = server.requests
    assert (sent.method, sent.path, sent.query, sent.body) == ("POST", "/x", "y=1", b'{"a":1}')
    assert sent.headers["authorization"].startswith("Basic ")
    assert (response.status_code, response.json(), response.headers["x-a"]) == (201, [1], "1")
    assert response.http_version == "HTTP/1.1"


async def test_a_streamed_request_body_is_sent_with_its_length() -> None:
    """It is read to its end before a connection is acquired."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async with client_of(Reply()) as (client, server):
        await client.post("/x", content=pieces())

    assert server.requests[0].body == b"onetwo"
    assert server.requests[0].headers["content-length"] == "6"


async def test_a_response_can_be_streamed_and_left() -> None:
    """One that is left early is closed; one that was read leaves its connection to the next."""
    events = Reply(chunks=(b"a", b"b"), is_stream=True)
    async with client_of(events, events, Reply(chunks=(b"x",))) as (client, _):
        async with client.stream("GET", "/x") as response:
            body_read = b"".join([chunk async for chunk in response.aiter_raw()])
        async with client.stream("GET", "/x"):
            pass
        after = (await client.get("/x")).content

    assert (body_read, after) == (b"ab", b"x")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (RawReply(), httpx.RemoteProtocolError),
        (RawReply(then="stall"), httpx.ReadTimeout),
        (RawReply(chunks=(HEAD, b"content-length: 9\r\n\r\n1")), httpx.RemoteProtocolError),
    ],
    ids=["closed", "silent", "short"],
)
async def test_failures_are_httpx_exceptions(reply: RawReply, error: type[Exception]) -> None:
    """The caller of the client knows no others."""
    settings = HttpSettings(first_byte_seconds=0.1)
    async with client_of(reply, settings=settings) as (client, _):
        with pytest.raises(error):
            await client.get("/x")


async def test_an_unreachable_server_is_a_connect_error() -> None:
    """With the request, as all of httpx's errors."""
    async with httpx.AsyncClient(transport=DirectAsyncTransport()) as client:
        with anyio.fail_after(60), pytest.raises(httpx.ConnectError) as caught:
            await client.get("http://127.0.0.1:1/x")

    assert caught.value.request.url == "http://127.0.0.1:1/x"


async def test_an_invalid_request_is_rejected() -> None:
    """An unsupported scheme, a header with a line break."""
    async with client_of(Reply()) as (client, server):
        with pytest.raises(httpx.LocalProtocolError):
            await client.get("/x", headers={"x-a": "1\r\nx-b: 2"})
        with pytest.raises(httpx.UnsupportedProtocol):
            await client.get("ftp://h/x")

    assert server.requests == []


async def test_each_host_has_connections_of_its_own() -> None:
    """One client may use several servers."""
    other = ScriptedServer(Reply(chunks=(b"other",)))
    async with serve(other.answer) as elsewhere, client_of(Reply(chunks=(b"one",))) as (client, _):
        bodies = [(await client.get(url)).content for url in ("/x", f"{elsewhere}/x", "/x")]

    assert bodies == [b"one", b"other", b"one"]


class _Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Respond, and keep the connection."""
        self.send_response(200)
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Write no log."""


def test_one_client_works_in_several_event_loops_in_turn(anyio_backend_name: str) -> None:
    """A connection that the first has kept cannot be used in the second, and is replaced."""
    answers: list[str] = []

    async def ask_twice(client: httpx.AsyncClient, url: str) -> None:
        with anyio.fail_after(60):
            answers.extend([(await client.get(url)).text for _ in range(2)])

    with ThreadingHTTPServer(("127.0.0.1", 0), _Hello) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        client = httpx.AsyncClient(transport=DirectAsyncTransport())
        try:
            for _ in range(2):
                url = f"http://127.0.0.1:{server.server_port}/"
                anyio.run(ask_twice, client, url, backend=anyio_backend_name)
            anyio.run(client.aclose, backend=anyio_backend_name)
        finally:
            server.shutdown()
            thread.join()

    assert answers == ["hello"] * 4
