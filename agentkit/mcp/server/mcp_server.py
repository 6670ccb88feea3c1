"""Serve tools and agents to MCP clients.

In:  tools, toolsets and agents.
Out: a server of the official SDK, which speaks all revisions.

Prompts, resources and other features are added with the SDK's own `add_request_handler`.
`agentkit.mcp.server.stdio` and `agentkit.mcp.server.streamable_http` run it; the requests that a
tool may send to its client are in `agentkit.mcp.server.client_context`.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, get_args
from uuid import uuid4

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.server.request_state import RequestStateBoundary
from mcp.server.subscriptions import ListenHandler

from agentkit.agent.agent import Agent
from agentkit.mcp.server.call_state import CallState
from agentkit.mcp.server.client_context import (
    LOG_LEVEL,
    ClientContext,
    ClientRequestError,
    ElicitationOutcome,
    client_of,
    connection_of,
)
from agentkit.mcp.server.containment import contained
from agentkit.mcp.server.registry import ToolRegistry
from agentkit.mcp.server.served_agent import serve_agent
from agentkit.mcp.server.served_call import serve_call
from agentkit.mcp.server.server_settings import ServerSettings
from agentkit.tools.toolset import StaticToolset, ToolLike, as_toolset, combined
from agentkit.version import __version__

__all__ = [
    "ClientContext",
    "ClientRequestError",
    "ElicitationOutcome",
    "ServerSettings",
    "ToolServer",
    "build_server",
    "client_of",
]

_LEVELS: tuple[types.LoggingLevel, ...] = get_args(types.LoggingLevel)


class ToolServer(Server[None]):
    """A server of the SDK that declares that its tools may change."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """Return the answer to `initialize` of an earlier revision; see the SDK."""
        return super().create_initialization_options(
            notification_options or NotificationOptions(tools_changed=True),
            experimental_capabilities,
            extensions,
        )


def build_server(
    tools: Iterable[ToolLike] = (),
    *,
    agents: Iterable[Agent[Any, Any]] = (),
    name: str = "agentkit",
    instructions: str | None = None,
    settings: ServerSettings | None = None,
) -> ToolServer:
    """Build a server; nothing is opened.

    Args:
        tools: functions, tools and toolsets, in any mixture; open as long as the server runs.
        agents: each becomes a tool that takes a task, under the agent's name.
        name: the name of the server.
        instructions: how to use the server, for the client's model.
        settings: limits and approval for every call.

    Raises:
        ToolDefinitionError: a tool is not valid, or two have the same name.
    """
    served = tuple(agents)
    toolset = combined(as_toolset(tools), StaticToolset(map(serve_agent, served)))
    settings = settings or ServerSettings()
    registry = ToolRegistry(toolset, bus=settings.bus, poll_seconds=settings.poll_seconds)

    async def list_tools(
        context: ServerRequestContext[None],
        params: types.PaginatedRequestParams | None,
    ) -> types.ListToolsResult:
        cursor = None if params is None else params.cursor
        return await contained(lambda: registry.list_tools(context, cursor), method="tools/list")

    async def call_tool(
        context: ServerRequestContext[None], params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        return await contained(lambda: answer_call(context, params), method="tools/call")

    async def answer_call(
        context: ServerRequestContext[None], params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        state = CallState.read(params, new_id=_new_id)
        tools = await registry.refresh()
        answer = await serve_call(context, params, state=state, tools=tools, settings=settings)
        await registry.check_for_changes()  # a tool may have changed the list itself
        return answer

    server = ToolServer(
        name,
        version=__version__,
        instructions=instructions,
        lifespan=_lifespan(registry, served),
        get_tool_input_schema=registry.input_schema_of,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_subscriptions_listen=ListenHandler(settings.bus),
    )
    server.middleware.append(RequestStateBoundary(settings.security, default_audience=name))
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, _set_level)
    server.add_notification_handler(
        "notifications/initialized", types.NotificationParams, _add_session(registry)
    )
    return server


def _lifespan(
    registry: ToolRegistry, agents: tuple[Agent[Any, Any], ...]
) -> Callable[[Server[None]], Any]:
    is_open = False

    def mark_closed() -> None:
        nonlocal is_open
        is_open = False

    @asynccontextmanager
    async def lifespan(server: Server[None]) -> AsyncIterator[None]:  # noqa: ARG001  # as the SDK calls it
        nonlocal is_open
        async with AsyncExitStack() as stack:
            # Agents are opened once; another connection in the same process finds them open.
            if not is_open:
                is_open = True
                stack.callback(mark_closed)
                for agent in agents:
                    await stack.enter_async_context(agent)
            await stack.enter_async_context(registry.open())
            yield

    return lifespan


def _add_session(registry: ToolRegistry) -> Callable[..., Any]:
    async def add_session(
        context: ServerRequestContext[None],
        params: types.NotificationParams,  # noqa: ARG001
    ) -> None:
        await registry.add_session(context)

    return add_session


async def _set_level(
    context: ServerRequestContext[None], params: types.SetLevelRequestParams
) -> types.EmptyResult:
    """Keep the minimum level of log messages that a client of an earlier revision wants."""
    wanted = _LEVELS[_LEVELS.index(params.level) :]
    connection_of(context).state[LOG_LEVEL] = frozenset(wanted)
    return types.EmptyResult()


def _new_id() -> str:
    return f"mcp-{uuid4().hex}"
