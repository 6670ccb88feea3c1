"""Transports to an MCP server: a child process, HTTP, an object in this process.

In:  a command, a URL, or a server object.
Out: transports, each of which opens the SDK's client for one lifetime of a connection.
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
"""Limit for a silent stream; the limit of a call is usually shorter."""

BuildClient = Callable[[Any], Client]
"""Builds the SDK's client for a transport or a server object."""


class McpTransport(Protocol):
    """A transport to a server."""

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
            build: builds the client.
            lifetime: ended when the server closes the connection.
            max_bytes: limit of one message from the server; a longer one fails its call.
            report: called with a message about each transport error.

        Raises:
            ServerStartError: there is no such program.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class StdioTransport:
    """A server that is started as a child process and uses its standard streams."""

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
    """A server behind a URL.

    Attributes:
        url: its MCP endpoint.
        headers: sent with every request; `repr` does not show their values.
        auth: authenticates requests, e.g. by OAuth.
        is_sse: use the transport of 2024-11-05 (HTTP with SSE), which cannot be detected.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: httpx2.Auth | None = field(default=None, repr=False)
    is_sse: bool = False

    @asynccontextmanager
    async def open(
        self,
        build: BuildClient,
        lifetime: Lifetime,
        *,
        max_bytes: int,
        report: Callable[[str], None],  # noqa: ARG002  # every error fails a call
    ) -> AsyncIterator[Client]:
        """See `McpTransport`."""

        async def note(response: httpx2.Response) -> None:
            status = response.status_code
            words = "" if status < 400 else f"HTTP {status} {response.reason_phrase}"
            lifetime.last_output = lambda: words

        timeout = httpx2.Timeout(CONNECT_SECONDS, read=READ_SECONDS)
        headers, auth = dict(self.headers), self.auth
        if self.is_sse:
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
        lifetime: Lifetime,  # noqa: ARG002  # it ends with this process
        *,
        max_bytes: int,  # noqa: ARG002  # nothing is encoded
        report: Callable[[str], None],  # noqa: ARG002  # every error fails a call
    ) -> AsyncIterator[Client]:
        """See `McpTransport`."""
        async with build(self.server) as client:
            yield client
