"""A program whose SDK exports to a collector over OTLP: `PROGRAM begin|finish DATABASE COLLECTOR`.

It begins a stored run and calls a tool of an MCP server over HTTP; or it decides the run and
finishes it, as another process.
"""

import logging
import sys

import anyio
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import set_tracer_provider

from agentkit import Agent, Approval, ToolError, tool
from agentkit.durable import open_runs
from agentkit.mcp import MCPToolset, build_server, open_http
from agentkit.telemetry.otel import AgentKitInstrumentor
from agentkit.testing import ScriptedModel, tool_call

CANARY = "canary-7193"


@tool(approval="ask")
async def erase(what: str) -> str:
    """Erase something."""
    return f"{what} is gone"


@tool
async def look(what: str) -> str:
    """Look at something."""
    return what


@tool
async def refuse(what: str) -> str:
    """Refuse something."""
    raise ToolError(f"not {what}")


@tool
async def crash(what: str) -> str:
    """Fail because of a mistake."""
    raise ExceptionGroup(what, [ValueError(what), KeyError(what)])


async def begin(database: str) -> None:
    """Start the run, which is suspended, and call a tool over MCP."""
    eraser = Agent(ScriptedModel(tool_call("erase", what=CANARY)), tools=[erase], name="eraser")
    async with open_runs(database, agents={"eraser": eraser}) as runs:
        await runs.start("eraser", CANARY, run_id="r", labels={"session": "s-1"})
        assert (await runs.wait("r")).status == "suspended"
    async with open_http(build_server([look]), port=0) as running:
        model = ScriptedModel(tool_call("look", what=CANARY), CANARY)
        looker = Agent(model, tools=[MCPToolset.http(running.url)], name="looker")
        await looker.run(CANARY)
    calls = (tool_call("refuse", what=CANARY), tool_call("crash", what=CANARY))
    await Agent(ScriptedModel(*calls, CANARY), tools=[refuse, crash], name="failing").run(CANARY)


async def finish(database: str) -> None:
    """Decide the run and do the rest of it."""
    eraser = Agent(ScriptedModel(CANARY), tools=[erase], name="eraser")
    async with open_runs(database, agents={"eraser": eraser}) as runs:
        [call] = (await runs.get("r")).open_calls
        await runs.decide("r", [Approval.approve(call)])
        assert (await runs.wait("r")).text == CANARY


def main() -> None:
    """Set an SDK up by hand, and export what the program does."""
    part, database, collector = sys.argv[1:]
    logging.basicConfig(level=logging.INFO)
    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{collector}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{collector}/v1/metrics"))
    meters = MeterProvider([reader])
    set_tracer_provider(tracers)
    set_meter_provider(meters)
    AgentKitInstrumentor().instrument()
    anyio.run({"begin": begin, "finish": finish}[part], database)
    tracers.shutdown()
    meters.shutdown()


if __name__ == "__main__":
    main()
