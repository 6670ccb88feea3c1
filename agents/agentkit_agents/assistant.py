"""An assistant for questions of any kind, with the ready-made tools that need no permission.

In:  a model, and the tools it may use.
Out: an `Agent`.
"""

from collections.abc import Iterable
from typing import Any

from agentkit import Agent, Budget, Model
from agentkit.tools import ToolLike
from agentkit_tools import FAMILIES, load_tools

INSTRUCTIONS = """\
You are a helpful assistant. Answer in the language of the user, briefly and to the point.
Use a tool whenever it can give a fact or a number; do not work out in your head what a tool \
can work out, and never make up a tool's result.
When a tool reports an error, repair the arguments as it says and try once more, or tell the user \
what is missing.
When no tool fits, answer from what you know and say so if you are not sure."""


def build(
    model: str | Model, *, tools: Iterable[ToolLike] | None = None, budget: Budget | None = None
) -> Agent[Any]:
    """Build the assistant.

    Args:
        model: `provider:family-or-id`, or a model of your own.
        tools: the tools it may use; by default the ready-made tools that have no effects.
        budget: the limits of each run.
    """
    return Agent(
        model,
        tools=default_tools() if tools is None else tools,
        instructions=INSTRUCTIONS,
        name="assistant",
        budget=budget,
    )


def default_tools() -> list[ToolLike]:
    """Return the tools of every default family that is installed."""
    return [
        tool
        for name, family in FAMILIES.items()
        if family.is_default and family.is_installed
        for tool in load_tools(name)
    ]
