"""The tools of an MCP server in runs of agents; server and client in one process."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import pytest
from mcp.client.client import Client

from agentkit import Agent, RunEvent, ToolCallStarted, ToolError, ToolResult
from agentkit.content import (
    AudioContent,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
)
from agentkit.errors import ToolsetError
from agentkit.event import ToolProgressed, ToolsetReported
from agentkit.history import History
from agentkit.mcp.client.mcp_toolset import MCPToolset
from agentkit.mcp.client.server_connection import Lifetime
from agentkit.mcp.client.transports import BuildClient
from agentkit.message import AssistantMessage, ToolCall, UserMessage
from agentkit.testing import ScriptedModel
from agentkit.tools import ToolAnnotations
from tests.unit.mcp.conftest import Make
from tests.unit.mcp.demo_server import ICON, PNG, Demo

DONE = AssistantMessage("done")


def calling(*calls: tuple[str, str]) -> ScriptedModel:
    """Return a model that makes these calls, one a turn, and then is done."""
    turns = [
        AssistantMessage(tool_calls=[ToolCall(id=f"c{at}", name=name, arguments=arguments)])
        for at, (name, arguments) in enumerate(calls)
    ]
    return ScriptedModel(*turns, DONE)


async def results_of(toolset: MCPToolset, *calls: tuple[str, str]) -> list[ToolResult]:
    """Return the results of calls, made in one run."""
    result = await Agent(calling(*calls), tools=[toolset]).run("go")
    return [message for message in result.history if isinstance(message, ToolResult)]


async def test_tools_keep_all_fields_of_the_server(make: Make) -> None:
    """From all pages of the list."""
    toolset = make(Demo().server, trusts_annotations=True)

    async with toolset.open():
        tools = {tool.name: tool for tool in await toolset.list_tools(History())}
        again = await toolset.list_tools(History())

    assert list(tools) == ["add", "show", "fail", "lie", "refuse", "wait"]
    add = tools["add"]
    assert (add.title, add.description) == ("Addition", "Add two numbers.")
    assert add.input_schema["required"] == ["a", "b"]
    assert add.output_schema is not None
    assert add.icons == (ICON,)
    assert add.annotations == ToolAnnotations(read_only_hint=True, open_world_hint=False)
    assert again[0] is add


async def test_results_of_every_kind_arrive(make: Make) -> None:
    """Structured, blocks, errors of the tool and of the server, and invalid ones."""
    add, wrong, show, fail, lie, refuse = await results_of(
        make(Demo().server),
        ("add", '{"a": 1, "b": 2}'),
        ("add", '{"a": "x", "b": 2}'),
        ("show", "{}"),
        ("fail", "{}"),
        ("lie", "{}"),
        ("refuse", "{}"),
    )

    assert add == ToolResult(
        call_id="c0", content=(TextContent("sum"),), structured_content={"sum": 3}
    )
    assert wrong.is_error
    assert "a: expected an integer" in wrong.text
    assert show.content == (
        TextContent("hello"),
        ImageContent(data=PNG, mime_type="image/png"),
        AudioContent(data="AA==", mime_type="audio/wav"),
        ResourceLink(uri="demo://a", name="a"),
        EmbeddedResource(uri="demo://b", text="b"),
    )
    assert (fail.text, fail.is_error) == ("no", True)
    assert lie.is_error
    assert "does not fit the tool's output schema" in lie.text
    assert refuse.is_error


async def test_progress_is_an_event_of_the_run(make: Make) -> None:
    """During the call."""
    agent = Agent(calling(("add", '{"a": 1, "b": 2}')), tools=[make(Demo().server)])

    async with agent.stream("go") as run:
        progress = [event async for event in run if isinstance(event, ToolProgressed)]

    assert progress == [ToolProgressed(call_id="c0", progress=1, total=2, message="half")]


async def test_a_change_of_the_tools_reaches_the_next_turn() -> None:
    """They are not listed again without one."""
    demo = Demo()
    toolset = MCPToolset.in_memory(demo.server)
    model = ScriptedModel(DONE, DONE, DONE)
    agent = Agent(model, tools=[toolset])

    async with agent:
        await agent.run("a")
        await anyio.wait_all_tasks_blocked()
        await agent.run("b")
        before = demo.lists
        await demo.change("new", "newer")
        await anyio.wait_all_tasks_blocked()
        await agent.run("c")

    assert before == 1
    assert [tool.name for tool in model.requests[-1].tools] == ["new", "newer"]


async def test_a_cancelled_run_cancels_the_call_at_the_server(make: Make) -> None:
    """In every revision."""
    demo = Demo()
    agent = Agent(calling(("wait", "{}")), tools=[make(demo.server)])

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(agent.run, "go")
            await demo.waiting.wait()
            group.cancel_scope.cancel()
        await demo.cancelled.wait()


async def test_a_call_has_a_time_limit(make: Make) -> None:
    """The run continues."""
    demo = Demo()

    (result,) = await results_of(make(demo.server, call_timeout_seconds=0.05), ("wait", "{}"))

    assert result.is_error
    assert "was stopped after 0.05 seconds" in result.text
    assert demo.cancelled.is_set()


async def test_resources_and_prompts_are_read_through_the_toolset(make: Make) -> None:
    """A prompt can begin a run."""
    toolset = make(Demo().server)

    async with toolset.open():
        resources = await toolset.list_resources()
        templates = await toolset.list_resource_templates()
        contents = await toolset.read_resource("demo://a")
        prompts = await toolset.list_prompts()
        messages = await toolset.prompt("greet", who="Bo")
        instructions = await toolset.instructions()

    assert resources == [
        ResourceLink(uri="demo://a", name="a", title="A", mime_type="text/plain", size_bytes=3)
    ]
    assert templates == [ResourceLink(uri="demo://{name}", name="any", description="All.")]
    assert contents == [
        EmbeddedResource(uri="demo://a", text="abc"),
        EmbeddedResource(uri="demo://a", blob="AA==", mime_type="x/y"),
    ]
    assert [(one.name, one.arguments, one.required) for one in prompts] == [
        ("greet", {"who": "whom"}, frozenset({"who"}))
    ]
    assert messages == (UserMessage("Greet Bo."),)
    assert (await Agent(ScriptedModel(DONE)).run(history=messages)).output == "done"
    assert instructions == "Use it well."


async def test_resources_and_prompts_can_be_offered_as_tools(make: Make) -> None:
    """If the options say so."""
    toolset = make(Demo().server, expose_resources=True, expose_prompts=True)

    listed, read, prompts, prompt = await results_of(
        toolset,
        ("list_resources", "{}"),
        ("read_resource", '{"uri": "demo://a"}'),
        ("list_prompts", "{}"),
        ("get_prompt", '{"name": "greet", "arguments": {"who": "Bo"}}'),
    )

    assert listed.structured_content == {
        "resources": [{"uri": "demo://a", "name": "A", "mime_type": "text/plain"}],
        "templates": [{"uri": "demo://{name}", "name": "any", "description": "All."}],
    }
    assert read.content[0] == EmbeddedResource(uri="demo://a", text="abc")
    assert "greet" in prompts.text
    assert prompt.text == "user: Greet Bo."


async def test_runs_share_a_connection_that_is_kept_open() -> None:
    """Otherwise each run has its own."""
    demo = Demo()
    toolset = MCPToolset.in_memory(demo.server)
    call = ("add", '{"a": 1, "b": 2}')

    async with toolset.open(), anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(results_of, toolset, call)
    before = demo.lists
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(results_of, toolset, call)

    assert (before, demo.lists) == (1, 4)


async def test_a_toolset_that_is_not_open_raises() -> None:
    """The message says what to do."""
    toolset = MCPToolset.in_memory(Demo().server)

    with pytest.raises(ToolsetError, match=r"async with toolset\.open"):
        await toolset.list_tools(History())
    async with toolset.open():
        await toolset.list_tools(History())
    with pytest.raises(ToolsetError, match="not open"):
        toolset.take_reports()


async def test_a_task_started_elsewhere_uses_the_open_connection() -> None:
    """Requests of a service begin in tasks that do not inherit its context."""
    toolset = MCPToolset.in_memory(Demo().server)
    ready, over = anyio.Event(), anyio.Event()

    async def hold() -> None:
        async with toolset.open():
            ready.set()
            await over.wait()

    async with anyio.create_task_group() as group:
        group.start_soon(hold)
        await ready.wait()
        names = [tool.name for tool in await toolset.list_tools(History())]
        over.set()

    assert "add" in names


async def test_a_stream_can_be_left_during_a_call(make: Make) -> None:
    """Early or by an exception, which is raised unchanged."""
    demo = Demo()
    call = AssistantMessage(tool_calls=[ToolCall(id="1", name="wait")])
    agent = Agent(ScriptedModel(call, call), tools=[make(demo.server)])

    with anyio.fail_after(60):
        async with agent.stream("go") as run:
            async for event in run:
                if isinstance(event, ToolCallStarted):
                    break
        with pytest.raises(KeyError):
            async with agent.stream("go") as run:
                async for event in run:
                    if isinstance(event, ToolCallStarted):
                        raise KeyError


async def events_of(agent: Agent[Any]) -> list[RunEvent]:
    """Return all events of a run."""
    async with agent.stream("go") as run:
        return [event async for event in run]


class ClosedTransport:
    """A transport that cannot connect."""

    def open(
        self,
        build: BuildClient,  # noqa: ARG002
        lifetime: Lifetime,  # noqa: ARG002
        *,
        max_bytes: int,  # noqa: ARG002
        report: Callable[[str], None],  # noqa: ARG002
    ) -> AbstractAsyncContextManager[Client]:
        """Fail."""
        raise ConnectionError("no way in")


async def test_a_server_that_does_not_start_fails_the_run() -> None:
    """If it is not required, it costs its tools only, and the run reports it."""
    optional = MCPToolset(ClosedTransport(), name="shut", required=False)
    agent = Agent(ScriptedModel(DONE), tools=[optional])

    events = await events_of(agent)

    (report,) = [event for event in events if isinstance(event, ToolsetReported)]
    assert (report.toolset, report.level) == ("shut", "error")
    assert "ConnectionError: no way in" in report.message
    required = MCPToolset(ClosedTransport(), name="shut")
    with pytest.raises(ToolsetError, match=r"'shut' cannot be used: ConnectionError: no way in\."):
        await Agent(ScriptedModel(DONE), tools=[required]).run("go")
    async with MCPToolset(ClosedTransport(), name="shut").open():
        pass


async def test_a_resource_of_a_lost_server_is_a_tool_error() -> None:
    """Not an exception of the SDK."""
    toolset = MCPToolset(ClosedTransport(), name="shut")

    async with toolset.open():
        with pytest.raises(ToolError, match="is not available: ConnectionError"):
            await toolset.list_resources()
