"""Ready-made agents, a module per agent, each with `build(model, ...) -> Agent`.

In:  the name of an agent.
Out: the agent, through `load_agent`; all agents, in `AGENTS`.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from agentkit import Agent, Budget, ConfigError, Model
from agentkit.lazy_import import load_object
from agentkit.tools import ToolLike

__all__ = ["AGENTS", "load_agent"]

AGENTS: Mapping[str, str] = {
    "assistant": "answers questions with the ready-made tools",
    "analyst": "answers questions about the tables of a folder, with plots",
    "coder": "changes the code of a folder and runs its tests in isolation",
    "researcher": "searches the web, reads pages, cites its sources",
}
_OF_FOLDERS = frozenset({"analyst", "coder"})


def load_agent(
    name: str,
    model: str | Model,
    *,
    tools: Iterable[ToolLike] | None = None,
    budget: Budget | None = None,
    folder: str | Path = ".",
) -> Agent[Any]:
    """Build a ready-made agent.

    Args:
        name: one of `AGENTS`.
        model: `provider:family-or-id`, or a model of your own.
        tools: the tools it may use; by default its own.
        budget: the limits of each run.
        folder: where the agents `analyst` and `coder` work.

    Raises:
        ConfigError: there is no such agent, the model is not known, or the agent cannot work here.
    """
    if name not in AGENTS:
        raise ConfigError(f"There is no agent {name!r}; known are {', '.join(AGENTS)}.")
    build = cast(Callable[..., Agent[Any]], load_object(f"agentkit_agents.{name}:build"))
    options = {"folder": folder} if name in _OF_FOLDERS else {}
    return build(model, tools=tools, budget=budget, **options)
