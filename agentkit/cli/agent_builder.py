"""From the options of a command to an agent.

In:  `--model`, `--base-url`, `--tools`, `--agent`, `--instructions`, settings, limits, servers.
Out: `BuiltAgent`: an agent, and the line that names its model and why it was chosen.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import field, fields, replace
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from agentkit.agent.agent import Agent
from agentkit.chat import ModelSettings
from agentkit.cli.debug_log import log_requests
from agentkit.cli.mcp.servers import Servers
from agentkit.cli.ready_made import (
    agent_builder,
    agents,
    load_skills,
    load_tools,
    tool_families,
)
from agentkit.cli.shared_options import SharedOptions, read_api_key
from agentkit.cli.terminal import decode_word
from agentkit.cli.user_code import describe_failure, load_named
from agentkit.config.load import default_model
from agentkit.errors import AgentKitError, ConfigError
from agentkit.model.build import build_model
from agentkit.model.model import Model
from agentkit.model.provider_model import ProviderModel
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import ToolLike, Toolset, as_toolset, combined
from agentkit.value import dataclass

_NO_TOOLS = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSelection:
    """What the options of a command select; None and empty leave the defaults.

    Attributes:
        api_key_env: the environment variable that holds the key.
        instructions: added to the agent's own.
        settings: model settings as `NAME=VALUE`.
    """

    model: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    agent: str = "assistant"
    instructions: str | None = None
    tools: Sequence[str] = ()
    skills: Sequence[Path] = ()
    settings: Sequence[str] = ()
    max_tokens: int | None = None
    max_turns: int | None = None
    max_cost_usd: Decimal | None = None
    timeout_seconds: float | None = None
    folder: Path = Path()
    allow_write: bool = False
    servers: Servers = field(default_factory=Servers)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltAgent:
    """An agent, and the line that names its model.

    Attributes:
        is_stand_in: its model is not a language model.
    """

    agent: Agent[object]
    banner: str
    is_stand_in: bool = False


def selection_of(options: SharedOptions) -> AgentSelection:
    """Return what the shared options of a command select."""
    return AgentSelection(
        model=options.model,
        base_url=options.base_url,
        api_key_env=options.api_key_env,
        agent=options.agent,
        instructions=options.instructions,
        tools=options.tools or (),
        skills=options.skills or (),
        settings=options.setting or (),
        max_tokens=options.max_tokens,
        max_turns=options.max_turns,
        max_cost_usd=None if options.max_cost is None else Decimal(str(options.max_cost)),
        timeout_seconds=options.timeout,
        folder=options.folder,
        allow_write=options.allow_write,
        servers=Servers(
            words=options.mcp or (), config=options.mcp_config, may_sample=options.mcp_sampling
        ),
    )


def build_agent(selection: AgentSelection) -> BuiltAgent:
    """Build the selected agent.

    Raises:
        AgentKitError: something that was named does not exist or cannot be used.
    """
    settings = read_settings(selection.settings)
    built = _build_agent(selection)
    agent = built.agent
    if selection.skills:
        skills = load_skills(selection.skills)
        agent.toolset = combined(agent.toolset, as_toolset(skills.tools))
        _add_instructions(agent, skills.instructions)
    if selection.instructions:
        _add_instructions(agent, decode_word(selection.instructions))
    if selection.max_tokens is not None:
        settings["max_tokens"] = selection.max_tokens
    agent.settings = replace(agent.settings, **settings)
    limits = {
        "turns": selection.max_turns,
        "cost_usd": selection.max_cost_usd,
        "seconds": selection.timeout_seconds,
    }
    changed: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    agent.budget = replace(agent.budget, **changed)
    served = selection.servers.toolset()
    if served is not None:
        agent.toolset = combined(agent.toolset, served)
    log_requests(agent)
    return built


def _add_instructions(agent: Agent[object], text: str) -> None:
    """Add a text after an agent's own instructions."""
    own = f"{agent.instructions}\n\n" if agent.instructions else ""
    agent.instructions = own + text


def _build_agent(selection: AgentSelection) -> BuiltAgent:
    """Build the agent with its own instructions, settings and limits."""
    tools = load_requested_tools(
        selection.tools, folder=selection.folder, allow_write=selection.allow_write
    )
    found = _load_agent(selection.agent, selection.folder)
    if isinstance(found, Agent):
        if selection.model or selection.tools:
            raise ConfigError(
                f"{selection.agent!r} is an agent with its own model and tools; leave out --model "
                "and --tools, or name a function that builds it."
            )
        return _built(found, why=f"chosen by {selection.agent}")
    if not callable(found):
        raise ConfigError(
            f"{selection.agent!r} is neither an Agent nor a function that builds one."
        )
    model, why = open_model(selection)
    try:
        agent = found(model, tools=tools) if selection.tools else found(model)
    except AgentKitError:
        raise
    except (Exception, SystemExit) as error:  # the user's code runs here and may raise anything
        raise ConfigError(
            f"{selection.agent!r} cannot build an agent: {describe_failure(error)}."
        ) from error
    if not isinstance(agent, Agent):
        raise ConfigError(f"{selection.agent!r} returned {type(agent).__name__}, not an Agent.")
    return _built(agent, why=why)


def _built(agent: Agent[object], *, why: str) -> BuiltAgent:
    return BuiltAgent(
        agent=agent,
        banner=describe_model(agent.model, why),
        is_stand_in=is_stand_in(agent.model),
    )


def open_model(selection: AgentSelection) -> tuple[Model, str]:
    """Return the selected model and why it was chosen.

    Raises:
        ConfigError: the provider is not known, or its key is missing.
    """
    name, why = selection.model, "--model"
    if not name:
        if selection.base_url is not None:
            raise ConfigError(
                "--base-url needs --model PROVIDER:MODEL, so that no other "
                "provider's key is sent there."
            )
        name, why = default_model()
    api_key = read_api_key(selection.api_key_env)
    return build_model(name, api_key=api_key, base_url=selection.base_url), why


def describe_model(model: Model, why: str) -> str:
    """Return one line: the model, its address, and why it was chosen."""
    place = ""
    if isinstance(model, ProviderModel) and model.resolved.provider.base_url:
        place = f" at {model.resolved.provider.base_url}"
    return f"{model.name}{place} ({why})"


def is_stand_in(model: Model) -> bool:
    """Return whether a model is not a language model but is a substitute for one."""
    return isinstance(model, ProviderModel) and not model.resolved.provider.is_language_model


def read_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Return the model settings in texts such as `temperature=0.2`.

    Raises:
        ConfigError: a word has another form, or a setting is not known or out of range.
    """
    known = [each.name for each in fields(ModelSettings)]
    given: dict[str, Any] = {}
    for word in texts:
        name, separator, text = word.partition("=")
        if not separator or name not in known:
            raise ConfigError(f"-o {word!r}: write NAME=VALUE with one of {', '.join(known)}.")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        given[name] = (value,) if name == "stop" and isinstance(value, str) else value
    try:
        checked = TypeAdapter(ModelSettings).validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        raise ConfigError(f"-o {name}: {first['msg']}.") from error
    return {name: getattr(checked, name) for name in given}


def load_requested_tools(
    names: Iterable[str], *, folder: Path = Path(), allow_write: bool = False
) -> list[ToolLike]:
    """Return the named tools: families, `family=SETTING`, `module:name`, `file.py[:name]`.

    Args:
        names: each one name, or several separated by commas; `none` names no tools.
        folder: the folder of the family `files`.
        allow_write: whether the family `files` may write.

    Raises:
        AgentKitError: a word names nothing, or something that is not a tool.
    """
    families = tool_families()
    tools: list[ToolLike] = []
    for word in (part.strip() for each in names for part in each.split(",")):
        name, separator, setting = word.partition("=")
        if name in families:
            tools += load_tools(
                name,
                folder=folder,
                allow_write=allow_write,
                setting=setting if separator else None,
            )
        elif word not in ("", _NO_TOOLS):
            found = load_named(word, what="tools", known=[*families, _NO_TOOLS])
            tools += _tools_in(found, word=word)
    return tools


def _tools_in(found: object, *, word: str) -> Sequence[ToolLike]:
    """Return the tools in an object: a tool, a collection of tools, or a module with tools."""
    if isinstance(found, ModuleType):
        tools = getattr(found, "TOOLS", None) or _tools_of_module(found)
        if not tools:
            raise ConfigError(
                f"{word!r} has no tools; decorate a function with @tool, or set TOOLS."
            )
        return list(tools)
    if isinstance(found, Tool | Toolset) or callable(found):
        return [cast(ToolLike, found)]
    if isinstance(found, Iterable) and not isinstance(found, str | bytes):
        return list(found)
    raise ConfigError(
        f"{word!r} is {type(found).__name__}, which is neither a tool nor a collection of tools."
    )


def _tools_of_module(module: ModuleType) -> list[ToolLike]:
    """Return the tools and toolsets of a module, each once."""
    found = [one for one in vars(module).values() if isinstance(one, Tool | Toolset)]
    found = [one for one in found if not isinstance(one, type)]
    return list({id(one): one for one in found}.values())


def _load_agent(word: str, folder: Path) -> object:
    """Return a ready-made builder, or an agent or builder of the user."""
    known = agents()
    if word in known:
        return agent_builder(word, folder=folder)
    found = load_named(word, what="agent", known=known)
    if isinstance(found, ModuleType):
        named = getattr(found, "agent", None) or getattr(found, "build", None)
        if named is None:
            raise ConfigError(
                f"{word!r} has neither an 'agent' nor a 'build'; name the object: {word}:name."
            )
        return named
    return found
