"""Ready-made tools, a module per family.

In:  the name of a family.
Out: its tools, through `load_tools` or `file_tools`; all families, in `FAMILIES`.

The modules of a family are imported by `load_tools` only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from agentkit import ConfigError, Tool
from agentkit.errors import MissingExtraError
from agentkit.lazy_import import load_object
from agentkit_tools.skills import load_skills

__all__ = ["FAMILIES", "ToolFamily", "file_tools", "load_skills", "load_tools"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFamily:
    """Tools that are loaded together.

    Attributes:
        description: a short summary.
        path: `module:name` of a tuple of tools, or of a function that returns one for a folder or
            a setting.
        extra: the extra that installs their dependencies, if any.
        requires: the package that this extra installs.
        needs_folder: they work inside one folder, which the caller names.
        setting: what the value after `NAME=` stands for, if the tools take one.
        needs_setting: they cannot be loaded without it.
        can_write: with a setting, `path` takes `allow_write` too.
        is_default: part of the default tools of agents and commands.
    """

    description: str
    path: str
    extra: str | None = None
    requires: str | None = None
    needs_folder: bool = False
    setting: str | None = None
    needs_setting: bool = False
    can_write: bool = False
    is_default: bool = True

    @property
    def is_installed(self) -> bool:
        """Return whether the dependencies of the tools are installed."""
        return self.requires is None or find_spec(self.requires) is not None


FAMILIES: Mapping[str, ToolFamily] = {
    "calculator": ToolFamily(
        description="exact arithmetic from text", path="agentkit_tools.calculator:TOOLS"
    ),
    "clock": ToolFamily(
        description="times, time zones, days between dates", path="agentkit_tools.clock:TOOLS"
    ),
    "units": ToolFamily(
        description="conversion between units of measure",
        path="agentkit_tools.units:TOOLS",
        extra="tools-units",
        requires="pint",
    ),
    "files": ToolFamily(
        description="read, list, search (and write) files inside one folder",
        path="agentkit_tools.files:files",
        needs_folder=True,
        is_default=False,
    ),
    "shell": ToolFamily(
        description="commands in one folder, isolated by bubblewrap",
        path="agentkit_tools.shell:shell",
        needs_folder=True,
        is_default=False,
    ),
    "python": ToolFamily(
        description="Python code without access to anything",
        path="agentkit_tools.python_code.monty:TOOLS",
        extra="tools-python",
        requires="pydantic_monty",
        is_default=False,
    ),
    "cpython": ToolFamily(
        description="Python code with the installed packages, isolated by bubblewrap",
        path="agentkit_tools.python_code.cpython:cpython",
        needs_folder=True,
        is_default=False,
    ),
    "sql": ToolFamily(
        description="schema, queries and plans of a database (and changes)",
        path="agentkit_tools.sql:sql",
        setting="sqlite:FILE, postgresql://SERVER/NAME or the VARIABLE that holds it",
        needs_setting=True,
        can_write=True,
        is_default=False,
    ),
    "tables": ToolFamily(
        description="SQL over the CSV and Excel files of one folder",
        path="agentkit_tools.tables:tables",
        needs_folder=True,
        is_default=False,
    ),
    "git": ToolFamily(
        description="look at a git repository (and commit to it)",
        path="agentkit_tools.git:git",
        needs_folder=True,
        is_default=False,
    ),
    "web": ToolFamily(
        description="read pages of the public web, and search it",
        path="agentkit_tools.web:web",
        extra="tools-web",
        requires="trafilatura",
        setting="searxng:URL, brave:VARIABLE or tavily:VARIABLE; robots:ignore",
        is_default=False,
    ),
    "memory": ToolFamily(
        description="notes that are kept from one conversation to the next",
        path="agentkit_tools.memory:memory",
        setting="the address of a database; left out, your own",
        is_default=False,
    ),
    "plan": ToolFamily(
        description="a to-do list that the model keeps and you see",
        path="agentkit_tools.plan:TOOLS",
        is_default=False,
    ),
    "ask": ToolFamily(
        description="a question to you while a task is under way",
        path="agentkit_tools.ask:TOOLS",
        is_default=False,
    ),
    "http": ToolFamily(
        description="call HTTP APIs of the origins that are listed",
        path="agentkit_tools.http:http",
        setting='"ORIGIN [bearer:VARIABLE] ..."',
        needs_setting=True,
        is_default=False,
    ),
    "openapi": ToolFamily(
        description="the operations of an OpenAPI document",
        path="agentkit_tools.openapi:openapi",
        setting='"FILE [SCHEME:VARIABLE] [server:URL] [only:ID] ..."',
        needs_setting=True,
        is_default=False,
    ),
}


def load_tools(
    name: str,
    *,
    folder: str | Path = ".",
    allow_write: bool = False,
    setting: str | None = None,
) -> tuple[Tool, ...]:
    """Return the tools of a family.

    Args:
        name: one of `FAMILIES`.
        folder: the folder of the families that work in one, such as `files`.
        allow_write: whether these families may write to it.
        setting: what the family works with; see `ToolFamily.setting`.

    Raises:
        ConfigError: there is no such family, `folder` is not a folder, or the setting is missing
            or cannot be used.
        MissingExtraError: a dependency of the tools is not installed.
    """
    if name not in FAMILIES:
        raise ConfigError(f"There is no tool family {name!r}; known are {', '.join(FAMILIES)}.")
    family = FAMILIES[name]
    if not family.is_installed:
        raise MissingExtraError(
            f"The tools {name!r} need the package {family.requires!r}, which is not installed; "
            f"install 'mixtral-agentkit[{family.extra}]'."
        )
    if setting is not None and family.setting is None:
        raise ConfigError(f"The tools {name!r} take no setting; write {name!r} without '='.")
    if setting is None and family.needs_setting:
        raise ConfigError(f"The tools {name!r} need a setting: {name}={family.setting}.")
    found = load_object(family.path)
    if family.setting is not None:
        options = {"allow_write": allow_write} if family.can_write else {}
        return cast(Callable[..., tuple[Tool, ...]], found)(setting, **options)
    if not family.needs_folder:
        return tuple(cast(Sequence[Tool], found))  # by the table above
    return cast(Callable[..., tuple[Tool, ...]], found)(folder, allow_write=allow_write)


def file_tools(folder: str | Path, *, allow_write: bool = False) -> tuple[Tool, ...]:
    """Return tools that read, list and search the files of a folder.

    Args:
        folder: no tool reaches beyond it.
        allow_write: add a tool that writes files.

    Raises:
        ConfigError: `folder` is not a folder.
    """
    return load_tools("files", folder=folder, allow_write=allow_write)
