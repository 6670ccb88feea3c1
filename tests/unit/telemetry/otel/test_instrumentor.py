"""The switch that exports all runs of a process."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points

from agentkit import Agent
from agentkit.telemetry.otel import AgentKitInstrumentor
from agentkit.testing import ScriptedModel
from tests.unit.telemetry.otel.exports import Exported

PROGRAM = """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.trace import set_tracer_provider

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
set_tracer_provider(provider)

from agentkit.telemetry.otel import AgentKitInstrumentor

AgentKitInstrumentor().instrument()

from agentkit import Agent
from agentkit.testing import ScriptedModel

Agent(ScriptedModel("Hello."), name="greeter").run_sync("Hi.")
"""


async def test_all_runs_are_exported_while_it_is_on() -> None:
    """Nested ones once, although they are runs too."""
    exported = Exported()
    options = {"tracer_provider": exported.tracers, "skip_dep_check": True}
    inner = Agent(ScriptedModel("1.", "2."), name="inner")
    call = ScriptedModel(*["Nothing."] * 3)
    agent = Agent(call, name="a", tools=[inner.as_tool()])

    await agent.run("Before.")
    AgentKitInstrumentor().instrument(**options)
    AgentKitInstrumentor().instrument(**options)
    await agent.run("During.")
    AgentKitInstrumentor().uninstrument()
    AgentKitInstrumentor().uninstrument()
    await agent.run("After.")

    assert exported.tree == ["invoke_agent a", "  chat scripted:model"]


def test_the_global_providers_are_used() -> None:
    """Set up by hand, before or after agentkit is imported."""
    done = subprocess.run(  # noqa: S603 - constant arguments
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OTEL_SERVICE_NAME": "test"},
    )
    decoder, at, names = json.JSONDecoder(), 0, []
    while at < len(done.stdout.rstrip()):
        span, at = decoder.raw_decode(done.stdout, at)
        names.append(span["name"])
        at += 1
    assert names == ["chat scripted:model", "invoke_agent greeter"]


def test_the_program_of_opentelemetry_finds_it() -> None:
    """By its entry point."""
    [found] = entry_points(group="opentelemetry_instrumentor", name="agentkit")
    assert found.load() is AgentKitInstrumentor
