"""A server over HTTP, with real sockets."""

import socket
from collections.abc import Mapping

import anyio
import httpx
import mcp
import pytest

from agentkit import tool
from agentkit.mcp.server.mcp_server import build_server
from agentkit.mcp.server.streamable_http import open_http
from tests.unit.mcp.serving import Mode, both_revisions, call, text_of

pytestmark = pytest.mark.parametrize("anyio_backend", ["asyncio"])

TOKEN = "correct horse"  # noqa: S105 - a made-up one
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@tool(read_only=True)
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


async def answers(url: str, *asked: Mapping[str, str]) -> list[httpx.Response]:
    """Return how requests with these headers are answered, in order."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return [
            await client.post(
                url, json=PING, headers={"Accept": "application/json, text/event-stream", **headers}
            )
            for headers in asked
        ]


@both_revisions
async def test_tools_are_called_over_http(mode: Mode) -> None:
    """In both revisions, on one port."""
    async with (
        open_http(build_server([add]), port=0) as running,
        mcp.Client(running.url, mode=mode) as client,
    ):
        assert text_of(await call(client, "add", {"a": 1, "b": 2})) == "3"


async def test_without_the_token_nothing_is_served() -> None:
    """The response names the scheme, and nothing else."""
    async with open_http(build_server([add]), port=0, token=TOKEN) as running:
        *refused, right = await answers(
            running.url,
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": TOKEN},
            {"Authorization": "Bearer"},
            {"Authorization": f"bearer {TOKEN}"},
        )

    assert [one.status_code for one in refused] == [401] * 5
    assert refused[0].headers["WWW-Authenticate"] == 'Bearer realm="mcp"'
    assert refused[0].text == "Unauthorized"
    assert right.status_code not in (401, 403, 421)


async def test_other_hosts_and_origins_are_rejected() -> None:
    """So that no web page reaches a server on loopback."""
    async with open_http(
        build_server([add]),
        port=0,
        allowed_hosts=["box.example"],
        allowed_origins=["https://app.example"],
    ) as running:
        refused = await answers(
            running.url,
            {"Host": "evil.example"},
            {"Host": f"evil.example:{running.port}"},
            {"Host": "localhost.evil.example"},
            {"Origin": "https://evil.example"},
            {"Origin": "http://localhost.evil.example"},
            {"Origin": "null"},
        )
        served = await answers(
            running.url,
            {},
            {"Host": f"localhost:{running.port}"},
            {"Host": "box.example"},
            {"Origin": f"http://127.0.0.1:{running.port}"},
            {"Origin": "https://app.example"},
        )

    assert [one.status_code for one in refused] == [421, 421, 421, 403, 403, 403]
    assert not {one.status_code for one in served} & {401, 403, 421}


@both_revisions
async def test_the_end_of_a_server_stops_calls_in_progress(mode: Mode) -> None:
    """At once; the tool cleans up, and the port is closed."""
    begun, cleaned = anyio.Event(), anyio.Event()

    @tool
    async def wait() -> None:
        """Wait."""
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            cleaned.set()

    async def use(url: str) -> None:
        with pytest.raises(BaseExceptionGroup):
            async with mcp.Client(url, mode=mode) as client:
                await client.call_tool("wait", {})

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            async with open_http(build_server([wait]), port=0) as running:
                group.start_soon(use, running.url)
                await begun.wait()
            assert cleaned.is_set()
            group.cancel_scope.cancel()

    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", running.port))


async def test_a_client_that_disconnects_stops_its_call() -> None:
    """Since 2026-07-28, closing the response cancels the call."""
    begun, cleaned = anyio.Event(), anyio.Event()

    @tool
    async def wait() -> None:
        """Wait."""
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            cleaned.set()

    with anyio.fail_after(60):
        async with (
            open_http(build_server([wait]), port=0) as running,
            mcp.Client(running.url) as client,
        ):
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "wait", {})
                await begun.wait()
                group.cancel_scope.cancel()
            await cleaned.wait()
