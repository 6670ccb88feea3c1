"""Options that several commands have.

In:  nothing.
Out: the types of options for Typer; `SharedOptions`, those of every command that runs an agent;
     decorators that make commands of functions.
"""

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Concatenate, ParamSpec

import typer

from agentkit.cli.approval_prompt import ApproveMode
from agentkit.cli.exit_codes import exit_code_of
from agentkit.cli.session_choice import SessionChoice
from agentkit.config.load import expand_variables
from agentkit.value import dataclass

P = ParamSpec("P")

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="PROVIDER:MODEL",
        help="E.g. openrouter:mixtral-8x22b, or an alias. If left out: AGENTKIT_MODEL, then "
        "'agentkit models default', then the first provider with a key, then the sandbox.",
    ),
]
BaseUrlOption = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="Base URL; overrides the catalog."),
]
ApiKeyEnvOption = Annotated[
    str | None,
    typer.Option(
        "--api-key-env", metavar="VARIABLE", help="Environment variable that holds the API key."
    ),
]
ToolsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tools",
        "-t",
        metavar="NAME",
        help="Ready-made families (see 'agentkit tools'; some take a setting: NAME=SETTING), "
        "module:name, file.py or file.py:name; "
        "several with commas or by repeating the option; 'none' for none.",
    ),
]
FolderOption = Annotated[
    Path,
    typer.Option(
        "--folder",
        "--dir",
        metavar="DIR",
        help="Folder of the agents 'coder' and 'analyst', and of the tools that work in one: "
        "files, shell, cpython, tables, git.",
    ),
]
AllowWriteOption = Annotated[
    bool,
    typer.Option(
        "--allow-write",
        help="Let the tools write to their folder, and 'sql' to its database; each such call "
        "needs approval.",
    ),
]
ApproveOption = Annotated[
    ApproveMode,
    typer.Option(
        "--approve",
        metavar="allow|ask|deny",
        help="What to do about calls that need approval. 'ask' asks on a terminal; without one "
        "the run ends.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedOptions:
    """The options of the commands that run an agent."""

    model: ModelOption = None
    base_url: BaseUrlOption = None
    api_key_env: ApiKeyEnvOption = None
    agent: Annotated[
        str,
        typer.Option(
            "--agent",
            "-a",
            metavar="NAME",
            help="A ready-made agent, module:name or file.py:name.",
        ),
    ] = "assistant"
    instructions: Annotated[
        str | None,
        typer.Option(
            "--instructions", "-i", metavar="TEXT", help="Added to the agent's instructions."
        ),
    ] = None
    tools: ToolsOption = None
    skills: Annotated[
        list[Path] | None,
        typer.Option(
            "--skills",
            metavar="DIR",
            help="A folder of skills, or one skill: a folder with a SKILL.md. May be repeated.",
        ),
    ] = None
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            "-o",
            metavar="NAME=VALUE",
            help="A model setting, e.g. temperature=0.2, top_p=0.9 or seed=1. May be repeated.",
        ),
    ] = None
    max_tokens: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Limit of tokens in one answer.")
    ] = None
    max_turns: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Limit of model calls in a run.")
    ] = None
    max_cost: Annotated[
        float | None, typer.Option(min=0.0, metavar="USD", help="Limit of the cost of a run.")
    ] = None
    timeout: Annotated[
        float | None, typer.Option(min=0.0, metavar="SECONDS", help="Limit of the time of a run.")
    ] = None
    approve: ApproveOption = ApproveMode.ASK
    folder: FolderOption = Path()
    allow_write: AllowWriteOption = False
    mcp: Annotated[
        list[str] | None,
        typer.Option(
            "--mcp",
            metavar="SERVER",
            help="An MCP server whose tools to add: its command in quotes, with NAME=value before "
            "it for its environment, or its URL. May be repeated.",
        ),
    ] = None
    mcp_config: Annotated[
        Path | None,
        typer.Option("--mcp-config", metavar="FILE", help="MCP servers in the 'mcpServers' form."),
    ] = None
    mcp_sampling: Annotated[
        bool, typer.Option("--mcp-sampling", help="Let MCP servers use the run's model.")
    ] = False
    session: Annotated[
        str | None,
        typer.Option(
            "--session",
            metavar="NAME",
            help="Go on with the stored conversation of this name, or begin it.",
        ),
    ] = None
    continues: Annotated[
        bool,
        typer.Option(
            "--continue", "-c", help="Go on with the stored conversation that was used last."
        ),
    ] = False
    no_store: Annotated[
        bool,
        typer.Option(
            "--no-store",
            help="Keep nothing: neither the conversation nor records for 'agentkit explain last'.",
        ),
    ] = False
    raw: Annotated[
        bool, typer.Option("--raw", help="Do not render the answer as Markdown on a terminal.")
    ] = False


def session_choice_of(options: SharedOptions) -> SessionChoice:
    """Return what the options say about storing the conversation."""
    return SessionChoice(
        name=options.session, continues=options.continues, is_stored=not options.no_store
    )


def read_api_key(variable: str | None) -> str | None:
    """Return the key in the variable that `--api-key-env` names.

    Raises:
        ConfigError: the variable is not set.
    """
    return None if variable is None else expand_variables(f"${{{variable}}}")


def exits_with_code(command: Callable[P, int]) -> Callable[P, None]:
    """Make a command end with its exit code, and its errors as one line."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        raise typer.Exit(exit_code_of(lambda: command(*args, **kwargs)))

    return run


def with_shared_options(
    command: Callable[Concatenate[SharedOptions, P], int],
) -> Callable[..., int]:
    """Add the shared options to a command, which gets them as its first argument.

    Typer reads a command's options from its signature, so one is made: the command's own arguments,
    the shared options, the command's own options.
    """
    names = [each.name for each in fields(SharedOptions)]

    def run(**values: object) -> int:
        shared = {name: values.pop(name) for name in names}
        return command(SharedOptions(**shared), **values)  # type: ignore[arg-type,call-arg]  # from Typer

    own = list(inspect.signature(command).parameters.values())[1:]
    shared = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=each.type,
        )
        for each in fields(SharedOptions)
    ]
    arguments = [each for each in own if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    options = [each for each in own if each.kind is inspect.Parameter.KEYWORD_ONLY]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature([*arguments, *shared, *options])  # type: ignore[attr-defined]  # read by inspect
    return run
