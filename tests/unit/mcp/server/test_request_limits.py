"""Checks and limits of HTTP requests."""

from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import SocketStream
from starlette.responses import Response

from agentkit.errors import ConfigError
from agentkit.mcp.server import request_limits
from agentkit.mcp.server.mcp_server import build_server
from agentkit.mcp.server.request_limits import HostCheck, parse_host, parse_origin
from agentkit.mcp.server.streamable_http import HttpServer, open_http

HOSTS = ("127.0.0.1", "[::1]", "box.example", "app.example:8443")
ORIGINS = ("http://localhost", "https://app.example:8443", "https://web.example:443")
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "c", "version": "1"},
    },
}


async def status_of(*headers: tuple[str, str]) -> int:
    """Return the status of a request with these headers."""
    found: list[int] = []

    async def send(message: Any) -> None:
        found.append(message.get("status", 0))

    async def receive() -> Any:
        return {"type": "http.request"}

    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    check = HostCheck(Response("in"), hosts=HOSTS, origins=ORIGINS)
    await check({"type": "http", "headers": raw}, receive, send)
    return found[0]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("BOX.example", 200),
        ("app.example:8443", 200),
        ("app.example", 421),
        ("app.example:84", 421),
        ("127.0.0.1:1@evil.com", 421),
        ("127.0.0.1:80:80", 421),
        ("127.0.0.1.evil.com", 421),
        ("127.0.0.1:", 421),
        ("127.0.0.1 ", 421),
        ("evil.com#127.0.0.1", 421),
        ("[::1].evil.com", 421),
        ("", 421),
    ],
)
async def test_the_host_is_compared_as_a_whole(host: str, status: int) -> None:
    """Not by its beginning."""
    assert await status_of(("host", host)) == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost", 200),
        ("http://localhost:6274", 200),
        ("HTTP://LocalHost:6274", 200),
        ("https://app.example:8443", 200),
        ("https://web.example", 200),
        ("https://app.example", 403),
        ("https://localhost", 403),
        ("http://localhost:1@evil.com", 403),
        ("http://127.0.0.1:1@evil.com", 403),
        ("http://localhost.evil.com", 403),
        ("http://localhost:6274/", 403),
        ("null", 403),
        ("", 403),
    ],
)
async def test_the_origin_is_compared_as_a_whole(origin: str, status: int) -> None:
    """With its scheme, and its default port."""
    assert await status_of(("host", "127.0.0.1"), ("origin", origin)) == status


async def test_repeated_and_missing_headers_are_rejected() -> None:
    """Two of them could be read differently by two programs."""
    assert await status_of() == 421
    assert await status_of(("host", "127.0.0.1"), ("host", "127.0.0.1")) == 421
    origin = ("origin", "http://localhost")
    assert await status_of(("host", "127.0.0.1"), origin, origin) == 403


@pytest.mark.parametrize(
    "options", [{"allowed_hosts": ["a b"]}, {"allowed_origins": ["example.com"]}]
)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_allowed_name_must_be_valid(options: Any) -> None:
    """Or nothing is served."""
    with pytest.raises(ConfigError, match="is not a"):
        async with open_http(build_server(), port=0, **options):
            raise AssertionError


def test_hosts_and_origins_are_parsed() -> None:
    """In lower case, without guesses."""
    assert parse_host("A.b:1") == ("a.b", "1")
    assert parse_host("a/b") is None
    assert parse_origin("https://A.b") == ("https", "a.b", "443")
    assert parse_origin("app://a") == ("app", "a", None)
    assert parse_origin("null") is None


async def ends(stream: SocketStream) -> bool:
    """Return whether the other side ends a connection without a word."""
    try:
        with anyio.fail_after(60):
            return await stream.receive() == b""
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return True


HEAD = b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize(
    "parts",
    [[], [b"POST /m"], [HEAD, b"x: y\r\n"], [HEAD, b"content-length: 100\r\n\r\n", b"{"]],
    ids=["nothing", "half a line", "half of the headers", "half of the body"],
)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_half_sent_request_ends_its_connection(
    parts: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would hold its connection for ever; others are served meanwhile."""
    monkeypatch.setattr(request_limits, "REQUEST_SECONDS", 0.3)
    async with (
        open_http(build_server(), port=0) as running,
        await anyio.connect_tcp("127.0.0.1", running.port) as stream,
    ):
        for part in parts:
            await stream.send(part)
            await anyio.sleep(0.05)  # each part arrives alone
        assert (await session(running))[0] == 200
        assert await ends(stream)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_request_that_arrived_has_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call may take long, and an idle connection ends by itself."""
    monkeypatch.setattr(request_limits, "REQUEST_SECONDS", 0.5)
    async with open_http(build_server(), port=0) as running, httpx2.AsyncClient() as http:
        _, name = await session(running)
        headers = {"mcp-session-id": name, "accept": "text/event-stream"}
        async with http.stream("GET", running.url, headers=headers) as events:
            assert events.status_code == 200
            with anyio.move_on_after(1) as waited:
                await events.aread()

    assert waited.cancelled_caught


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_idle_session_expires() -> None:
    """Clients often do not close them."""
    async with open_http(build_server(), port=0, session_idle_seconds=0.1) as running:
        _, name = await session(running)
        headers = {"mcp-session-id": name, "accept": "application/json, text/event-stream"}
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        with anyio.fail_after(60):
            async with httpx2.AsyncClient() as http:
                status = 0
                while status != 404:
                    await anyio.sleep(0.3)  # the session must be idle
                    answer = await http.post(running.url, json=ping, headers=headers)
                    status = answer.status_code


async def session(running: HttpServer) -> tuple[int, str]:
    """Open a session of an earlier revision; return the status and its id."""
    async with httpx2.AsyncClient() as http:
        headers = {"accept": "application/json, text/event-stream"}
        answer = await http.post(running.url, json=INITIALIZE, headers=headers)
    return answer.status_code, answer.headers.get("mcp-session-id", "")
