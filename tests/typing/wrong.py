"""Mistakes; type checkers must find each one, on the marked line, and nothing else.

mypy reports an unused ignore as an error. pyright is configured to disregard the ignores.
"""

from typing import Literal

from pydantic import BaseModel

from agentkit import (
    Agent,
    Approval,
    Budget,
    ProviderError,
    RunResult,
    Tool,
    ToolCall,
    UserMessage,
    Verdict,
    tool,
)
from agentkit.mcp import MCPToolset
from agentkit.testing import tool_call
from agentkit.tools import rules
from agentkit_agents import load_agent
from agentkit_tools import file_tools


class Invoice(BaseModel):
    """An output type."""

    total: float


class Note(BaseModel):
    """Another output type."""

    text: str


class Database:
    """A dependency of tools."""


def give_wrong_dependencies() -> None:
    """They have another type than the agent names."""
    agent = Agent[Database]("sandbox:m")
    agent.run_sync("hi", deps="a path")  # type: ignore[call-overload]  # wrong


async def give_no_dependencies() -> None:
    """An agent that names their type needs them, in every kind of run."""
    agent = Agent("sandbox:m", deps_type=Database)
    agent.run_sync("hi")  # type: ignore[call-overload]  # wrong
    await agent.run("hi", output_type=Invoice)  # type: ignore[call-overload]  # wrong
    agent.stream("hi")  # type: ignore[call-overload]  # wrong
    agent.stream_sync("hi")  # type: ignore[call-overload]  # wrong
    agent.conversation()  # type: ignore[call-arg]  # wrong


async def give_wrong_dependencies_to_a_typed_run() -> None:
    """The same with an output type for one run."""
    agent = Agent[Database]("sandbox:m")
    await agent.run("hi", output_type=Invoice, deps="a path")  # type: ignore[call-overload]  # wrong
    agent.stream("hi", deps=1)  # type: ignore[call-overload]  # wrong


def take_the_output_for_another_type() -> None:
    """The output has the type that was requested."""
    text: str = Agent("sandbox:m", output_type=Invoice).run_sync("hi").output  # type: ignore[assignment]  # wrong
    assert text


def read_a_field_that_is_not_there() -> None:
    """The type of the output is known."""
    assert Agent("sandbox:m", output_type=Invoice).run_sync("hi").output.text  # type: ignore[attr-defined]  # wrong


def read_a_union_without_looking() -> None:
    """Either type of the union is possible."""
    assert Agent("sandbox:m", output_type=Invoice | Note).run_sync("hi").output.total  # type: ignore[union-attr]  # wrong


def name_one_type_and_ask_for_another() -> None:
    """The annotation must match the output type."""
    Agent[None, Invoice]("sandbox:m", output_type=Note)  # type: ignore[arg-type]  # wrong


def give_an_unknown_option() -> None:
    """No run has this option."""
    Agent("sandbox:m").run_sync("hi", budgets=None)  # type: ignore[call-overload]  # wrong


def return_another_result() -> RunResult[Note]:
    """Of a run with another type."""
    return Agent("sandbox:m").run_sync("hi", output_type=Invoice)  # type: ignore[arg-type]  # wrong


class Shop:
    """A class with a tool of its own."""

    @tool
    def stock(self, item: str) -> int:
        """Count the items in stock."""
        return len(item)


def call_a_tool_of_a_class() -> None:
    """It takes what the method takes."""
    Shop().stock(3)  # type: ignore[arg-type]  # wrong
    Shop().stock()  # type: ignore[call-arg]  # wrong


def give_a_tool_an_unknown_option() -> None:
    """Hints are options of their own."""
    tool(len, readonly=True)  # type: ignore[call-overload]  # wrong


def decide_in_another_word() -> None:
    """A verdict has three."""
    Verdict("maybe")  # type: ignore[arg-type]  # wrong
    Verdict("deny", "no")  # type: ignore[call-arg]  # wrong
    Approval.approve(ToolCall(id="a", name="f"), arguments=3)  # type: ignore[arg-type]  # wrong
    rules.ask(rules.is_destructive())  # type: ignore[call-arg, arg-type]  # wrong


def read_a_kind_of_error_that_is_not_there(error: ProviderError) -> None:
    """Kinds are listed."""
    kind: Literal["ratelimit"] = error.kind  # type: ignore[assignment]  # wrong
    assert kind


def write_arguments_as_one() -> None:
    """They are keywords, as in the tool's own call."""
    tool_call("f", {"n": 1})  # type: ignore[call-arg]  # wrong


def load_with_a_misspelled_option() -> None:
    """Options of ready-made agents and tools are typed."""
    load_agent("assistant", "sandbox:m", tols=[])  # type: ignore[call-arg]  # wrong
    file_tools(".", write=True)  # type: ignore[call-arg]  # wrong


def connect_in_another_word() -> None:
    """What a server may ask for is one of a few words, or a function."""
    MCPToolset.stdio("server", on_sampling="ran")  # type: ignore[arg-type]  # wrong
    MCPToolset.http("http://127.0.0.1:1/mcp", transport="http")  # type: ignore[arg-type]  # wrong


def ask_for_a_field_of_a_call_that_is_not_there() -> None:
    """A condition gets a ReadyCall."""
    rules.ask(lambda ready: ready.argument)  # type: ignore[attr-defined]  # wrong


def name_a_schema_wrongly() -> None:
    """A schema is an object, and a limit a number."""
    Tool.from_schema(name="f", description="", input_schema=["n"], handler=len)  # type: ignore[arg-type]  # wrong
    Budget(cost_usd="5 cents")  # type: ignore[arg-type]  # wrong


def give_a_message_where_text_belongs() -> None:
    """A number is no content."""
    UserMessage(3)  # type: ignore[arg-type]  # wrong
