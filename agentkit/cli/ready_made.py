"""The ready-made tools and agents, by name.

In:  nothing.
Out: what `agentkit_tools` and `agentkit_agents` offer.

Both packages are above agentkit in the layers, so they are loaded by name and not imported.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from agentkit.agent.agent import Agent
from agentkit.lazy_import import LazyModule
from agentkit.tools.tool import Tool

agentkit_tools: LazyModule = LazyModule("agentkit_tools")
agentkit_agents: LazyModule = LazyModule("agentkit_agents")


class ReadyMadeTools(Protocol):
    """What is shown of a tool family."""

    @property
    def description(self) -> str:
        """Return what its tools do, in a few words."""

    @property
    def extra(self) -> str | None:
        """Return the extra it needs, if any."""

    @property
    def is_default(self) -> bool:
        """Return whether an agent has it by default."""

    @property
    def needs_setting(self) -> bool:
        """Return whether it can be loaded as `NAME=SETTING` only."""

    @property
    def setting(self) -> str | None:
        """Return what its setting is, if it takes one."""

    @property
    def is_installed(self) -> bool:
        """Return whether its dependencies are installed."""


def tool_families() -> Mapping[str, ReadyMadeTools]:
    """Return the tool families by name."""
    families: Mapping[str, ReadyMadeTools] = agentkit_tools.FAMILIES
    return families


def load_tools(
    name: str, *, folder: Path, allow_write: bool, setting: str | None = None
) -> tuple[Tool, ...]:
    """Return the tools of a family; see `agentkit_tools.load_tools`."""
    tools: tuple[Tool, ...] = agentkit_tools.load_tools(
        name, folder=folder, allow_write=allow_write, setting=setting
    )
    return tools


class ReadyMadeSkills(Protocol):
    """What an agent gets of its skills."""

    @property
    def instructions(self) -> str:
        """Return their names and descriptions."""

    @property
    def tools(self) -> tuple[Tool, ...]:
        """Return the tools that read them."""


def load_skills(folders: Sequence[Path]) -> ReadyMadeSkills:
    """Return the skills in folders; see `agentkit_tools.skills.load_skills`."""
    skills: ReadyMadeSkills = agentkit_tools.load_skills(*folders)
    return skills


def agents() -> Mapping[str, str]:
    """Return what each ready-made agent does, by name."""
    described: Mapping[str, str] = agentkit_agents.AGENTS
    return described


def agent_builder(name: str, *, folder: Path = Path()) -> Callable[..., Agent[Any]]:
    """Return the function that builds a ready-made agent for a model.

    Args:
        name: one of `agents()`.
        folder: where an agent works that works in a folder.
    """
    return partial(agentkit_agents.load_agent, name, folder=folder)
