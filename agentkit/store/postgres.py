"""A store in a PostgreSQL database; needs the extra `postgres`.

In:  the address of the database.
Out: a `Store` over up to ten connections.

psycopg's connections for async code are closed by a cancelled statement and need asyncio, so the
blocking ones are used, in threads. One more connection listens to notifications, from the first
call of `listen` on; it waits in the event loop, not in a thread.
"""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import cache, partial
from typing import TypeVar

import anyio
import psycopg
from anyio.abc import TaskGroup, TaskStatus
from psycopg import RawCursor
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from agentkit.errors import ConfigError
from agentkit.exception_groups import ungrouped
from agentkit.log import Log
from agentkit.store.base import (
    Row,
    SqlValue,
    StoreError,
    StoreKind,
    StoreUnavailableError,
    Subscription,
    Transaction,
)
from agentkit.store.connection_pool import DatabasePool
from agentkit.store.database_url import DatabaseUrl
from agentkit.store.session_lock import blocking, hold_name, lock_number
from agentkit.store.text_repair import repair_text
from agentkit.store.topics import Topics

T = TypeVar("T")

CONNECTIONS = 10
CHANNEL = "agentkit"
"""The one channel that is listened to; its payloads are topics."""

RECONNECT_SECONDS = 1.0
CANCEL_SECONDS = 3.0
IDLE_SECONDS = 10
"""After this, the server ends the session of a process that does not go on with a transaction."""

_SETTINGS = {
    "application_name": "agentkit",
    "connect_timeout": "10",
    # A machine that is gone sends nothing, not even that it is gone.
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}
"""What holds unless the address sets it."""

_log = Log(__name__)


class PostgresConnection:
    """A connection to one database."""

    def __init__(self, url: DatabaseUrl) -> None:
        """Connect.

        Raises:
            ConfigError: the address is not well formed, or the database does not keep UTF-8.
            StoreUnavailableError: there is no connection.
        """
        self._shown = url.shown
        try:
            self._connection: psycopg.Connection[TupleRow] = psycopg.connect(
                make_conninfo(url.text, client_encoding="UTF8", **_defaults(url)),
                autocommit=True,
                cursor_factory=RawCursor,
            )
        except psycopg.Error as error:
            raise _mapped(error, self._shown) from error
        # A process that is frozen inside a transaction would keep others from its rows.
        self.run(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
        encoding = self._connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            self._connection.close()
            raise ConfigError(
                f"The database {self._shown!r} keeps text as {encoding}; agentkit needs one that "
                "was created with ENCODING 'UTF8'."
            )

    def is_usable(self) -> bool:
        """Return whether the connection is open and idle, as far as the socket shows it."""
        raw = self._connection.pgconn
        try:
            raw.consume_input()  # the last words of a server that stopped,
            raw.consume_input()  # and the end of the stream behind them
        except psycopg.Error:
            return False
        return raw.transaction_status == psycopg.pq.TransactionStatus.IDLE

    def interrupt(self) -> None:
        """Ask the server to end the statement that runs."""
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=CANCEL_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        with suppress(psycopg.Error):
            self._connection.close()

    def run(self, sql: str, values: Sequence[SqlValue] = ()) -> list[Row]:
        """Run a statement; see `Transaction.run`."""
        repaired = [repair_text(one) if isinstance(one, str) else one for one in values]
        try:
            cursor = self._connection.execute(_numbered(sql), repaired or None)
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise _mapped(error, self._shown) from error

    def notify(self, topic: str) -> None:
        """Let the server wake the listeners of all processes when the transaction commits."""
        self.run("SELECT pg_notify(?, ?)", (CHANNEL, topic))

    def transaction(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction."""
        self.run("BEGIN")
        try:
            value = work(self)
            self.run("COMMIT")
        except BaseException:
            with suppress(StoreError):
                self.run("ROLLBACK")
            raise
        return value

    def listen(self) -> None:
        """Listen to the channel."""
        self.run(f"LISTEN {CHANNEL}")

    def fileno(self) -> int:
        """Return the socket, to wait for notifications."""
        return self._connection.fileno()

    def take_notified(self) -> list[str]:
        """Return the topics whose notifications have arrived; does not block.

        Raises:
            StoreUnavailableError: the connection is lost.
        """
        raw = self._connection.pgconn
        topics = []
        try:
            raw.consume_input()
            while (notified := raw.notifies()) is not None:
                topics.append(notified.extra.decode())
        except psycopg.Error as error:
            raise _mapped(error, self._shown) from error
        return topics


class PostgresStore:
    """A `Store` in one database."""

    def __init__(self, url: DatabaseUrl, *, tasks: TaskGroup) -> None:
        self._url = url
        self._tasks = tasks
        self._topics = Topics()
        self._pool = DatabasePool(lambda: PostgresConnection(url), size=CONNECTIONS)
        self._opening = anyio.Lock()
        self._is_listening = False

    @property
    def kind(self) -> StoreKind:
        """Return `postgresql`."""
        return "postgresql"

    async def run(self, sql: str, values: Sequence[SqlValue] = ()) -> list[Row]:
        """Run one statement; see `Store.run`."""
        return await self._pool.use(lambda connection: connection.run(sql, values))

    async def transaction(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction; see `Store.transaction`."""
        return await self._pool.use(lambda connection: connection.transaction(work))

    def listen(self, topic: str) -> AbstractAsyncContextManager[Subscription]:
        """Listen to what any process notifies; see `Store.listen`."""
        return self._listen(topic)

    @asynccontextmanager
    async def _listen(self, topic: str) -> AsyncIterator[Subscription]:
        async with self._opening:
            if not self._is_listening:
                await self._tasks.start(self._receive)
                self._is_listening = True
        with self._topics.subscribe(topic) as subscription:
            yield subscription

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold a name by a lock of a session; see `Store.hold`."""
        return hold_name(partial(PostgresConnection, self._url), name)

    async def is_held(self, name: str) -> bool:
        """Return whether a session holds a name; see `Store.is_held`."""
        # A shared lock, freed with the statement: two that ask at once do not see each other.
        sql = "SELECT pg_try_advisory_xact_lock_shared(?)"
        [[is_free]] = await self.run(sql, (lock_number(name),))
        return not is_free

    async def _receive(self, *, task_status: TaskStatus[None]) -> None:
        """Receive notifications until the store is closed; connect again when it is lost."""
        connection: PostgresConnection | None = await blocking(self._connect_listener)
        task_status.started()
        while True:
            if connection is not None:
                await self._receive_from(connection)
            await anyio.sleep(RECONNECT_SECONDS)
            connection = None
            with suppress(StoreUnavailableError):
                connection = await blocking(self._connect_listener)
                self._topics.publish_all()

    async def _receive_from(self, connection: PostgresConnection) -> None:
        """Publish the notifications of one connection until it is lost."""
        try:
            while True:
                await anyio.wait_readable(connection.fileno())
                for topic in connection.take_notified():
                    self._topics.publish(topic)
        except (StoreUnavailableError, OSError):
            _log.warning("store_listener_lost", database=self._url.shown)
        finally:
            connection.close()

    def _connect_listener(self) -> PostgresConnection:
        connection = PostgresConnection(self._url)
        try:
            connection.listen()
        except BaseException:
            connection.close()
            raise
        return connection

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


@asynccontextmanager
async def open_postgres(url: DatabaseUrl) -> AsyncIterator[PostgresStore]:
    """Open a database, and close its connections at the end; the first use connects.

    Raises:
        ConfigError: the address is not well formed.
    """
    _defaults(url)
    with ungrouped():
        async with anyio.create_task_group() as tasks:
            store = PostgresStore(url, tasks=tasks)
            try:
                yield store
            finally:
                await store.aclose()
            tasks.cancel_scope.cancel()


def _defaults(url: DatabaseUrl) -> dict[str, str]:
    """Return the settings that the address does not give.

    Raises:
        ConfigError: the address is not well formed.
    """
    try:
        given = conninfo_to_dict(url.text)
    except psycopg.Error:
        # libpq's message quotes the part that it could not read, which may be the password.
        raise ConfigError(
            f"{url.shown!r} is no address of a PostgreSQL database. Characters other than letters "
            "and digits in a user's name or password are written as %XX, e.g. %40 for @."
        ) from None
    return {name: value for name, value in _SETTINGS.items() if name not in given}


@cache
def _numbered(sql: str) -> str:
    """Return a statement with `$1`, `$2`, … for each `?`; no text of ours holds one."""
    parts = sql.split("?")
    return "".join(f"{part}${number}" for number, part in enumerate(parts[:-1], 1)) + parts[-1]


_CONNECT_FAILED = re.compile(r" failed: (?:FATAL: +)?([^\n]+)")

_AWAY = re.compile(r"08...|25P03|57P0[1-5]|53300|55P03|40001|40P01")
"""Errors that may be gone at the next try: connection, shutdown, too many connections, locks.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_DISK_FULL = "53100"
_REASONS = {
    _DISK_FULL: "The disk of the database {shown!r} is full. Make room and try again.",
    "42P01": "The database {shown!r} lacks a table: {reason}. Run 'agentkit db migrate'.",
    "42501": "The database {shown!r} does not permit this to its user: {reason}.",
}


def _mapped(error: psycopg.Error, shown: str) -> StoreError:
    """Return our error for one of the driver; its details, which quote values, are left out."""
    state = error.sqlstate
    reason = error.diag.message_primary or type(error).__name__
    if state is None and isinstance(error, psycopg.OperationalError):
        # Other messages of libpq quote parts of the address, which may be of the password.
        found = _CONNECT_FAILED.search(str(error))
        why = f": {found[1]}" if found else ""
        return StoreUnavailableError(f"The database {shown!r} cannot be reached{why}.")
    if state is None:
        return StoreError(f"The database {shown!r} refused a statement: {type(error).__name__}.")
    if _AWAY.fullmatch(state):
        return StoreUnavailableError(f"The database {shown!r} cannot be used now: {reason}.")
    text = _REASONS.get(state, "The database {shown!r} refused a statement: {reason} ({state}).")
    message = text.format(shown=shown, reason=reason, state=state)
    return StoreError(message, retryable=state == _DISK_FULL)
