"""Metrics that are read when Prometheus asks, not counted before.

In:  the length of the queue, as it was read last; models of agents.
Out: gauges. They are built at each scrape, which may come from another thread.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from agentkit.agent.agent import Agent
from agentkit.model.model import Model
from agentkit.model.route import CircuitState, RouteModel

_STATES: tuple[CircuitState, ...] = ("closed", "half_open", "open")


class QueueReading(Protocol):
    """How many stored runs of one agent have one status; see `agentkit.durable.QueueLength`."""

    @property
    def agent(self) -> str:
        """Return the name that workers know the agent by."""

    @property
    def status(self) -> str:
        """Return `queued` or `running`."""

    @property
    def count(self) -> int:
        """Return how many runs there are."""

    @property
    def oldest_seconds(self) -> float:
        """Return how long the oldest has waited."""


class CurrentState(Collector):
    """Collects the queue and the circuit breakers.

    Args:
        limited: returns a value of a label, or "other" if there are too many of it.
    """

    def __init__(self, limited: Callable[[str, str], str]) -> None:
        self._limited = limited
        self.queue: Sequence[QueueReading] = ()
        self.agents: Sequence[Agent[Any, Any]] = ()

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return the names of the metrics."""
        yield from _families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the metrics with their values now."""
        runs, oldest, circuits = _families()
        for reading in self.queue:
            agent = self._limited("agent", reading.agent)
            runs.add_metric([agent, reading.status], reading.count)
            if reading.status == "queued":
                oldest.add_metric([agent], reading.oldest_seconds)
        for model, state in self._circuits().items():
            for one in _STATES:
                circuits.add_metric([self._limited("model", model), one], float(one == state))
        yield from (runs, oldest, circuits)

    def _circuits(self) -> dict[str, CircuitState]:
        """Return the worst state of each model; agents may use it in several routes."""
        found: dict[str, CircuitState] = {}
        for agent in self.agents:
            for route in routes_of(agent.model):
                for model, state in route.circuits().items():
                    found[model] = max(state, found.get(model, state), key=_STATES.index)
        return found


def routes_of(model: Model) -> Iterable[RouteModel]:
    """Return the route that a model is, also inside wrappers; none for another model."""
    found: object = model
    while found is not None and not isinstance(found, RouteModel):
        found = getattr(found, "wrapped", None)
    return () if found is None else (found,)


def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
    return (
        GaugeMetricFamily(
            "agentkit_queue_runs",
            "Stored runs of the database that are due, or are done by any worker.",
            labels=["agent", "status"],
        ),
        GaugeMetricFamily(
            "agentkit_queue_oldest_seconds",
            "How long the oldest queued run has waited.",
            labels=["agent"],
        ),
        GaugeMetricFamily(
            "agentkit_circuit_state",
            "State of the circuit breaker of a model in a route: 1 for the present one.",
            labels=["model", "state"],
        ),
    )
