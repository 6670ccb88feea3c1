"""Spans and metrics of runs for OpenTelemetry, by the GenAI semantic conventions.

`AgentKitInstrumentor().instrument()` exports all runs of the process, as does the program
`opentelemetry-instrument`; `agent.run(..., listener=OpenTelemetry())` exports one run. Needs the
extra `otel`.
"""

from agentkit.telemetry.otel.instrumentor import AgentKitInstrumentor
from agentkit.telemetry.otel.open_telemetry import OpenTelemetry

__all__ = ["AgentKitInstrumentor", "OpenTelemetry"]
