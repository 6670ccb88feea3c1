"""Options that several commands have, and how a command ends.

In:  nothing.
Out: the types of options for Typer; `settled`, which stands around each command.
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from agentkit.cli.approval_prompt import ApproveMode
from agentkit.cli.exit_codes import exit_code_of

P = ParamSpec("P")

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="PROVIDER:MODEL",
        help="E.g. openrouter:mixtral-8x22b. Without it: AGENTKIT_MODEL, else the first provider "
        "whose key is set, else the sandbox.",
    ),
]
BaseUrlOption = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="Where the provider is, if not where we think."),
]
AgentOption = Annotated[
    str,
    typer.Option(
        "--agent", "-a", metavar="NAME", help="A ready-made agent, module:name or file.py:name."
    ),
]
ToolsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tools",
        "-t",
        metavar="NAME",
        help="Ready-made families (see 'agentkit tools'), module:name, file.py or file.py:name; "
        "several with commas or by repeating the option; 'none' for none.",
    ),
]
FolderOption = Annotated[
    Path, typer.Option("--folder", metavar="DIR", help="Where the tools of 'files' work.")
]
AllowWriteOption = Annotated[
    bool, typer.Option("--allow-write", help="Let the tools of 'files' write there.")
]
ApproveOption = Annotated[
    ApproveMode,
    typer.Option(
        "--approve",
        help="What becomes of calls that have to be asked about: ask does so on a terminal, and "
        "ends the run where there is none.",
    ),
]
McpOption = Annotated[
    list[str] | None,
    typer.Option(
        "--mcp",
        metavar="SERVER",
        help="An MCP server whose tools to add: its command in quotes, NAME=value before it for "
        "its environment, or its http address. May be repeated.",
    ),
]
McpConfigOption = Annotated[
    Path | None,
    typer.Option("--mcp-config", metavar="FILE", help="MCP servers in the 'mcpServers' form."),
]
McpSamplingOption = Annotated[
    bool, typer.Option("--mcp-sampling", help="Let MCP servers ask the run's model, too.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EventsOption = Annotated[
    bool, typer.Option("--json", help="Print what happens as events, each a line of JSON.")
]


def exits_with_code(command: Callable[P, int]) -> Callable[P, None]:
    """Make a command end with its exit code, and its errors as one line."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        raise typer.Exit(exit_code_of(lambda: command(*args, **kwargs)))

    return run
