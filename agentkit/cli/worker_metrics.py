"""Serve the metrics of a worker to Prometheus.

In:  an address, the agents, the stored runs.
Out: `GET /metrics` from a thread of its own; the queue is read again and again.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeAlias
from wsgiref.simple_server import WSGIServer

import anyio
import anyio.to_thread

from agentkit.agent.agent import Agent
from agentkit.durable import QueueLength, Runs
from agentkit.errors import ConfigError
from agentkit.lazy_import import LazyModule
from agentkit.store.base import StoreError

prometheus: LazyModule = LazyModule("agentkit.telemetry.prometheus", extra="metrics")
prometheus_client: LazyModule = LazyModule("prometheus_client", extra="metrics")

READ_SECONDS = 5.0
"""How often the length of the queue is read."""

LOOPBACK = "127.0.0.1"


class WorkerMetrics(Protocol):
    """The part of `PrometheusMetrics` that is used here."""

    @property
    def registry(self) -> object:
        """Return where the metrics are registered."""

    def start(self) -> None:
        """Count from now on."""

    def stop(self) -> None:
        """Count nothing more."""

    def watch_agents(self, agents: Iterable[Agent[Any, Any]]) -> None:
        """Show the circuit breakers of these agents."""

    def set_queue(self, lengths: Sequence[QueueLength]) -> None:
        """Show the length of the queue."""


KeepReading: TypeAlias = Callable[[Runs], Coroutine[Any, Any, None]]
"""Reads the queue until it is cancelled."""


@asynccontextmanager
async def serve_metrics(
    address: str, agents: Iterable[Agent[Any, Any]]
) -> AsyncIterator[tuple[str, KeepReading]]:
    """Count and serve while the context is open; yield the URL, and what reads the queue.

    Databases that are opened inside the context are measured.

    Raises:
        ConfigError: the address is not `HOST:PORT`, or cannot be listened on.
        MissingExtraError: the extra `metrics` is not installed.
    """
    name, port = parse_address(address)
    metrics: WorkerMetrics = prometheus.PrometheusMetrics()
    metrics.watch_agents(agents)

    async def keep_reading(runs: Runs) -> None:
        while True:
            with suppress(StoreError):  # counted by the metrics themselves
                metrics.set_queue(await runs.queue())
            await anyio.sleep(READ_SECONDS)

    try:
        server: WSGIServer
        server, _ = prometheus_client.start_http_server(port, addr=name, registry=metrics.registry)
    except OSError as error:
        raise ConfigError(f"Metrics cannot be served at {address!r}: {error.strerror}.") from error
    metrics.start()
    try:
        shown = f"[{name}]" if ":" in name else name
        yield f"http://{shown}:{server.server_port}/metrics", keep_reading
    finally:
        metrics.stop()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(server.shutdown)
        server.server_close()


def parse_address(address: str) -> tuple[str, int]:
    """Return the address and the port of `HOST:PORT` or `PORT`; loopback if it has no address.

    Raises:
        ConfigError: it has another form.
    """
    name, _, port = address.rpartition(":")
    name = name.removeprefix("[").removesuffix("]") or LOOPBACK
    if not (port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise ConfigError(f"{address!r} is no address; write HOST:PORT, e.g. {LOOPBACK}:9464.")
    return name, int(port)
