"""Options appear in the signature of a function."""

import inspect
import pydoc
from typing import Any, TypedDict, Unpack

import pytest

from agentkit import Agent
from agentkit.agent import AgentOptions, RunOptions
from agentkit.agent.options import with_options


class _Options(TypedDict, total=False):
    size: int


@with_options(_Options)
def _draw(name: str, **options: Unpack[_Options]) -> str:
    """Draw."""
    return f"{name}{options.get('size', 1)}"


def test_each_option_is_a_keyword_of_the_signature() -> None:
    """And the function works as before."""
    assert str(inspect.signature(_draw)) == "(name: str, *, size: int = ...) -> str"
    assert _draw("a", size=2) == "a2"


@pytest.mark.parametrize(
    "method",
    [Agent.run, Agent.run_sync, Agent.stream, Agent.stream_sync, Agent.conversation],
    ids=lambda method: method.__name__,
)
def test_help_lists_the_options_of_a_run(method: Any) -> None:
    """All of them."""
    shown = inspect.signature(method).parameters

    assert RunOptions.__annotations__.keys() <= shown.keys()
    assert "options" not in shown
    assert "budget: agentkit.budget.budget.Budget | None = ..." in pydoc.render_doc(method)


def test_help_lists_the_options_of_an_agent() -> None:
    """In addition to those of its signature."""
    assert AgentOptions.__annotations__.keys() <= inspect.signature(Agent).parameters.keys()
