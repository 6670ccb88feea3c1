"""The options that name a database, and whose conversations are meant.

In:  nothing.
Out: the types of options for Typer.
"""

from typing import Annotated

import typer

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL",
        help="sqlite:FILE or postgresql://…; otherwise AGENTKIT_DB, otherwise a file of your own.",
    ),
]
TenantOption = Annotated[
    str, typer.Option("--tenant", metavar="NAME", help="Whose conversations.", show_default=False)
]
