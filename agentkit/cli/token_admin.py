"""The work of `agentkit tokens`.

In:  a file or the address of a database; what to do.
Out: exit codes; a new token or a table on standard output.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import anyio
from rich.table import Table

from agentkit.cli.commands.tokens import NewToken
from agentkit.cli.exit_codes import FAILED, OK
from agentkit.cli.terminal import escape_controls, note, show_table, write, write_json
from agentkit.config.user_files import user_database
from agentkit.errors import UsageError
from agentkit.service import AccessToken, TokenLimits, Tokens
from agentkit.service.access_tokens import FileTokens, StoredTokens
from agentkit.store.open_store import open_store

T = TypeVar("T")


def add_token(url: str | None, file: Path | None, new: NewToken) -> int:
    """Make a token and print it.

    Raises:
        AgentKitError: the file or the database cannot be used.
    """
    limits = TokenLimits(
        requests_per_minute=new.requests_per_minute,
        streams=new.streams,
        cost_usd_per_day=new.cost_per_day,
        cost_usd_per_request=new.cost_per_request,
    )
    text = _with_tokens(
        url,
        file,
        lambda tokens: tokens.add(
            tenant=new.tenant,
            agents=new.agents or None,
            limits=limits,
            lifetime=None if new.days is None else timedelta(days=new.days),
        ),
    )
    write(f"{text}\n")
    note("Only its hash is kept, so it is not shown again.")
    return OK


def list_tokens(url: str | None, file: Path | None, as_json: bool) -> int:  # noqa: FBT001 - as the command line has it
    """Print the tokens, oldest first.

    Raises:
        AgentKitError: the file or the database cannot be used.
    """
    found = _with_tokens(url, file, lambda tokens: tokens.list())
    if as_json:
        write_json(json.dumps([_facts(token) for token in found], indent=2))
        return OK
    table = Table("Id", "Tenant", "Agents", "Made", "Valid", box=None, pad_edge=False)
    for token in found:
        table.add_row(
            token.id,
            escape_controls(token.tenant),
            "all" if token.agents is None else escape_controls(", ".join(token.agents)),
            f"{token.created_at:%Y-%m-%d}",
            _validity(token),
        )
    show_table(table)
    return OK


def revoke_token(url: str | None, file: Path | None, token_id: str) -> int:
    """Make a token invalid.

    Raises:
        AgentKitError: the file or the database cannot be used.
    """
    if _with_tokens(url, file, lambda tokens: tokens.revoke(token_id)):
        note(f"The token {token_id!r} is not valid any more.")
        return OK
    note(f"There is no valid token {token_id!r}.")
    return FAILED


def _with_tokens(url: str | None, file: Path | None, work: Callable[[Tokens], Awaitable[T]]) -> T:
    if url is not None and file is not None:
        raise UsageError("Use --db or --tokens, not both.")

    async def run() -> T:
        async with _open(url, file) as tokens:
            return await work(tokens)

    return anyio.run(run)


@asynccontextmanager
async def _open(url: str | None, file: Path | None) -> AsyncIterator[Tokens]:
    if file is not None:
        yield Tokens(FileTokens(file))
        return
    async with open_store(url or user_database()) as store:
        yield Tokens(StoredTokens(store))


def _validity(token: AccessToken) -> str:
    if token.revoked_at is not None:
        return f"revoked {token.revoked_at:%Y-%m-%d}"
    if token.expires_at is None:
        return "yes"
    is_over = token.expires_at <= datetime.now(UTC)
    return f"{'expired' if is_over else 'until'} {token.expires_at:%Y-%m-%d}"


def _facts(token: AccessToken) -> dict[str, object]:
    """Return a token for a program, without its hash."""
    limits = token.limits
    return {
        "id": token.id,
        "tenant": token.tenant,
        "agents": token.agents,
        "created_at": token.created_at.isoformat(),
        "expires_at": None if token.expires_at is None else token.expires_at.isoformat(),
        "revoked_at": None if token.revoked_at is None else token.revoked_at.isoformat(),
        "requests_per_minute": limits.requests_per_minute,
        "streams": limits.streams,
        "cost_usd_per_day": _text(limits.cost_usd_per_day),
        "cost_usd_per_request": _text(limits.cost_usd_per_request),
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
