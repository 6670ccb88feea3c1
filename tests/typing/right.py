"""Correct uses; type checkers must accept all of them."""

from typing import Any, Literal, assert_type

from pydantic import BaseModel
from typing_extensions import TypedDict

from agentkit import Agent, AgentStream, RunContext, RunResult, tool


class Invoice(BaseModel):
    """A pydantic model."""

    total: float


class Note(BaseModel):
    """Another model."""

    text: str


class Point(TypedDict):
    """A typed dictionary."""

    x: int


class Database:
    """A dependency of tools."""

    rows: int = 0


@tool
def count(context: RunContext[Database], table: str) -> int:
    """Count rows."""
    return context.deps.rows if table else 0


def infer_the_output() -> None:
    """From `output_type`, or text without it."""
    assert_type(Agent("sandbox:m"), Agent[Any, str])
    assert_type(Agent("sandbox:m").run_sync("hi").output, str)
    assert_type(Agent("sandbox:m", output_type=str).run_sync("hi").output, str)
    assert_type(Agent("sandbox:m", output_type=Invoice).run_sync("hi").output, Invoice)
    assert_type(Agent("sandbox:m", output_type=Point).run_sync("hi").output, Point)
    assert_type(Agent("sandbox:m", output_type=list[int]).run_sync("hi").output, list[int])
    assert_type(
        Agent("sandbox:m", output_type=Invoice | Note).run_sync("hi").output, Invoice | Note
    )
    assert_type(Agent("sandbox:m", output_type=int | None).run_sync("hi").output, int | None)
    assert_type(
        Agent("sandbox:m", output_type=Literal["a", "b"]).run_sync("hi").output, Literal["a", "b"]
    )


async def infer_the_output_of_one_run() -> None:
    """From the `output_type` of the run, in place of the agent's."""
    agent = Agent("sandbox:m", output_type=Note)
    assert_type(await agent.run("hi"), RunResult[Note])
    assert_type(await agent.run("hi", output_type=Invoice), RunResult[Invoice])
    assert_type(agent.run_sync("hi", output_type=Invoice | None).output, Invoice | None)
    async with agent.stream("hi") as run:
        assert_type(run, AgentStream[Note])
        assert_type(run.result.output, Note)
    async with agent.stream("hi", output_type=Invoice) as other:
        assert_type(other.result.output, Invoice)


def check_the_dependencies() -> None:
    """If the agent names the type of its dependencies."""
    agent = Agent[Database]("sandbox:m", tools=[count])
    assert_type(agent, Agent[Database, str])
    agent.run_sync("hi", deps=Database(), budget=None, tool_choice="required")
    typed = Agent[Database, Invoice]("sandbox:m", tools=[count], output_type=Invoice)
    assert_type(typed.run_sync("hi", deps=Database()).output, Invoice)
    free: Agent = Agent("sandbox:m")
    free.run_sync("hi", deps=1)


def take_a_more_exact_agent(agent: Agent[Any, BaseModel]) -> BaseModel:
    """An agent with a subtype as output is accepted as one with the base type."""
    return agent.run_sync("hi").output


def give_a_more_exact_agent() -> None:
    """See above."""
    take_a_more_exact_agent(Agent("sandbox:m", output_type=Invoice))
