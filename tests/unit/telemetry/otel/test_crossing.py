"""Trace context crosses to MCP servers, and spans arrive at a collector over HTTP."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import get_current_span

from agentkit import Agent, tool
from agentkit.mcp import MCPToolset, build_server, open_http
from agentkit.telemetry.otel import OpenTelemetry
from agentkit.testing import ScriptedModel, tool_call
from tests.unit.telemetry.otel.exports import Exported


class Collector(ThreadingHTTPServer):
    """A receiver of OTLP over HTTP on loopback, which keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[ExportTraceServiceRequest] = []


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        """Take one export."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Print nothing."""


async def test_a_collector_gets_the_spans_of_a_run() -> None:
    """As OTLP: names, parents and attributes."""
    collector = Collector()
    thread = threading.Thread(target=collector.serve_forever, daemon=True)
    thread.start()
    tracers = TracerProvider()
    url = f"http://127.0.0.1:{collector.server_port}/v1/traces"
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url)))
    listener = OpenTelemetry(tracer_provider=tracers)
    try:
        agent = Agent(ScriptedModel("Hello."), name="greeter")
        await agent.run("Hi.", listener=listener, labels={"tenant": "acme"})
        await anyio.to_thread.run_sync(tracers.shutdown)
    finally:
        await anyio.to_thread.run_sync(collector.shutdown)
        collector.server_close()
        thread.join()

    spans = [
        span
        for request in collector.requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    chat, agent_span = sorted(spans, key=lambda span: span.name)
    assert (chat.name, agent_span.name) == ("chat", "invoke_agent greeter")
    assert chat.parent_span_id == agent_span.span_id
    attributes = {one.key: one.value.string_value for one in agent_span.attributes}
    assert attributes["agentkit.label.tenant"] == "acme"
    assert attributes["agentkit.run.stop_reason"] == "answered"


@tool
async def trace_id() -> str:
    """Return the trace that the server is in."""
    return f"{get_current_span().get_span_context().trace_id:032x}"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # serving MCP over HTTP needs it
@pytest.mark.parametrize("transport", ["http", "memory"])
async def test_an_mcp_server_is_in_the_trace_of_the_tool(transport: str) -> None:
    """By the W3C trace context in `_meta`."""
    exported = Exported()
    server = build_server([trace_id])
    async with open_http(server, port=0) as running:
        toolset = (
            MCPToolset.http(running.url) if transport == "http" else MCPToolset.in_memory(server)
        )
        model = ScriptedModel(tool_call("trace_id"), "Done.")
        result = await Agent(model, tools=[toolset], name="a").run(
            "Where?", listener=exported.listener
        )

    [context] = [span.context for span in exported.spans if span.name == "execute_tool trace_id"]
    assert context is not None
    assert result.history[2].text == f"{context.trace_id:032x}"
