"""Work until a signal; see `agentkit.cli.commands.worker`.

In:  what the command line asked for.
Out: the exit code.
"""

import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import ModuleType
from typing import Any

import anyio

from agentkit.agent.agent import Agent
from agentkit.cli.commands.worker import WorkerRequest
from agentkit.cli.exit_codes import OK
from agentkit.cli.garbage_collection import spare_full_collections
from agentkit.cli.ready_made import agent_builder
from agentkit.cli.ready_made import agents as ready_made_agents
from agentkit.cli.terminal import note
from agentkit.cli.user_code import load_named
from agentkit.cli.worker_metrics import KeepReading, serve_metrics
from agentkit.config.load import default_model
from agentkit.config.user_files import user_database
from agentkit.durable import Runs, open_runs
from agentkit.errors import ConfigError
from agentkit.exception_groups import ungrouped
from agentkit.store.database_url import parse_database_url

EXIT_SECONDS = 2.0
"""How long runs may take to be put back after a second signal."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_worker(request: WorkerRequest) -> int:
    """Work until a signal, and return the exit code.

    Raises:
        AgentKitError: an agent cannot be loaded, or the database cannot be used.
    """
    agents, deps = load_agents(request.target)
    spare_full_collections()
    return anyio.run(partial(_work, request, agents, deps))


async def _work(request: WorkerRequest, agents: Mapping[str, Agent[Any, Any]], deps: Any) -> int:
    url = request.db or user_database()
    async with AsyncExitStack() as stack:
        signals = stack.enter_context(anyio.open_signal_receiver(*_SIGNALS))
        for agent in {id(agent): agent for agent in agents.values()}.values():
            await stack.enter_async_context(agent)
        keep_reading: KeepReading | None = None
        if request.metrics is not None:
            address, keep_reading = await stack.enter_async_context(
                serve_metrics(request.metrics, agents.values())
            )
            note(f"Metrics are at {address}.")
        runs = await stack.enter_async_context(
            open_runs(
                url,
                agents=agents,
                deps=deps,
                concurrency=request.concurrency,
                worker_name=request.name,
                text_deltas=request.text_deltas,
            )
        )
        stack.enter_context(ungrouped())
        tasks = await stack.enter_async_context(anyio.create_task_group())
        if keep_reading is not None:
            tasks.start_soon(keep_reading, runs)
        shown = parse_database_url(url).shown
        note(f"Working on {shown} for {', '.join(sorted(agents))}. Ctrl-C stops it.")
        async for _ in signals:
            break
        await _stop(runs, signals, request.grace_seconds)
        tasks.cancel_scope.cancel()
    return OK


async def _stop(runs: Runs, signals: AsyncIterator[signal.Signals], grace_seconds: float) -> None:
    """Let runs end, until the grace time is over or there is another signal."""
    note(f"Stopping; runs have {grace_seconds:g} s to end. A second signal stops at once.")
    async with anyio.create_task_group() as tasks:

        async def stop_at_once() -> None:
            async for _ in signals:
                with anyio.move_on_after(EXIT_SECONDS):
                    await runs.stop(0)
                    return
                # Code of a tool does not end. What it did so far is known to the next worker.
                os._exit(OK)

        tasks.start_soon(stop_at_once)
        await runs.stop(grace_seconds)
        tasks.cancel_scope.cancel()


def load_agents(target: str) -> tuple[Mapping[str, Agent[Any, Any]], Any]:
    """Return the agents that a target names, by name, and the function for their deps.

    Raises:
        ConfigError: it names no agents.
    """
    known = ready_made_agents()
    names = [name.strip() for name in target.split(",")]
    if all(name in known for name in names):
        return {name: agent_builder(name)(default_model()[0]) for name in names}, None
    found = load_named(target, what="agents", known=known)
    deps = None
    if isinstance(found, ModuleType):
        deps = getattr(found, "deps", None)
        found = getattr(found, "agents", None) or getattr(found, "agent", None)
    if isinstance(found, Agent):
        found = [found]
    if isinstance(found, Sequence):
        found = {getattr(agent, "name", ""): agent for agent in found}
    if (
        not isinstance(found, Mapping)
        or not found
        or not all(isinstance(agent, Agent) for agent in found.values())
    ):
        raise ConfigError(
            f"{target!r} names no agents; write agents = {{'support': agent}} in the module, and "
            f"name it: 'module:agents' or 'file.py'. A function 'deps' in it returns their deps."
        )
    return found, deps
