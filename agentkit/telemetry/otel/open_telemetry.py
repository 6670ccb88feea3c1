"""A listener that exports runs to OpenTelemetry.

In:  the records of runs.
Out: spans and metrics, by the providers of the application or of `opentelemetry-instrument`.

Texts of a conversation are personal data and can hold secrets. Without `captures_content` no text
of a prompt, an argument, a result, an answer or an error leaves the process: only names, ids,
kinds and numbers do.
"""

import os
from collections.abc import Iterable

from opentelemetry.metrics import MeterProvider, get_meter_provider
from opentelemetry.trace import TracerProvider, get_tracer_provider

from agentkit.event import EventRecord
from agentkit.event.record import ImmediateListener
from agentkit.redaction import Secret
from agentkit.telemetry.otel.captured_content import Content
from agentkit.telemetry.otel.metrics import RunMetrics
from agentkit.telemetry.otel.semconv import CAPTURE_CONTENT
from agentkit.telemetry.otel.spans import RunSpans
from agentkit.version import __version__


class OpenTelemetry(ImmediateListener):
    """Exports the runs whose records it gets; one listener may serve any number of runs.

    The span of a model call or a tool is the current one while it runs, so spans of HTTP clients
    and MCP sessions are inside it, and MCP servers get its trace context.

    Args:
        tracer_provider: makes the spans; the global one if None.
        meter_provider: makes the metrics; the global one if None.
        captures_content: export answers, arguments and results too. None: if the environment
            variable `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` is `true`.
        secrets: patterns that are replaced in exported content.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        captures_content: bool | None = None,
        secrets: Secret | Iterable[Secret] = (),
    ) -> None:
        if captures_content is None:
            captures_content = os.environ.get(CAPTURE_CONTENT, "").strip().lower() == "true"
        tracers = tracer_provider or get_tracer_provider()
        meters = meter_provider or get_meter_provider()
        content = Content(is_captured=captures_content, secrets=secrets)
        self.spans: RunSpans = RunSpans(tracers.get_tracer("agentkit", __version__), content)
        self._metrics = RunMetrics(meters.get_meter("agentkit", __version__))

    def take(self, record: EventRecord) -> None:
        """Take the next record of a run."""
        if record.is_replay:
            return  # the life of the run that did this has exported it
        self.spans.take(record)
        self._metrics.take(record)
