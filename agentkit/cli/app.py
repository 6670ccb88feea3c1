"""The commands and their options.

In:  the words of the command line.
Out: calls of one module per command; each ends through `ending.settle`.
"""

import logging
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from agentkit.cli.agent_builder import AgentSelection
from agentkit.cli.approval_prompt import ApproveMode
from agentkit.cli.commands.agents import list_agents
from agentkit.cli.commands.chat import run_chat
from agentkit.cli.commands.doctor import DoctorRequest, run_doctor
from agentkit.cli.commands.providers import list_providers
from agentkit.cli.commands.run import RunRequest, run_question
from agentkit.cli.commands.sandbox import SandboxOptions, run_sandbox
from agentkit.cli.commands.tools import list_tools
from agentkit.cli.common_options import (
    AgentOption,
    AllowWriteOption,
    ApproveOption,
    BaseUrlOption,
    EventsOption,
    FolderOption,
    JsonOption,
    McpConfigOption,
    McpOption,
    McpSamplingOption,
    ModelOption,
    ToolsOption,
    exits_with_code,
)
from agentkit.cli.mcp.mcp_commands import app as mcp
from agentkit.cli.mcp.servers import Servers
from agentkit.cli.terminal import prepare_streams
from agentkit.version import package_version

app = typer.Typer(
    name="agentkit",
    help="Run a language model with tools, at any provider.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(mcp)


def _show_version(requested: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if requested:
        sys.stdout.write(f"agentkit {package_version()}\n")
        raise typer.Exit


@app.callback()
def _begin(
    debug: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--debug", help="Log all that happens, arguments and results too.")
    ] = False,
    show_version: Annotated[  # noqa: ARG001, FBT002 - an option, used by its callback
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Say which it is."),
    ] = False,
) -> None:
    prepare_streams()
    if debug:
        log = logging.getLogger("agentkit")
        log.addHandler(logging.StreamHandler())
        log.setLevel(logging.DEBUG)


@app.command()
@exits_with_code
def run(  # noqa: PLR0913 - the options of a command
    question: Annotated[str, typer.Argument(help="What to ask; - reads it from standard input.")],
    *,
    model: ModelOption = None,
    tools: ToolsOption = None,
    agent: AgentOption = "assistant",
    tool_choice: Annotated[
        str,
        typer.Option(metavar="CHOICE", help="auto, none, required, or the name of a tool."),
    ] = "auto",
    as_json: EventsOption = False,
    max_turns: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Most calls of the model.")
    ] = None,
    folder: FolderOption = Path(),
    allow_write: AllowWriteOption = False,
    approve: ApproveOption = ApproveMode.ASK,
    mcp: McpOption = None,
    mcp_config: McpConfigOption = None,
    mcp_sampling: McpSamplingOption = False,
    base_url: BaseUrlOption = None,
) -> int:
    """Ask one question and print the answer.

    The answer goes to standard output; tool calls, their results and times to standard error.

    Exit codes: 0 answered, 1 the run failed, 2 something is wrong before anything was sent, 3
    ended at a limit, 4 waits for an answer about a call, 130 stopped with Ctrl-C.
    """
    selection = AgentSelection(
        model=model,
        base_url=base_url,
        agent=agent,
        tools=tools or (),
        folder=folder,
        allow_write=allow_write,
        servers=Servers(words=mcp or (), config=mcp_config, may_sample=mcp_sampling),
    )
    return run_question(
        RunRequest(
            text=question,
            selection=selection,
            tool_choice=tool_choice,
            max_turns=max_turns,
            as_json=as_json,
            approve=approve,
        )
    )


@app.command()
@exits_with_code
def chat(  # noqa: PLR0913 - the options of a command
    *,
    model: ModelOption = None,
    tools: ToolsOption = None,
    agent: AgentOption = "assistant",
    folder: FolderOption = Path(),
    allow_write: AllowWriteOption = False,
    approve: ApproveOption = ApproveMode.ASK,
    mcp: McpOption = None,
    mcp_config: McpConfigOption = None,
    mcp_sampling: McpSamplingOption = False,
    base_url: BaseUrlOption = None,
) -> int:
    """Have a conversation.

    Ctrl-C stops an answer and keeps the conversation, Ctrl-D ends it, /help lists what else.
    """
    selection = AgentSelection(
        model=model,
        base_url=base_url,
        agent=agent,
        tools=tools or (),
        folder=folder,
        allow_write=allow_write,
        servers=Servers(words=mcp or (), config=mcp_config, may_sample=mcp_sampling),
    )
    return run_chat(selection, approve=approve)


@app.command()
@exits_with_code
def tools(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="As in --tools; without any, all ready-made."),
    ] = None,
    *,
    folder: FolderOption = Path(),
    as_json: JsonOption = False,
) -> int:
    """List tools."""
    return list_tools(names or (), folder=folder, as_json=as_json)


@app.command()
@exits_with_code
def agents(*, as_json: JsonOption = False) -> int:
    """List the ready-made agents."""
    return list_agents(as_json=as_json)


@app.command()
@exits_with_code
def providers(*, as_json: JsonOption = False) -> int:
    """List the known providers: whether their key is set, their models, context and price."""
    return list_providers(as_json=as_json)


@app.command()
@exits_with_code
def doctor(
    target: Annotated[
        str,
        typer.Argument(metavar="PROVIDER[:MODEL]", help="As in --model; MODEL may be left out."),
    ],
    *,
    base_url: BaseUrlOption = None,
    save_as: Annotated[
        str | None, typer.Option(metavar="NAME", help="Write it as a provider of this name.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the profile, and write nothing.")
    ] = False,
    as_json: JsonOption = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Longest wait for one answer.")
    ] = 60.0,
    max_cost: Annotated[
        float, typer.Option(min=0.0, metavar="USD", help="End before it might cost more.")
    ] = 0.01,
) -> int:
    """Find out by tiny requests what a provider honours, and write the profile that fits it.

    Exit code 0: an agent can work there. 1: something it needs does not work or was not seen.
    """
    return run_doctor(
        DoctorRequest(
            target=target,
            base_url=base_url,
            save_as=save_as,
            is_dry_run=dry_run,
            as_json=as_json,
            probe_seconds=timeout,
            max_cost_usd=Decimal(str(max_cost)),
        )
    )


@app.command()
@exits_with_code
def sandbox(
    *,
    provider: Annotated[
        str,
        typer.Option(metavar="PROVIDER[:MODEL]", help="Whose format, errors and rules it follows."),
    ] = "sandbox",
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KINDS", help="What goes wrong: names, patterns as text_call*, or all."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed, the same faults.")] = 0,
    rate: Annotated[
        float, typer.Option(min=0.0, max=1.0, metavar="SHARE", help="How many answers go wrong.")
    ] = 1.0,
    sequential: Annotated[
        bool, typer.Option("--sequential", help="Take the kinds one after the other.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, metavar="P", help="Where to listen; 0: anywhere.")
    ] = 0,
) -> int:
    """Serve a provider that needs no key and is not a language model, until Ctrl-C.

    The first line of standard output is its base URL; requests go to standard error.
    """
    return run_sandbox(
        SandboxOptions(
            provider=provider,
            faults=fault or (),
            seed=seed,
            rate=rate,
            sequential=sequential,
            port=port,
        )
    )
