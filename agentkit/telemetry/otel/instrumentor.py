"""Switch the export of all runs on and off.

In:  the options of `OpenTelemetry`.
Out: nothing; runs that begin later are exported, those of a service in the trace of its caller.

`opentelemetry-instrument` finds the class by its entry point and calls `instrument`.
"""

from typing import Any

from agentkit.event.record import add_process_listener, remove_process_listener
from agentkit.telemetry.otel.open_telemetry import OpenTelemetry
from agentkit.telemetry.otel.trace_context import caller_context
from agentkit.telemetry.request_context import add_request_context, remove_request_context
from agentkit.telemetry.run_links import add_span_linker, remove_span_linker


class AgentKitInstrumentor:
    """Exports all runs of this process."""

    _listener: OpenTelemetry | None = None  # of the class: a process has one

    def instrument(self, **options: Any) -> None:
        """Export all runs that begin from now on; once is enough.

        Args:
            options: `tracer_provider`, `meter_provider`, `captures_content` and `secrets` of
                `OpenTelemetry`; `opentelemetry-instrument` passes others, which do not matter here.
        """
        cls = type(self)
        if cls._listener is not None:
            return
        known = ("tracer_provider", "meter_provider", "captures_content", "secrets")
        cls._listener = OpenTelemetry(**{name: options[name] for name in known if name in options})
        add_process_listener(cls._listener)
        add_request_context(caller_context)
        add_span_linker(cls._listener.spans)

    def uninstrument(self, **_options: Any) -> None:
        """Export no further runs."""
        cls = type(self)
        if cls._listener is not None:
            remove_process_listener(cls._listener)
            remove_request_context(caller_context)
            remove_span_linker(cls._listener.spans)
            cls._listener = None
