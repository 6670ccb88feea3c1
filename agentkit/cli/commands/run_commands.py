"""`agentkit runs`: the runs that are stored.

In:  ids, decisions.
Out: tables, events or JSON on standard output; the work is loaded on use.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol

import typer

from agentkit import cli
from agentkit.cli.database_option import DatabaseOption
from agentkit.cli.shared_options import JsonOption, exits_with_code


class RunStatusName(StrEnum):
    """The statuses of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUSPENDED = "suspended"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"


class RunCommands(Protocol):
    """The work of the commands; see `agentkit.cli.stored_runs`."""

    def start(self, agent: str, prompt: str, *, run_id: str | None, at: datetime | None) -> int:
        """Queue a run."""

    def list(self, *, status: str | None, agent: str | None, limit: int, as_json: bool) -> int:
        """List runs."""

    def show(self, run_id: str, *, follow: bool, as_json: bool) -> int:
        """Print a run."""

    def events(self, run_id: str, *, after: str | None, follow: bool) -> int:
        """Print the events of a run."""

    def decide(
        self,
        run_id: str,
        *,
        approve: Sequence[str],
        deny: Sequence[str],
        reason: str,
        arguments: str | None,
        answer: str | None,
    ) -> int:
        """Decide open calls."""

    def change(self, run_id: str, *, retry: bool) -> int:
        """Cancel or retry a run."""

    def schedule(self, name: str, agent: str, prompt: str, *, cron: str) -> int:
        """Store a schedule."""

    def schedules(self, *, as_json: bool) -> int:
        """List schedules."""

    def unschedule(self, name: str) -> int:
        """Remove a schedule."""


app: typer.Typer = typer.Typer(
    name="runs",
    help="Start, list and follow runs that survive, and decide their calls.",
    no_args_is_help=True,
    epilog="""\b
Examples:
  agentkit runs start assistant "What is 6 * 7?" --id sums-1
  agentkit runs list --status suspended
  agentkit runs decide sums-1 --approve all
  agentkit runs show sums-1 --follow
  agentkit runs schedule tidy assistant "Tidy up" --cron "0 7 * * 1-5\"""",
)

RunTenantOption = Annotated[
    str, typer.Option("--tenant", metavar="NAME", help="Whose runs.", show_default=False)
]
AgentArgument = Annotated[
    str, typer.Argument(metavar="AGENT", help="The name that workers know it by.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name of the schedule.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As 'agentkit runs list' shows it.")]


def _commands(db: str | None, tenant: str) -> RunCommands:
    commands: RunCommands = cli.stored_runs.StoredRuns(db, tenant=tenant)
    return commands


@app.command()
@exits_with_code
def start(
    agent: AgentArgument,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to ask.")],
    *,
    db: DatabaseOption = None,
    tenant: RunTenantOption = "",
    run_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="Its id; a second start with it starts nothing."),
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option(metavar="TIME", help="When it may begin, in UTC.", formats=["%Y-%m-%dT%H:%M"]),
    ] = None,
) -> int:
    """Queue a run for a worker, and print its id."""
    return _commands(db, tenant).start(agent, prompt, run_id=run_id, at=at)


@app.command("list")
@exits_with_code
def list_runs(
    *,
    db: DatabaseOption = None,
    tenant: RunTenantOption = "",
    status: Annotated[
        RunStatusName | None, typer.Option(help="Only those with this status.")
    ] = None,
    agent: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those of this agent.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="N", help="How many at most.")
    ] = 20,
    as_json: JsonOption = False,
) -> int:
    """List runs, newest first."""
    return _commands(db, tenant).list(status=status, agent=agent, limit=limit, as_json=as_json)


@app.command()
@exits_with_code
def show(
    run_id: IdArgument,
    *,
    db: DatabaseOption = None,
    tenant: RunTenantOption = "",
    follow: Annotated[
        bool, typer.Option("--follow", help="Show what it does until it ends or waits.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Print a run with its answer and the calls that need a decision."""
    return _commands(db, tenant).show(run_id, follow=follow, as_json=as_json)


@app.command()
@exits_with_code
def events(
    run_id: IdArgument,
    *,
    db: DatabaseOption = None,
    tenant: RunTenantOption = "",
    after: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="Only those after this one, e.g. 2:17."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for those that come.")] = False,
) -> int:
    """Print the events of a run as lines of JSON."""
    return _commands(db, tenant).events(run_id, after=after, follow=follow)


@app.command()
@exits_with_code
def decide(  # noqa: PLR0913 - the options of a command
    run_id: IdArgument,
    *,
    db: DatabaseOption = None,
    tenant: RunTenantOption = "",
    approve: Annotated[
        list[str] | None,
        typer.Option(metavar="CALL", help="Let a call run; 'all' for all. May be repeated."),
    ] = None,
    deny: Annotated[
        list[str] | None,
        typer.Option(metavar="CALL", help="Deny a call; 'all' for all. May be repeated."),
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the model.")] = "",
    arguments: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="Run the approved call with these arguments."),
    ] = None,
    answer: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Answer the question that the run asks."),
    ] = None,
) -> int:
    """Decide calls of a suspended run; then it goes on."""
    return _commands(db, tenant).decide(
        run_id,
        approve=approve or [],
        deny=deny or [],
        reason=reason,
        arguments=arguments,
        answer=answer,
    )


@app.command()
@exits_with_code
def cancel(run_id: IdArgument, *, db: DatabaseOption = None, tenant: RunTenantOption = "") -> int:
    """Cancel a run."""
    return _commands(db, tenant).change(run_id, retry=False)


@app.command()
@exits_with_code
def retry(run_id: IdArgument, *, db: DatabaseOption = None, tenant: RunTenantOption = "") -> int:
    """Let a dead, failed or cancelled run go on from where it was."""
    return _commands(db, tenant).change(run_id, retry=True)


@app.command()
@exits_with_code
def schedule(
    name: NameArgument,
    agent: AgentArgument,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to ask each time.")],
    *,
    cron: Annotated[
        str,
        typer.Option(
            metavar="TIMES",
            help="Minute, hour, day, month, weekday, in UTC: '0 7 * * 1-5'.",
            show_default=False,
        ),
    ],
    db: DatabaseOption = None,
    tenant: RunTenantOption = "",
) -> int:
    """Start a run again and again; a schedule that exists is changed."""
    return _commands(db, tenant).schedule(name, agent, prompt, cron=cron)


@app.command()
@exits_with_code
def schedules(
    *, db: DatabaseOption = None, tenant: RunTenantOption = "", as_json: JsonOption = False
) -> int:
    """List schedules."""
    return _commands(db, tenant).schedules(as_json=as_json)


@app.command()
@exits_with_code
def unschedule(
    name: NameArgument, *, db: DatabaseOption = None, tenant: RunTenantOption = ""
) -> int:
    """Remove a schedule; its runs stay."""
    return _commands(db, tenant).unschedule(name)
