"""Open the database of an address.

In:  an address, as `parse_database_url` reads it.
Out: a `Store` whose tables are ready.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from agentkit import store
from agentkit.store.base import LockingStore
from agentkit.store.database_url import parse_database_url
from agentkit.store.migrate import migrate as apply_migrations
from agentkit.store.migrate import require_current
from agentkit.store.sqlite import open_sqlite
from agentkit.store.timed_store import timed


@asynccontextmanager
async def open_store(url: str, *, migrate: bool = True) -> AsyncIterator[LockingStore]:
    """Open a database and yield it with current tables; close it at the end.

    Args:
        url: `sqlite:FILE`, `sqlite:///ABSOLUTE/FILE` or `postgresql://…`.
        migrate: create or update the tables; without it, they must be current.

    Raises:
        ConfigError: the address is not well formed, or the file cannot be created.
        MissingExtraError: PostgreSQL needs the extra `postgres`.
        SchemaError: the tables were written by a newer program, or may not be updated.
        StoreError: the database cannot be used.
    """
    async with connect_store(url) as store:
        if migrate:
            await apply_migrations(store)
        else:
            await require_current(store)
        yield timed(store)


def connect_store(url: str) -> AbstractAsyncContextManager[LockingStore]:
    """Open a database as it is, without a look at its tables.

    Raises:
        ConfigError: the address is not well formed.
        MissingExtraError: PostgreSQL needs the extra `postgres`.
    """
    address = parse_database_url(url)
    if address.kind == "sqlite":
        return open_sqlite(address)
    opened: AbstractAsyncContextManager[LockingStore] = store.postgres.open_postgres(address)
    return opened
