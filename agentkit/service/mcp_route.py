"""The agents of a service for MCP clients, with the same tokens and limits.

In:  requests to `/mcp` of callers that are known already.
Out: their answers, by the official SDK.

Each agent is a tool that takes a task. A caller sees the agents that its token may use, so there is
a server for each set of agents, started on its first request. Needs the extra `mcp`.
"""

from collections.abc import AsyncIterator, Container, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import anyio
from anyio.abc import TaskGroup, TaskStatus
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings

from agentkit.agent.result import RunResult
from agentkit.errors import ConfigError
from agentkit.mcp.server.mcp_server import build_server
from agentkit.mcp.server.served_agent import serve_agent
from agentkit.mcp.server.server_settings import ServerSettings
from agentkit.mcp.server.streamable_http import MAX_SESSIONS, SESSION_IDLE_SECONDS
from agentkit.service.exchange import HttpExchange
from agentkit.service.http_errors import ServiceError
from agentkit.service.served import Caller, ServedAgent
from agentkit.service.service_state import ServiceState
from agentkit.tools.approval import Verdict, plan_call
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import StaticToolset
from agentkit.tools.validate import ReadyCall

_CALLER: ContextVar[Caller] = ContextVar("agentkit_mcp_caller")
"""Who sends the request that a tool is called by; a session belongs to the token that began it."""

# The service has checked `Host` and `Origin` before.
_CHECKED_HERE = TransportSecuritySettings(enable_dns_rebinding_protection=False)


class McpRoute:
    """The route of one service."""

    def __init__(self, state: ServiceState) -> None:
        """Build the server of all agents, so that a mistake shows at once.

        Raises:
            ConfigError: an agent has no name that a tool can have, or two tools have one name.
        """
        self._state = state
        self._managers: dict[frozenset[str], StreamableHTTPSessionManager] = {}
        self._lock = anyio.Lock()
        self._tasks: TaskGroup | None = None
        self._new_manager(state.agents)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Answer requests while the context is open."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = None
                self._managers.clear()
                tasks.cancel_scope.cancel()

    async def __call__(self, exchange: HttpExchange) -> None:
        """Answer one request."""
        state, caller = self._state, exchange.caller
        is_reader = exchange.scope["method"] == "GET"
        if not is_reader:
            state.require_running()
        manager = await self._manager_for(frozenset(state.names_for(caller)))
        # The SDK binds sessions and the state of calls to this user.
        user = AccessToken(token="", client_id=caller.token_id, scopes=[], subject=caller.tenant)
        exchange.scope["user"] = AuthenticatedUser(user)
        _CALLER.set(caller)
        with state.stoppable(is_reader=is_reader) as scope, scope:
            await exchange.delegate(manager.handle_request)

    async def _manager_for(self, names: frozenset[str]) -> StreamableHTTPSessionManager:
        async with self._lock:
            if self._tasks is None:
                raise ServiceError("The service is not open yet.", status=503)
            if names not in self._managers:
                manager = self._new_manager(names)
                await self._tasks.start(_run, manager)
                self._managers[names] = manager
            return self._managers[names]

    def _new_manager(self, names: Container[str]) -> StreamableHTTPSessionManager:
        agents = {name: one for name, one in self._state.agents.items() if name in names}
        tools = [
            serve_agent(
                one.agent,
                name=name,
                description=one.description or None,
                run=_Runner(self._state, name, one).run,
            )
            for name, one in agents.items()
        ]
        shared = _shared_tools(agents)
        server = build_server(
            [*tools, *(tool for tool, _ in shared.values())],
            settings=ServerSettings(approve=_approval_rule(shared)),
        )
        return StreamableHTTPSessionManager(
            server,
            security_settings=_CHECKED_HERE,
            session_idle_timeout=SESSION_IDLE_SECONDS,
            max_request_body_size=self._state.settings.max_body_bytes,
            max_sessions=MAX_SESSIONS,
        )


class _Runner:
    """Runs an agent for callers, within their limits."""

    def __init__(self, state: ServiceState, name: str, served: ServedAgent) -> None:
        self._state = state
        self._name = name
        self._served = served

    async def run(self, *prompt: str, **options: Any) -> RunResult[Any]:
        """Run the agent; see `Agent.run`."""
        state, caller = self._state, _CALLER.get()
        state.limits.take_request(caller)
        options["labels"] = {"tenant": caller.tenant}
        if self._served.deps is not None:
            options["deps"] = await self._served.deps_for(caller)
        with state.limits.running_request(caller):
            async with state.spending.reserved(caller) as money:
                if money.budget is not None:
                    options["budget"] = money.budget
                result = await self._served.agent.run(*prompt, **options)
                money.spend(result.usage)
                return result


def _shared_tools(agents: Mapping[str, ServedAgent]) -> dict[str, tuple[Tool, ServedAgent]]:
    """Return the tools that are offered in addition to agents, by name; agents may share one."""
    found: dict[str, tuple[Tool, ServedAgent]] = {}
    for served in agents.values():
        toolset = served.agent.toolset
        if not served.shares_tools or not isinstance(toolset, StaticToolset):
            continue
        for tool in toolset.tools:
            if tool.name in found and found[tool.name][0] is not tool:
                raise ConfigError(f"Two agents share different tools named {tool.name!r}.")
            found.setdefault(tool.name, (tool, served))
    return found


def _approval_rule(shared: Mapping[str, tuple[Tool, ServedAgent]]) -> Any:
    """Return a rule that asks the agent's own rule about its tools."""

    async def rule(ready: ReadyCall) -> Verdict:
        known = shared.get(ready.tool.name)
        own = None if known is None else known[1].agent.approve
        return (await plan_call(ready, rule=own, approvals={})).verdict

    return rule


async def _run(
    manager: StreamableHTTPSessionManager,
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    async with manager.run():
        task_status.started()
        await anyio.sleep_forever()
