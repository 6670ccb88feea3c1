"""`agentkit explain`: what a run did, and where its time and its money went.

In:  the name of a run.
Out: the exit code; the work is loaded on use.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, cast

import typer

from agentkit.cli.database_option import DatabaseOption
from agentkit.cli.shared_options import JsonOption, exits_with_code
from agentkit.lazy_import import load_object


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
    work = cast(Callable[..., int], load_object("agentkit.cli.explained_run:explain_run"))
    return work(run, html=html, as_json=as_json, other=compare, db=db)
