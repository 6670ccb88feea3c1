"""Read the tables in CSV and Excel files.

In:  a folder; its files are untrusted.
Out: `Table`s, and a database in memory that holds them.

Sizes are bounded before anything is parsed: an Excel file is an archive, which may hold far more
than it is long.
"""

import csv
import io
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from typing import Any, cast
from zipfile import BadZipFile, ZipFile

from agentkit.lazy_import import load_object
from agentkit_tools.files.folder import Folder, PathFault, read_at
from agentkit_tools.files.text import decode_text
from agentkit_tools.files.visit import bounded

_MAX_FILE_BYTES = 20_000_000
_MAX_TOTAL_BYTES = 60_000_000
_MAX_UNPACKED_BYTES = 200_000_000
_MAX_ROWS = 500_000
_MAX_COLUMNS = 500
_MAX_VISITED = 20_000
_CSV = (".csv", ".tsv")
_EXCEL = (".xlsx", ".xlsm")
_INTEGER = re.compile(r"[+-]?\d{1,15}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


class TableFault(Exception):  # noqa: N818 - not an error of the program: the file cannot be used
    """A file cannot be read as a table; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table.

    Attributes:
        name: unique in its folder.
        source: the file, and the sheet of an Excel file.
        columns: name and type of each: INTEGER, REAL or TEXT.
        rows: as many values as columns.
    """

    name: str
    source: str
    columns: list[tuple[str, str]]
    rows: list[list[object]]


def read_tables(folder: Folder) -> tuple[list[Table], list[str]]:
    """Return the tables of a folder in order of their files, and why others cannot be read."""
    found: list[Table] = []
    faults: list[str] = []
    total = 0
    with closing(folder.walk(".")) as walk:
        for entry, parent, name in bounded(walk, _MAX_VISITED):
            if entry.is_folder or not name.casefold().endswith((*_CSV, *_EXCEL)):
                continue
            total += entry.size_bytes
            try:
                _check_size(entry.size_bytes, total)
                data, _ = read_at(parent, name, max_bytes=_MAX_FILE_BYTES)
                for sheet, rows in _sheets(name.casefold(), data):
                    source = f"{entry.path}, sheet {sheet}" if sheet else entry.path
                    taken = {table.name.casefold() for table in found}
                    wanted = _stem(name) + (f"_{sheet}" if sheet else "")
                    found.append(_build(_unique(wanted, taken), source, rows))
            except (OSError, PathFault, TableFault) as fault:
                faults.append(f"{entry.path}: {fault}")
    return found, faults


def _check_size(size: int, total: int) -> None:
    if size > _MAX_FILE_BYTES or total > _MAX_TOTAL_BYTES:
        raise TableFault("too large")


def load_into_memory(tables: Iterable[Table]) -> sqlite3.Connection:
    """Return a database in memory that holds the tables."""
    connection = sqlite3.connect(":memory:")
    for table in tables:
        columns = ", ".join(f"{_quoted(name)} {kind}" for name, kind in table.columns)
        connection.execute(f"CREATE TABLE {_quoted(table.name)} ({columns})")
        marks = ", ".join("?" for _ in table.columns)
        insert = f"INSERT INTO {_quoted(table.name)} VALUES ({marks})"  # noqa: S608 - quoted
        connection.executemany(insert, table.rows)
    connection.commit()
    return connection


def _sheets(name: str, data: bytes) -> list[tuple[str, list[list[object]]]]:
    """Return the rows of each sheet; a CSV file has one without a name."""
    if name.endswith(_CSV):
        return [("", _csv_rows(data, is_tabs=name.endswith(".tsv")))]
    return _excel_sheets(data)


def _csv_rows(data: bytes, *, is_tabs: bool) -> list[list[object]]:
    text = decode_text(data, is_complete=True)
    if text is None:
        text = data.decode("cp1252", "replace")  # what Excel writes on many machines
    first = text.partition("\n")[0]
    delimiter = "\t" if is_tabs else max(",;\t", key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows = [list[object](row) for row in islice(reader, _MAX_ROWS + 2) if row]
    except csv.Error as error:
        raise TableFault(f"no CSV: {error}") from error
    return rows


def _excel_sheets(data: bytes) -> list[tuple[str, list[list[object]]]]:
    if find_spec("openpyxl") is None:
        raise TableFault("Excel files need the extra 'tools-excel' (mixtral-agentkit[tools-excel])")
    load = cast(Callable[..., Any], load_object("openpyxl:load_workbook"))
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            if sum(each.file_size for each in archive.infolist()) > _MAX_UNPACKED_BYTES:
                raise TableFault("too large when it is unpacked")
        book = load(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        with closing(book):
            return [
                (
                    sheet.title,
                    [list(row) for row in islice(sheet.iter_rows(values_only=True), _MAX_ROWS + 2)],
                )
                for sheet in book.worksheets
            ]
    except (BadZipFile, KeyError, ValueError, TypeError, AttributeError, SyntaxError) as error:
        # `SyntaxError` is the base of the errors of XML parsers.
        raise TableFault(f"no Excel file: {type(error).__name__}") from error


def _build(name: str, source: str, rows: list[list[object]]) -> Table:
    """Make a table of rows, the first of which has the names of the columns."""
    if len(rows) > _MAX_ROWS + 1:
        raise TableFault(f"more than {_MAX_ROWS:,} rows")
    rows = [row for row in rows if any(value not in (None, "") for value in row)]
    if not rows:
        raise TableFault("empty")
    width = max(len(row) for row in rows)
    if width > _MAX_COLUMNS:
        raise TableFault(f"more than {_MAX_COLUMNS} columns")
    header, *body = [[*row, *([None] * (width - len(row)))] for row in rows]
    names: list[str] = []
    for place, value in enumerate(header, start=1):
        text = str(value).strip() if value not in (None, "") else f"column_{place}"
        names.append(_unique(text[:100], {each.casefold() for each in names}))
    columns = list(zip(*body, strict=True)) if body else [()] * width
    converted = [_convert(column) for column in columns]
    kinds = [kind for kind, _ in converted]
    values = zip(*(column for _, column in converted), strict=True)
    return Table(
        name=name,
        source=source,
        columns=list(zip(names, kinds, strict=True)),
        rows=[list(row) for row in values] if body else [],
    )


def _convert(column: Sequence[object]) -> tuple[str, list[object]]:
    """Return the type of a column and its values; a column of numbers holds numbers."""
    texts = [None if value is None or value == "" else str(value).strip() for value in column]
    filled = [text for text in texts if text is not None]
    if filled and all(_INTEGER.fullmatch(text) for text in filled):
        return "INTEGER", [None if text is None else int(text) for text in texts]
    if filled and all(_NUMBER.fullmatch(text) for text in filled):
        return "REAL", [None if text is None else float(text) for text in texts]
    return "TEXT", list(texts)


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _unique(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found.casefold() in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""').replace("\0", "") + '"'
