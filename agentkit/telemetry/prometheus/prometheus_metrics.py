"""Count what runs do, for Prometheus.

In:  the records of runs; uses of databases; the queue and the agents of a service or a worker.
Out: metrics in the text format of Prometheus.

Labels have few values: names of agents, tools, models and providers, kinds and outcomes. A name
that a model invented, an id, and a text are never labels; past `MAX_NAMES` values of one label
further ones count as "other".
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from agentkit.agent.agent import Agent
from agentkit.event import (
    AnswerRepaired,
    EventRecord,
    ModelFailedOver,
    ModelResponded,
    ModelRetried,
    RunFailed,
    RunFinished,
    RunStarted,
    TextReceived,
    ToolCallFinished,
    ToolCallRejected,
    TurnStarted,
)
from agentkit.event.record import (
    ImmediateListener,
    add_process_listener,
    remove_process_listener,
)
from agentkit.store.timed_store import (
    StatementTime,
    add_statement_observer,
    remove_statement_observer,
)
from agentkit.telemetry.prometheus.current_state import CurrentState, QueueReading

MAX_NAMES = 200
"""Values of one label."""

MAX_RUNS = 100_000
_DATABASE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 10)
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250)


class _Progress:
    """A run under way: its agent, and when its exchange began."""

    def __init__(self, agent: str) -> None:
        self.agent = agent
        self.turn_began: float | None = None


class PrometheusMetrics(ImmediateListener):
    """A listener that counts; one may serve any number of runs.

    It asks for text deltas, to measure the time to the first token, so runs are streamed.

    Args:
        registry: where the metrics are registered; one of its own if None.
    """

    wants_deltas = True

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry: CollectorRegistry = registry or CollectorRegistry()
        self._runs: OrderedDict[str, _Progress] = OrderedDict()
        self._names: dict[str, set[str]] = defaultdict(set)
        registry = self.registry
        self._started = Gauge(
            "agentkit_runs_running", "Runs under way.", ["agent"], registry=registry
        )
        self._ended = Counter(
            "agentkit_runs", "Ended runs.", ["agent", "stop_reason"], registry=registry
        )
        model = ["provider", "model"]
        self._exchanges = Counter(
            "agentkit_model_calls", "Model calls.", [*model, "status"], registry=registry
        )
        self._seconds = Histogram(
            "agentkit_model_call_seconds",
            "Their duration.",
            model,
            buckets=_SECONDS,
            registry=registry,
        )
        self._first = Histogram(
            "agentkit_first_token_seconds",
            "From the start of an exchange to its first text.",
            ["agent"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._tokens = Counter("agentkit_tokens", "Tokens.", [*model, "type"], registry=registry)
        self._cost = Counter("agentkit_cost_usd", "US dollars.", model, registry=registry)
        self._calls = Counter(
            "agentkit_tool_calls", "Tool calls.", ["tool", "outcome"], registry=registry
        )
        self._tool_seconds = Histogram(
            "agentkit_tool_call_seconds",
            "Their duration.",
            ["tool"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._repairs = Counter(
            "agentkit_repairs", "Repaired answers.", ["kind"], registry=registry
        )
        self._database = Histogram(
            "agentkit_database_seconds",
            "Uses of the database by first table; writes of a journal are those of effects.",
            ["database", "table"],
            buckets=_DATABASE_SECONDS,
            registry=registry,
        )
        self._database_errors = Counter(
            "agentkit_database_errors",
            "Uses of the database that failed.",
            ["database"],
            registry=registry,
        )
        self._state = CurrentState(self._name)
        registry.register(self._state)

    def start(self) -> None:
        """Count all runs of this process that begin, and databases that open, from now on."""
        add_process_listener(self)
        add_statement_observer(self._observe_statement)

    def stop(self) -> None:
        """Count no further runs."""
        remove_process_listener(self)
        remove_statement_observer(self._observe_statement)

    def watch_agents(self, agents: Iterable[Agent[Any, Any]]) -> None:
        """Show the circuit breakers of the routes that these agents use."""
        self._state.agents = tuple(agents)

    def set_queue(self, lengths: Sequence[QueueReading]) -> None:
        """Show the length of the queue of stored runs, as `Runs.queue()` has read it now."""
        self._state.queue = tuple(lengths)

    def render(self) -> tuple[bytes, str]:
        """Return the metrics as text, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def take(self, record: EventRecord) -> None:
        """Take the next record of a run."""
        if not record.is_replay:
            self._take(record, record.at.timestamp())

    def _take(self, record: EventRecord, at: float) -> None:
        event = record.event
        run = self._runs.get(record.run_id)
        match event:
            case RunStarted(agent=agent):
                self._begin(record.run_id, agent)
            case TurnStarted() if run is not None:
                run.turn_began = at
            case TextReceived() if run is not None and run.turn_began is not None:
                self._first.labels(run.agent).observe(max(0.0, at - run.turn_began))
                run.turn_began = None
            case RunFinished(stop_reason=reason):
                self._end(record.run_id, reason)
            case RunFailed():
                self._end(record.run_id, "failed")
            case _:
                self._count(record)

    def _begin(self, run_id: str, agent: str) -> None:
        run = self._runs[run_id] = _Progress(self._name("agent", agent))
        self._started.labels(run.agent).inc()
        if len(self._runs) > MAX_RUNS:
            self._started.labels(self._runs.popitem(last=False)[1].agent).dec()

    def _end(self, run_id: str, reason: str) -> None:
        run = self._runs.pop(run_id, None)
        if run is not None:
            self._started.labels(run.agent).dec()
            self._ended.labels(run.agent, reason).inc()

    def _count(self, record: EventRecord) -> None:
        """Count an event of a run that neither begins nor ends it."""
        match record.event:
            case ModelResponded():
                self._responded(record.event)
            case ModelRetried(kind=kind):
                self._exchanges.labels("", "", kind).inc()
            case ModelFailedOver(failure=failure):
                self._exchanges.labels("", self._name("model", failure.model), failure.kind).inc()
            case ToolCallFinished(call=call, result=result, seconds=seconds):
                tool = self._name("tool", call.name)
                self._calls.labels(tool, "error" if result.is_error else "ok").inc()
                self._tool_seconds.labels(tool).observe(seconds)
            case ToolCallRejected():
                self._calls.labels("", "rejected").inc()
            case AnswerRepaired(repair=repair):
                self._repairs.labels(repair.kind).inc()
            case _:
                pass

    def _responded(self, event: ModelResponded) -> None:
        labels = (
            self._name("provider", event.provider or "unknown"),
            self._name("model", event.model or "unknown"),
        )
        usage = event.usage
        self._exchanges.labels(*labels, "ok").inc()
        self._seconds.labels(*labels).observe(event.seconds)
        self._tokens.labels(*labels, "input").inc(usage.input_tokens)
        self._tokens.labels(*labels, "output").inc(usage.output_tokens)
        if usage.cost_usd:
            self._cost.labels(*labels).inc(float(usage.cost_usd))

    def _observe_statement(self, time: StatementTime) -> None:
        self._database.labels(time.kind, time.table).observe(time.seconds)
        if time.is_failed:
            self._database_errors.labels(time.kind).inc()

    def _name(self, label: str, value: str) -> str:
        """Return a value of a label, or "other" if there are too many of it."""
        known = self._names[label]
        if value in known:
            return value
        if len(known) >= MAX_NAMES:
            return "other"
        known.add(value)
        return value
