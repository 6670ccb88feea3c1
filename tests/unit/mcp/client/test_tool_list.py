"""Tools as third parties list them: names, schemas and lists that are not as they should be."""

import hashlib
from typing import Any

import mcp_types as types
import pytest
from mcp.server import Server
from mcp.shared.exceptions import MCPError

from agentkit import Agent, Tool
from agentkit.event import ToolsetReported
from agentkit.history import History
from agentkit.json_schema import JsonObject
from agentkit.mcp.client import pagination, tool_list
from agentkit.mcp.client.mcp_toolset import MCPToolset
from agentkit.message import AssistantMessage, ToolCall, UserMessage
from agentkit.testing import ScriptedModel, check_toolset
from agentkit.tools import ToolAnnotations, combined
from agentkit.tools.binding import BoundArguments
from agentkit.tools.validate import ReadyCall, validate_call
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
    "multiplying": {
        "type": "object",
        "$ref": "#/$defs/l40",
        "$defs": {
            "l0": {},
            **{
                f"l{n + 1}": {
                    "anyOf": [{"$ref": f"#/$defs/l{n}"}] * 2,
                    "unevaluatedProperties": False,
                }
                for n in range(40)
            },
        },
    },
}


def serving(*tools: types.Tool) -> Server[Any]:
    """Return a server that lists these tools; a call returns the name it was made with."""

    async def list_tools(_: Any, params: Any) -> types.ListToolsResult:  # noqa: ARG001
        return types.ListToolsResult(tools=list(tools))

    async def call_tool(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(text=f"called {params.name}")])

    return Server("foreign", on_list_tools=list_tools, on_call_tool=call_tool)


def named(*names: str, **more: Any) -> list[types.Tool]:
    """Return tools of these names."""
    return [types.Tool(name=name, input_schema=OBJECT, **more) for name in names]


async def listed(toolset: MCPToolset) -> tuple[list[Tool], list[str]]:
    """Return the tools, and what was reported of them."""
    async with toolset.open():
        tools = list(await toolset.list_tools(History()))
        return tools, [report.message for report in toolset.take_reports()]


async def test_an_unusable_schema_costs_its_own_tool_only(make: Make) -> None:
    """Nothing is fetched, nothing hangs, and each is reported."""
    bad = [types.Tool(name=name, input_schema=schema) for name, schema in UNUSABLE.items()]
    bad += named("output", output_schema={"type": "object", "$ref": "https://example.com/s.json"})

    tools, reports = await listed(make(serving(*named("good"), *bad)))

    assert [tool.name for tool in tools] == ["good"]
    assert len(reports) == len(bad)
    assert all("is left out" in report for report in reports)
    assert "nothing is fetched from the network" in reports[0]


async def test_an_invalid_keyword_is_ignored_and_reported(make: Make) -> None:
    """What a provider is sent is valid."""
    schema = {"type": "object", "properties": {"a": {"minLength": "x", "maxLength": 5}}}

    (tool,), reports = await listed(make(serving(types.Tool(name="a", input_schema=schema))))

    assert tool.input_schema == {"type": "object", "properties": {"a": {"maxLength": 5}}}
    assert reports == [
        "The input schema of its tool 'a' is not valid; ignored: properties/a/minLength."
    ]


async def test_a_pattern_that_is_not_checked_is_reported_once(make: Make) -> None:
    """The tool is offered; the server checks its own patterns."""
    email = r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9]*\.)+[A-Za-z]{2,}$"
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"to": {"pattern": email}, "cc": {"items": {"pattern": email}}},
    }
    server = serving(types.Tool(name="send", input_schema=schema), *named("other"))

    tools, reports = await listed(make(server))

    assert [tool.name for tool in tools] == ["send", "other"]
    (report,) = reports
    assert "its tool 'send' has patterns that are not checked here" in report
    assert validate_call(
        ToolCall(id="1", name="send", arguments='{"to": "x"}'), {"send": tools[0]}
    ) == ReadyCall(
        call=ToolCall(id="1", name="send", arguments='{"to": "x"}'),
        tool=tools[0],
        arguments={"to": "x"},
        bound=BoundArguments(positional=({"to": "x"},)),
    )


async def test_a_catastrophic_pattern_is_harmless(make: Make) -> None:
    """Also with an argument that would make a backtracking engine hang."""
    schema: dict[str, Any] = {"type": "object", "properties": {"a": {"pattern": "^(a+)+$"}}}
    server = serving(types.Tool(name="match", input_schema=schema))
    call = ToolCall(id="1", name="match", arguments=f'{{"a": "{"a" * 5_000}!"}}')
    model = ScriptedModel(AssistantMessage(tool_calls=[call]), AssistantMessage("done"))

    result = await Agent(model, tools=[make(server)]).run("go")

    assert "expected a text that matches" in result.history[2].text


async def test_invalid_names_are_changed(make: Make) -> None:
    """The server is called with its own name."""
    toolset = make(serving(*named("read file!", "x" * 200, "twice", "twice")))
    call = AssistantMessage(tool_calls=[ToolCall(id="1", name="read_file_ecafb243")])

    tools, reports = await listed(toolset)
    result = await Agent(ScriptedModel(call, AssistantMessage("done")), tools=[toolset]).run("?")

    assert [tool.name for tool in tools] == [
        "read_file_ecafb243",
        f"{'x' * 119}_{hashlib.sha256(b'x' * 200).hexdigest()[:8]}",
        "twice",
    ]
    assert "'read file!' is offered as 'read_file_ecafb243'" in reports[0]
    assert "lists the tool 'twice' twice" in reports[-1]
    assert result.history[2].text == "called read file!"


async def test_hints_are_trusted_only_with_the_option(make: Make) -> None:
    """A foreign tool that claims to only read might write."""
    hints = types.ToolAnnotations(title="Reader", read_only_hint=True)
    server = serving(*named("a", annotations=hints))

    (trusted,), _ = await listed(make(server, trusts_annotations=True))
    (untrusted,), _ = await listed(make(server))

    assert trusted.annotations == ToolAnnotations(read_only_hint=True)
    assert untrusted.annotations == ToolAnnotations()
    assert (trusted.title, untrusted.title) == ("Reader", "Reader")


async def test_a_toolset_keeps_the_contract_of_toolsets(make: Make) -> None:
    """It can be opened again, and its tools can be offered to a model."""
    await check_toolset(make(Demo().server))


async def test_a_server_without_tools_offers_none(make: Make) -> None:
    """It may have resources or prompts."""
    tools, reports = await listed(make(Server("empty")))

    assert (tools, reports) == ([], [])


async def test_a_list_that_fails_leaves_the_tools_unchanged() -> None:
    """The error is reported."""
    tools = named("a")
    fails = [False]

    async def list_tools(_: Any, params: Any) -> types.ListToolsResult:  # noqa: ARG001
        if fails[0]:
            raise MCPError(code=1, message="out of order")
        return types.ListToolsResult(tools=tools)

    toolset = MCPToolset.in_memory(Server("s", on_list_tools=list_tools))
    async with toolset.open():
        await toolset.list_tools(History())
        fails[0] = True
        toolset.find_open().connection.is_stale = True
        again = await toolset.list_tools(History())

        assert [tool.name for tool in again] == ["a"]
        (report,) = toolset.take_reports()
    assert report == ToolsetReported(
        toolset="s",
        level="error",
        message="Its tools cannot be listed: The server returned an error: out of order",
    )


async def test_a_list_of_endless_pages_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tools are not offered."""
    monkeypatch.setattr(pagination, "MAX_PAGES", 20)

    async def list_tools(_: Any, params: Any) -> types.ListToolsResult:
        at = 0 if params is None or params.cursor is None else int(params.cursor)
        return types.ListToolsResult(tools=named(f"t{at}"), next_cursor=str(at + 1))

    tools, reports = await listed(MCPToolset.in_memory(Server("s", on_list_tools=list_tools)))

    assert tools == []
    assert "the list has no end" in reports[0]


@pytest.mark.parametrize(
    ("pages", "offered"),
    [
        ({None: ("a", "")}, ["a"]),
        ({None: ("a", "1"), "1": ("a", "1")}, ["a"]),
        ({None: ("a", "1"), "1": ("b", "1")}, ["a", "b"]),
        ({None: ("a", "1"), "1": ("b", "2"), "2": ("c", "1")}, ["a", "b", "c"]),
    ],
    ids=["empty", "ignored", "the same", "a circle"],
)
async def test_a_cursor_that_does_not_lead_on_ends_the_list(
    pages: dict[str | None, tuple[str, str]], offered: list[str]
) -> None:
    """What came is offered, once, and the cursor is reported."""

    async def list_tools(_: Any, params: Any) -> types.ListToolsResult:
        name, following = pages[None if params is None else params.cursor]
        return types.ListToolsResult(tools=named(name), next_cursor=following)

    tools, reports = await listed(MCPToolset.in_memory(Server("s", on_list_tools=list_tools)))

    assert [tool.name for tool in tools] == offered
    assert f"which does not lead on; {len(offered)} entries came" in reports[0]


async def test_listing_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tools stay unchanged."""
    monkeypatch.setattr(tool_list, "LIST_SECONDS", 0.05)
    demo = Demo()

    async def list_tools(_: Any, params: Any) -> types.ListToolsResult:  # noqa: ARG001
        await demo._wait()
        raise AssertionError

    _, reports = await listed(MCPToolset.in_memory(Server("s", on_list_tools=list_tools)))

    assert reports == ["Its tools cannot be listed: no answer within 0.05 s"]


async def test_of_many_tools_the_needed_ones_are_offered() -> None:
    """They are built in a thread, so that other runs continue."""
    server = serving(*named(*(f"tool_{number}" for number in range(300)), "weather"))
    toolset = MCPToolset.in_memory(server)
    model = ScriptedModel(AssistantMessage("done"))

    await Agent(model, tools=[toolset]).run(history=[UserMessage("How is the weather?")])
    tools, _ = await listed(MCPToolset.in_memory(server, search_threshold=None))

    assert [tool.name for tool in model.requests[0].tools] == ["find_tools", "weather"]
    assert len(tools) == 301


async def test_names_that_two_servers_share_get_a_prefix() -> None:
    """So that both tools can be called."""
    first = MCPToolset.in_memory(serving(*named("read", "a")), name="one")
    second = MCPToolset.in_memory(serving(*named("read")), name="two 2")
    together = combined(first, second)

    async with together.open():
        names = [tool.name for tool in await together.list_tools(History())]

    assert names == ["one_read", "a", "two_2_read"]
