"""Many tools, of which a conversation needs a few."""

from collections.abc import Sequence
from typing import TypeAlias

from agentkit import Agent, History, Tool, ToolResult
from agentkit.content import text_blocks
from agentkit.json_schema import JsonObject
from agentkit.message import AssistantMessage, ToolCall, UserMessage
from agentkit.testing import ScriptedModel
from agentkit.tools import StaticToolset, prefixed
from agentkit.tools.tool_search import ToolIndex, searchable
from agentkit.tools.toolset import Toolset

KINDS = ("invoice", "customer", "warehouse", "shipment", "calendar")
VERBS = ("create", "list", "delete", "archive")


def echo(arguments: JsonObject) -> object:
    """Return what came."""
    return arguments


def made(name: str, description: str) -> Tool:
    """Return a tool of this name."""
    schema: JsonObject = {"type": "object", "properties": {"amountOfMoney": {"type": "number"}}}
    return Tool.from_schema(name=name, description=description, input_schema=schema, handler=echo)


Said: TypeAlias = UserMessage | AssistantMessage | ToolResult

MANY = StaticToolset(made(f"{verb}_{kind}", f"{verb} a {kind}") for verb in VERBS for kind in KINDS)


async def offered(toolset: Toolset, *messages: Said) -> set[str]:
    """Return the names on offer after these messages."""
    return {tool.name for tool in await toolset.list_tools(History(messages))}


async def test_a_small_set_is_offered_completely() -> None:
    """There is nothing to search."""
    assert await offered(searchable(MANY, over=20), UserMessage("hello")) == {
        tool.name for tool in MANY.tools
    }


async def test_the_tools_that_the_message_mentions_are_offered() -> None:
    """And a tool that finds the rest."""
    toolset = searchable(MANY, over=19, offered=4)

    names = await offered(toolset, UserMessage("Which Shipments left today?"))

    assert names == {"find_tools", *(f"{verb}_shipment" for verb in VERBS)}
    assert await offered(toolset, UserMessage("Hello!")) == {"find_tools"}
    assert len(await toolset.list_tools(History())) == 21


async def test_found_and_called_tools_stay_on_offer() -> None:
    """Also when the conversation is continued by another process."""
    toolset = searchable(MANY, over=10, offered=2)
    result = ToolResult(
        call_id="1", structured_content={"tools": [{"name": "delete_invoice"}, {"name": 3}, 4]}
    )
    history: list[Said] = [
        UserMessage("hi"),
        AssistantMessage(
            tool_calls=[ToolCall(id="1", name="find_tools", arguments='{"query": "x"}')]
        ),
        result,
        AssistantMessage(tool_calls=[ToolCall(id="2", name="list_calendar")]),
        ToolResult("2", "{}"),
    ]

    assert await offered(toolset, *history) == {"find_tools", "delete_invoice", "list_calendar"}


async def test_a_prefix_around_the_search_does_no_harm() -> None:
    """Names in the conversation have it, names behind the search have not."""
    toolset = prefixed(searchable(MANY, over=10, offered=2), "erp_")
    history: list[Said] = [
        UserMessage("hi"),
        AssistantMessage(tool_calls=[ToolCall(id="1", name="erp_find_tools")]),
        ToolResult(call_id="1", structured_content={"tools": [{"name": "list_customer"}]}),
        AssistantMessage(tool_calls=[ToolCall(id="2", name="erp_archive_customer")]),
        ToolResult("2", "{}"),
    ]

    assert await offered(toolset, *history) == {
        "erp_find_tools",
        "erp_list_customer",
        "erp_archive_customer",
    }


async def test_a_run_finds_a_tool_and_calls_it() -> None:
    """The request after the search offers what was found."""
    find = ToolCall(id="1", name="find_tools", arguments='{"query": "put old invoices away"}')
    call = ToolCall(id="2", name="archive_invoice", arguments='{"amountOfMoney": 1}')
    model = ScriptedModel(
        AssistantMessage(tool_calls=[find]),
        AssistantMessage(tool_calls=[call]),
        AssistantMessage("done"),
    )
    agent = Agent(model, tools=[searchable(MANY, over=10, offered=4)])

    result = await agent.run("Please tidy up.")

    assert [len(request.tools) for request in model.requests] == [1, 5, 5]
    assert result.history[4] == ToolResult(
        call_id="2",
        content=text_blocks('{"amountOfMoney": 1}'),
        structured_content={"amountOfMoney": 1},
    )


async def test_a_search_without_a_match_returns_a_message() -> None:
    """The model can try other words."""
    model = ScriptedModel(
        AssistantMessage(
            tool_calls=[ToolCall(id="1", name="find_tools", arguments='{"query": "zzz"}')]
        ),
        AssistantMessage("done"),
    )

    result = await Agent(model, tools=[searchable(MANY, over=0)]).run("hi")

    assert "No tool fits" in result.history[2].text


def names(tools: Sequence[Tool]) -> list[str]:
    """Return names in their order."""
    return [tool.name for tool in tools]


def test_a_name_counts_more_than_a_description() -> None:
    """And words within names count, those of parameters too."""
    index = ToolIndex(
        [
            made("a", "Returns the weather, at great length, among many other things of the day."),
            made("getWeather", "Returns it."),
            made("b", "x" * 200),
        ]
    )

    assert names(index.rank("weather?", most=5)) == ["getWeather", "a"]
    assert len(index.rank("money", most=2)) == 2
    assert index.rank("", most=2) == []
    assert ToolIndex(()).rank("x", most=1) == []
