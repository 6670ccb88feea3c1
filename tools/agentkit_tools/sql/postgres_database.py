"""A database of PostgreSQL.

In:  statements of a model, untrusted.
Out: rows, or a `DatabaseFault`.

A query is the query of a cursor, in a read-only transaction, on a connection of its own. A cursor
takes nothing but a SELECT, and the extended protocol takes one statement at a time, so no text can
end the transaction and go on. Functions can reach files and programs of the server if the role
may: a superuser, and roles that may read or write files of the server or run programs there, are
refused. See https://www.postgresql.org/docs/current/sql-declare.html.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from agentkit_tools.sql.database import DatabaseFault, QueryLimits, Row

_CONNECT_SECONDS = 10
_DANGEROUS_ROLES = ("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files")
_ROLE_CHECK = (
    "SELECT rolsuper OR EXISTS (SELECT FROM pg_roles other WHERE other.rolname = ANY(%s) "
    "AND pg_has_role(session_user, other.oid, 'MEMBER')) FROM pg_roles WHERE rolname = session_user"
)
_DESCRIBE = (
    "SELECT c.table_schema || '.' || c.table_name || ' (' || string_agg(c.column_name || ' ' || "
    "c.data_type || CASE c.is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END, ', ' "
    "ORDER BY c.ordinal_position) || ')' FROM information_schema.columns c "
    "WHERE c.table_schema NOT IN ('pg_catalog', 'information_schema') "
    "AND (%(table)s::text IS NULL OR c.table_name = %(table)s "
    "OR c.table_schema || '.' || c.table_name = %(table)s) "
    "GROUP BY c.table_schema, c.table_name ORDER BY 1"
)


class PostgresDatabase:
    """One database of PostgreSQL, as one role sees it."""

    def __init__(self, address: str, limits: QueryLimits) -> None:
        self._address = address
        self._limits = limits

    def describe(self, table: str | None) -> list[str]:
        """Return the tables and views with their columns."""
        with self._connect(read_only=True) as connection:
            rows = connection.execute(_DESCRIBE, {"table": table}).fetchall()
        return [str(row[0]) for row in rows]

    def query(self, statement: str, *, limit: int, offset: int) -> tuple[list[str], list[Row]]:
        """Run a statement that can only read."""
        with self._connect(read_only=True) as connection:
            _execute(connection, f"DECLARE agentkit_rows NO SCROLL CURSOR FOR {_one(statement)}")
            if offset:
                connection.execute(f"MOVE FORWARD {offset:d} agentkit_rows")
            found = connection.execute(f"FETCH {limit:d} FROM agentkit_rows")
            columns = [each.name for each in found.description or ()]
            return columns, list(found.fetchall())

    def explain(self, statement: str) -> list[str]:
        """Return the lines of the plan."""
        with self._connect(read_only=True) as connection:
            found = _execute(connection, f"EXPLAIN (FORMAT TEXT) {_one(statement)}")
            return [str(row[0]) for row in found.fetchall()]

    def write(self, statement: str) -> int:
        """Run a statement and commit it."""
        with self._connect(read_only=False) as connection:
            changed = _execute(connection, _one(statement)).rowcount
            connection.commit()
        return changed

    @contextmanager
    def _connect(self, *, read_only: bool) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
        """Open a connection for one statement; what it changed is rolled back unless committed."""
        milliseconds = int(self._limits.seconds * 1000)
        try:
            with psycopg.connect(
                self._address, connect_timeout=_CONNECT_SECONDS, application_name="agentkit"
            ) as connection:
                connection.read_only = read_only
                found = connection.execute(_ROLE_CHECK, (list(_DANGEROUS_ROLES),)).fetchone()
                if found is None or found[0]:
                    raise DatabaseFault(
                        "The role of this address is too powerful: it can reach files or programs "
                        "of the server. The user must name a role that only has the tables needed."
                    )
                connection.execute(f"SET LOCAL statement_timeout = {milliseconds:d}")
                connection.execute("SET LOCAL lock_timeout = 2000")
                try:
                    yield connection
                finally:
                    connection.rollback()
        except psycopg.errors.QueryCanceled as error:
            seconds = self._limits.seconds
            raise DatabaseFault(f"The statement ran longer than {seconds:g} s.") from error
        except psycopg.Error as error:
            raise DatabaseFault(_message(error)) from error


def _one(statement: str) -> str:
    """Return a statement without the semicolon at its end."""
    return statement.strip().rstrip(";")


def _execute(
    connection: "psycopg.Connection[tuple[Any, ...]]", statement: str
) -> "psycopg.Cursor[tuple[Any, ...]]":
    """Run one statement by the extended protocol, which refuses several in one text."""
    return connection.execute(statement, prepare=True)


def _message(error: psycopg.Error) -> str:
    """Return what the server said about the statement; never the address, which has a password."""
    primary = error.diag.message_primary
    if primary is None:
        return "The database cannot be reached, or the connection was lost."
    hint = f" ({error.diag.message_hint})" if error.diag.message_hint else ""
    return f"{primary}{hint}."
