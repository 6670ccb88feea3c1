"""From the words of a command line to a model, tools and an agent.

In:  `--model`, `--base-url`, `--tools`, `--agent`, `--folder`, `--allow-write`, `--mcp`.
Out: `BuiltAgent`: an agent, and the line that says which model answers and why.
"""

from collections.abc import Iterable, Sequence
from dataclasses import field
from pathlib import Path
from types import ModuleType
from typing import cast

from agentkit.agent.agent import Agent
from agentkit.cli.mcp.servers import Servers
from agentkit.cli.ready_made import agent_builder, agents, load_tools, tool_families
from agentkit.cli.user_code import describe_failure, load_named
from agentkit.config.load import default_model
from agentkit.errors import AgentKitError, ConfigError
from agentkit.model.build import build_model
from agentkit.model.model import Model
from agentkit.model.provider_model import ProviderModel
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import ToolLike, Toolset, combined
from agentkit.value import dataclass

_NO_TOOLS = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSelection:
    """What the command line asked for; None and empty leave it to the defaults."""

    model: str | None = None
    base_url: str | None = None
    agent: str = "assistant"
    tools: Sequence[str] = ()
    folder: Path = Path()
    allow_write: bool = False
    servers: Servers = field(default_factory=Servers)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltAgent:
    """An agent and the line that introduces it."""

    agent: Agent[object]
    banner: str


def build_agent(selection: AgentSelection) -> BuiltAgent:
    """Build the agent that was asked for.

    Raises:
        AgentKitError: something that was named does not exist or cannot be used.
    """
    built = _build_agent(selection)
    served = selection.servers.toolset()
    if served is not None:
        built.agent.toolset = combined(built.agent.toolset, served)
    return built


def _build_agent(selection: AgentSelection) -> BuiltAgent:
    """Build the agent, without the tools of servers."""
    tools = load_requested_tools(
        selection.tools, folder=selection.folder, allow_write=selection.allow_write
    )
    found = _load_agent(selection.agent)
    if isinstance(found, Agent):
        if selection.model or selection.tools:
            raise ConfigError(
                f"{selection.agent!r} is an agent with its own model and tools; leave out --model "
                "and --tools, or name a function that builds it."
            )
        return BuiltAgent(
            agent=found, banner=describe_model(found.model, f"{selection.agent} has it")
        )
    if not callable(found):
        raise ConfigError(
            f"{selection.agent!r} is neither an Agent nor a function that builds one."
        )
    model, banner = open_model(selection.model, base_url=selection.base_url)
    try:
        agent = found(model, tools=tools) if selection.tools else found(model)
    except AgentKitError:
        raise
    except Exception as error:  # a stranger's code runs here, and may raise anything
        raise ConfigError(
            f"{selection.agent!r} cannot build an agent: {describe_failure(error)}."
        ) from error
    if not isinstance(agent, Agent):
        raise ConfigError(f"{selection.agent!r} returned {type(agent).__name__}, not an Agent.")
    return BuiltAgent(agent=agent, banner=banner)


def open_model(name: str | None, *, base_url: str | None = None) -> tuple[Model, str]:
    """Return a model, and the line that says which it is and why.

    Raises:
        ConfigError: the provider is not known, or its key is missing.
    """
    why = "--model names it"
    if not name:
        name, why = default_model()
    model = build_model(name, base_url=base_url)
    return model, describe_model(model, why)


def describe_model(model: Model, why: str) -> str:
    """Say which model answers and why, and that it is none where it is none."""
    if not isinstance(model, ProviderModel) or model.resolved.provider.is_language_model:
        return f"{model.name} ({why})"
    return (
        f"{model.name} ({why}). This is not a language model: it picks tools by plain rules, to "
        "try all the rest without a key. For a real one see 'agentkit providers'."
    )


def load_requested_tools(
    words: Iterable[str], *, folder: Path = Path(), allow_write: bool = False
) -> list[ToolLike]:
    """Return the tools that words name: families, `module:name`, `file.py`, `file.py:name`.

    Args:
        words: each one name or several with commas between; `none` names no tools.
        folder: where the family `files` works.
        allow_write: whether the family `files` may write.

    Raises:
        AgentKitError: a word names nothing, or something that is no tools.
    """
    families = tool_families()
    tools: list[ToolLike] = []
    for word in (part.strip() for each in words for part in each.split(",")):
        if word in families:
            tools += load_tools(word, folder=folder, allow_write=allow_write)
        elif word not in ("", _NO_TOOLS):
            found = load_named(word, what="tools", known=[*families, _NO_TOOLS])
            tools += _tools_in(found, word=word)
    return tools


def _tools_in(found: object, *, word: str) -> Sequence[ToolLike]:
    """Return the tools in an object: it is one, holds some, or is a module that has some."""
    if isinstance(found, ModuleType):
        tools = getattr(found, "TOOLS", None) or _tools_of_module(found)
        if not tools:
            raise ConfigError(f"{word!r} has no tools; put @tool before a function, or set TOOLS.")
        return list(tools)
    if isinstance(found, Tool | Toolset) or callable(found):
        return [cast(ToolLike, found)]
    if isinstance(found, Iterable) and not isinstance(found, str | bytes):
        return list(found)
    raise ConfigError(f"{word!r} is {type(found).__name__}, which is no tool and holds none.")


def _tools_of_module(module: ModuleType) -> list[ToolLike]:
    """Return the tools and open sets of tools that a module names, each once."""
    found = [one for one in vars(module).values() if isinstance(one, Tool | Toolset)]
    found = [one for one in found if not isinstance(one, type)]
    return list({id(one): one for one in found}.values())


def _load_agent(word: str) -> object:
    """Return a ready-made builder, or the user's own agent or builder."""
    known = agents()
    if word in known:
        return agent_builder(word)
    found = load_named(word, what="agent", known=known)
    if isinstance(found, ModuleType):
        named = getattr(found, "agent", None) or getattr(found, "build", None)
        if named is None:
            raise ConfigError(
                f"{word!r} has neither an 'agent' nor a 'build'; name what else it is: {word}:name."
            )
        return named
    return found
