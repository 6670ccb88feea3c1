"""Trace context crosses to MCP servers, and spans arrive at a collector over HTTP."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.trace import get_current_span

from agentkit import Agent, tool
from agentkit.mcp import MCPToolset, build_server, open_http
from agentkit.service import build_service
from agentkit.telemetry.otel import AgentKitInstrumentor
from agentkit.testing import ScriptedModel, tool_call
from agentkit.testing.scripted import ScriptedTransport
from agentkit.wire import TRACE_HEADERS
from tests.service.test_security import BODY, CHAT, client_of
from tests.unit.model.test_provider_model import ANSWER, BUSY, _model
from tests.unit.telemetry.otel.exports import Exported

PROGRAM = "tests.unit.telemetry.otel.exporting_program"
CANARY = "canary-7193"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Collector(ThreadingHTTPServer):
    """A receiver of OTLP over HTTP on loopback, which keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []
        self.spans: list[Span] = []
        self.metrics: set[str] = set()

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.server_port}"

    def take(self, path: str, body: bytes) -> None:
        """Decode an export."""
        self.bodies.append(body)
        if path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body)
            for resource in traces.resource_spans:
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        elif path == "/v1/metrics":
            metrics = ExportMetricsServiceRequest.FromString(body)
            for measured in metrics.resource_metrics:
                self.metrics |= {
                    one.name for scope in measured.scope_metrics for one in scope.metrics
                }

    @property
    def tree(self) -> list[str]:
        """Return the names of all spans, indented below their parents, in the order they began."""
        lines: list[str] = []

        def add(parent: bytes, depth: int) -> None:
            for span in sorted(self.spans, key=lambda one: one.start_time_unix_nano):
                if span.parent_span_id == parent:
                    lines.append("  " * depth + span.name)
                    add(span.span_id, depth + 1)

        add(b"", 0)
        assert len(lines) == len(self.spans)
        return lines


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        """Take one export."""
        self.server.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Print nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Run a collector."""
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_collector_gets_the_spans_of_processes(collector: Collector, tmp_path: Path) -> None:
    """A run that another process resumes, and a tool over MCP; nothing of their texts."""
    errors = ""
    for part in ("begin", "finish"):
        done = subprocess.run(  # noqa: S603 - constant arguments
            [sys.executable, "-m", PROGRAM, part, f"sqlite:{tmp_path / 'runs.db'}", collector.url],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        errors += done.stderr

    # The session of MCP begins, and listens to changes, in tasks of its own.
    own = ("server/discover", "subscriptions/listen")
    assert [line for line in collector.tree if not line.endswith(own)] == [
        "invoke_agent eraser",
        "  chat scripted:model",
        "invoke_agent looker",
        "  chat scripted:model",
        "    MCP send tools/list",
        "      tools/list",
        "  execute_tool look",
        "    MCP send tools/call look",
        "      tools/call look",
        "  chat scripted:model",
        "invoke_agent failing",
        "  chat scripted:model",
        "  execute_tool refuse",
        "  chat scripted:model",
        "  execute_tool crash",
        "  chat scripted:model",
        "invoke_agent eraser",
        "  execute_tool erase",
        "  chat scripted:model",
    ]
    first, second = [one for one in collector.spans if one.name == "invoke_agent eraser"]
    assert [(one.trace_id, one.span_id) for one in second.links] == [
        (first.trace_id, first.span_id)
    ]
    segments = [_attributes(one) for one in (first, second)]
    assert [one["agentkit.run.segment"] for one in segments] == ["1", "2"]
    assert [one["agentkit.run.stop_reason"] for one in segments] == ["suspended", "answered"]
    assert {one["agentkit.run.id"] for one in segments} == {"r"}
    assert {one["gen_ai.conversation.id"] for one in segments} == {"s-1"}
    assert {"agentkit.runs", "agentkit.tool.calls"} <= collector.metrics
    assert "gen_ai.client.token.usage" in collector.metrics
    assert CANARY.encode() not in b"".join(collector.bodies)
    assert errors.count("tool_call_failed") == 2
    assert "ValueError" in errors
    assert CANARY not in errors


def test_opentelemetry_instrument_exports_a_command(collector: Collector, tmp_path: Path) -> None:
    """By the entry point alone: nothing of the program is changed."""
    programs = Path(sys.executable).parent
    done = subprocess.run(  # noqa: S603 - constant arguments
        [programs / "opentelemetry-instrument", "agentkit", "run", "What is 719371 + 2?"],
        env={
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stderr
    assert collector.tree == [
        "invoke_agent assistant",
        "  chat sandbox:mixtral-8x22b",
        "  execute_tool calculate",
        "  chat sandbox:mixtral-8x22b",
    ]
    assert {"agentkit.runs", "gen_ai.client.token.usage"} <= collector.metrics
    assert not any(number in b"".join(collector.bodies) for number in (b"719371", b"719373"))


def _attributes(span: Span) -> dict[str, str]:
    return {one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes}


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


async def test_providers_get_the_trace_of_the_model_call() -> None:
    """Also with each attempt, and nothing after the run."""
    exported = Exported()
    transport = ScriptedTransport(BUSY, ANSWER)
    agent = Agent(_model(transport), name="a")

    await agent.run("Hi.", listener=exported.listener)
    headers = [request.headers for request in transport.requests]
    await Agent(_model(ScriptedTransport(ANSWER))).run("Hi.")

    [chat] = [span for span in exported.spans if span.name.startswith("chat")]
    assert chat.context is not None
    expected = f"00-{chat.context.trace_id:032x}-{chat.context.span_id:016x}-"
    assert [one["traceparent"][:-2] for one in headers] == [expected, expected]
    assert TRACE_HEADERS.get() is None


async def test_a_run_of_the_service_is_in_the_trace_of_its_caller() -> None:
    """By the header of the request; its baggage is not for providers."""
    exported = Exported()
    transport = ScriptedTransport(ANSWER, ANSWER)
    service = build_service({"a": Agent(_model(transport), name="a")})
    AgentKitInstrumentor().instrument(tracer_provider=exported.tracers)
    try:
        async with client_of(service, traceparent=PARENT, baggage="user=ann") as client:
            assert (await client.post(CHAT, json=BODY)).status_code == 200
        async with client_of(service) as client:
            assert (await client.post(CHAT, json=BODY)).status_code == 200
    finally:
        AgentKitInstrumentor().uninstrument()

    first, second = [span for span in exported.spans if span.name == "invoke_agent a"]
    assert first.parent is not None
    assert f"{first.parent.trace_id:032x}-{first.parent.span_id:016x}" == PARENT[3:-3]
    assert second.parent is None
    assert transport.requests[0].headers["traceparent"].startswith(PARENT[:35])
    assert "baggage" not in transport.requests[0].headers
