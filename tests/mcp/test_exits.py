"""A served MCP server whose tools try to end it."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import anyio
import mcp
import pytest
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

from tests.mcp.exiting_tools import TOOLS

SERVER = Path(__file__).with_name("exiting_tools.py")
ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 300
Mode: TypeAlias = Literal["auto", "legacy"]
Connect: TypeAlias = Callable[[Mode], AbstractAsyncContextManager[mcp.Client]]


@asynccontextmanager
async def over_stdio(mode: Mode) -> AsyncIterator[mcp.Client]:
    """Start the server, and connect to it."""
    parameters = StdioServerParameters(
        command=sys.executable,
        args=[str(SERVER), "stdio"],
        env={"PYTHONPATH": str(ROOT)},
    )
    async with mcp.Client(stdio_client(parameters), mode=mode) as client:
        yield client


@asynccontextmanager
async def over_http(mode: Mode) -> AsyncIterator[mcp.Client]:
    """Start the server on a port, and connect to it."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610  # not Django's
    process = subprocess.Popen(  # noqa: ASYNC220, S603  # constant arguments
        [sys.executable, str(SERVER), "http", str(port)], env={"PYTHONPATH": str(ROOT)}
    )
    try:
        while True:
            try:
                await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
                break
            except OSError:
                assert process.poll() is None
                await anyio.sleep(0.05)
        async with mcp.Client(f"http://127.0.0.1:{port}/mcp", mode=mode) as client:
            yield client
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("mode", ["auto", "legacy"], ids=["2026-07-28", "2025-11-25"])
@pytest.mark.parametrize("connect", [over_stdio, over_http], ids=["stdio", "http"])
async def test_no_call_ends_the_server_or_another_call(connect: Connect, mode: Mode) -> None:
    """Each attempt is an error of its own call; the session continues."""
    waited: list[str] = []
    failed: dict[str, bool] = {}

    async def wait(client: mcp.Client) -> None:
        result = await client.call_tool("wait", {})
        waited.append(result.content[0].text)  # type: ignore[union-attr]  # it returns text

    with anyio.fail_after(LIMIT_SECONDS):
        async with connect(mode) as client, anyio.create_task_group() as group:
            group.start_soon(wait, client)
            for tool in TOOLS:
                try:
                    result = await client.call_tool(tool.name, {})
                    failed[tool.name] = bool(result.is_error)
                except MCPError:
                    failed[tool.name] = True
            await client.call_tool("release", {})

    assert failed == {tool.name: True for tool in TOOLS}
    assert waited == ["released"]
