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
from agentkit.mcp.client.http_client import build_http_client
from agentkit.mcp.client.repair.streams import repaired
from agentkit.mcp.client.server_connection import Lifetime
from agentkit.mcp.client.stdio_process import Command, ServerProcess

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
        report: Callable[[str], None],
    ) -> AsyncIterator[Client]:
        """See `McpTransport`."""

        def note(status: str) -> None:
            lifetime.last_output = lambda: status

        def connect(
            headers: dict[str, str] | None = None,
            timeout: httpx2.Timeout | None = None,  # noqa: ARG001  # as the SDK calls it
            auth: httpx2.Auth | None = None,
        ) -> httpx2.AsyncClient:
            return build_http_client(
                self.url,
                headers=headers or {},
                auth=auth,
                max_bytes=max_bytes,
                report=report,
                on_status=note,
            )

        headers = dict(self.headers)
        if self.is_sse:
            legacy = sse_client(
                self.url, headers=headers, auth=self.auth, httpx_client_factory=connect
            )
            async with build(repaired(legacy, report=report)) as client:
                yield client
            return
        async with connect(headers, auth=self.auth) as http:
            streamable = streamable_http_client(
                self.url, http_client=http, max_sse_event_size=max_bytes
            )
            async with build(repaired(streamable, report=report)) as client:
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
