"""`agentkit mcp serve`: serve tools and agents to MCP clients.

In:  the tools and agents to serve, and where.
Out: the protocol on standard output or a port; messages to the user on standard error.

It serves until the client disconnects, SIGINT or SIGTERM; the exit code is 0 in each case.
"""

import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from mcp.server.lowlevel import Server

from agentkit.agent.agent import Agent
from agentkit.cli.agent_builder import AgentSelection, build_agent, load_requested_tools
from agentkit.cli.approval_prompt import (
    ALLOWED,
    DENIED,
    ApproveMode,
    answer_every_ask,
    set_approval_mode,
)
from agentkit.cli.exit_codes import OK
from agentkit.cli.mcp.mcp_commands import ServePlan
from agentkit.cli.terminal import note
from agentkit.errors import ConfigError
from agentkit.exception_groups import ungrouped
from agentkit.mcp.server.mcp_server import ServerSettings, build_server
from agentkit.mcp.server.stdio import serve_stdio
from agentkit.mcp.server.streamable_http import HttpOptions, open_http


def run_serve(plan: ServePlan) -> int:
    """Serve until the end, and return the exit code.

    Raises:
        ConfigError: nothing is served; a name or the token does not exist; the address is not
            safe to listen on.
        AgentKitError: a tool or an agent cannot be loaded.
    """
    for name in ("mcp", "uvicorn"):
        # Without a handler, Python would print their warnings about single requests.
        logging.getLogger(name).addHandler(logging.NullHandler())
    server = _build(plan)
    if plan.http is None:
        if plan.token_env or plan.token_file:
            raise ConfigError("A token applies to HTTP only; add --http PORT, or remove it.")
        return anyio.run(_serve_stdio, server)
    return anyio.run(_serve_http, server, _http_options(plan, plan.http))


async def _serve_stdio(server: Server[None]) -> int:
    async with _until_signal() as scope:
        await serve_stdio(server)
        scope.cancel()
    return OK


async def _serve_http(server: Server[None], options: HttpOptions) -> int:
    async with _until_signal(), open_http(server, **options) as running:
        note(f"Serving MCP at {running.url}. Ctrl-C stops it.", style="dim")
        await anyio.sleep_forever()
    return OK


@asynccontextmanager
async def _until_signal() -> AsyncIterator[anyio.CancelScope]:
    """Cancel the body on a signal to end the program, which is not an error."""

    async def watch(scope: anyio.CancelScope) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                scope.cancel()

    with ungrouped():
        async with anyio.create_task_group() as group:
            group.start_soon(watch, group.cancel_scope)
            yield group.cancel_scope


def _build(plan: ServePlan) -> Server[None]:
    selection = plan.selection
    tools = load_requested_tools(
        selection.tools, folder=selection.folder, allow_write=selection.allow_write
    )
    agents = [_agent(name, plan) for name in plan.agents if name]
    if not tools and not agents:
        raise ConfigError("Nothing to serve: add tools with --tools or agents with --agents.")
    rule = {
        ApproveMode.ASK: None,
        ApproveMode.ALLOW: answer_every_ask(None, ALLOWED),
        ApproveMode.DENY: answer_every_ask(None, DENIED),
    }[plan.approve]
    return build_server(tools, agents=agents, name=plan.name, settings=ServerSettings(approve=rule))


def _agent(name: str, plan: ServePlan) -> Agent[object]:
    selection = AgentSelection(
        model=plan.selection.model, base_url=plan.selection.base_url, agent=name
    )
    built = build_agent(selection)
    note(f"{name}: {built.banner}", style="dim")
    set_approval_mode(built.agent, plan.approve)
    return built.agent


def _http_options(plan: ServePlan, where: str) -> HttpOptions:
    host, _, port = where.rpartition(":")
    if not port.isascii() or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"--http {where!r} has no port; write PORT or HOST:PORT.")
    return {
        "host": host or "127.0.0.1",
        "port": int(port),
        "token": _token(plan),
        "allowed_hosts": plan.allowed_hosts,
        "allowed_origins": plan.allowed_origins,
    }


def _token(plan: ServePlan) -> str | None:
    """Return the token; never from the command line, which other users could read."""
    if plan.token_env is not None:
        if plan.token_file is not None:
            raise ConfigError("Use --token-env or --token-file, not both.")
        token = os.environ.get(plan.token_env)
        if token is None:
            raise ConfigError(f"The variable {plan.token_env!r} for the token is not set.")
        return token
    if plan.token_file is not None:
        try:
            return plan.token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"Cannot read the token from {str(plan.token_file)!r}.") from error
    return None
