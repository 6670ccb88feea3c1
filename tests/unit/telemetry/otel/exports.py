"""Runs with a listener that exports to memory, and the trees of their spans.

In:  agents.
Out: `Exported`: the spans as a tree of names, and the values of metrics.
"""

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agentkit.telemetry.otel import OpenTelemetry


class Exported:
    """What a listener exported.

    Attributes:
        listener: to give to agents and runs.
        tracers: makes spans for the same exporter.
    """

    def __init__(
        self, *, captures_content: bool | None = None, secrets: Sequence[str] = ()
    ) -> None:
        self._memory = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._memory))
        self._reader = InMemoryMetricReader()
        self.listener = OpenTelemetry(
            tracer_provider=self.tracers,
            meter_provider=MeterProvider(metric_readers=[self._reader]),
            captures_content=captures_content,
            secrets=secrets,
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        """Return the ended spans in the order they began."""
        spans = self._memory.get_finished_spans()
        return sorted(spans, key=lambda span: (span.start_time or 0, -(span.end_time or 0)))

    def span(self, name: str) -> ReadableSpan:
        """Return the one span of a name."""
        [found] = [span for span in self.spans if span.name == name]
        return found

    def attributes(self, name: str) -> dict[str, Any]:
        """Return the attributes of the one span of a name."""
        return dict(self.span(name).attributes or {})

    @property
    def tree(self) -> list[str]:
        """Return the names of all spans, indented by two spaces for each span around them."""
        lines: list[str] = []
        spans = self.spans

        def add(parent: int | None, depth: int) -> None:
            for span in spans:
                if (span.parent.span_id if span.parent else None) == parent:
                    assert span.context is not None
                    lines.append("  " * depth + span.name)
                    add(span.context.span_id, depth + 1)

        add(None, 0)
        assert len(lines) == len(spans)
        return lines

    @property
    def story(self) -> list[str]:
        """Return the tree with why spans ended, and their events without times."""
        lines: list[str] = []
        spans = {span.context.span_id: span for span in self.spans if span.context is not None}

        def add(parent: int | None, depth: int) -> None:
            for number, span in spans.items():
                if (span.parent.span_id if span.parent else None) != parent:
                    continue
                lines.append("  " * depth + span.name + _ending(span))
                for event in span.events:
                    kept = {**(event.attributes or {})}
                    facts = " ".join(
                        f"{one}={kept[one]}" for one in ("kind", "model") if one in kept
                    )
                    name = event.name.removeprefix("agentkit.")
                    lines.append("  " * depth + f"! {name} {facts}".rstrip())
                add(number, depth + 1)

        add(None, 0)
        return lines

    @property
    def metrics(self) -> dict[str, dict[tuple[Any, ...], float]]:
        """Return the value, or the sum, of each metric by the values of its attributes."""
        data = self._reader.get_metrics_data()
        found: dict[str, dict[tuple[Any, ...], float]] = {}
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found[metric.name] = {
                        tuple((point.attributes or {}).values()): _number(point)
                        for point in metric.data.data_points
                    }
        return found

    @property
    def everything(self) -> str:
        """Return all names and values that were exported, as one text."""
        return "\n".join([*(span.to_json() for span in self.spans), repr(self.metrics)])


def _ending(span: ReadableSpan) -> str:
    """Return the attributes that show how a span ended."""
    found = {**(span.attributes or {})}
    facts = []
    for name in (
        "agentkit.run.stop_reason",
        "agentkit.run.turns",
        "gen_ai.response.finish_reasons",
    ):
        value = found.get(name)
        if value is not None:
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            facts.append(f"{name.rpartition('.')[2]}={text}")
    return f" [{' '.join(facts)}]" if facts else ""


def _number(point: Any) -> float:
    """Return the sum of a histogram's point, or the value of a counter's."""
    return float(point.sum if hasattr(point, "sum") else point.value)
