"""`agentkit sessions`: the conversations that are stored.

In:  ids, words, files.
Out: tables, messages or JSON on standard output; the work is loaded on use.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Protocol

import typer

from agentkit import cli
from agentkit.cli.database_option import DatabaseOption, TenantOption
from agentkit.cli.shared_options import JsonOption, exits_with_code


class ExportFormat(StrEnum):
    """How a conversation is written to a file."""

    JSON = "json"
    MARKDOWN = "markdown"


class SessionCommands(Protocol):
    """The work of the commands; see `agentkit.cli.stored_sessions`."""

    def list(self, *, agent: str | None, limit: int, as_json: bool) -> int:
        """List conversations."""

    def show(self, session_id: str, *, as_json: bool) -> int:
        """Print a conversation."""

    def search(self, query: str, *, limit: int, as_json: bool) -> int:
        """Find messages."""

    def change(self, session_id: str, *, at: str | None = None, delete: bool) -> int:
        """Fork or delete a conversation."""

    def transfer(self, name: str, *, file_format: str | None, file: Path | None) -> int:
        """Export a conversation to a file, or import a file."""


app: typer.Typer = typer.Typer(
    name="sessions",
    help="List, show, search and copy stored conversations.",
    no_args_is_help=True,
    epilog="""\b
Examples:
  agentkit sessions list
  agentkit sessions search "refund order"
  agentkit sessions export ID --format markdown > chat.md
  agentkit sessions import chat.md""",
)

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="As 'agentkit sessions list' shows it.")
]
LimitOption = Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="How many at most.")]
FormatOption = Annotated[
    ExportFormat | None,
    typer.Option("--format", help="All branches as JSON, or the present one as Markdown."),
]


def _commands(db: str | None, tenant: str) -> SessionCommands:
    commands: SessionCommands = cli.stored_sessions.StoredSessions(db, tenant=tenant)
    return commands


@app.command("list")
@exits_with_code
def list_sessions(
    *,
    db: DatabaseOption = None,
    tenant: TenantOption = "",
    agent: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those with this agent.")
    ] = None,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> int:
    """List conversations, last used first."""
    return _commands(db, tenant).list(agent=agent, limit=limit, as_json=as_json)


@app.command()
@exits_with_code
def show(
    session_id: IdArgument,
    *,
    db: DatabaseOption = None,
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> int:
    """Print the messages of a conversation with the ids of their entries."""
    return _commands(db, tenant).show(session_id, as_json=as_json)


@app.command()
@exits_with_code
def search(
    query: Annotated[
        str,
        typer.Argument(metavar="WORDS", help="Words of one message; 'refund*' is a beginning."),
    ],
    *,
    db: DatabaseOption = None,
    tenant: TenantOption = "",
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> int:
    """Find messages of users and models, newest first."""
    return _commands(db, tenant).search(query, limit=limit, as_json=as_json)


@app.command("export")
@exits_with_code
def export_session(
    session_id: IdArgument,
    *,
    db: DatabaseOption = None,
    tenant: TenantOption = "",
    file_format: FormatOption = ExportFormat.JSON,
) -> int:
    """Write a conversation to standard output."""
    return _commands(db, tenant).transfer(session_id, file_format=file_format, file=None)


@app.command("import")
@exits_with_code
def import_session(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An export; Markdown if it ends in .md.")
    ],
    *,
    db: DatabaseOption = None,
    tenant: TenantOption = "",
    file_format: FormatOption = None,
) -> int:
    """Create a conversation from an export, and print its id."""
    return _commands(db, tenant).transfer("", file_format=file_format, file=file)


@app.command()
@exits_with_code
def fork(
    session_id: IdArgument,
    *,
    db: DatabaseOption = None,
    tenant: TenantOption = "",
    at: Annotated[
        str | None,
        typer.Option(metavar="ENTRY", help="The last message to share; otherwise all."),
    ] = None,
) -> int:
    """Create a conversation that goes on from another one, and print its id."""
    return _commands(db, tenant).change(session_id, at=at, delete=False)


@app.command()
@exits_with_code
def delete(session_id: IdArgument, *, db: DatabaseOption = None, tenant: TenantOption = "") -> int:
    """Delete a conversation; 'agentkit db gc' removes it for good."""
    return _commands(db, tenant).change(session_id, delete=True)
