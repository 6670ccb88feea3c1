"""A file of SQLite.

In:  statements of a model, untrusted.
Out: rows, or a `DatabaseFault`.

A query runs on a connection that is opened with `mode=ro` and has `query_only`. An authorizer
refuses what reaches beyond the file (ATTACH, VACUUM INTO, extensions) or changes the connection.
See https://www.sqlite.org/c3ref/set_authorizer.html.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from time import monotonic
from urllib.parse import quote

from agentkit import ConfigError
from agentkit_tools.sql.database import DatabaseFault, QueryLimits, Row

_STEPS_BETWEEN_CHECKS = 10_000
_WAIT_SECONDS = 2
_READ_PRAGMAS = frozenset(
    {"foreign_key_list", "index_info", "index_list", "table_info", "table_list", "table_xinfo"}
)
_FORBIDDEN_FUNCTIONS = frozenset(
    {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}
)
_READING = frozenset(
    {
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_PRAGMA,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_SELECT,
    }
)
_NEVER = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH})


class SqliteDatabase:
    """One file of SQLite."""

    def __init__(self, path: str, limits: QueryLimits) -> None:
        """Name the file, which must exist.

        Raises:
            ConfigError: there is no such file.
        """
        self._path = Path(path).expanduser().resolve()
        self._limits = limits
        if not self._path.is_file():
            raise ConfigError(f"There is no SQLite database {path!r}.")

    def describe(self, table: str | None) -> list[str]:
        """Return the statements that made the tables and views."""
        statement = (
            "SELECT sql FROM sqlite_schema WHERE type IN ('table', 'view') AND sql IS NOT NULL "
            "AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND (? IS NULL OR name = ?) ORDER BY name"
        )
        with self._connect(mode="ro") as connection:
            rows = connection.execute(statement, (table, table)).fetchall()
        return [f"{row[0]};" for row in rows]

    def query(self, statement: str, *, limit: int, offset: int) -> tuple[list[str], list[Row]]:
        """Run a statement that can only read."""
        with self._connect(mode="ro") as connection:
            return _select(connection, statement, limit=limit, offset=offset)

    def explain(self, statement: str) -> list[str]:
        """Return the steps of the plan, indented by depth."""
        with self._connect(mode="ro", is_reading=False) as connection:
            rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        depths: dict[int, int] = {}
        lines = []
        for step, parent, _, text in rows:
            depths[step] = depths.get(parent, -1) + 1
            lines.append(f"{'  ' * depths[step]}{text}")
        return lines

    def write(self, statement: str) -> int:
        """Run a statement and commit it."""
        with self._connect(mode="rw", is_reading=False) as connection:
            changed = connection.execute(statement).rowcount
            connection.commit()
        return changed

    @contextmanager
    def _connect(self, *, mode: str, is_reading: bool = True) -> Iterator[sqlite3.Connection]:
        """Open the file for one statement."""
        address = f"file:{quote(str(self._path))}?mode={mode}"
        with (
            _mapped_errors(self._limits),
            closing(sqlite3.connect(address, uri=True, timeout=_WAIT_SECONDS)) as connection,
        ):
            if mode == "ro":
                connection.execute("PRAGMA query_only = ON")
            _restrict(connection, self._limits, is_reading=is_reading)
            yield connection


def query_rows(
    connection: sqlite3.Connection, statement: str, limits: QueryLimits, *, limit: int, offset: int
) -> tuple[list[str], list[Row]]:
    """Run a statement that can only read on an open connection, which stays restricted.

    Raises:
        DatabaseFault: the database refused it.
    """
    with _mapped_errors(limits):
        _restrict(connection, limits, is_reading=True)
        return _select(connection, statement, limit=limit, offset=offset)


def _select(
    connection: sqlite3.Connection, statement: str, *, limit: int, offset: int
) -> tuple[list[str], list[Row]]:
    with closing(connection.execute(statement)) as found:
        if found.description is None:
            raise DatabaseFault("The statement returns no rows; write a SELECT.")
        columns = [each[0] for each in found.description]
        return columns, list(islice(found, offset, offset + limit))


def _restrict(connection: sqlite3.Connection, limits: QueryLimits, *, is_reading: bool) -> None:
    """Limit what the statements of a connection may do, and how long."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limits.value_bytes)
    connection.set_authorizer(_authorize_reading if is_reading else _authorize)
    end = monotonic() + limits.seconds
    connection.set_progress_handler(lambda: int(monotonic() > end), _STEPS_BETWEEN_CHECKS)


@contextmanager
def _mapped_errors(limits: QueryLimits) -> Iterator[None]:
    """Turn an error of SQLite into a `DatabaseFault`."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if str(error) == "interrupted":
            raise DatabaseFault(f"The statement ran longer than {limits.seconds:g} s.") from error
        raise DatabaseFault(f"{error}.") from error
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        raise DatabaseFault(f"{error}.") from error


def _authorize_reading(action: int, name: str | None, second: str | None, *_: object) -> int:
    """Allow what a SELECT needs."""
    if action not in _READING:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and name not in _READ_PRAGMAS:
        return sqlite3.SQLITE_DENY
    return _authorize(action, name, second)


def _authorize(action: int, name: str | None, second: str | None, *_: object) -> int:
    """Refuse what reaches beyond the file or changes what the connection may do."""
    if action in _NEVER:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and second in _FORBIDDEN_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and name not in _READ_PRAGMAS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
