"""Measure runs: durations and tokens by the GenAI conventions, and what agentkit adds.

In:  the records of runs.
Out: metrics. Their attributes have few values: names of agents, tools, models and providers, kinds
     and stop reasons; never a text or an id.
"""

from collections import OrderedDict
from collections.abc import Mapping

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
        match record.event:
            case RunStarted(agent=agent, model=model):
                self._begun[record.run_id] = agent, model
                if len(self._begun) > MAX_RUNS:
                    self._begun.popitem(last=False)
            case ModelResponded():
                self._responded(record.event, *self._begun.get(record.run_id, ("", "")))
            case ToolCallFinished(call=call, result=result, seconds=seconds):
                outcome = "error" if result.is_error else "ok"
                named = {semconv.OPERATION: semconv.EXECUTE_TOOL, semconv.TOOL: call.name}
                error = {semconv.ERROR_TYPE: "tool_error"} if result.is_error else {}
                self._duration.record(seconds, {**named, **error})
                self._calls.add(1, {semconv.TOOL: call.name, semconv.OUTCOME: outcome})
            case ToolCallRejected():
                # The model may write any name; that of a tool that does not exist is no label.
                self._calls.add(1, {semconv.OUTCOME: "rejected"})
            case AnswerRepaired(repair=repair):
                self._repairs.add(1, {"kind": repair.kind})
            case ModelRetried(kind=kind):
                self._retries.add(1, {semconv.ERROR_TYPE: kind})
            case RunFinished(stop_reason=reason):
                self._ended(record.run_id, reason)
            case RunFailed(error=error):
                self._ended(record.run_id, "failed", error.kind)
            case _:
                return

    def _responded(self, event: ModelResponded, agent: str, model: str) -> None:
        """Measure a model call."""
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

    def _ended(self, run_id: str, reason: str, error: str | None = None) -> None:
        """Count a run that ended."""
        attributes = {
            semconv.AGENT: self._begun.pop(run_id, ("", ""))[0],
            semconv.STOP_REASON: reason,
            **({} if error is None else {semconv.ERROR_TYPE: error}),
        }
        self._runs.add(1, attributes)
