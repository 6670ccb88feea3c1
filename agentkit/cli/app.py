"""The commands and their options.

In:  the words of the command line.
Out: calls of one module per command; each ends through `exit_codes.exit_code_of`.
"""

import logging
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from agentkit import cli
from agentkit.cli.agent_builder import selection_of
from agentkit.cli.commands.agents import list_agents
from agentkit.cli.commands.chat import run_chat
from agentkit.cli.commands.db import app as db
from agentkit.cli.commands.explain_command import explain
from agentkit.cli.commands.keys import app as keys
from agentkit.cli.commands.models import app as models
from agentkit.cli.commands.providers import list_providers
from agentkit.cli.commands.run import RunRequest, run_question
from agentkit.cli.commands.run_commands import app as runs
from agentkit.cli.commands.sandbox import SandboxOptions, run_sandbox
from agentkit.cli.commands.serve import serve
from agentkit.cli.commands.session_commands import app as sessions
from agentkit.cli.commands.tokens import app as tokens
from agentkit.cli.commands.tools import list_tools
from agentkit.cli.commands.worker import worker
from agentkit.cli.debug_log import log_to_standard_error
from agentkit.cli.exit_codes import OK, exit_code_of
from agentkit.cli.mcp.mcp_commands import app as mcp
from agentkit.cli.question_group import QuestionGroup
from agentkit.cli.shared_options import (
    ApiKeyEnvOption,
    BaseUrlOption,
    FolderOption,
    JsonOption,
    SharedOptions,
    exits_with_code,
    session_choice_of,
    with_shared_options,
)
from agentkit.cli.terminal import prepare_streams, write
from agentkit.version import __version__

app: typer.Typer = typer.Typer(
    name="agentkit",
    cls=QuestionGroup,
    help="Run language models with tools, on any provider.",
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  agentkit "What is 12.5% of 640?"      the same as: agentkit run "…"
  cat report.txt | agentkit run "Sum this up in three sentences"
  agentkit chat -m openrouter:mixtral-8x22b
  agentkit COMMAND --help               more examples""",
)


def _show_version(requested: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if requested:
        raise typer.Exit(exit_code_of(_write_version))


def _write_version() -> int:
    write(f"agentkit {__version__}\n")
    return OK


@app.callback()
def _begin(
    context: typer.Context,
    debug: Annotated[  # noqa: FBT002 - an option
        bool,
        typer.Option(
            "--debug",
            help="Log requests, answers, arguments and results to standard error, without keys.",
        ),
    ] = False,
    show_version: Annotated[  # noqa: ARG001, FBT002 - an option, used by its callback
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    prepare_streams()
    if debug:
        log_to_standard_error(logging.getLogger("agentkit"))
    if context.invoked_subcommand is None:
        raise typer.Exit(exit_code_of(cli.welcome.show_welcome))


@app.command(
    epilog="""\b
Examples:
  agentkit run "What is 12.5% of 640?"
  cat report.txt | agentkit run "Sum this up"
  agentkit run "What does it show?" --file chart.png
  agentkit run "Who wrote Faust, and when?" --schema 'author, year int'
  agentkit run "Pay the invoice" --tools bank.py --approve ask
  agentkit run "And in French?" --continue

\b
Exit codes: 0 answered; 1 the run failed; 2 something is wrong and nothing
was sent; 3 ended at a limit; 4 waits for approval; 74 the answer could not
be written; 130 stopped with Ctrl-C."""
)
@exits_with_code
@with_shared_options
def run(
    options: SharedOptions,
    question: Annotated[
        str | None,
        typer.Argument(
            metavar="PROMPT",
            help="What to ask; '-' reads it from standard input.",
            show_default=False,
        ),
    ] = None,
    *,
    file: Annotated[
        list[Path] | None,
        typer.Option(
            "--file",
            "--attach",
            "-f",
            metavar="PATH",
            help="Add a text file or an image to the question. May be repeated.",
        ),
    ] = None,
    schema: Annotated[
        str | None,
        typer.Option(
            metavar="SCHEMA",
            help="Print structured output as JSON: 'name, age int', file.json, or module:Model.",
        ),
    ] = None,
    tool_choice: Annotated[
        str,
        typer.Option(metavar="CHOICE", help="auto, none, required, or the name of a tool."),
    ] = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the events of the run as lines of JSON.")
    ] = False,
) -> int:
    """Ask one question and print the answer.

    What is piped in is added after the question. The answer goes to standard output; tool calls,
    their results and times go to standard error.
    """
    return run_question(
        RunRequest(
            question=question,
            files=file or (),
            selection=selection_of(options),
            schema=schema,
            tool_choice=tool_choice,
            as_json=as_json,
            is_raw=options.raw,
            approve=options.approve,
            keeps_records=not options.no_store,
            session=session_choice_of(options),
        )
    )


@app.command(
    epilog="""\b
Examples:
  agentkit chat
  agentkit chat -m groq:llama-3.3-70b-versatile --instructions "Be brief."
  agentkit chat --tools files --folder ~/notes
  agentkit chat --session travel"""
)
@exits_with_code
@with_shared_options
def chat(options: SharedOptions) -> int:
    """Have a conversation, which is stored.

    Ctrl-C stops an answer and keeps the conversation, Ctrl-D ends it, /help lists the commands.
    """
    return run_chat(
        selection_of(options),
        approve=options.approve,
        is_raw=options.raw,
        keeps_records=not options.no_store,
        session=session_choice_of(options),
    )


@app.command()
@exits_with_code
def tools(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="As in --tools; all ready-made tools if left out."
        ),
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


@app.command(
    epilog="""\b
A key is set by 'agentkit keys set PROVIDER' or in the variable that is shown.
The models of a provider: 'agentkit models PROVIDER'."""
)
@exits_with_code
def providers(*, as_json: JsonOption = False) -> int:
    """List the known providers, and which of them have a key."""
    return list_providers(as_json=as_json)


@app.command(
    epilog="""\b
Examples:
  agentkit doctor openrouter
  agentkit doctor openai-compatible:my-model --base-url http://127.0.0.1:80/v1
  agentkit doctor openai-compatible:my-model --base-url URL --save-as office

\b
Exit codes: 0 an agent can use the model; 1 something that it needs does not
work or could not be tested; 2 wrong usage and nothing was sent.

\b
The profile that fits is written to your catalog; --dry-run only prints it."""
)
@exits_with_code
def doctor(  # noqa: PLR0913 - the options of a command
    target: Annotated[
        str,
        typer.Argument(metavar="PROVIDER[:MODEL]", help="As in --model; MODEL may be left out."),
    ],
    *,
    base_url: BaseUrlOption = None,
    api_key_env: ApiKeyEnvOption = None,
    save_as: Annotated[
        str | None, typer.Option(metavar="NAME", help="Save it as a provider of this name.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the profile, and write nothing.")
    ] = False,
    as_json: JsonOption = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Longest wait for one response.")
    ] = 60.0,
    max_cost: Annotated[
        float, typer.Option(min=0.0, metavar="USD", help="End before it could cost more.")
    ] = 0.01,
) -> int:
    """Test what a provider supports, and save the result."""
    # Its probes take longer to import than all other commands together.
    code: int = cli.commands.doctor.run_doctor_with(
        target=target,
        base_url=base_url,
        api_key_env=api_key_env,
        save_as=save_as,
        is_dry_run=dry_run,
        as_json=as_json,
        probe_seconds=timeout,
        max_cost_usd=Decimal(str(max_cost)),
    )
    return code


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
            metavar="KINDS", help="What goes wrong: names, patterns such as text_call*, or all."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed, the same faults.")] = 0,
    rate: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, metavar="SHARE", help="Share of the answers with a fault."),
    ] = 1.0,
    sequential: Annotated[
        bool, typer.Option("--sequential", help="Take the kinds one after the other.")
    ] = False,
    port: Annotated[
        int,
        typer.Option(min=0, max=65_535, metavar="P", help="Port to listen on; 0 for any free one."),
    ] = 0,
) -> int:
    """Serve a stand-in for a provider, without a key.

    It is not a language model. The first line of standard output is its base URL; requests go to
    standard error. Ctrl-C stops it.
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


app.command(
    epilog="""\b
Examples:
  agentkit serve assistant
  agentkit serve support.py --db sqlite:support.db --tokens tokens.toml
  agentkit serve support:agents --host 0.0.0.0 --db postgresql://db/agentkit"""
)(serve)
app.add_typer(models)
app.add_typer(keys)
app.add_typer(mcp)
app.command(
    epilog="""\b
Examples:
  agentkit worker assistant
  agentkit worker support.py --db postgresql://db.example.org/agentkit
  agentkit worker support:agents --concurrency 50 --grace 60"""
)(worker)
app.command(
    epilog="""\b
Examples:
  agentkit explain last
  agentkit run "What is 6 * 7?" --json >run.jsonl; agentkit explain run.jsonl
  agentkit explain order-7-refund --html run.html --compare order-6-refund"""
)(explain)
app.add_typer(runs)
app.add_typer(sessions)
app.add_typer(db)
app.add_typer(tokens)
