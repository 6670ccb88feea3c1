"""Query a database: its schema, rows, plans; and change it, if that is allowed.

In:  the address of a database.
Out: `sql(address)`: `sql_schema`, `sql_query`, `sql_explain`, and `sql_write` if allowed.

What only reads is read-only by the database itself, not by a look at the text of a statement. All
are sync: they run in worker threads, and every statement has a time limit.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, cast

from pydantic import Field

from agentkit import Tool, ToolError, tool
from agentkit.errors import ConfigError, MissingExtraError
from agentkit.lazy_import import load_object
from agentkit.tools.tool_options import ToolOptions
from agentkit_tools.sql.database import (
    ChangedRows,
    Database,
    DatabaseFault,
    QueryLimits,
    QueryResult,
    fit_rows,
)

__all__ = ["QueryLimits", "sql"]

_MAX_SCHEMA_CHARACTERS = 12_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")

Statement = Annotated[
    str,
    Field(
        min_length=1,
        max_length=20_000,
        examples=["SELECT city, count(*) FROM orders GROUP BY city"],
    ),
]
_READS = ToolOptions(read_only=True, idempotent=True, open_world=False, tags=("sql",))
_WRITES = ToolOptions(open_world=False, approval="ask", tags=("sql", "write"))


def sql(
    address: str,
    *,
    allow_write: bool = False,
    name: str = "sql",
    limits: QueryLimits | None = None,
) -> tuple[Tool, ...]:
    """Return the tools for one database.

    Args:
        address: `sqlite:FILE`, `postgresql://…`, or the environment variable that holds it.
        allow_write: whether `sql_write` is among them; each of its calls needs approval.
        name: the tools' names begin with it.
        limits: of each statement.

    Raises:
        ConfigError: the address or the name cannot be used.
        MissingExtraError: the driver is not installed.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot begin the names of tools; use a-z, 0-9 and _.")
    tables = _Tables(database=open_database(address, limits or QueryLimits()))
    tools = [
        tool(each, name=f"{name}_{each.__name__}", **_READS)
        for each in cast(
            tuple[Callable[..., object], ...], (tables.schema, tables.query, tables.explain)
        )
    ]
    if allow_write:
        tools.append(tool(tables.write, name=f"{name}_write", **_WRITES))
    return tuple(tools)


def open_database(address: str, limits: QueryLimits) -> Database:
    """Return the database at an address.

    Raises:
        ConfigError: the address cannot be used.
        MissingExtraError: the driver is not installed.
    """
    if _VARIABLE.fullmatch(address):
        if address not in os.environ:
            raise ConfigError(f"The environment variable {address} is not set.")
        address = os.environ[address]
    kind, _, rest = address.partition(":")
    if kind == "sqlite" and rest:
        path = "agentkit_tools.sql.sqlite_database:SqliteDatabase"
    elif kind in ("postgresql", "postgres") and rest:
        if find_spec("psycopg") is None:
            raise MissingExtraError(
                "PostgreSQL needs the package 'psycopg', which is not installed; install "
                "'mixtral-agentkit[postgres]'."
            )
        path = "agentkit_tools.sql.postgres_database:PostgresDatabase"
        rest = address
    else:
        raise ConfigError(
            "The address of a database is sqlite:FILE, postgresql://…, or the environment "
            "variable that holds one."
        )
    database = cast(Callable[..., Database], load_object(path))
    return database(rest, limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """The tools, bound to their database."""

    database: Database

    def schema(
        self,
        table: Annotated[str | None, Field(max_length=200, examples=["orders"])] = None,
        offset: Annotated[int, Field(ge=0)] = 0,
    ) -> str:
        """List the tables and views of the database with their columns.

        Args:
            table: only this one; leave it out for all.
            offset: the character to begin with, for a schema too long for one answer.
        """
        with _database_errors_for_the_model():
            lines = self.database.describe(table)
        text = "\n".join(lines) or ("[no such table]" if table else "[the database is empty]")
        shown = text[offset : offset + _MAX_SCHEMA_CHARACTERS]
        end = offset + len(shown)
        if end < len(text):
            shown += f"\n[cut here; go on with offset={end} of {len(text)}]"
        return shown

    def query(
        self,
        statement: Statement,
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
        offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0,
    ) -> QueryResult:
        """Run one query that only reads, and return its rows.

        Args:
            statement: one SELECT (or WITH, VALUES), in the database's own SQL.
            limit: how many rows to return.
            offset: how many rows to skip; give the query an ORDER BY when reading page by page.
        """
        with _database_errors_for_the_model():
            columns, rows = self.database.query(statement, limit=limit + 1, offset=offset)
        return fit_rows(columns, rows, limit=limit, offset=offset)

    def explain(self, statement: Statement) -> str:
        """Return how the database would run a statement, without running it.

        Args:
            statement: one statement.
        """
        with _database_errors_for_the_model():
            text = "\n".join(self.database.explain(statement))
        if len(text) > _MAX_SCHEMA_CHARACTERS:
            return f"{text[:_MAX_SCHEMA_CHARACTERS]}\n[cut here; explain a part of the statement]"
        return text

    def write(self, statement: Statement) -> ChangedRows:
        """Run one statement that changes the database, and commit it.

        Args:
            statement: one INSERT, UPDATE, DELETE, CREATE or other statement.
        """
        with _database_errors_for_the_model():
            return ChangedRows(rows_changed=self.database.write(statement))


@contextmanager
def _database_errors_for_the_model() -> Iterator[None]:
    """Turn a `DatabaseFault` into an error result for the model."""
    try:
        yield
    except DatabaseFault as fault:
        raise ToolError(str(fault)) from fault
