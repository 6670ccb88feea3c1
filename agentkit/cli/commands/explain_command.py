"""`agentkit explain`: what a run did, and where its time and its money went.

In:  the name of a run.
Out: the exit code; the work is loaded on use.
"""

from pathlib import Path
from typing import Annotated

import typer

from agentkit import cli
from agentkit.cli.database_option import DatabaseOption
from agentkit.cli.shared_options import JsonOption, exits_with_code


@exits_with_code
def explain(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A file of 'agentkit run --json', the id of a stored run, or 'last'.",
        ),
    ] = "last",
    *,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page that needs no network to this file."),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Show what is different from this run."),
    ] = None,
    db: DatabaseOption = None,
    as_json: JsonOption = False,
) -> int:
    """Explain what a run did: its steps, repairs, retries, time and money."""
    code: int = cli.explained_run.explain_run(run, html=html, as_json=as_json, other=compare, db=db)
    return code
