"""Build tools from an MCP server's tool list.

In:  a connection.
Out: `Tool`s that can be offered; the same object as long as the server's entry is the same.

Names, schemas and hints are untrusted: a tool that cannot be offered is left out and reported, and
a list that cannot be read leaves the tools unchanged.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import anyio
import mcp_types as types
from anyio.to_thread import run_sync

from agentkit.errors import ToolDefinitionError, ToolError
from agentkit.json_schema import JsonObject
from agentkit.json_schema.validator import shorten
from agentkit.mcp.client.call import call_tool
from agentkit.mcp.client.pagination import read_pages
from agentkit.mcp.client.repair.schemas import drop_invalid_keywords
from agentkit.mcp.client.resource_tools import prompt_tools, resource_tools
from agentkit.mcp.client.resources import map_server_errors
from agentkit.mcp.client.server_connection import ServerConnection
from agentkit.mcp.convert import annotations_from_mcp, icons_from_mcp
from agentkit.message import ToolResult
from agentkit.tools.run_context import RunContext
from agentkit.tools.tool import Tool
from agentkit.tools.tool_options import valid_tool_name

LIST_SECONDS = 30.0
RESTART_SECONDS = 5.0
"""How long a turn waits for a server that is being restarted."""

MAX_PATTERNS_SHOWN = 3

THREAD_THRESHOLD = 10
"""Longer lists are built in a thread: checking a schema takes a millisecond, and a hostile one half
a second."""


class ToolList:
    """The tools of a server over one connection."""

    def __init__(
        self,
        connection: ServerConnection,
        *,
        namespace: str,
        call_timeout_seconds: float | None,
        trusts_annotations: bool,
        required: bool,
        expose_resources: bool,
        expose_prompts: bool,
    ) -> None:
        self._connection = connection
        self._namespace = namespace
        self._call_seconds = call_timeout_seconds
        self._trusts_annotations = trusts_annotations
        self._required = required
        self._extra: list[Tool] = []
        if expose_resources:
            self._extra += resource_tools(self._connection.reader, server=connection.name)
        if expose_prompts:
            self._extra += prompt_tools(self._connection.reader, server=connection.name)
        self._made: dict[str, Tool | None] = {}
        self._tools: tuple[Tool, ...] = ()
        self._has_waited = False
        self._lock = anyio.Lock()

    async def tools(self) -> Sequence[Tool]:
        """Return the current tools.

        Raises:
            ToolsetError: the server did not start, and it is required or misconfigured.
        """
        connection = self._connection
        # The first time there is nothing to offer before it started; that wait has its own limit.
        with anyio.move_on_after(RESTART_SECONDS if self._has_waited else None):
            await connection.wait_ready()
        self._has_waited = True
        if connection.failure is not None:
            if connection.is_misconfigured or (self._required and not connection.was_connected):
                raise connection.error()
            return ()
        async with self._lock:
            if connection.is_stale:
                connection.is_stale = False
                await self._refresh()
        return self._tools

    async def _refresh(self) -> None:
        """List the tools again; an error leaves them unchanged."""
        try:
            with anyio.fail_after(LIST_SECONDS), map_server_errors():
                listed = await self._list()
        except (ToolError, TimeoutError) as error:
            reason = str(error) or f"no answer within {LIST_SECONDS:g} s"
            self._connection.report("error", f"Its tools cannot be listed: {reason}")
            return
        if len(listed) > THREAD_THRESHOLD:
            self._tools = await run_sync(self._make_all, listed)
        else:
            self._tools = self._make_all(listed)

    async def _list(self) -> list[types.Tool]:
        client = self._connection.client()
        # The SDK's validator has no work bound and could hang on the server's own schema; results
        # are validated by `agentkit.json_schema` instead.
        client.session.validate_tool_result = _skip_validation  # type: ignore[method-assign]
        if client.server_capabilities.tools is None:
            return []
        return await read_pages(
            lambda cursor: client.list_tools(cursor=cursor),
            lambda page: page.tools,
            report=self._connection.warn,
        )

    def _make_all(self, listed: Sequence[types.Tool]) -> tuple[Tool, ...]:
        made, self._made = self._made, {}
        names: set[str] = set()
        tools: list[Tool] = []
        for one in listed:
            key = one.model_dump_json(by_alias=True)
            tool = made[key] if key in made else self._make(one)
            self._made[key] = tool
            if tool is not None and tool.name in names:
                self._connection.report("warning", f"It lists the tool {tool.name!r} twice.")
            elif tool is not None:
                names.add(tool.name)
                tools.append(tool)
        return (*tools, *(one for one in self._extra if one.name not in names))

    def _make(self, one: types.Tool) -> Tool | None:
        """Return a tool, or None if it cannot be offered."""
        try:
            return self._build(one, one.input_schema)
        except ToolDefinitionError as error:
            first = error
        schema, dropped = drop_invalid_keywords(one.input_schema)
        try:
            if not dropped:
                raise first
            tool = self._build(one, schema)
        except ToolDefinitionError as error:
            self._connection.warn(f"A tool is left out: {error}")
            return None
        self._connection.warn(
            f"The input schema of its tool {shorten(one.name)!r} is not valid; ignored: "
            f"{shorten(', '.join(dropped), 500)}."
        )
        return tool

    def _build(self, one: types.Tool, input_schema: dict[str, Any]) -> Tool:
        """Return a tool.

        Raises:
            ToolDefinitionError: it cannot be offered.
        """
        name = valid_tool_name(one.name)
        if name != one.name:
            self._connection.report(
                "notice", f"Its tool {shorten(one.name)!r} is offered as {name!r}."
            )
        tool = Tool.from_schema(
            name=name,
            description=one.description or "",
            input_schema=input_schema,
            output_schema=one.output_schema,
            handler=self._handler(one.name),
            title=one.title or (None if one.annotations is None else one.annotations.title),
            icons=icons_from_mcp(one.icons),
            meta=one.meta,
            timeout_seconds=self._call_seconds,
        )
        self._report_patterns(tool)
        # Untrusted hints could only make rules laxer: MCP's defaults are the strictest values.
        hints = annotations_from_mcp(one.annotations if self._trusts_annotations else None)
        return replace(tool, annotations=hints, own_name=one.name, namespace=self._namespace)

    def _report_patterns(self, tool: Tool) -> None:
        """Report the patterns of a tool that only the server checks."""
        output = tool.output_check
        patterns = tool.arguments_check.unchecked_patterns
        patterns += output.unchecked_patterns if output is not None else ()
        if patterns:
            shown = ", ".join(shorten(pattern) for pattern in patterns[:MAX_PATTERNS_SHOWN])
            rest = ", …" if len(patterns) > MAX_PATTERNS_SHOWN else ""
            self._connection.report(
                "notice",
                f"The schema of its tool {tool.name!r} has patterns that are not checked here, "
                f"since they cannot be matched in linear time: {shown}{rest}.",
            )

    def _handler(self, name: str) -> Callable[..., Any]:
        async def call(context: RunContext[Any], arguments: JsonObject) -> ToolResult:
            return await call_tool(self._connection, name, context, arguments)

        return call


async def _skip_validation(name: str, result: types.CallToolResult) -> None:
    """Replace the SDK's validation of a result."""
