"""Tools as strangers list them: names, schemas and lists that are not as they should be."""

from typing import Any

import mcp_types as types
import pytest
from mcp.server import Server
from mcp.shared.exceptions import MCPError

from agentkit import Agent, Tool, ToolAnnotations, ToolsetReported, combined
from agentkit.json_schema import JsonObject
from agentkit.mcp.client import pagination, tool_list
from agentkit.mcp.client.mcp_toolset import MCPToolset
from agentkit.message import AssistantMessage, ToolCall, UserMessage
from agentkit.testing import ScriptedModel, check_toolset
from tests.unit.mcp.conftest import Make
from tests.unit.mcp.demo_server import Demo

OBJECT: JsonObject = {"type": "object"}


def deep(levels: int) -> dict[str, Any]:
    """Return a schema that is so deep."""
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


UNUSABLE: dict[str, dict[str, Any]] = {
    "remote": {"type": "object", "properties": {"a": {"$ref": "https://example.com/s.json"}}},
    "file": {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}},
    "deep": deep(120),
    "loop": {"type": "object", "$ref": "#"},
    "pattern": {"type": "object", "properties": {"a": {"pattern": "("}}},
    "keyword": {"type": "object", "properties": {"a": {"minLength": "x"}}},
}


def serving(*tools: types.Tool) -> Server[Any]:
    """Return a server that lists these tools, and tells the name under which one is called."""

    async def list_tools(_: Any, params: Any) -> types.ListToolsResult:  # noqa: ARG001
        return types.ListToolsResult(tools=list(tools))

    async def call_tool(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(text=f"called {params.name}")])

    return Server("strange", on_list_tools=list_tools, on_call_tool=call_tool)


def named(*names: str, **more: Any) -> list[types.Tool]:
    """Return tools of these names."""
    return [types.Tool(name=name, input_schema=OBJECT, **more) for name in names]


async def listed(toolset: MCPToolset) -> tuple[list[Tool], list[str]]:
    """Return the tools, and what was reported of them."""
    async with toolset.open():
        tools = list(await toolset.list_tools())
        return tools, [report.message for report in toolset.take_reports()]


async def test_a_schema_that_cannot_be_used_costs_its_tool_and_no_other(make: Make) -> None:
    """Nothing is fetched, nothing runs on; each is told."""
    bad = [types.Tool(name=name, input_schema=schema) for name, schema in UNUSABLE.items()]
    bad += named("output", output_schema={"type": "object", "$ref": "https://example.com/s.json"})

    tools, reports = await listed(make(serving(*named("good"), *bad)))

    assert [tool.name for tool in tools] == ["good"]
    assert len(reports) == len(bad)
    assert all("is left out" in report for report in reports)
    assert "nothing is fetched from the network" in reports[0]


async def test_a_catastrophic_pattern_is_harmless(make: Make) -> None:
    """Where a model sends what would keep an engine busy for years."""
    schema: dict[str, Any] = {"type": "object", "properties": {"a": {"pattern": "^(a+)+$"}}}
    server = serving(types.Tool(name="match", input_schema=schema))
    call = ToolCall(id="1", name="match", arguments=f'{{"a": "{"a" * 5_000}!"}}')
    model = ScriptedModel(AssistantMessage.of("", call), AssistantMessage.of("done"))

    result = await Agent(model, tools=[make(server)]).run("go")

    assert "expected a text that matches" in result.history[2].text


async def test_names_are_made_fit(make: Make) -> None:
    """The server is called by its own."""
    toolset = make(serving(*named("read file!", "x" * 200, "twice", "twice")))
    call = AssistantMessage.of("", ToolCall(id="1", name="read_file_"))

    tools, reports = await listed(toolset)
    result = await Agent(ScriptedModel(call, AssistantMessage.of("done")), tools=[toolset]).run("?")

    assert [tool.name for tool in tools] == ["read_file_", "x" * 128, "twice"]
    assert "'read file!' is offered as 'read_file_'" in reports[0]
    assert "lists the tool 'twice' twice" in reports[-1]
    assert result.history[2].text == "called read file!"


async def test_hints_are_believed_only_where_the_caller_says_so(make: Make) -> None:
    """A stranger's tool that claims to read might write."""
    hints = types.ToolAnnotations(title="Reader", read_only_hint=True)
    server = serving(*named("a", annotations=hints))

    (trusted,), _ = await listed(make(server))
    (doubted,), _ = await listed(make(server, trusts_annotations=False))

    assert trusted.annotations == ToolAnnotations(read_only_hint=True)
    assert doubted.annotations == ToolAnnotations()
    assert (trusted.title, doubted.title) == ("Reader", "Reader")


async def test_a_toolset_keeps_the_contract_of_toolsets(make: Make) -> None:
    """It can be opened again, and offers what a model can be told of."""
    await check_toolset(make(Demo().server))


async def test_a_server_without_tools_offers_none(make: Make) -> None:
    """It may have other things."""
    tools, reports = await listed(make(Server("bare")))

    assert (tools, reports) == ([], [])


async def test_a_list_that_fails_leaves_the_tools_as_they_were() -> None:
    """And is told."""
    tools = named("a")
    fails = [False]

    async def list_tools(_: Any, params: Any) -> types.ListToolsResult:  # noqa: ARG001
        if fails[0]:
            raise MCPError(code=1, message="out of order")
        return types.ListToolsResult(tools=tools)

    toolset = MCPToolset.in_memory(Server("s", on_list_tools=list_tools))
    async with toolset.open():
        await toolset.list_tools()
        fails[0] = True
        toolset.find_open().connection.is_stale = True
        again = await toolset.list_tools()

        assert [tool.name for tool in again] == ["a"]
        (report,) = toolset.take_reports()
    assert report == ToolsetReported(
        toolset="s",
        level="error",
        message="Its tools cannot be listed: The server refused: out of order",
    )


@pytest.mark.parametrize("kind", ["the same page", "new pages"])
async def test_a_list_without_end_is_given_up(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it goes in a circle or ever on."""
    monkeypatch.setattr(pagination, "MAX_PAGES", 20)

    async def list_tools(_: Any, params: Any) -> types.ListToolsResult:
        at = 0 if params is None or params.cursor is None else int(params.cursor)
        following = 1 if kind == "the same page" else at + 1
        return types.ListToolsResult(tools=named(f"t{at}"), next_cursor=str(following))

    tools, reports = await listed(MCPToolset.in_memory(Server("s", on_list_tools=list_tools)))

    assert tools == []
    assert "the list has no end" in reports[0]


async def test_a_list_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while."""
    monkeypatch.setattr(tool_list, "LIST_SECONDS", 0.05)
    demo = Demo()

    async def list_tools(_: Any, params: Any) -> types.ListToolsResult:  # noqa: ARG001
        await demo._wait()
        raise AssertionError

    _, reports = await listed(MCPToolset.in_memory(Server("s", on_list_tools=list_tools)))

    assert reports == ["Its tools cannot be listed: no answer within 0.05 s"]


async def test_of_many_tools_those_are_offered_that_are_needed() -> None:
    """And made in a thread, so that other runs go on."""
    server = serving(*named(*(f"tool_{number}" for number in range(300)), "weather"))
    toolset = MCPToolset.in_memory(server)
    model = ScriptedModel(AssistantMessage.of("done"))

    await Agent(model, tools=[toolset]).run([UserMessage.of("How is the weather?")])
    tools, _ = await listed(MCPToolset.in_memory(server, search_threshold=None))

    assert [tool.name for tool in model.requests[0].tools] == ["find_tools", "weather"]
    assert len(tools) == 301


async def test_names_that_two_servers_share_get_a_prefix() -> None:
    """So both can be called."""
    first = MCPToolset.in_memory(serving(*named("read", "a")), name="one")
    second = MCPToolset.in_memory(serving(*named("read")), name="two 2")
    together = combined(first, second)

    async with together.open():
        names = [tool.name for tool in await together.list_tools()]

    assert names == ["one_read", "a", "two_2_read"]
