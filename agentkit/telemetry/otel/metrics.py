"""Measure runs: durations and tokens by the GenAI conventions, and what agentkit adds.

In:  the records of runs.
Out: metrics. Their attributes have few values: names of agents, tools, models and providers, kinds
     and stop reasons; never a text or an id.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.metrics import Meter

from agentkit.event import (
    AnswerRepaired,
    EventRecord,
    ModelResponded,
    ModelRetried,
    RunFailed,
    RunFinished,
    RunStarted,
    ToolCallFinished,
    ToolCallRejected,
)
from agentkit.telemetry.otel import semconv
from agentkit.telemetry.otel.token_metrics import token_metrics

MAX_RUNS = 10_000
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)


class RunMetrics:
    """The metrics of any number of runs.

    Args:
        meter: makes the instruments.
    """

    def __init__(self, meter: Meter) -> None:
        self._begun: OrderedDict[str, tuple[str, str]] = OrderedDict()  # agent and model by run
        self._duration = meter.create_histogram(
            semconv.OPERATION_DURATION,
            unit="s",
            description="How long model calls and tools took.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = token_metrics(meter)
        self._runs = meter.create_counter(semconv.RUNS, unit="{run}", description="Ended runs.")
        self._cost = meter.create_counter(
            semconv.RUN_COST, unit="USD", description="What model calls cost."
        )
        self._calls = meter.create_counter(
            semconv.TOOL_CALLS, unit="{call}", description="Tool calls by outcome."
        )
        self._repairs = meter.create_counter(
            semconv.REPAIRED, unit="{repair}", description="Repaired answers by kind."
        )
        self._retries = meter.create_counter(
            semconv.RETRIES, unit="{retry}", description="Model calls that were made again."
        )

    def take(self, record: EventRecord) -> None:
        """Measure what a record reports."""
        event = record.event
        measure = _MEASURES.get(type(event))
        if measure is not None:
            measure(self, record.run_id, event)

    def _started(self, run_id: str, event: RunStarted) -> None:
        self._begun[run_id] = event.agent, event.model
        if len(self._begun) > MAX_RUNS:
            self._begun.popitem(last=False)

    def _responded(self, run_id: str, event: ModelResponded) -> None:
        """Measure a model call."""
        agent, model = self._begun.get(run_id, ("", ""))
        provider = event.provider or "unknown"
        named: Mapping[str, str] = {
            semconv.OPERATION: semconv.CHAT,
            semconv.PROVIDER: semconv.PROVIDERS.get(provider, provider),
            semconv.REQUEST_MODEL: model or "unknown",
            semconv.RESPONSE_MODEL: event.model or "unknown",
        }
        usage = event.usage
        self._duration.record(event.seconds, named)
        for tokens in self._tokens:
            tokens.record(usage, named)
        if usage.cost_usd:
            self._cost.add(float(usage.cost_usd), {**named, semconv.AGENT: agent})

    def _tool_finished(self, _run_id: str, event: ToolCallFinished) -> None:
        is_error = event.result.is_error
        named = {semconv.OPERATION: semconv.EXECUTE_TOOL, semconv.TOOL: event.call.name}
        if is_error:
            named[semconv.ERROR_TYPE] = "tool_error"
        self._duration.record(event.seconds, named)
        outcome = "error" if is_error else "ok"
        self._calls.add(1, {semconv.TOOL: event.call.name, semconv.OUTCOME: outcome})

    def _tool_rejected(self, _run_id: str, _event: ToolCallRejected) -> None:
        # The model may write any name; that of a tool that does not exist is no label.
        self._calls.add(1, {semconv.OUTCOME: "rejected"})

    def _repaired(self, _run_id: str, event: AnswerRepaired) -> None:
        self._repairs.add(1, {"kind": event.repair.kind})

    def _retried(self, _run_id: str, event: ModelRetried) -> None:
        self._retries.add(1, {semconv.ERROR_TYPE: event.kind})

    def _finished(self, run_id: str, event: RunFinished) -> None:
        self._ended(run_id, event.stop_reason)

    def _failed(self, run_id: str, event: RunFailed) -> None:
        self._ended(run_id, "failed", event.error.kind)

    def _ended(self, run_id: str, reason: str, error: str | None = None) -> None:
        """Count a run that ended."""
        attributes = {
            semconv.AGENT: self._begun.pop(run_id, ("", ""))[0],
            semconv.STOP_REASON: reason,
            **({} if error is None else {semconv.ERROR_TYPE: error}),
        }
        self._runs.add(1, attributes)


_MEASURES: Mapping[type, Callable[[RunMetrics, str, Any], None]] = {
    RunStarted: RunMetrics._started,
    ModelResponded: RunMetrics._responded,
    ToolCallFinished: RunMetrics._tool_finished,
    ToolCallRejected: RunMetrics._tool_rejected,
    AnswerRepaired: RunMetrics._repaired,
    ModelRetried: RunMetrics._retried,
    RunFinished: RunMetrics._finished,
    RunFailed: RunMetrics._failed,
}
