"""Middleware around tools."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from agentkit import Agent, Tool, ToolError, ToolResult, tool
from agentkit.event import RunEvent, ToolCallStarted
from agentkit.history import History
from agentkit.hooks import wrapped_tools
from agentkit.message import AssistantMessage, ToolCall
from agentkit.testing.scripted import ScriptedModel, tool_call
from agentkit.tools import StaticToolset
from agentkit.tools.tool_run import Proceed
from agentkit.tools.validate import ReadyCall
from tests.unit.tools.running import execute, ready


@tool(read_only=True)
def greet(name: str) -> str:
    """Greet someone."""
    return f"hello {name}"


ADA = '{"name": "Ada"}'


async def wrapped(middleware: object, *tools: Tool) -> Tool:
    """Return the first tool of a toolset, with middleware."""
    found = await wrapped_tools(StaticToolset(tools or [greet]), middleware).list_tools(History())  # type: ignore[arg-type]  # a hook
    return found[0]


async def shout(call: ReadyCall, proceed: Proceed) -> ToolResult:
    """Change a result."""
    return ToolResult(call.call.id, (await proceed()).text.upper())


async def test_middleware_wraps_a_call() -> None:
    """It gets the validated call and its result."""
    seen: list[object] = []

    async def look(call: ReadyCall, proceed: Proceed) -> ToolResult:
        result = await proceed()
        seen.extend((call.tool.name, call.arguments, result.text))
        return result

    (result,) = await execute(ready(await wrapped(look), ADA))

    assert result == ToolResult("c1", "hello Ada")
    assert seen == ["greet", {"name": "Ada"}, "hello Ada"]


async def test_middleware_may_change_or_replace_a_result_or_run_the_tool_again() -> None:
    """Its return value is the result of the call."""
    runs: list[str] = []

    @tool
    async def work() -> str:
        """Work."""
        runs.append("run")
        return f"run {len(runs)}"

    async def in_place(_: ReadyCall, __: Proceed) -> ToolResult:
        return ToolResult("of another call", "remembered")

    async def again(_: ReadyCall, proceed: Proceed) -> ToolResult:
        await proceed()
        return await proceed()

    results = [
        (await execute(ready(await wrapped(hook, work))))[0] for hook in (shout, in_place, again)
    ]

    assert [one.text for one in results] == ["RUN 1", "remembered", "run 3"]
    assert {one.call_id for one in results} == {"c1"}


async def test_middleware_composes_with_the_last_outermost() -> None:
    """Like nested wrappers."""

    async def add(call: ReadyCall, proceed: Proceed) -> ToolResult:
        return ToolResult(call.call.id, (await proceed()).text + " and bob")

    inner = wrapped_tools(StaticToolset([greet]), add)
    (made,) = await wrapped_tools(inner, shout).list_tools(History())

    assert (await execute(ready(made, ADA)))[0].text == "HELLO ADA AND BOB"


async def test_the_journal_is_outside_of_middleware() -> None:
    """It records the result that middleware returned."""
    kept: list[str] = []

    async def journal(_: ReadyCall, proceed: Proceed) -> ToolResult:
        result = await proceed()
        kept.append(result.text)
        return result

    await execute(ready(await wrapped(shout), ADA), middleware=journal)

    assert kept == ["HELLO ADA"]


RAISED = {
    "a tool error": (ToolError("Not today."), "Not today."),
    "by accident": (KeyError("x"), "KeyError"),
}


@pytest.mark.parametrize(("error", "message"), RAISED.values(), ids=RAISED.keys())
async def test_an_exception_of_middleware_becomes_an_error_result(
    error: Exception, message: str
) -> None:
    """Like an exception of a tool."""

    async def fail(_: ReadyCall, __: Proceed) -> ToolResult:
        raise error

    (result,) = await execute(ready(await wrapped(fail), ADA))

    assert result.is_error
    assert message in result.text


async def test_the_exception_of_a_listener_is_not_attributed_to_middleware() -> None:
    """It is the caller's own, even if middleware suppresses all exceptions."""

    async def failing(event: RunEvent) -> None:
        if isinstance(event, ToolCallStarted):
            raise OSError("no one listens")

    async def swallow(_: ReadyCall, proceed: Proceed) -> ToolResult:
        try:
            return await proceed()
        except OSError as error:
            raise ToolError("swallowed") from error

    with pytest.raises(OSError, match="no one listens"):
        await execute(ready(await wrapped(swallow), ADA), emit=failing)


class Changing:
    """A toolset whose tools change."""

    def __init__(self) -> None:
        self.tools: Sequence[Tool] = [greet]
        self.is_open = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open it."""
        self.is_open = True
        yield
        self.is_open = False

    async def list_tools(self, _history: History, /) -> Sequence[Tool]:
        """List them."""
        return self.tools


async def test_tools_may_change() -> None:
    """A tool that stays is wrapped once, so its description is encoded once."""
    inner = Changing()
    toolset = wrapped_tools(inner, shout, only=lambda one: one.name == "greet")
    first = await toolset.list_tools(History())
    other = replace(greet, name="other")
    inner.tools = [greet, other]

    second = await toolset.list_tools(History())

    assert second == (first[0], other)
    assert first[0] is second[0]
    async with toolset.open():
        assert inner.is_open
    assert not inner.is_open


async def test_a_run_uses_wrapped_tools_like_any_others() -> None:
    """The model is offered the same tool."""
    model = ScriptedModel(AssistantMessage(tool_calls=[tool_call("greet", name="Ada")]), "Done.")
    agent: Agent[None] = Agent(model, tools=[wrapped_tools(StaticToolset([greet]), shout)])

    result = await agent.run("greet Ada")

    assert result.history[2] == ToolResult("call00001", "HELLO ADA")
    assert model.requests[0].tools == (greet.spec,)
    assert isinstance(result.history[1].tool_calls[0], ToolCall)  # type: ignore[union-attr]  # as scripted
