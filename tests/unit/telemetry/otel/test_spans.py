"""The spans of runs: their tree, their attributes, and what they do not hold."""

import json

import anyio
import pytest
from opentelemetry.context import attach, detach
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from agentkit import Agent, Approval, Budget, ConfigError, ToolError, handoff, tool
from agentkit.errors import StatusError
from agentkit.testing import ScriptedModel, tool_call
from tests.unit.telemetry.otel.exports import Exported

CANARY = "canary-7193"


@tool
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
async def fail(text: str) -> str:
    """Fail."""
    raise ToolError(f"No: {text}")


async def test_a_run_is_a_tree_of_an_agent_model_calls_and_tools() -> None:
    """By the names of the conventions, with tokens, stop reason and turns on the agent."""
    exported = Exported()
    model = ScriptedModel(
        [tool_call("add", a=1, b=2), tool_call("add", a=3, b=4)], "3 and 7.", name="scripted:m"
    )
    agent = Agent(model, tools=[add], name="adder")

    result = await agent.run("Add.", listener=exported.listener)

    assert exported.tree == [
        "invoke_agent adder",
        "  chat scripted:m",
        "  execute_tool add",
        "  execute_tool add",
        "  chat scripted:m",
    ]
    attributes = exported.attributes("invoke_agent adder")
    assert attributes["gen_ai.operation.name"] == "invoke_agent"
    assert attributes["gen_ai.agent.name"] == "adder"
    assert attributes["gen_ai.request.model"] == "scripted:m"
    assert attributes["agentkit.run.id"] == attributes["gen_ai.conversation.id"] == result.run_id
    assert attributes["agentkit.run.stop_reason"] == "answered"
    assert attributes["agentkit.run.turns"] == 2
    assert attributes["gen_ai.usage.input_tokens"] == result.usage.input_tokens


async def test_the_current_span_of_a_tool_is_its_own() -> None:
    """So spans of the libraries that it uses are inside it, also if tools run in parallel."""
    exported = Exported()
    tracer = exported.tracers.get_tracer("user")

    @tool(read_only=True)
    async def look(name: str) -> str:
        await anyio.sleep(0.001)
        with tracer.start_as_current_span(f"look {name}"):
            await anyio.sleep(0.001)
        return name

    model = ScriptedModel([tool_call("look", name="a"), tool_call("look", name="b")], "Done.")
    agent = Agent(model, tools=[look], name="looker")

    with tracer.start_as_current_span("request") as request:
        await agent.run("Look.", listener=exported.listener)
        assert get_current_span() is request

    assert [line.strip() for line in exported.tree[:2]] == ["request", "invoke_agent looker"]
    assert sorted(exported.tree[3:7]) == sorted(
        ["    execute_tool look", "      look a", "    execute_tool look", "      look b"]
    )
    parents = {
        span.name: span.parent.span_id
        for span in exported.spans
        if span.parent is not None and span.name.startswith("look")
    }
    assert len(set(parents.values())) == 2


async def test_agents_inside_tools_are_inside_their_span() -> None:
    """And have the conversation of their own run."""
    exported = Exported()
    inner = Agent(ScriptedModel("4."), name="inner")
    model = ScriptedModel([tool_call("inner", prompt="How many?")], "There are 4.")
    outer = Agent(model, tools=[inner.as_tool()], name="outer")

    await outer.run("Ask.", listener=exported.listener)

    assert exported.tree == [
        "invoke_agent outer",
        "  chat scripted:model",
        "  execute_tool inner",
        "    invoke_agent inner",
        "      chat scripted:model",
        "  chat scripted:model",
    ]


async def test_a_handoff_is_an_agent_inside_the_run() -> None:
    """The model calls after it are inside its span."""
    exported = Exported()
    second = Agent(ScriptedModel("Hello."), name="second")
    first = Agent(
        ScriptedModel(tool_call("transfer_to_second", reason="a greeting")),
        tools=[handoff(second)],
        name="first",
    )

    result = await first.run("Greet.", listener=exported.listener)

    assert result.output == "Hello."
    assert exported.tree == [
        "invoke_agent first",
        "  chat scripted:model",
        "  execute_tool transfer_to_second",
        "  invoke_agent second",
        "    chat",
    ]


async def test_a_streamed_run_has_the_same_spans() -> None:
    """Left early or read to its end."""
    exported = Exported()
    model = ScriptedModel([tool_call("add", a=1, b=2)], "Three.")
    agent = Agent(model, tools=[add], name="adder")

    async with agent.stream("Add.", listener=exported.listener) as stream:
        async for _ in stream:
            assert not get_current_span().get_span_context().is_valid

    assert exported.tree == [
        "invoke_agent adder",
        "  chat scripted:model",
        "  execute_tool add",
        "  chat scripted:model",
    ]


async def test_segments_of_a_suspended_run_are_linked() -> None:
    """Each has a span of its own, and the same run id."""
    exported = Exported()

    @tool(approval="ask")
    async def erase() -> str:
        return "gone"

    model = ScriptedModel([tool_call("erase")], "Erased.")
    agent = Agent(model, tools=[erase], name="eraser")
    waiting = await agent.run("Erase.", listener=exported.listener)

    approvals = [Approval.approve(waiting.open_calls[0])]
    result = await agent.run(
        history=waiting.history,
        approvals=approvals,
        run_id=waiting.run_id,
        listener=exported.listener,
    )

    assert result.output == "Erased."
    first, second = [span for span in exported.spans if span.name == "invoke_agent eraser"]
    assert first.attributes is not None
    assert first.attributes["agentkit.run.stop_reason"] == "suspended"
    assert [link.context for link in second.links] == [first.context]


async def test_errors_of_tools_and_runs_are_marked() -> None:
    """By their kind; messages can hold texts of the conversation."""
    exported = Exported()
    model = ScriptedModel(
        [tool_call("fail", text=CANARY)],
        StatusError(f"{CANARY}!", kind="server", retry="never", status=500),
    )
    agent = Agent(model, tools=[fail], name="failing")

    with pytest.raises(StatusError):
        await agent.run(CANARY, listener=exported.listener)

    assert exported.tree == [
        "invoke_agent failing",
        "  chat scripted:model",
        "  execute_tool fail",
        "  chat scripted:model",
    ]
    assert exported.attributes("execute_tool fail")["error.type"] == "tool_error"
    assert exported.attributes("invoke_agent failing")["error.type"] == "server"
    calls = [span.attributes or {} for span in exported.spans if span.name.startswith("chat")]
    assert [one.get("error.type") for one in calls] == [None, "server"]
    assert {one["gen_ai.conversation.id"] for one in calls} == {
        exported.attributes("invoke_agent failing")["agentkit.run.id"]
    }
    assert not exported.span("invoke_agent failing").status.is_ok
    assert CANARY not in exported.everything


async def test_texts_are_exported_only_if_wanted() -> None:
    """With secrets replaced."""
    for captures_content in (False, True):
        exported = Exported(captures_content=captures_content, secrets=["key-123456"])
        model = ScriptedModel([tool_call("fail", text=f"{CANARY} key-123456")], f"So {CANARY}.")
        agent = Agent(model, tools=[fail], name="a")

        await agent.run(f"Say {CANARY}.", listener=exported.listener)

        assert (CANARY in exported.everything) is captures_content
        assert "key-123456" not in exported.everything
    attributes = exported.attributes("execute_tool fail")
    assert attributes["gen_ai.tool.call.arguments"] == f'{{"text": "{CANARY} [redacted]"}}'
    assert attributes["gen_ai.tool.call.result"] == f"No: {CANARY} [redacted]"
    called = exported.spans[1].attributes or {}
    assert called["gen_ai.response.finish_reasons"] == ("tool_call",)
    [output] = json.loads(str(called["gen_ai.output.messages"]))
    assert output["finish_reason"] == "tool_call"
    assert output["parts"][0]["arguments"] == {"text": f"{CANARY} [redacted]"}


async def test_the_environment_switches_content_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for other instrumentations of the conventions."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    exported = Exported()

    await Agent(ScriptedModel("Hello."), name="a").run("Hi.", listener=exported.listener)

    assert "Hello." in exported.attributes("chat scripted:model")["gen_ai.output.messages"]


async def test_a_limit_is_a_stop_reason_and_no_error() -> None:
    """The run ended as its budget wants it."""
    exported = Exported()
    model = ScriptedModel([tool_call("add", a=1, b=2)], "So far 3.")
    agent = Agent(model, tools=[add], name="a", budget=Budget(turns=1))

    await agent.run("Add.", listener=exported.listener)

    assert exported.attributes("invoke_agent a")["agentkit.run.stop_reason"] == "max_turns"
    assert exported.span("invoke_agent a").status.is_unset


async def test_a_run_that_never_began_leaves_no_span() -> None:
    """A wrong use is an error of the program."""
    exported = Exported()
    agent = Agent(ScriptedModel("Hi."), budget=Budget(cost_usd=1), name="a")

    with pytest.raises(ConfigError):
        await agent.run("Hi.", listener=exported.listener)

    assert all(span.end_time is not None for span in exported.spans)


async def test_a_trace_that_is_not_sampled_costs_no_attributes() -> None:
    """The run is inside the trace of its caller, and is measured all the same."""
    exported = Exported(captures_content=True)
    parent = SpanContext(7, 9, is_remote=True, trace_flags=TraceFlags(TraceFlags.DEFAULT))
    seen: list[SpanContext] = []

    @tool
    async def look() -> str:
        seen.append(get_current_span().get_span_context())
        return "seen"

    agent = Agent(ScriptedModel([tool_call("look")], "Done."), tools=[look], name="looker")
    token = attach(set_span_in_context(NonRecordingSpan(parent)))
    await agent.run("Look.", listener=exported.listener)
    detach(token)

    assert exported.spans == []
    assert [one.trace_id for one in seen] == [parent.trace_id]
    assert exported.metrics["agentkit.runs"] == {("looker", "answered"): 1}


async def test_metrics_count_runs_calls_tokens_and_repairs() -> None:
    """With labels of few values."""
    exported = Exported()
    model = ScriptedModel(
        [tool_call("fail", text=CANARY), tool_call(CANARY, a=1), tool_call("add", a=1, b=2)], "3."
    )
    agent = Agent(model, tools=[add, fail], name="adder")

    result = await agent.run(CANARY, listener=exported.listener)

    metrics = exported.metrics
    assert metrics["agentkit.runs"] == {("adder", "answered"): 1}
    assert metrics["agentkit.tool.calls"] == {
        ("add", "ok"): 1,
        ("fail", "error"): 1,
        ("rejected",): 1,
    }
    tokens = metrics["gen_ai.client.token.usage"]
    assert sum(tokens.values()) == result.usage.input_tokens + result.usage.output_tokens
    assert metrics["gen_ai.client.operation.duration"].keys() >= {("execute_tool", "add")}
    assert CANARY not in repr(metrics)
