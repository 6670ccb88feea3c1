"""`agentkit db`: the tables of a database.

In:  the address of the database.
Out: what was done, on standard error; the work is loaded on use.
"""

from typing import Annotated

import typer

from agentkit import cli
from agentkit.cli.database_option import DatabaseOption
from agentkit.cli.shared_options import exits_with_code

app: typer.Typer = typer.Typer(
    name="db",
    help="Create, check and clean up the database of conversations.",
    no_args_is_help=True,
    epilog="""\b
Examples:
  agentkit db migrate --db postgresql://agentkit@db.example.org/agentkit
  agentkit db check
  agentkit db gc --older-than 7""",
)


@app.command()
@exits_with_code
def migrate(*, db: DatabaseOption = None) -> int:
    """Create the tables, or bring them to this version."""
    code: int = cli.database_admin.migrate_database(db)
    return code


@app.command(epilog="Exit codes: 0 the tables are current; 1 they are older or newer.")
@exits_with_code
def check(*, db: DatabaseOption = None) -> int:
    """Compare the tables with those that this version needs; changes nothing."""
    code: int = cli.database_admin.check_database(db)
    return code


@app.command()
@exits_with_code
def gc(
    *,
    db: DatabaseOption = None,
    older_than: Annotated[
        float,
        typer.Option(min=0, max=36_500, metavar="DAYS", help="How long ago they were deleted."),
    ] = 30,
) -> int:
    """Remove for good what was deleted some time ago."""
    code: int = cli.database_admin.remove_deleted_sessions(db, older_than)
    return code
