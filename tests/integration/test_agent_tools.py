"""The context of tools and the order in which they run, with a scripted model."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import pytest

from agentkit import (
    Agent,
    AgentKitError,
    AssistantMessage,
    History,
    RunContext,
    Tool,
    ToolCall,
    ToolResult,
    tool,
)
from agentkit.errors import ToolDefinitionError
from agentkit.model.model import ModelConnection
from agentkit.testing.scripted import ScriptedModel, tool_call
from agentkit.tools import StaticToolset


@tool(read_only=True)
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def _asks(*calls: ToolCall) -> AssistantMessage:
    return AssistantMessage(tool_calls=calls)


ADD_1_2 = tool_call("add", a=1, b=2)
THREE = ToolResult(
    call_id="call00001", content=ToolResult("", "3").content, structured_content={"result": 3}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deps:
    user: str


async def test_tools_get_the_dependencies_of_the_run() -> None:
    """The context is not part of the schema."""

    @tool
    def whoami(context: RunContext[_Deps], polite: bool = False) -> str:
        """Return the user's name."""
        return ("Dear " if polite else "") + context.deps.user

    model = ScriptedModel(_asks(tool_call("whoami", polite=True)), "ok")
    agent: Agent[_Deps] = Agent(model, tools=[whoami])

    result = await agent.run("Who am I?", deps=_Deps(user="Ann"))

    assert isinstance(result.history[2], ToolResult)
    assert result.history[2].text == "Dear Ann"
    assert list(model.requests[0].tools[0].input_schema["properties"]) == ["polite"]  # type: ignore[arg-type]  # an object


class _Counted(ScriptedModel):
    """Counts how often it is opened."""

    opened = 0
    is_open = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        self.opened += 1
        self.is_open += 1
        try:
            yield self
        finally:
            self.is_open -= 1


async def test_an_agent_that_is_entered_keeps_its_model_open() -> None:
    """Otherwise each run opens and closes it."""
    model = _Counted("1", "2", "3", "4")
    agent: Agent[None] = Agent(model)

    async with agent:
        await agent.run("hi")
        await agent.run("hi")
        assert (model.opened, model.is_open) == (1, 1)
        with pytest.raises(AgentKitError, match="open already"):
            await agent.__aenter__()
    assert model.is_open == 0
    await agent.run("hi")
    async with agent:
        await agent.run("hi")

    assert (model.opened, model.is_open) == (3, 0)


class _Changing:
    """A toolset whose tools change."""

    def __init__(self, *turns: Sequence[Tool]) -> None:
        self._turns = list(turns)
        self.is_open = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        self.is_open = True
        yield
        self.is_open = False

    async def list_tools(self, _history: History, /) -> Sequence[Tool]:
        return self._turns.pop(0)


async def test_tools_may_change_between_turns() -> None:
    """A call is validated against the tools that were offered when it was made."""

    @tool
    def late() -> str:
        """Arrive late."""
        return "here"

    model = ScriptedModel(
        _asks(ToolCall(id="early0001", name="late")), _asks(tool_call("late")), "ok"
    )
    toolset = _Changing([add], [add, late], [])

    result = await Agent(model, tools=[toolset]).run("Go.")

    assert [[spec.name for spec in request.tools] for request in model.requests] == [
        ["add"],
        ["add", "late"],
        [],
    ]
    answers = [m for m in result.history if isinstance(m, ToolResult)]
    assert [answer.is_error for answer in answers] == [True, False]
    assert "add" in answers[0].text
    assert not toolset.is_open


async def test_calls_with_side_effects_run_one_after_the_other() -> None:
    """Read-only calls run in parallel: both start before either ends."""
    order: list[str] = []
    both = anyio.Event()

    @tool(read_only=True)
    async def read(name: str) -> str:
        """Read."""
        order.append(f"+{name}")
        if len(order) == 2:
            both.set()
        await both.wait()
        return name

    @tool
    async def write(name: str) -> str:
        """Write."""
        order.append(f"+{name}")
        await anyio.lowlevel.checkpoint()
        order.append(f"-{name}")
        return name

    calls = [
        ToolCall(
            id=f"call0000{n}",
            name="read" if n < 2 else "write",
            arguments=json.dumps({"name": str(n)}),
        )
        for n in range(4)
    ]

    with anyio.fail_after(60):
        result = await Agent(ScriptedModel(_asks(*calls), "ok"), tools=[read, write]).run("Go.")

    assert sorted(order[:2]) == ["+0", "+1"]
    assert order[2:] == ["+2", "-2", "+3", "-3"]
    assert [m.text for m in result.history if isinstance(m, ToolResult)] == ["0", "1", "2", "3"]


def test_two_tools_with_one_name_are_rejected_when_the_agent_is_built() -> None:
    """Not during a run; the same tool twice counts as one tool."""
    other = tool(lambda: None, name="add", description="Another.")

    with pytest.raises(ToolDefinitionError, match="Two tools have the name 'add'"):
        Agent(ScriptedModel(), tools=[add, StaticToolset([other])])


async def test_the_same_tool_twice_is_offered_once() -> None:
    """Two toolsets may share a tool."""
    model = ScriptedModel("ok")

    await Agent(model, tools=[add, StaticToolset([add])]).run("Go.")

    assert [spec.name for spec in model.requests[0].tools] == ["add"]


async def test_the_arguments_that_run_are_those_in_the_history() -> None:
    """The history holds the JSON that the model wrote and the tool got."""
    seen: list[dict[str, object]] = []

    async def keep(arguments: dict[str, object]) -> str:
        seen.append(arguments)
        return "kept"

    kept = Tool.from_schema(
        name="keep", description="Keep.", input_schema={"type": "object"}, handler=keep
    )
    model = ScriptedModel(_asks(tool_call("keep", x=[1, None])), "ok")

    result = await Agent(model, tools=[kept]).run("Go.")

    assert isinstance(result.history[1], AssistantMessage)
    assert seen == [json.loads(result.history[1].tool_calls[0].arguments)]
