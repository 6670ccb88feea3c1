"""Toolsets of servers in this process, in both revisions of the protocol."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest
from mcp.client.client import Client
from mcp.server import Server

from agentkit.mcp.client.mcp_toolset import MCPToolset
from agentkit.mcp.client.server_connection import Lifetime
from agentkit.mcp.client.transports import InMemoryTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyTransport(InMemoryTransport):
    """A transport that uses the revisions before 2026-07-28."""

    @asynccontextmanager
    async def open(
        self,
        build: Callable[[Any], Client],
        lifetime: Lifetime,  # noqa: ARG002
        *,
        max_bytes: int,  # noqa: ARG002
        report: Callable[[str], None],  # noqa: ARG002
    ) -> AsyncIterator[Client]:
        """Open the client in its legacy mode."""
        client = build(self.server)
        client.mode = "legacy"
        async with client:
            yield client


Make: TypeAlias = Callable[..., MCPToolset]


@pytest.fixture(params=["2026-07-28", "2025-11-25"])
def make(request: pytest.FixtureRequest) -> Make:
    """Return a function that builds a toolset which uses one revision of the protocol."""
    transport = InMemoryTransport if request.param == "2026-07-28" else LegacyTransport

    def build(server: Server[Any], **options: Any) -> MCPToolset:
        return MCPToolset(transport(server=server), name="demo", **options)

    return build
