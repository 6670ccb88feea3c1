"""Answer questions about the CSV and Excel files of a folder with SQL.

In:  the folder.
Out: `tables(folder)`: `list_tables` and `query_tables`.

Both only read. The files are loaded into a database in memory for each call; what they hold is
data, whatever it says.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from agentkit import Tool, ToolError, ToolResult, tool
from agentkit.tools.tool_options import ToolOptions
from agentkit_tools.files.folder import Folder, PathFault
from agentkit_tools.sql.database import DatabaseFault, QueryLimits, QueryResult, fit_rows
from agentkit_tools.sql.sqlite_database import query_rows
from agentkit_tools.tables.table_files import Table, TableFault, load_into_memory, read_tables
from agentkit_tools.text_result import text_result

__all__ = ["tables"]

_MAX_TABLES = 60
_MAX_COLUMNS_SHOWN = 60
_READS = ToolOptions(read_only=True, idempotent=True, open_world=False, tags=("tables",))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedColumn:
    """A column; its type is INTEGER, REAL or TEXT."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTable:
    """A table, the file it is in, and how many rows it has."""

    name: str
    source: str
    rows: int
    columns: list[ListedColumn]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTables:
    """The tables, why files cannot be read, and `next_offset` if there are more tables."""

    tables: list[ListedTable]
    not_readable: list[str]
    next_offset: int | None


def tables(folder: str | Path, *, allow_write: bool = False) -> tuple[Tool, ...]:
    """Return the tools for the tables of a folder.

    Args:
        folder: no tool reaches beyond it.
        allow_write: without meaning; the tools only read.

    Raises:
        ConfigError: it is not a folder.
    """
    del allow_write
    reader = _Reader(folder=Folder.at(Path(folder)), limits=QueryLimits())
    return tool(reader.list_tables, **_READS), tool(reader.query_tables, **_READS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """The tools, bound to their folder."""

    folder: Folder
    limits: QueryLimits

    def list_tables(
        self, offset: Annotated[int, Field(ge=0)] = 0
    ) -> Annotated[ToolResult, ListedTables]:
        """List the tables in the CSV and Excel files of the folder, with their columns.

        Args:
            offset: how many tables to leave out first.
        """
        with _faults_for_the_model():
            found, faults = read_tables(self.folder)
        shown = found[offset : offset + _MAX_TABLES]
        lines = [_describe(table) for table in shown]
        next_offset = offset + len(shown) if offset + len(shown) < len(found) else None
        if next_offset is not None:
            lines.append(f"[cut; go on with offset={next_offset} of {len(found)}]")
        lines += [f"[not readable: {fault}]" for fault in faults]
        listed = [
            ListedTable(
                name=table.name,
                source=table.source,
                rows=len(table.rows),
                columns=[ListedColumn(name=name, type=kind) for name, kind in table.columns],
            )
            for table in shown
        ]
        text = "\n".join(lines) or "[there is no CSV or Excel file]"
        value = ListedTables(tables=listed, not_readable=faults, next_offset=next_offset)
        return text_result(text, value)

    def query_tables(
        self,
        statement: Annotated[
            str,
            Field(
                min_length=1,
                max_length=20_000,
                examples=['SELECT "city", sum("amount") FROM "orders" GROUP BY "city"'],
            ),
        ],
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
        offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0,
    ) -> QueryResult:
        """Run one SELECT over the tables, in the SQL of SQLite, and return its rows.

        Args:
            statement: one SELECT; names with spaces need double quotes.
            limit: how many rows to return.
            offset: how many rows to skip.
        """
        with _faults_for_the_model():
            found, _ = read_tables(self.folder)
            with closing(load_into_memory(found)) as connection:
                columns, rows = query_rows(
                    connection, statement, self.limits, limit=limit + 1, offset=offset
                )
        return fit_rows(columns, rows, limit=limit, offset=offset)


def _describe(table: Table) -> str:
    columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns[:_MAX_COLUMNS_SHOWN])
    more = len(table.columns) - _MAX_COLUMNS_SHOWN
    end = f", and {more} more" if more > 0 else ""
    return f'"{table.name}" ({table.source}, {len(table.rows):,} rows): {columns}{end}'


@contextmanager
def _faults_for_the_model() -> Iterator[None]:
    """Turn a fault into an error result for the model."""
    try:
        yield
    except (DatabaseFault, PathFault, TableFault) as fault:
        raise ToolError(str(fault)) from fault
