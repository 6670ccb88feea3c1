"""The tools that a server lists, and the clients to notify when they change.

In:  a toolset; connections that come and go.
Out: the tools by name; `list_changed` notifications, in the form of each revision.

A toolset does not report its own changes: it is listed for each request and around each call, and
a toolset that can change also every few seconds.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import SubscriptionBus, ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from agentkit.history import History
from agentkit.log import Log
from agentkit.mcp.convert import tool_to_mcp
from agentkit.mcp.server.client_context import connection_of
from agentkit.mcp.server.containment import ends_request
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import StaticToolset, Toolset, index_tools

PAGE_BYTES = 500_000
"""Size of a page. Some clients read the first page only; the SDK's client accepts up to 1 MiB."""

log: Log = Log("agentkit.mcp")


class ToolRegistry:
    """The tools of a server while it runs."""

    def __init__(self, toolset: Toolset, *, bus: SubscriptionBus, poll_seconds: float) -> None:
        """Wrap the toolset; see `ServerSettings`."""
        self._bus = bus
        self.known: Mapping[str, Tool] = {}
        self._toolset = toolset
        self._is_fixed = isinstance(toolset, StaticToolset)
        self._poll_seconds = poll_seconds
        self._sessions: set[ServerSession] = set()
        self._pages: dict[bool, list[list[types.Tool]]] = {}
        self._is_open = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep the tools open, and notify clients of their changes."""
        async with self._toolset.open():
            await self.refresh()
            if self._is_fixed:
                yield
                return
            async with anyio.create_task_group() as group:
                group.start_soon(self._watch)
                yield
                group.cancel_scope.cancel()

    async def refresh(self) -> Mapping[str, Tool]:
        """Return the current tools, without external tools, which cannot run here.

        Raises:
            ToolDefinitionError: two have one name.
        """
        listed = await self._toolset.list_tools(History())
        now = index_tools(tool for tool in listed if not tool.is_external)
        before, self.known = self.known, now
        if not _is_same_list(before, now):
            self._pages.clear()
            if self._is_open:
                await self._notify()
        self._is_open = True
        return now

    def input_schema_of(self, name: str) -> Mapping[str, Any] | None:
        """Return the input schema of a tool, as last listed."""
        tool = self.known.get(name)
        return None if tool is None else tool.input_schema

    async def list_tools(
        self, context: ServerRequestContext[Any], cursor: str | None
    ) -> types.ListToolsResult:
        """Answer `tools/list`.

        Raises:
            MCPError: this server did not issue the cursor.
        """
        tools = await self.refresh()
        is_modern = context.protocol_version in MODERN_PROTOCOL_VERSIONS
        if is_modern not in self._pages:
            self._pages[is_modern] = _paged(tools.values(), is_modern=is_modern)
        pages = self._pages[is_modern]
        number = _read_cursor(cursor)
        if number >= len(pages):
            raise MCPError(types.INVALID_PARAMS, "Invalid cursor")
        has_more = number + 1 < len(pages)
        return types.ListToolsResult(
            tools=pages[number], next_cursor=str(number + 1) if has_more else None
        )

    async def add_session(self, context: ServerRequestContext[Any]) -> None:
        """Remember a connection of an earlier revision, which is notified without subscribing."""
        session = context.session
        self._sessions.add(session)
        connection_of(context).exit_stack.callback(self._sessions.discard, session)

    async def check_for_changes(self) -> None:
        """Check whether the tools changed; a toolset that fails is reported at the next call."""
        if self._is_fixed:
            return
        try:
            await self.refresh()
        except BaseException as error:
            if await ends_request(error):
                raise
            log.warning("toolset_not_listed", exc_info=error)

    async def _watch(self) -> None:
        while True:
            await anyio.sleep(self._poll_seconds)
            await self.check_for_changes()

    async def _notify(self) -> None:
        """Notify all connected clients; one that is disconnecting is ignored."""
        await self._bus.publish(ToolsListChanged())
        for session in tuple(self._sessions):
            try:
                await session.send_tool_list_changed()
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                self._sessions.discard(session)


def _is_same_list(before: Mapping[str, Tool], now: Mapping[str, Tool]) -> bool:
    """Return whether a client would see no difference; a toolset may build new, equal tools."""
    return len(before) == len(now) and all(
        one is other or tool_to_mcp(one) == tool_to_mcp(other)
        for one, other in zip(before.values(), now.values(), strict=True)
    )


def _paged(tools: Iterable[Tool], *, is_modern: bool) -> list[list[types.Tool]]:
    """Return the tools as listed, in pages small enough for one event."""
    pages: list[list[types.Tool]] = [[]]
    size = 0
    for tool in tools:
        listed = _tool_for_revision(tool, is_modern=is_modern)
        own = len(listed.model_dump_json(by_alias=True, exclude_none=True).encode())
        if size + own > PAGE_BYTES and pages[-1]:
            pages.append([])
            size = 0
        pages[-1].append(listed)
        size += own
    return pages


def _read_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 10):
        raise MCPError(types.INVALID_PARAMS, "Invalid cursor")
    return int(cursor)


def _tool_for_revision(tool: Tool, *, is_modern: bool) -> types.Tool:
    """Return a tool as the revision lists it: before 2026-07-28 results must be objects."""
    listed = tool_to_mcp(tool)
    if is_modern or listed.output_schema is None or listed.output_schema.get("type") == "object":
        return listed
    return listed.model_copy(update={"output_schema": None})
