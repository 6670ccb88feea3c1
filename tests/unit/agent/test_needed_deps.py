"""What the tools of an agent need is known before a run begins."""

from collections.abc import Mapping
from typing import Annotated, Any, Protocol, cast

import pytest

from agentkit import Agent, RunContext, Tool, tool
from agentkit.agent.options import needed_deps
from agentkit.errors import ToolDefinitionError
from agentkit.testing import ScriptedModel
from agentkit.tools import StaticToolset, combined


class Db:
    """What a tool uses."""


class SmallDb(Db):
    """A more exact one."""


class Rows(Protocol):
    """What has rows."""

    rows: int


@tool
def count(context: RunContext[Db]) -> int:
    """Count rows."""
    return len(str(context.deps))


@tool
def maybe(context: RunContext[Db | None]) -> int:
    """Count rows, if there is a database."""
    return 0 if context.deps else 1


@tool
def either(context: Annotated[RunContext[Db | dict[str, int]], "either"]) -> int:
    """Count rows of either."""
    return 0 if context.deps else 1


@tool
def table(context: RunContext[Mapping[str, int]]) -> int:
    """Count entries."""
    return len(context.deps)


@tool
def rows(context: RunContext[Rows]) -> int:
    """Count rows."""
    return context.deps.rows


@tool
def free(context: RunContext) -> str:
    """Use no dependencies."""
    return context.call_id


@tool
def none(context: RunContext[None]) -> str:
    """Have no dependencies."""
    return context.call_id


@tool
def plain(text: str) -> str:
    """Have no context."""
    return text


@pytest.mark.parametrize(
    ("one", "needs"),
    [(count, True), (either, True), (table, True), (rows, True), (maybe, False), (free, False)]
    + [(none, False), (plain, False)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_tool_needs_the_dependencies_that_its_context_names(one: Tool, needs: bool) -> None:
    """If None is none of them."""
    assert (needed_deps(StaticToolset([plain, one])) is not None) == needs


@pytest.mark.parametrize("one", [count, either, table, rows], ids=lambda one: one.name)
def test_a_run_without_dependencies_that_a_tool_needs_is_an_error(one: Tool) -> None:
    """Before anything is sent, and also for a tool of this run only."""
    model = ScriptedModel("a", "b")
    message = rf"The tool '{one.name}' takes a RunContext\[.*give the run a value"

    with pytest.raises(TypeError, match=message):
        Agent(model, tools=[one]).run_sync("hi")
    with pytest.raises(TypeError, match=message):
        Agent(model).run_sync("hi", tools=[one])

    assert model.requests == []
    assert Agent(model, tools=[one]).run_sync("hi", deps=Db()).output == "a"


def test_fixed_tools_next_to_a_server_are_checked_too() -> None:
    """What servers list has no annotations."""

    class Changing:
        open = StaticToolset().open
        list_tools = StaticToolset().list_tools

    joined = combined(Changing(), StaticToolset([count]))

    assert needed_deps(joined) == ("count", Db)


@pytest.mark.parametrize(
    ("given", "one"),
    [(Db, count), (SmallDb, count), (dict, either), (dict, table), (Db, maybe), (Db, free)]
    + [(Db, rows), (Db, none), (Db, plain), (Any, count)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_tools_may_take_the_dependencies_of_their_agent(given: type[Any], one: Tool) -> None:
    """Those of its type, or of a wider one."""
    Agent(ScriptedModel(), tools=[one], deps_type=given)


@pytest.mark.parametrize(
    ("given", "one"), [(dict, count), (Db, table), (str, either)], ids=lambda value: str(value)[:20]
)
def test_other_dependencies_than_a_tool_takes_are_an_error(given: type[Any], one: Tool) -> None:
    """When the agent is built."""
    with pytest.raises(ToolDefinitionError, match="and the deps_type of the agent is"):
        Agent(ScriptedModel(), tools=[one], deps_type=given)


def test_none_may_be_given() -> None:
    """The caller has said so."""
    agent: Agent[Any] = Agent(ScriptedModel("a"), tools=[count])

    assert agent.run_sync("hi", deps=cast(Any, None)).output == "a"
