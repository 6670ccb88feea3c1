"""The same run without a listener, and with one that exports spans, or spans and metrics.

In:  a case, the stub server's port.
Out: two coroutine functions that each make one run of agentkit.

Spans are recorded and batched by the SDK of OpenTelemetry as in a service; what a collector would
get is discarded, since encoding and sending are its exporter's.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from agentkit import Agent, Budget, tool
from agentkit.telemetry.otel import OpenTelemetry
from benchmarks.case import PROMPT, Case, Run


class _Discarding(SpanExporter):
    """Takes spans and keeps nothing."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - the interface
        """Take a batch."""
        return SpanExportResult.SUCCESS


@asynccontextmanager
async def opened_exported(
    case: Case, port: int, *, has_metrics: bool = False
) -> AsyncIterator[tuple[Run, Run]]:
    """Yield a run without a listener and one that is exported."""
    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(_Discarding()))
    readers = [InMemoryMetricReader()]
    meters = MeterProvider(readers) if has_metrics else NoOpMeterProvider()
    listener = OpenTelemetry(tracer_provider=tracers, meter_provider=meters)
    agent: Agent[Any] = Agent(
        "openai-compatible:m",
        base_url=case.url(port),
        tools=[tool(name=name)(function) for name, function in case.functions().items()],
        budget=Budget(turns=case.calls + 1, tool_calls=None),
    )
    async with agent:

        async def run_plain() -> object:
            return case.checked((await agent.run(PROMPT)).output)

        async def run_exported() -> object:
            return case.checked((await agent.run(PROMPT, listener=listener)).output)

        yield run_plain, run_exported
    tracers.shutdown()
    if isinstance(meters, MeterProvider):
        meters.shutdown()
