"""The commands of `agentkit mcp`.

In:  the words of the command line behind `mcp`.
Out: calls of one module per command, loaded when it is used: it needs the extra `mcp`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, cast

import typer

from agentkit.cli.approve import ApproveMode
from agentkit.cli.choose import Wanted
from agentkit.cli.options import (
    AllowWriteOption,
    ApproveOption,
    BaseUrlOption,
    FolderOption,
    ModelOption,
    ToolsOption,
    settled,
)
from agentkit.lazy import load_object

app = typer.Typer(name="mcp", help="Speak MCP with other programs.", no_args_is_help=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServePlan:
    """What `mcp serve` was asked for.

    Attributes:
        wanted: model, tools and folder, as for a run; its agent is not used.
        agents: names as in `--agent`.
        http: `[HOST:]PORT`; None for standard input and output.
        token_env: the variable that holds the token.
        token_file: the file that holds the token.
    """

    wanted: Wanted = field(default_factory=Wanted)
    agents: tuple[str, ...] = ()
    name: str = "agentkit"
    approve: ApproveMode = ApproveMode.ASK
    http: str | None = None
    token_env: str | None = None
    token_file: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()


@app.callback()
def _begin() -> None:
    """Make it a group, however few commands it has."""


@app.command()
@settled
def serve(  # noqa: PLR0913 - the options of a command
    *,
    tools: ToolsOption = None,
    agents: Annotated[
        list[str] | None,
        typer.Option(
            "--agents",
            "-a",
            metavar="NAME",
            help="Ready-made agents, module:name or file.py:name, each as a tool; several with "
            "commas or by repeating the option.",
        ),
    ] = None,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    folder: FolderOption = Path(),
    allow_write: AllowWriteOption = False,
    approve: ApproveOption = ApproveMode.ASK,
    name: Annotated[str, typer.Option(metavar="NAME", help="What the server is called.")] = (
        "agentkit"
    ),
    http: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Serve over streamable HTTP, at /mcp; without it over standard input and output.",
        ),
    ] = None,
    token_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="The variable that holds the bearer token.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file that holds the bearer token.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name the HTTP server may be called by."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="A page that may call it, e.g. https://example.com."),
    ] = None,
) -> int:
    """Serve tools and agents to an MCP client, until it hangs up or Ctrl-C.

    A call that has to be asked about is asked of the person at the client.
    """
    plan = ServePlan(
        wanted=Wanted(
            model=model,
            base_url=base_url,
            tools=tools or (),
            folder=folder,
            allow_write=allow_write,
        ),
        agents=tuple(part.strip() for word in agents or () for part in word.split(",")),
        name=name,
        approve=approve,
        http=http,
        token_env=token_env,
        token_file=token_file,
        allowed_hosts=tuple(allow_host or ()),
        allowed_origins=tuple(allow_origin or ()),
    )
    run = cast(
        Callable[[ServePlan], int], load_object("agentkit.cli.mcp_serve:run_serve", extra="mcp")
    )
    return run(plan)
