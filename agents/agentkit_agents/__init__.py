"""Ready-made agents, a module per agent, each with `build(model, ...) -> Agent`.

In:  the name of an agent.
Out: the agent, through `load_agent`; all agents, in `AGENTS`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from agentkit import Agent, Budget, ConfigError, Model
from agentkit.lazy_import import load_object
from agentkit.tools import ToolLike

__all__ = ["AGENTS", "load_agent"]

AGENTS: Mapping[str, str] = {
    "assistant": "answers questions with the ready-made tools",
    "researcher": "searches the web, reads pages, cites its sources",
}


def load_agent(
    name: str,
    model: str | Model,
    *,
    tools: Iterable[ToolLike] | None = None,
    budget: Budget | None = None,
) -> Agent[Any]:
    """Build a ready-made agent.

    Args:
        name: one of `AGENTS`.
        model: `provider:family-or-id`, or a model of your own.
        tools: the tools it may use; by default its own.
        budget: the limits of each run.

    Raises:
        ConfigError: there is no such agent, or the model is not known.
    """
    if name not in AGENTS:
        raise ConfigError(f"There is no agent {name!r}; known are {', '.join(AGENTS)}.")
    build = cast(Callable[..., Agent[Any]], load_object(f"agentkit_agents.{name}:build"))
    return build(model, tools=tools, budget=budget)
