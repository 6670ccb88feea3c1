"""Mistakes; type checkers must find each one, on the line that is marked, and nothing else.

mypy says so by itself: an ignore that ignores nothing is an error. pyright is told not to ignore.
"""

from pydantic import BaseModel

from agentkit import Agent, RunResult


class Invoice(BaseModel):
    """An answer."""

    total: float


class Note(BaseModel):
    """Another."""

    text: str


class Database:
    """What tools work with."""


def give_wrong_dependencies() -> None:
    """They are of another type than the agent says."""
    agent = Agent[Database]("sandbox:m")
    agent.run_sync("hi", deps="a path")  # type: ignore[call-overload]  # wrong


async def give_wrong_dependencies_to_a_typed_run() -> None:
    """The same with a type for one run."""
    agent = Agent[Database]("sandbox:m")
    await agent.run("hi", output_type=Invoice, deps="a path")  # type: ignore[call-overload]  # wrong
    agent.stream("hi", deps=1)  # type: ignore[call-overload]  # wrong


def take_the_output_for_another_type() -> None:
    """It is what was asked for."""
    text: str = Agent("sandbox:m", output_type=Invoice).run_sync("hi").output  # type: ignore[assignment]  # wrong
    assert text


def read_a_field_that_is_not_there() -> None:
    """The output is known."""
    assert Agent("sandbox:m", output_type=Invoice).run_sync("hi").output.text  # type: ignore[attr-defined]  # wrong


def read_a_union_without_looking() -> None:
    """Which of the two came is not known."""
    assert Agent("sandbox:m", output_type=Invoice | Note).run_sync("hi").output.total  # type: ignore[union-attr]  # wrong


def name_one_type_and_ask_for_another() -> None:
    """The agent's own name for its type must be right."""
    Agent[None, Invoice]("sandbox:m", output_type=Note)  # type: ignore[arg-type]  # wrong


def give_an_unknown_option() -> None:
    """A word that no run takes."""
    Agent("sandbox:m").run_sync("hi", budgets=None)  # type: ignore[call-overload]  # wrong


def return_another_result() -> RunResult[Note]:
    """Of a run with another type."""
    return Agent("sandbox:m").run_sync("hi", output_type=Invoice)  # type: ignore[arg-type]  # wrong
