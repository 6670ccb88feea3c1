"""What the SQL tools need of a database.

In:  one statement of a model, untrusted.
Out: `Database`, a protocol; rows as JSON, with a size that a model can read.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Protocol, TypeAlias

from agentkit.json_schema import JsonValue

Row: TypeAlias = Sequence[object]

_MAX_RESULT_CHARACTERS = 20_000
_MAX_VALUE_CHARACTERS = 1_000
_MAX_EXACT = 2**53


class DatabaseFault(Exception):  # noqa: N818 - not an error of the program: the statement failed
    """The database refused a statement; the message is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLimits:
    """The limits of one statement.

    Attributes:
        seconds: how long it may run.
        value_bytes: how large one value may be while the statement runs; SQLite only.
    """

    seconds: float = 10
    value_bytes: int = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """Rows of a query.

    Attributes:
        columns: their names, in the order of the values of each row.
        rows: the rows of this page.
        next_offset: the offset of the next page; null if there are no more rows.
        note: what was cut.
    """

    columns: list[str]
    rows: list[list[JsonValue]]
    next_offset: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRows:
    """How many rows a statement changed; -1 if the database does not report it."""

    rows_changed: int


class Database(Protocol):
    """One database."""

    def describe(self, table: str | None) -> list[str]:
        """Return a line for each table and its columns; no line if there is no such table."""

    def query(self, statement: str, *, limit: int, offset: int) -> tuple[list[str], list[Row]]:
        """Run a statement read-only; return the names of its columns, and rows."""

    def explain(self, statement: str) -> list[str]:
        """Return the plan of a statement that is not run."""

    def write(self, statement: str) -> int:
        """Run a statement, commit it, and return how many rows it changed."""


def fit_rows(columns: list[str], rows: list[Row], *, limit: int, offset: int) -> QueryResult:
    """Return as many rows as a model should read at once.

    Args:
        columns: the names of the columns.
        rows: up to `limit` rows, and one more if there are more.
        limit: how many are wanted.
        offset: how many were skipped.
    """
    shown: list[list[JsonValue]] = []
    size = 0
    is_cut = False
    for row in rows[:limit]:
        values = [_to_json(value) for value in row]
        is_cut = is_cut or any(
            _is_cut(value, each) for value, each in zip(values, row, strict=True)
        )
        size += len(json.dumps(values, ensure_ascii=False))
        if size > _MAX_RESULT_CHARACTERS and shown:
            break
        shown.append(values)
    has_more = len(rows) > len(shown)
    note = f"Values are cut to {_MAX_VALUE_CHARACTERS} characters; read more with substr()."
    return QueryResult(
        columns=columns,
        rows=shown,
        next_offset=offset + len(shown) if has_more else None,
        note=note if is_cut else None,
    )


def _to_json(value: object) -> JsonValue:
    """Return a value of a database as JSON; what has no JSON form becomes text."""
    match value:
        case None | bool() | str():
            text = value
        case int() if abs(value) <= _MAX_EXACT:
            return value
        case float():
            return value if math.isfinite(value) else repr(value)
        case bytes() | memoryview():
            return f"[{len(bytes(value)):,} bytes]"
        case date() | time():
            return value.isoformat()
        case list() | tuple() | dict():
            text = json.dumps(value, ensure_ascii=False, default=str)
        case timedelta() | _:
            text = str(value)
    return text[:_MAX_VALUE_CHARACTERS] if isinstance(text, str) else text


def _is_cut(shown: JsonValue, value: object) -> bool:
    return isinstance(shown, str) and isinstance(value, str) and len(shown) < len(value)
