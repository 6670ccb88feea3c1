"""`agentkit tokens`: make, list and revoke the tokens of clients of a service.

In:  a file or a database.
Out: a new token on standard output, once; tables; exit codes. The work is loaded on use.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from agentkit import cli
from agentkit.cli.database_option import DatabaseOption
from agentkit.cli.shared_options import JsonOption, exits_with_code
from agentkit.value import dataclass

app: typer.Typer = typer.Typer(
    name="tokens",
    help="Make, list and revoke the tokens of clients of 'agentkit serve'.",
    no_args_is_help=True,
    epilog="""\b
Examples:
  agentkit tokens add --tokens tokens.toml --tenant acme
  agentkit tokens add --db sqlite:agents.db --agent support --cost-per-day 5
  agentkit tokens list --tokens tokens.toml
  agentkit tokens revoke 1a2b3c4d5e6f --tokens tokens.toml""",
)

FileOption = Annotated[
    Path | None,
    typer.Option("--tokens", metavar="FILE", help="A file of tokens, in place of a database."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """What the command line asked for."""

    tenant: str
    agents: tuple[str, ...]
    days: float | None
    requests_per_minute: int | None
    streams: int | None
    cost_per_day: Decimal | None
    cost_per_request: Decimal | None


@app.command()
@exits_with_code
def add(  # noqa: PLR0913 - the options of a command
    *,
    db: DatabaseOption = None,
    tokens: FileOption = None,
    tenant: Annotated[
        str, typer.Option(metavar="NAME", help="Whose it is.", show_default=False)
    ] = "",
    agent: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="An agent it is for; otherwise all. May be repeated."),
    ] = None,
    days: Annotated[
        float | None, typer.Option(min=0, metavar="N", help="How long it is valid.")
    ] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Most requests in a minute.")
    ] = None,
    streams: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Most requests at the same time.")
    ] = None,
    cost_per_day: Annotated[
        float | None, typer.Option(min=0, metavar="USD", help="Most money in a day (UTC).")
    ] = None,
    cost_per_request: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="USD", help="Most money for a request; a tenth of a day's if left out."
        ),
    ] = None,
) -> int:
    """Make a token and print it; it is not shown again."""
    new = NewToken(
        tenant=tenant,
        agents=tuple(agent or ()),
        days=days,
        requests_per_minute=requests_per_minute,
        streams=streams,
        cost_per_day=_money(cost_per_day),
        cost_per_request=_money(cost_per_request),
    )
    return _work("add_token")(db, tokens, new)


@app.command("list")
@exits_with_code
def list_all(
    *, db: DatabaseOption = None, tokens: FileOption = None, as_json: JsonOption = False
) -> int:
    """List the tokens; their secrets are not known."""
    return _work("list_tokens")(db, tokens, as_json)


@app.command()
@exits_with_code
def revoke(
    token_id: Annotated[
        str, typer.Argument(metavar="ID", help="As 'agentkit tokens list' has it.")
    ],
    *,
    db: DatabaseOption = None,
    tokens: FileOption = None,
) -> int:
    """Make a token invalid, at once."""
    return _work("revoke_token")(db, tokens, token_id)


def _work(name: str) -> Callable[..., int]:
    found: Any = getattr(cli.token_admin, name)
    return cast(Callable[..., int], found)


def _money(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
