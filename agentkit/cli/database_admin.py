"""Create, check and clean up the database of conversations.

In:  its address; None for the user's own.
Out: exit codes; what was done, on standard error.
"""

from datetime import timedelta

import anyio

from agentkit.cli.exit_codes import FAILED, OK
from agentkit.cli.terminal import note
from agentkit.config.user_files import user_database
from agentkit.session import open_sessions
from agentkit.store.database_url import parse_database_url
from agentkit.store.migrate import SchemaCheck, check_schema, migrate
from agentkit.store.open_store import connect_store


def migrate_database(url: str | None) -> int:
    """Create or update the tables.

    Raises:
        AgentKitError: the database cannot be used, or a newer program wrote the tables.
    """
    address = url or user_database()

    async def work() -> int:
        async with connect_store(address) as store:
            return len(await migrate(store))

    count = anyio.run(work)
    note(f"{parse_database_url(address).shown}: {_applied(count)}.")
    return OK


def check_database(url: str | None) -> int:
    """Compare the tables with those that this version needs.

    Raises:
        AgentKitError: the database cannot be used.
    """
    address = url or user_database()

    async def work() -> SchemaCheck:
        async with connect_store(address) as store:
            return await check_schema(store)

    found = anyio.run(work)
    advice = {
        "current": "nothing to do",
        "older": "run 'agentkit db migrate'",
        "newer": "update agentkit",
    }
    note(
        f"{parse_database_url(address).shown}: schema version {found.present}, needed "
        f"{found.known}: {advice[found.state]}."
    )
    return OK if found.state == "current" else FAILED


def remove_deleted_sessions(url: str | None, older_than_days: float) -> int:
    """Remove conversations that were deleted some days ago.

    Raises:
        AgentKitError: the database cannot be used.
    """
    address = url or user_database()

    async def work() -> int:
        async with open_sessions(address) as sessions:
            return await sessions.gc(timedelta(days=older_than_days))

    count = anyio.run(work)
    note(f"{count} deleted session{'' if count == 1 else 's'} removed for good.")
    return OK


def _applied(count: int) -> str:
    if count == 0:
        return "the tables are current"
    return f"{count} migration{'' if count == 1 else 's'} applied"
