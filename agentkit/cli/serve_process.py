"""Serve until a signal; see `agentkit.cli.commands.serve`.

In:  what the command line asked for.
Out: the exit code; the address on standard output.
"""

import logging
import signal
from collections.abc import AsyncIterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any, Protocol

import anyio

from agentkit.agent.agent import Agent
from agentkit.cli.commands.serve import ServeRequest
from agentkit.cli.exit_codes import OK
from agentkit.cli.garbage_collection import spare_full_collections
from agentkit.cli.ready_made import agents as ready_made_agents
from agentkit.cli.terminal import note, write
from agentkit.cli.user_code import load_named
from agentkit.cli.worker_metrics import prometheus
from agentkit.cli.worker_process import load_agents
from agentkit.errors import ConfigError
from agentkit.service import (
    DatabaseTokens,
    MetricsSource,
    ServedAgent,
    ServiceOptions,
    ServingPort,
    Tokens,
    build_service,
    open_port,
)
from agentkit.service.access_tokens import StoredTokens
from agentkit.store.database_url import parse_database_url
from agentkit.store.open_store import open_store


class StartedMetrics(MetricsSource, Protocol):
    """Metrics that can count all runs of a process."""

    def start(self) -> None:
        """Count from now on."""


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_service(request: ServeRequest) -> int:
    """Serve until a signal, and return the exit code.

    Raises:
        AgentKitError: an agent cannot be loaded, the database cannot be used, or the address
            cannot be listened on or is not safe.
    """
    # Without a handler, Python would print its warnings about single requests.
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    agents = load_served(request.target)
    spare_full_collections()
    return anyio.run(partial(_serve, request, agents))


async def _serve(request: ServeRequest, agents: Mapping[str, Agent[Any, Any] | ServedAgent]) -> int:
    auth: Tokens | type[DatabaseTokens] | None = None
    if request.tokens is not None:
        auth = Tokens.from_file(request.tokens)
    elif request.db is not None and await _has_tokens(request.db):
        auth = DatabaseTokens
    options = ServiceOptions(
        allowed_hosts=request.allowed_hosts,
        allowed_origins=request.allowed_origins,
        has_page=request.has_page,
        mcp=request.has_mcp,
    )
    if request.has_metrics:
        options["metrics"] = _start_metrics()
    service = build_service(agents, database=request.db, auth=auth, **options)
    with anyio.open_signal_receiver(*_SIGNALS) as signals:
        async with open_port(service, host=request.host, port=request.port) as running:
            write(f"{running.url}\n")
            note(f"Serving {', '.join(agents)}. Ctrl-C stops it.")
            note(
                "Kept in memory, and gone with this process; see --db."
                if request.db is None
                else f"Kept in {parse_database_url(request.db).shown}."
            )
            if auth is None:
                note("Without tokens: for this machine only.")
            async for _ in signals:
                break
            await _stop(running, signals, request.drain_seconds)
    return OK


def _start_metrics() -> MetricsSource:
    """Count all runs of this process from now on.

    Raises:
        MissingExtraError: the extra `metrics` is not installed.
    """
    metrics: StartedMetrics = prometheus.PrometheusMetrics()
    metrics.start()
    return metrics


async def _stop(
    running: ServingPort, signals: AsyncIterator[signal.Signals], drain_seconds: float
) -> None:
    """Let answers end, until the time is over or there is another signal."""
    note(f"Stopping; answers have {drain_seconds:g} s to end. A second signal stops at once.")
    async with anyio.create_task_group() as tasks:

        async def stop_at_once() -> None:
            async for _ in signals:
                await running.drain(0)
                return

        tasks.start_soon(stop_at_once)
        await running.drain(drain_seconds)
        tasks.cancel_scope.cancel()


async def _has_tokens(url: str) -> bool:
    """Return whether a database has tokens, valid or not: a revoked one must not open it to all."""
    async with open_store(url) as store:
        return bool(await StoredTokens(store).list())


def load_served(target: str) -> Mapping[str, Agent[Any, Any] | ServedAgent]:
    """Return the agents that a target names, by name.

    Raises:
        ConfigError: it names no agents.
    """
    known = ready_made_agents()
    if all(name.strip() in known for name in target.split(",")):
        return load_agents(target)[0]
    found = load_named(target, what="agents", known=known)
    deps = None
    if isinstance(found, ModuleType):
        deps = getattr(found, "deps", None)
        found = getattr(found, "agents", None) or getattr(found, "agent", None)
    if isinstance(found, Agent):
        found = {found.name: found}
    if (
        not isinstance(found, Mapping)
        or not found
        or not all(isinstance(one, Agent | ServedAgent) for one in found.values())
    ):
        raise ConfigError(
            f"{target!r} names no agents; write agents = {{'support': agent}} in the module, and "
            f"name it: 'module:agents' or 'file.py'. A function 'deps' in it returns their deps."
        )
    return {
        name: ServedAgent(one, deps=deps) if isinstance(one, Agent) else one
        for name, one in found.items()
    }
