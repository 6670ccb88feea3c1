"""CSV and Excel files are tables for SQL."""

import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]  # it ships no types
import pytest

from agentkit import ToolError
from agentkit_tools.tables import table_files, tables
from tests.tool_results import structured


def lists(folder: Path) -> str:
    """Return what `list_tables` returns."""
    return str(tables(folder)[0]().text)


def rows(folder: Path, statement: str, *more: Any) -> list[list[Any]]:
    """Return the rows of a query."""
    found: list[list[Any]] = tables(folder)[1](statement, *more).rows
    return found


@pytest.mark.parametrize(
    ("data", "columns", "values"),
    [
        (b"a,b\n1,x\n2,\n", '"a" INTEGER, "b" TEXT', [[1, "x"], [2, None]]),
        (b"\xef\xbb\xbfa;b\n1,5;2\n", '"a" TEXT, "b" INTEGER', [["1,5", 2]]),
        (b"a\tb\n1.5\t-2\n.5\t1e3\n", '"a" REAL, "b" REAL', [[1.5, -2.0], [0.5, 1000.0]]),
        (b'a,b\n"x, y","line\nbreak"\n', '"a" TEXT, "b" TEXT', [["x, y", "line\nbreak"]]),
        (b"a,a,,b\n1,2,3\n", '"a" INTEGER, "a_2" INTEGER, "column_3" INTEGER, "b" TEXT',
         [[1, 2, 3, None]]),
        (b"a\n007\nx7\n", '"a" TEXT', [["007"], ["x7"]]),
        ("navn,by\nÅse,Bodø\n".encode("cp1252"), '"navn" TEXT, "by" TEXT', [["Åse", "Bodø"]]),
        (b"a,b\n", '"a" TEXT, "b" TEXT', []),
    ],
)  # fmt: skip
def test_a_csv_file_is_a_table(
    data: bytes, columns: str, values: list[Any], tmp_path: Path
) -> None:
    """Whatever its separator, its encoding, and its gaps."""
    (tmp_path / "data.csv").write_bytes(data)

    assert lists(tmp_path).partition(": ")[2] == columns
    (table,) = structured(tables(tmp_path)[0]())["tables"]
    assert ", ".join(f'"{each["name"]}" {each["type"]}' for each in table["columns"]) == columns
    assert (table["source"], table["rows"]) == ("data.csv", len(values))
    assert rows(tmp_path, "SELECT * FROM data") == values


def test_tables_of_one_name_get_different_ones(tmp_path: Path) -> None:
    """Over folders, and over sheets."""
    (tmp_path / "more").mkdir()
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "more" / "A.csv").write_text("x\n2\n")
    book = openpyxl.Workbook()
    book.create_sheet("second").append(["x"])
    book.save(tmp_path / "book.xlsx")

    listed = lists(tmp_path)

    assert '"a" (a.csv' in listed
    assert '"A_2" (more/A.csv' in listed
    assert "[not readable: book.xlsx: empty]" in listed
    assert rows(tmp_path, 'SELECT a.x, b.x FROM a, "A_2" AS b') == [[1, 2]]


def test_tables_are_listed_page_by_page(tmp_path: Path) -> None:
    """With the place to go on from."""
    for number in range(61):
        (tmp_path / f"t{number:02}.csv").write_text("i\n1\n")
    list_tables = tables(tmp_path)[0]

    assert list_tables().text.endswith("[cut; go on with offset=60 of 61]")
    assert structured(list_tables())["next_offset"] == 60
    (last,) = structured(list_tables(60))["tables"]
    assert last["name"] == "t60"
    assert structured(list_tables(60))["next_offset"] is None


def test_rows_are_returned_page_by_page(tmp_path: Path) -> None:
    """An error of the statement is SQLite's own."""
    (tmp_path / "n.csv").write_text("i\n" + "".join(f"{i}\n" for i in range(100)))
    query = tables(tmp_path)[1]

    assert query("SELECT i FROM n", 2, 10).next_offset == 12
    assert rows(tmp_path, "SELECT i FROM n", 2, 10) == [[10], [11]]
    with pytest.raises(ToolError, match="no such column: j"):
        query("SELECT j FROM n")


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM n", "ATTACH 'x.db' AS x", "VACUUM INTO 'x.db'", "PRAGMA user_version"],
)
def test_a_query_only_reads(statement: str, tmp_path: Path) -> None:
    """And reaches no file."""
    (tmp_path / "n.csv").write_text("i\n1\n")

    with pytest.raises(ToolError):
        rows(tmp_path, statement)

    assert [path.name for path in tmp_path.iterdir()] == ["n.csv"]


def test_what_cannot_be_read_is_listed_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive that unpacks to too much is not unpacked; links are not followed."""
    monkeypatch.setattr(table_files, "_MAX_UNPACKED_BYTES", 1_000)
    monkeypatch.setattr(table_files, "_MAX_FILE_BYTES", 3_000)
    monkeypatch.setattr(table_files, "_MAX_ROWS", 5)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 100_000)
    outside = tmp_path / "outside.csv"
    outside.write_text("secret\n1\n")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link.csv").symlink_to(outside)
    (root / "bomb.xlsx").write_bytes(packed.getvalue())
    (root / "broken.xlsx").write_bytes(b"no archive")
    (root / "large.csv").write_text("a\n" + "1\n" * 3_000)
    (root / "long.csv").write_text("a\n" + "1\n" * 7)
    (root / "empty.csv").write_text("")

    listed = lists(root)

    assert "bomb.xlsx: too large when it is unpacked" in listed
    assert "broken.xlsx: no Excel file" in listed
    assert "large.csv: too large" in listed
    assert "long.csv: more than 5 rows" in listed
    assert "empty.csv: empty" in listed
    assert "link" not in listed
    assert lists(tmp_path / "root" / "..").count("secret") == 1


def test_without_openpyxl_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other files are still read."""
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.xlsx").write_bytes(b"x")
    monkeypatch.setattr(table_files, "find_spec", lambda _: None)

    listed = lists(tmp_path)

    assert '"a" (a.csv' in listed
    assert "mixtral-agentkit[tools-excel]" in listed
