"""`agentkit tools`: what tools there are.

In:  names as in `--tools`.
Out: a table, or JSON.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import anyio
from rich.table import Table

from agentkit.cli.agent_builder import load_requested_tools
from agentkit.cli.exit_codes import OK
from agentkit.cli.ready_made import tool_families
from agentkit.cli.terminal import escape_controls, note, show_table, write_json
from agentkit.errors import ConfigError
from agentkit.history import History
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import Toolset, as_toolset


def list_tools(names: Sequence[str], *, folder: Path, as_json: bool) -> int:
    """Print the tools that `names` stand for, without any those of every family.

    Raises:
        AgentKitError: a name stands for nothing.
    """
    families = tool_families()
    found: list[tuple[str, Tool]] = []
    for name in names or families:
        if name in families and not families[name].is_installed and not names:
            note(f"{name}: not installed; install 'mixtral-agentkit[{families[name].extra}]'.")
            continue
        if name in families and families[name].needs_setting:
            note(f"{name}: needs a setting; write {name}={families[name].setting}.")
            continue
        try:
            tools = load_requested_tools([name], folder=folder, allow_write=True)
        except ConfigError as error:
            if names:
                raise
            note(f"{name}: {error}")
            continue
        toolset = as_toolset(tools)
        found += [(name, tool) for tool in anyio.run(_ask, toolset)]
    if as_json:
        write_json(json.dumps([_facts(name, tool) for name, tool in found], indent=2))
        return OK
    table = Table("Name for --tools", "Tool", "What it does", "Effects", box=None, pad_edge=False)
    for name, tool in found:
        lines = tool.description.splitlines() or [""]
        table.add_row(escape_controls(name), tool.name, escape_controls(lines[0]), _effects(tool))
    show_table(table)
    return OK


async def _ask(toolset: Toolset) -> Sequence[Tool]:
    async with toolset.open():
        return await toolset.list_tools(History())


def _facts(name: str, tool: Tool) -> dict[str, object]:
    return {
        "from": name,
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.input_schema,
        "read_only": tool.annotations.read_only_hint,
    }


def _effects(tool: Tool) -> str:
    if tool.annotations.read_only_hint:
        return "reads"
    return "may destroy" if tool.annotations.destructive_hint else "adds"
