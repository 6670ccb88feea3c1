"""Ways to an MCP server: a process, an address, an object in this process.

In:  where the server is.
Out: doors, each of which opens the SDK's client for one lifetime of a connection.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import anyio
import httpx2
from mcp.client.client import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server import MCPServer, Server

from agentkit.exception_groups import ungrouped
from agentkit.mcp.client.server_connection import Lifetime
from agentkit.mcp.client.stdio_process import Command, ServerProcess

CONNECT_SECONDS = 30.0
READ_SECONDS = 300.0
"""Of a silent stream; the limits of calls are shorter and count first."""

BuildClient = Callable[[Any], Client]
"""Makes the SDK's client for a transport or a server object."""


class McpTransport(Protocol):
    """A way to a server."""

    def open(
        self,
        build: BuildClient,
        lifetime: Lifetime,
        *,
        max_bytes: int,
        report: Callable[[str], None],
    ) -> AbstractAsyncContextManager[Client]:
        """Open the client.

        Args:
            build: makes the client.
            lifetime: is ended when the way is closed from the other side.
            max_bytes: of one message from the server; a longer one is an error for its call.
            report: told of what goes wrong on the way, in words.

        Raises:
            ServerStartError: there is no such program.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class StdioTransport:
    """A server that is started for this, and speaks over its standard streams."""

    command: Command

    @asynccontextmanager
    async def open(
        self,
        build: BuildClient,
        lifetime: Lifetime,
        *,
        max_bytes: int,
        report: Callable[[str], None],
    ) -> AsyncIterator[Client]:
        """See `McpTransport`."""
        process = ServerProcess(self.command, max_bytes=max_bytes, report=report)
        lifetime.last_output = lambda: process.last_output
        with ungrouped():
            async with anyio.create_task_group() as group:
                group.start_soon(_watch, process, lifetime)
                async with build(process.streams()) as client:
                    yield client
                group.cancel_scope.cancel()


async def _watch(process: ServerProcess, lifetime: Lifetime) -> None:
    await process.ended.wait()
    lifetime.end("its process ended")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamableHttpTransport:
    """A server at an address.

    Attributes:
        url: where it is.
        headers: sent with every request; their values show in no `repr`.
        auth: signs requests, e.g. by OAuth.
        is_older: it speaks the transport of 2024-11-05 (HTTP with SSE), which its users must say.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: httpx2.Auth | None = field(default=None, repr=False)
    is_older: bool = False

    @asynccontextmanager
    async def open(
        self,
        build: BuildClient,
        lifetime: Lifetime,
        *,
        max_bytes: int,
        report: Callable[[str], None],  # noqa: ARG002  # all shows in calls
    ) -> AsyncIterator[Client]:
        """See `McpTransport`."""

        async def note(response: httpx2.Response) -> None:
            status = response.status_code
            words = "" if status < 400 else f"HTTP {status} {response.reason_phrase}"
            lifetime.last_output = lambda: words

        timeout = httpx2.Timeout(CONNECT_SECONDS, read=READ_SECONDS)
        headers, auth = dict(self.headers), self.auth
        if self.is_older:
            async with build(sse_client(self.url, headers=headers, auth=auth)) as client:
                yield client
            return
        async with httpx2.AsyncClient(
            headers=headers, timeout=timeout, auth=auth, event_hooks={"response": [note]}
        ) as http:
            transport = streamable_http_client(
                self.url, http_client=http, max_sse_event_size=max_bytes
            )
            async with build(transport) as client:
                yield client


@dataclass(frozen=True, slots=True, kw_only=True)
class InMemoryTransport:
    """A server object in this process, for tests."""

    server: Server[Any] | MCPServer

    @asynccontextmanager
    async def open(
        self,
        build: BuildClient,
        lifetime: Lifetime,  # noqa: ARG002  # it lives as long as we do
        *,
        max_bytes: int,  # noqa: ARG002  # nothing is encoded
        report: Callable[[str], None],  # noqa: ARG002  # all shows in calls
    ) -> AsyncIterator[Client]:
        """See `McpTransport`."""
        async with build(self.server) as client:
            yield client
