"""A store in a file of SQLite.

In:  the path of the file, which need not exist yet.
Out: a `Store`: one connection writes while a few others read (write-ahead log).

A commit is on the disk before it returns (`synchronous=FULL`): what an agent did must be known
after a power cut. A new file can be read by its owner only; SQLite gives its companions (`-wal`,
`-shm`) the same mode.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

from agentkit.errors import ConfigError
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
from agentkit.store.text_repair import repair_text
from agentkit.store.topics import Topics

T = TypeVar("T")

READERS = 4
BUSY_SECONDS = 10.0
"""How long a statement waits for another program that writes."""

SYNCHRONOUS = "FULL"
"""A commit is on the disk before it returns."""

OLDEST_SQLITE = (3, 35, 0)
"""Has `RETURNING`; https://www.sqlite.org/changes.html."""

_READING = ("SELECT", "WITH")


class SqliteConnection:
    """A connection to one file."""

    def __init__(self, path: Path) -> None:
        """Connect.

        Raises:
            StoreError: the file cannot be opened or is no database.
        """
        self._path = path
        self.topics: list[str] = []
        try:
            # Autocommit; a connection moves between threads, but is used by one at a time.
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise _mapped(error, path) from error
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        """Set what SQLite forgets when a connection is closed."""
        self._use_write_ahead_log()
        for setting in (f"synchronous={SYNCHRONOUS}", "foreign_keys=ON"):
            self.run(f"PRAGMA {setting}")

    def _use_write_ahead_log(self) -> None:
        """Switch the file to its log, once; SQLite does not wait for another program here."""
        end = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self.run("PRAGMA journal_mode=WAL")
            except StoreUnavailableError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)
            else:
                return

    def is_usable(self) -> bool:
        """Return whether the last transaction was ended."""
        return not self._connection.in_transaction

    def interrupt(self) -> None:
        """Make the statement that runs fail."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close the connection."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def run(self, sql: str, values: Sequence[SqlValue] = ()) -> list[Row]:
        """Run a statement; see `Transaction.run`."""
        repaired = [repair_text(one) if isinstance(one, str) else one for one in values]
        try:
            return self._connection.execute(sql, repaired).fetchall()
        except sqlite3.Error as error:
            raise _mapped(error, self._path) from error

    def notify(self, topic: str) -> None:
        """Keep a topic until the transaction is committed."""
        self.topics.append(topic)

    def transaction(self, work: Callable[[Transaction], T]) -> tuple[T, list[str]]:
        """Run `work` in a transaction; return its result and the topics it notified."""
        self.topics = []
        # The right to write is taken first: a transaction that reads, then writes, could not wait
        # for another that writes (https://www.sqlite.org/lang_transaction.html).
        self.run("BEGIN IMMEDIATE")
        try:
            value = work(self)
            self.run("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return value, self.topics

    def _roll_back(self) -> None:
        """Undo the transaction; a full disk has undone it already."""
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


class SqliteStore:
    """A `Store` in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._topics = Topics()
        self._readers = DatabasePool(lambda: SqliteConnection(path), size=READERS)
        self._writers = DatabasePool(lambda: SqliteConnection(path), size=1)

    @property
    def kind(self) -> StoreKind:
        """Return `sqlite`."""
        return "sqlite"

    async def run(self, sql: str, values: Sequence[SqlValue] = ()) -> list[Row]:
        """Run one statement; see `Store.run`."""
        pool = self._readers if sql.lstrip().startswith(_READING) else self._writers
        return await pool.use(lambda connection: connection.run(sql, values))

    async def transaction(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction; see `Store.transaction`."""
        value, topics = await self._writers.use(lambda connection: connection.transaction(work))
        for topic in topics:
            self._topics.publish(topic)
        return value

    def listen(self, topic: str) -> AbstractAsyncContextManager[Subscription]:
        """Listen to what this store notifies; see `Store.listen`."""
        return self._listen(topic)

    @asynccontextmanager
    async def _listen(self, topic: str) -> AsyncIterator[Subscription]:
        with self._topics.subscribe(topic) as subscription:
            yield subscription

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - the interface
        """Hold the file itself, as no second process may; see `Store.hold`."""
        return self._hold()

    @asynccontextmanager
    async def _hold(self) -> AsyncIterator[None]:
        # A lock of the system ends with the process; the file next to the database stays.
        path = Path(f"{self._path}.lock")
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ConfigError(
                    f"Another process does the runs of the database {str(self._path)!r}; SQLite "
                    "is for one. Stop it, or use PostgreSQL for several."
                ) from error
            yield
        finally:
            os.close(handle)

    async def is_held(self, name: str) -> bool:  # noqa: ARG002 - the interface
        """Return False: this process is the only one; see `Store.is_held`."""
        return False

    async def aclose(self) -> None:
        """Close all connections."""
        await self._readers.aclose()
        await self._writers.aclose()


@asynccontextmanager
async def open_sqlite(url: DatabaseUrl) -> AsyncIterator[SqliteStore]:
    """Open a file, or create it, and close it at the end.

    Raises:
        ConfigError: Python's SQLite is too old, or the file cannot be created.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        raise ConfigError(
            f"This Python has SQLite {sqlite3.sqlite_version}; a store needs {needed} or newer."
        )
    path = url.path or Path()
    _create_file(path)
    store = SqliteStore(path)
    try:
        yield store
    finally:
        await store.aclose()


def _create_file(path: Path) -> None:
    """Create the file for its owner alone; one that exists keeps its mode.

    Raises:
        ConfigError: it cannot be created.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        # It must not be opened here: closing it would drop the locks of all other connections of
        # this process (https://www.sqlite.org/howtocorrupt.html, 2.2), and another program would
        # then remove the log under them.
        if path.is_dir():
            raise ConfigError(
                f"The database file {str(path)!r} cannot be opened: Is a directory."
            ) from None
        if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
            raise ConfigError(
                f"The database file {str(path)!r} cannot be opened: it is not a file that you may "
                "read and write."
            ) from None
    except FileNotFoundError as error:
        raise ConfigError(
            f"The database file {str(path)!r} cannot be created: the folder "
            f"{str(path.absolute().parent)!r} does not exist."
        ) from error
    except OSError as error:
        raise ConfigError(
            f"The database file {str(path)!r} cannot be opened: {error.strerror}."
        ) from error


def _mapped(error: sqlite3.Error, path: Path) -> StoreError:
    """Return our error for one of the driver; SQLite's messages name tables, never values."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    name = repr(str(path))
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreUnavailableError(
                f"Another program has been writing to the database {name} for more than "
                f"{BUSY_SECONDS:.0f} s."
            )
        case sqlite3.SQLITE_FULL:
            return StoreError(
                f"The database {name} cannot grow: the disk or the file's limit is reached. "
                "Make room and try again.",
                retryable=True,
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_IOERR:
            return StoreUnavailableError(f"The database {name} cannot be read or written: {error}.")
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return StoreError(f"{name} is not a database of SQLite, or is damaged: {error}.")
        case sqlite3.SQLITE_READONLY:
            return StoreError(f"The database {name} may not be written by this user.")
        case _:
            return StoreError(f"The database {name} refused a statement: {error}.")
