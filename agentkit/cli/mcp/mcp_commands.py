"""The commands of `agentkit mcp`.

In:  the command line after `mcp`.
Out: calls of one module per command, loaded on use: they need the extra `mcp`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from agentkit import cli
from agentkit.cli.agent_builder import AgentSelection
from agentkit.cli.approval_prompt import ApproveMode
from agentkit.cli.mcp.inspect import (
    Inspection,
    call_tool,
    show_prompts,
    show_resources,
    show_tools,
)
from agentkit.cli.shared_options import (
    AllowWriteOption,
    ApproveOption,
    BaseUrlOption,
    FolderOption,
    JsonOption,
    ModelOption,
    ToolsOption,
    exits_with_code,
)

app: typer.Typer = typer.Typer(
    name="mcp",
    help="Inspect MCP servers; serve tools and agents as one.",
    no_args_is_help=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServePlan:
    """The options of `mcp serve`.

    Attributes:
        selection: model, tools and folder, as for a run; its agent is not used.
        agents: names as in `--agent`.
        http: `[HOST:]PORT`; None for standard input and output.
        token_env: the variable with the token.
        token_file: the file with the token.
    """

    selection: AgentSelection = field(default_factory=AgentSelection)
    agents: tuple[str, ...] = ()
    name: str = "agentkit"
    approve: ApproveMode = ApproveMode.ASK
    http: str | None = None
    token_env: str | None = None
    token_file: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()


ServerArgument = Annotated[
    str,
    typer.Argument(
        metavar="SERVER",
        help="Its command in quotes, its http address, or with --config its name in the file.",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="A configuration file with 'mcpServers'."),
]


@app.command()
@exits_with_code
def tools(
    server: ServerArgument, *, config: ConfigOption = None, as_json: JsonOption = False
) -> int:
    """List the tools of a server."""
    return show_tools(Inspection(server=server, config=config, as_json=as_json))


@app.command()
@exits_with_code
def call(
    server: ServerArgument,
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="The name of the tool.")],
    arguments: Annotated[
        str, typer.Argument(metavar="[ARGUMENTS]", help="A JSON object, e.g. '{\"a\": 1}'.")
    ] = "{}",
    *,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Call a tool of a server and print its result."""
    inspection = Inspection(server=server, config=config, as_json=as_json)
    return call_tool(inspection, name=tool, arguments=arguments)


@app.command()
@exits_with_code
def resources(
    server: ServerArgument,
    uri: Annotated[
        str | None, typer.Argument(metavar="[URI]", help="Print the contents of this one.")
    ] = None,
    *,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """List the resources of a server, or print one."""
    return show_resources(Inspection(server=server, config=config, as_json=as_json), uri=uri)


@app.command()
@exits_with_code
def prompts(
    server: ServerArgument,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Print the messages of this one.")
    ] = None,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Its arguments.")
    ] = None,
    *,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """List the prompts of a server, or print one with its arguments filled in."""
    inspection = Inspection(server=server, config=config, as_json=as_json)
    return show_prompts(inspection, name=name, arguments=arguments or ())


@app.command()
@exits_with_code
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
    name: Annotated[str, typer.Option(metavar="NAME", help="The name of the server.")] = (
        "agentkit"
    ),
    http: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Serve over streamable HTTP at /mcp instead of standard input and output.",
        ),
    ] = None,
    token_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="The variable with the bearer token.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file with the bearer token.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A further host name of the HTTP server."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN", help="A web page that may call it, e.g. https://example.com."
        ),
    ] = None,
) -> int:
    """Serve tools and agents to an MCP client, until it disconnects or Ctrl-C.

    Approval for a call is requested from the user at the client.
    """
    plan = ServePlan(
        selection=AgentSelection(
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
    code: int = cli.mcp.serve.run_serve(plan)
    return code
