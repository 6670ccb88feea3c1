"""Hooks and rules of the caller that return a value of the wrong type."""

from typing import Any

import pytest

from agentkit import Agent, AssistantMessage, tool
from agentkit.errors import UsageError
from agentkit.hooks.guardrails import guarded
from agentkit.hooks.model_middleware import wrapped_model
from agentkit.hooks.tool_middleware import wrapped_tools
from agentkit.testing.scripted import ScriptedModel, tool_call
from agentkit.tools.toolset import StaticToolset


@tool
def add(a: int) -> int:
    """Add."""
    return a


def script() -> ScriptedModel:
    """Return a model that calls the tool once."""
    return ScriptedModel(AssistantMessage(tool_calls=[tool_call("add", a=1)]), "done")


async def bad_middleware(*_: Any, **__: Any) -> Any:
    """Return nothing."""


def bad_hook(*_: Any) -> Any:
    """Return a number."""
    return 7


def bad_rule(_: Any) -> Any:
    """Return a word that is not a decision."""
    return "yes"


def true_rule(_: Any) -> Any:
    """Return a truth value, as a rule of another framework might."""
    return True


AGENTS: dict[str, tuple[Any, str]] = {
    "approval rule": (
        lambda: Agent(script(), tools=[add], approve=bad_rule),
        "The approval rule 'bad_rule' returned 'yes'; it must return a Verdict, 'allow', 'ask', "
        "'deny' or None.",
    ),
    "approval rule with a truth value": (
        lambda: Agent(script(), tools=[add], approve=true_rule),
        "The approval rule 'true_rule' returned True; ",
    ),
    "tool middleware": (
        lambda: Agent(script(), tools=[wrapped_tools(StaticToolset([add]), bad_middleware)]),
        "The tool middleware 'bad_middleware' returned None; it must return a ToolResult.",
    ),
    "model middleware": (
        lambda: Agent(wrapped_model(script(), bad_middleware)),
        "The model middleware 'bad_middleware' returned None; it must return a ModelResponse",
    ),
    "a function before": (
        lambda: Agent(wrapped_model(script(), before=bad_hook)),
        "The model middleware 'bad_hook' returned a value of type 'int'; "
        "it must return a ModelRequest.",
    ),
    "a function after": (
        lambda: Agent(wrapped_model(script(), after=bad_hook)),
        "The model middleware 'bad_hook' returned a value of type 'int'; "
        "it must return a ModelResponse.",
    ),
    "a check of the input": (
        lambda: Agent(guarded(script(), check_input=bad_hook)),
        "The guardrail 'bad_hook' returned a value of type 'int'; "
        "it must return a Blocked or None.",
    ),
    "a check of the output": (
        lambda: Agent(guarded(script(), check_output=bad_hook)),
        "The guardrail 'bad_hook' returned a value of type 'int'; "
        "it must return a Blocked or None.",
    ),
}


@pytest.mark.parametrize(("build", "message"), AGENTS.values(), ids=AGENTS.keys())
async def test_the_error_names_the_function(build: Any, message: str) -> None:
    """And what it must return; nothing else runs."""
    with pytest.raises(UsageError) as caught:
        await build().run("go")

    assert message in str(caught.value)
