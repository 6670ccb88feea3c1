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
class OlderDoor(InMemoryTransport):
    """A way to a server that speaks with it as before 2026-07-28."""

    @asynccontextmanager
    async def open(
        self,
        build: Callable[[Any], Client],
        life: Lifetime,  # noqa: ARG002
        *,
        max_bytes: int,  # noqa: ARG002
        report: Callable[[str], None],  # noqa: ARG002
    ) -> AsyncIterator[Client]:
        """Open it so."""
        client = build(self.server)
        client.mode = "legacy"
        async with client:
            yield client


Make: TypeAlias = Callable[..., MCPToolset]


@pytest.fixture(params=["2026-07-28", "2025-11-25"])
def make(request: pytest.FixtureRequest) -> Make:
    """Return what makes a toolset that speaks one revision of the protocol."""
    door = InMemoryTransport if request.param == "2026-07-28" else OlderDoor

    def build(server: Server[Any], **options: Any) -> MCPToolset:
        return MCPToolset(door(server=server), name="demo", **options)

    return build
