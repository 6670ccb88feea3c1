"""Toolsets: fixed ones, changing ones, and combined ones."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pytest

from agentkit import Agent, History
from agentkit.errors import ToolDefinitionError
from agentkit.event import ToolsetReported
from agentkit.message import AssistantMessage
from agentkit.testing import ScriptedModel
from agentkit.tools.tool import Tool, tool
from agentkit.tools.tool_search import searchable
from agentkit.tools.toolset import (
    StaticToolset,
    Toolset,
    as_toolset,
    combined,
    filtered,
    index_tools,
    prefixed,
    renamed,
    take_reports,
)


@tool(read_only=True)
def read() -> str:
    """Read."""
    return "r"


@tool
def write() -> None:
    """Write."""


def plain() -> None:
    """Do."""


class Changing:
    """A toolset whose tools come and go, and which must be open."""

    def __init__(self, *tools: Tool) -> None:
        self.tools: Sequence[Tool] = tools
        self.log: list[str] = []

    def open(self) -> AbstractAsyncContextManager[None]:
        """Note when it is opened and closed."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        self.log.append("opened")
        yield
        self.log.append("closed")

    async def list_tools(self, _history: History, /) -> Sequence[Tool]:
        """Return the present tools."""
        return self.tools


async def names(toolset: Toolset) -> list[str]:
    """Return the names of the tools as they are now."""
    return [one.name for one in await toolset.list_tools(History())]


async def test_functions_tools_and_toolsets_become_one_set_in_order() -> None:
    """Whatever an agent is given."""
    toolset = as_toolset([plain, Changing(write), read])

    assert await names(toolset) == ["plain", "write", "read"]
    assert await names(as_toolset([])) == []
    assert await names(as_toolset([write])) == ["write"]


async def test_a_fixed_set_lists_the_same_tools_each_time() -> None:
    """The very same values, so that their specs are encoded once."""
    toolset = as_toolset([plain, read])

    async with toolset.open():
        assert await toolset.list_tools(History()) is await toolset.list_tools(History())


@pytest.mark.parametrize(
    ("tools", "complaint"),
    [
        ("read", "is no list of tools"),
        (plain, "is no list of tools"),
        (read, "is no list of tools"),
        ({"read": read}, "is no list of tools"),
        (["read"], "'read' cannot be a tool; pass a function"),
        ([None], "None cannot be a tool"),
    ],
)
def test_a_value_that_is_not_a_tool_is_refused_when_the_set_is_made(
    tools: Any, complaint: str
) -> None:
    """The message names what to pass instead."""
    with pytest.raises(ToolDefinitionError) as caught:
        as_toolset(tools)

    assert complaint in str(caught.value)


def test_a_method_without_an_instance_is_refused() -> None:
    """It could never be called."""

    class Files:
        @tool
        def look(self) -> None:
            """Look."""

    outer = "test_a_method_without_an_instance_is_refused.<locals>.Files"
    with pytest.raises(ToolDefinitionError) as caught:
        as_toolset([Files.look])

    assert f"'look' is a method of {outer!r} and needs an instance" in str(caught.value)
    as_toolset([Files().look])


def twin() -> Tool:
    """Make another tool called `read`."""
    return tool(plain, name="read")


@pytest.mark.parametrize(
    "make",
    [
        lambda: StaticToolset([read, twin()]),
        lambda: as_toolset([read, twin()]),
        lambda: combined(StaticToolset([read]), Changing(), StaticToolset([twin()])),
        lambda: renamed(StaticToolset([read, write]), {"write": "read"}),
        lambda: index_tools([read, twin()]),
    ],
)
def test_two_fixed_tools_of_one_name_are_an_error_at_once(make: Callable[[], object]) -> None:
    """Both are named by where they were written."""
    with pytest.raises(ToolDefinitionError) as caught:
        make()

    assert "Two tools have the name 'read'" in str(caught.value)
    assert f"{__name__}:read" in str(caught.value)


async def test_two_changing_tools_of_one_name_are_an_error_when_listed() -> None:
    """The names are not known earlier."""
    changing = Changing()
    toolset = combined(StaticToolset([read]), changing)
    assert await names(toolset) == ["read"]

    changing.tools = [twin()]

    with pytest.raises(ToolDefinitionError, match="Two tools"):
        await toolset.list_tools(History())


def test_one_tool_twice_is_one_tool() -> None:
    """It is one value, and would be offered twice."""
    assert list(index_tools([read, read])) == ["read"]


async def test_prefixes_and_names_are_changed() -> None:
    """At once for a fixed set, when listed for one that changes."""
    for source in (StaticToolset([read, write]), Changing(read, write)):
        assert await names(prefixed(source, "fs_")) == ["fs_read", "fs_write"]
        assert await names(renamed(source, {"read": "look"})) == ["look", "write"]
    assert read.name == "read"


async def test_changed_tools_are_cached_while_they_stay() -> None:
    """Their specs keep their identity from turn to turn."""
    changing = Changing(read, write)
    toolset = prefixed(changing, "x.")
    first = await toolset.list_tools(History())

    changing.tools = [write]
    second = await toolset.list_tools(History())
    changing.tools = [read, write]
    third = await toolset.list_tools(History())

    assert second[0] is first[1]
    assert third[1] is first[1]
    assert third[1].spec is first[1].spec
    assert third[0] is not first[0]


async def test_a_filter_is_called_before_every_turn() -> None:
    """Tools may come and go."""
    is_open = True
    toolset = filtered(StaticToolset([read, write]), lambda one: is_open or one is read)

    assert await names(toolset) == ["read", "write"]
    is_open = False
    assert await names(toolset) == ["read"]
    assert (await toolset.list_tools(History()))[0] is read


def test_a_name_that_is_no_longer_allowed_is_refused() -> None:
    """A prefix may make it too long or odd."""
    with pytest.raises(ToolDefinitionError, match="cannot be the name"):
        prefixed(StaticToolset([read]), "a b ")
    with pytest.raises(ToolDefinitionError, match="cannot be the name"):
        prefixed(StaticToolset([read]), "x" * 128)


def test_renaming_an_unknown_tool_is_refused() -> None:
    """Most likely it is a typing error."""
    with pytest.raises(ToolDefinitionError, match=r"Cannot rename \['raed'\].*'read'"):
        renamed(StaticToolset([read]), {"raed": "look"})


async def test_a_combined_set_opens_all_of_its_sets() -> None:
    """Through every layer, and closes them again."""
    first, second = Changing(read), Changing(write)
    toolset = combined(first, filtered(prefixed(second, "x_"), lambda _: True))

    async with toolset.open():
        assert (first.log, second.log) == (["opened"], ["opened"])

    assert (first.log, second.log) == (["opened", "closed"], ["opened", "closed"])


async def test_a_single_set_is_returned_as_it_is() -> None:
    """It is not wrapped."""
    changing = Changing(read)

    assert combined(changing) is changing
    assert as_toolset([changing]) is changing


class Server:
    """A toolset with a name of its own, and news."""

    def __init__(self, namespace: str, *names: str) -> None:
        self.namespace = namespace
        self._tools = tuple(
            Tool.from_schema(name=name, description="", input_schema={}, handler=len)
            for name in names
        )
        self.news = [ToolsetReported(toolset=namespace, level="info", message="up")]

    def open(self) -> AbstractAsyncContextManager[None]:
        """Open nothing."""
        return nullcontext()

    async def list_tools(self, _history: History, /) -> Sequence[Tool]:
        """Return the tools."""
        return self._tools

    def take_reports(self) -> Sequence[ToolsetReported]:
        """Return the news, once."""
        news, self.news = self.news, []
        return news


async def test_names_that_two_servers_share_get_the_servers_names_as_prefixes() -> None:
    """The others stay; a tool that stays is the same object in each turn."""
    joined = combined(Server("a", "read", "x"), Server("b", "read"), StaticToolset([read]))

    first = await joined.list_tools(History())
    again = await joined.list_tools(History())

    assert [tool.name for tool in first] == ["a_read", "x", "b_read", "read"]
    assert tuple(again) == tuple(first)


async def test_the_reports_of_all_servers_are_emitted_once() -> None:
    """By a run, at its next turn."""
    server = Server("a", "x")
    agent = Agent(
        ScriptedModel(AssistantMessage("done")),
        tools=[filtered(renamed(server, {}), lambda tool: True), Server("b")],  # noqa: ARG005
    )

    async with agent.stream("go") as run:
        reports = [event async for event in run if isinstance(event, ToolsetReported)]

    assert [event.toolset for event in reports] == ["a", "b"]
    assert server.news == []


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        (
            [("fs", ["delete"]), ("evil", ["delete", "fs_delete"])],
            ["fs_delete", "evil_delete", "evil_fs_delete"],
        ),
        ([("fs", ["read"]), ("evil", ["fs_read"])], ["read", "evil_fs_read"]),
        ([("a", ["a_x", "x"]), ("b", ["x"])], ["a_x", "b_x"]),
    ],
    ids=["both names", "a prefix of another", "its own prefix"],
)
async def test_no_server_can_take_a_name_of_another(
    servers: list[tuple[str, list[str]]], expected: list[str]
) -> None:
    """A rule that allows by the offered name never fits a tool of another server."""
    joined = combined(*(Server(name, *tools) for name, tools in servers))

    assert [tool.name for tool in await joined.list_tools(History())] == expected


async def test_a_tool_whose_name_is_taken_is_left_out() -> None:
    """It is reported once, and never ends the run."""
    joined = combined(Server("a", "read"), StaticToolset([renamed_read("a_read"), read]))

    first = await joined.list_tools(History())
    await joined.list_tools(History())

    assert [tool.name for tool in first] == ["a_read", "read"]
    messages = [report.message for report in take_reports(joined)]
    assert messages == ["up", "A tool is left out: its name 'a_read' is the name of another tool."]
    assert take_reports(joined) == []


async def test_names_are_unique_across_nested_toolsets() -> None:
    """A group of servers in a search next to another server; their own names stay known."""
    group = searchable(combined(tagged("a", "read"), tagged("b", "write")), over=5)
    joined = combined(filtered(group, lambda _: True), tagged("c", "read"))

    tools = await joined.list_tools(History())

    assert [(tool.name, tool.own_name) for tool in tools] == [
        ("a_read", "read"),
        ("write", "write"),
        ("c_read", "read"),
    ]


def test_two_servers_of_one_name_are_an_error() -> None:
    """When the toolset is made, also if one is in a group."""
    group = filtered(searchable(combined(Server("a", "x"), Server("b", "y"))), lambda _: True)

    with pytest.raises(ToolDefinitionError, match="2 servers have the name 'b'"):
        combined(group, StaticToolset(), Server("b", "z"))


async def test_a_server_cannot_take_the_name_of_the_search() -> None:
    """The model finds tools with the search tool of agentkit."""
    tools = await searchable(Server("a", "find_tools", "x"), over=1).list_tools(History())

    assert [tool.name for tool in tools] == ["find_tools", "x"]
    assert "Find tools" in tools[0].description


def renamed_read(name: str) -> Tool:
    """Return a tool of another name."""
    return read.renamed(name)


def tagged(namespace: str, name: str) -> Toolset:
    """Return a server whose tools carry its name themselves, as those of MCP servers do."""
    tool = Tool.from_schema(name=name, description="", input_schema={}, handler=len)
    server = Server(namespace)
    server._tools = (replace(tool, namespace=namespace),)
    return server
