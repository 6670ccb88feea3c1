"""Correct uses; type checkers must accept all of them."""

import math
from typing import Any, Literal, assert_type

from pydantic import BaseModel
from typing_extensions import TypedDict

from agentkit import (
    Agent,
    AgentStream,
    Approval,
    AssistantMessage,
    Budget,
    Conversation,
    History,
    OutputSettings,
    ProviderError,
    ReasoningReceived,
    RunContext,
    RunResult,
    TextContent,
    TextReceived,
    Tool,
    ToolCall,
    ToolResult,
    UserMessage,
    Verdict,
    build_model,
    tool,
)
from agentkit.agent import SyncAgentStream
from agentkit.errors import ErrorKind, Retry
from agentkit.mcp import MCPToolset
from agentkit.model import RetrySettings
from agentkit.testing import ScriptedModel, tool_call
from agentkit.tools import rules
from agentkit_agents import load_agent
from agentkit_tools import file_tools


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


async def take_a_schema_for_a_type() -> None:
    """Then nothing is known of the output."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    agent = Agent("sandbox:m", output_type=schema)
    assert_type(agent, Agent[Any, Any])
    assert_type((await Agent("sandbox:m").run("hi", output_type=schema)).output, Any)
    with Agent("sandbox:m").stream_sync("hi", output_type=schema) as run:
        assert_type(run.result.output, Any)


async def check_the_dependencies() -> None:
    """If the agent names the type of its dependencies."""
    agent = Agent[Database]("sandbox:m", tools=[count])
    assert_type(agent, Agent[Database, str])
    agent.run_sync("hi", deps=Database(), budget=None, tool_choice="required")
    typed = Agent[Database, Invoice]("sandbox:m", tools=[count], output_type=Invoice)
    assert_type(typed.run_sync("hi", deps=Database()).output, Invoice)
    inferred = Agent("sandbox:m", tools=[count], deps_type=Database, output_type=Invoice)
    assert_type(inferred, Agent[Database, Invoice])
    assert_type(await inferred.run("hi", deps=Database()), RunResult[Invoice])
    assert_type((await inferred.run("hi", deps=Database(), output_type=Note)).output, Note)
    with inferred.stream_sync("hi", deps=Database()) as run:
        assert_type(run, SyncAgentStream[Invoice])
    assert_type(inferred.conversation(deps=Database()), Conversation[Invoice])


async def leave_the_dependencies_out() -> None:
    """If none are named, or there are none."""
    free: Agent = Agent("sandbox:m")
    free.run_sync("hi")
    free.run_sync("hi", deps=1)
    none = Agent[None, int]("sandbox:m", output_type=int)
    assert_type(await none.run("hi"), RunResult[int])
    assert_type(await none.run("hi", output_type=Note), RunResult[Note])
    assert_type(none.conversation(budget=Budget(cost_usd=0.05)), Conversation[int])


async def run_inside_a_tool(context: RunContext[Database]) -> None:
    """With the dependencies of the tool."""
    agent = Agent[Database]("sandbox:m", tools=[count])
    assert_type(await agent.run("hi", within=context), RunResult[str])
    async with agent.stream("hi", output_type=Note, within=context) as run:
        assert_type(run, AgentStream[Note])


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


def read_an_error(error: ProviderError) -> str:
    """Its kind is one of those that are listed."""
    assert_type(error.kind, ErrorKind)
    assert_type(error.retry, Retry)
    match error.kind:
        case "auth" | "insufficient_credits":
            return "key"
        case _:
            return "other"


def write_a_script() -> None:
    """Of text, calls and functions."""
    ScriptedModel(
        tool_call("add", a=1), [tool_call("f")], "3", lambda request: request.instructions
    )


def load_what_is_ready_made() -> None:
    """By name, with typed options."""
    assert_type(load_agent("assistant", "sandbox:m", tools=[count]), Agent[Any, str])
    assert_type(file_tools("."), tuple[Tool, ...])


def connect_a_server() -> None:
    """With options in the terms of MCP."""
    MCPToolset.stdio("server", on_sampling="run", call_timeout_seconds=5, required=False)
    MCPToolset.http("http://127.0.0.1:1/mcp", transport="sse", expose_resources=True)


def limit_a_run() -> None:
    """With numbers, and with none."""
    Budget(cost_usd=0.05, turns=math.inf, price_usd=(0.5, 1.5), closing_answer=False)
    Agent("sandbox:m", output=OutputSettings(retries=1), max_depth=2)
    build_model("sandbox:m", retry=RetrySettings(attempts=5))


def go_on_with_a_conversation(history: History) -> History:
    """By adding messages."""
    agent = Agent("sandbox:m")
    agent.run_sync("And?", history=history)
    agent.run_sync(history=[UserMessage("hi")])
    history += [AssistantMessage("yes", tool_calls=[ToolCall(id="a", name="f")])]
    return history + [ToolResult("a", ["one", TextContent("two")])]
