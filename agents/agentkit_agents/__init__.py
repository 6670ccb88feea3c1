"""Ready-made agents, a module per agent, each with `build(model, ...) -> Agent`.

In:  the name of an agent.
Out: its `build`, through `load_agent`; all agents, in `AGENTS`.
"""

from collections.abc import Callable, Mapping
from typing import cast

from agentkit import Agent, ConfigError
from agentkit.lazy_import import load_object

__all__ = ["AGENTS", "load_agent"]

AGENTS: Mapping[str, str] = {
    "assistant": "answers questions with the ready-made tools",
}


def load_agent(name: str) -> Callable[..., Agent[object]]:
    """Return the `build` function of a ready-made agent; it takes a model and optionally `tools=`.

    Raises:
        ConfigError: there is no such agent.
    """
    if name not in AGENTS:
        raise ConfigError(f"There is no agent {name!r}; known are {', '.join(AGENTS)}.")
    return cast(Callable[..., Agent[object]], load_object(f"agentkit_agents.{name}:build"))
