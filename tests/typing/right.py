"""Correct uses; type checkers must accept all of them."""

from typing import Any, Literal, assert_type

from pydantic import BaseModel
from typing_extensions import TypedDict

from agentkit import (
    Agent,
    AgentStream,
    Approval,
    ReasoningReceived,
    RunContext,
    RunResult,
    TextContent,
    TextReceived,
    Tool,
    ToolCall,
    Verdict,
    tool,
)
from agentkit.tools import rules


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


class Shop:
    """A class with a tool of its own."""

    @tool(read_only=True)
    def stock(self, item: str) -> int:
        """Count the items in stock."""
        return len(item)


def call_a_tool_of_a_class() -> None:
    """As the method that it was made of."""
    assert_type(Shop().stock("pen"), int)
    assert_type(Shop.stock(Shop(), "pen"), int)


def make_tools() -> None:
    """Of a function, and of a schema in a variable."""
    assert_type(tool(len, name="size", idempotent=True)("abc"), int)
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    Tool.from_schema(name="f", description="", input_schema=schema, handler=len, read_only=True)


def decide_about_a_call(call: ToolCall) -> None:
    """By rules and approvals."""
    rules.first(
        rules.allow(rules.named("a_*")),
        rules.ask(rules.is_destructive, lambda ready: ready.arguments.get("n", 0) > 1),
        lambda _: Verdict("deny", reason="no"),
    )
    arguments = {"n": 1}
    Approval.approve(call, arguments=arguments)
    Approval.deny(call, reason="no")


def read_values(event: TextReceived | ReasoningReceived, verdict: Verdict) -> str:
    """By position."""
    match verdict:
        case Verdict("deny"):
            return TextContent("denied").text
        case _:
            pass
    match event:
        case TextReceived(text):
            return text
        case ReasoningReceived(text):
            return text
