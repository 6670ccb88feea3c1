"""The SQL tools read what the database lets them, and change nothing without approval."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import agentkit_tools.sql as family
from agentkit import ConfigError, Tool, ToolError
from agentkit.errors import MissingExtraError
from agentkit_tools import load_tools
from agentkit_tools.sql import QueryLimits, sql
from agentkit_tools.sql.database import Row, fit_rows
from tests.postgres_server import PostgresServer

TABLES = (
    "CREATE TABLE cities (name TEXT NOT NULL, people INTEGER)",
    "CREATE VIEW large AS SELECT name FROM cities WHERE people > 1000",
    "INSERT INTO cities VALUES ('Oslo', 717710), ('Moss', 50), ('Bodø', 5000)",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Build a database file next to another."""
    path = tmp_path / "data.db"
    with sqlite3.connect(path) as connection:
        for statement in TABLES:
            connection.execute(statement)
    connection.close()
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE secrets AS SELECT 'the secret' AS text")
    other.commit()
    other.close()
    return path


@pytest.fixture(scope="module")
def reader_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Return the address of a database as a role without privileges sees it."""
    admin = postgres_server.url()
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE DATABASE sql_tools")
        connection.execute("CREATE ROLE reader LOGIN")
    made = postgres_server.url("sql_tools")
    with psycopg.connect(made, autocommit=True) as connection:
        for statement in TABLES:
            connection.execute(statement)  # type: ignore[arg-type,unused-ignore]  # constants
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO reader")
    yield made.replace("//postgres:secret@", "//reader:hidden-password@")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("DROP DATABASE sql_tools WITH (FORCE)")
        connection.execute("DROP ROLE reader")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest) -> str:
    """Return the address of a database of each kind, with the same tables."""
    if request.param == "sqlite":
        return f"sqlite:{request.getfixturevalue('file')}"
    url: str = request.getfixturevalue("reader_url")
    return url


def named(address: str, name: str, **options: Any) -> Tool:
    """Return one of the tools."""
    return next(each for each in sql(address, **options) if each.name == name)


def test_the_schema_names_tables_and_columns(address: str) -> None:
    """Of one table, or of all, page by page."""
    schema = named(address, "sql_schema")

    assert "cities" in schema()
    assert "large" in schema()
    assert "people integer" in schema("cities").casefold()
    assert "large" not in schema("cities")
    assert schema("none") == "[no such table]"
    assert schema(None, 10).startswith(schema()[10:30])


def test_rows_are_returned_page_by_page(address: str) -> None:
    """With the names of their columns."""
    query = named(address, "sql_query")

    first = query("SELECT name, people FROM cities ORDER BY people DESC;", 2)
    last = query("SELECT name, people FROM cities ORDER BY people DESC", 2, first.next_offset)

    assert first.columns == ["name", "people"]
    assert first.rows == [["Oslo", 717710], ["Bodø", 5000]]
    assert first.next_offset == 2
    assert last.rows == [["Moss", 50]]
    assert last.next_offset is None


def test_a_plan_is_returned_and_nothing_runs(address: str) -> None:
    """Also of a statement that would change rows."""
    assert "cities" in named(address, "sql_explain")("SELECT * FROM cities WHERE people > 3")
    named(address, "sql_explain")("DELETE FROM cities")

    assert named(address, "sql_query")("SELECT count(*) FROM cities").rows == [[3]]


def test_an_error_is_the_database_s_own(address: str) -> None:
    """The model can act on it."""
    with pytest.raises(ToolError, match="nmae"):
        named(address, "sql_query")("SELECT nmae FROM cities")
    with pytest.raises(ToolError, match="syntax"):
        named(address, "sql_query")("SELECT FROM WHERE")


CHANGES = (
    "DELETE FROM cities",
    "INSERT INTO cities VALUES ('X', 1) RETURNING name",
    "SELECT 1; DELETE FROM cities",
    "CREATE TABLE more (a INTEGER)",
    "CREATE TEMPORARY TABLE more (a INTEGER)",
    "DROP TABLE cities",
    "COMMIT",
    "ROLLBACK",
    "BEGIN",
)
OF_SQLITE = (
    "ATTACH 'other.db' AS other",
    "VACUUM INTO 'copy.db'",
    "VACUUM",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA temp_store_directory = '/tmp'",
    "SELECT load_extension('evil')",
    "SELECT readfile('/etc/passwd')",
    "SELECT writefile('made', 'x')",
    "SELECT * FROM pragma_database_list",
    "SELECT zeroblob(100000000)",
    "CREATE VIRTUAL TABLE t USING csv(filename='/etc/passwd')",
    "REINDEX",
    "ANALYZE",
    "SAVEPOINT a",
)
OF_POSTGRES = (
    "WITH gone AS (DELETE FROM cities RETURNING name) SELECT * FROM gone",
    "SELECT 1; COMMIT; DELETE FROM cities; BEGIN; SELECT 2",
    "COPY cities TO PROGRAM 'cat > /tmp/agentkit-was-here'",
    "COPY cities TO '/tmp/agentkit-was-here'",
    "COPY cities FROM '/etc/passwd'",
    "DO $$ BEGIN DELETE FROM cities; END $$",
    "SET TRANSACTION READ WRITE",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SET default_transaction_read_only = off",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/agentkit-was-here')",
    "SELECT lo_create(0)",
    "SELECT query_to_xml('DELETE FROM cities RETURNING name', true, true, '')",
    "SELECT pg_reload_conf()",
    "SELECT dblink_exec('host=127.0.0.1', 'DELETE FROM cities')",
    "SELECT * INTO more FROM cities",
    "SELECT name FROM cities FOR UPDATE",
    "CREATE EXTENSION dblink",
    "SET ROLE postgres",
    "SELECT set_config('role', 'postgres', false)",
    "LISTEN channel",
    "NOTIFY channel",
    "LOCK TABLE cities",
    "CALL nothing()",
    "EXECUTE nothing",
    "DEALLOCATE ALL",
)


@pytest.mark.parametrize("statement", [*CHANGES, *OF_SQLITE])
def test_a_query_of_sqlite_changes_nothing(statement: str, file: Path) -> None:
    """And reaches no other file."""
    before = {each.name: each.read_bytes() for each in file.parent.iterdir()}

    with pytest.raises(ToolError):
        named(f"sqlite:{file}", "sql_query")(statement)

    assert {each.name: each.read_bytes() for each in file.parent.iterdir()} == before


@pytest.mark.parametrize("statement", [*CHANGES, *OF_POSTGRES])
def test_a_query_of_postgresql_changes_nothing(statement: str, reader_url: str) -> None:
    """And reaches nothing of the server, although the role may change the table."""
    query = named(reader_url, "sql_query")

    with pytest.raises(ToolError) as caught:
        query(statement)

    assert "hidden-password" not in str(caught.value)
    assert query("SELECT count(*) FROM cities").rows == [[3]]
    assert not Path("/tmp/agentkit-was-here").exists()  # noqa: S108 - where the server would write


def test_a_plan_cannot_run_anything(reader_url: str, file: Path) -> None:
    """A plan with ANALYZE would run the statement."""
    with pytest.raises(ToolError):
        named(reader_url, "sql_explain")("SELECT 1; DELETE FROM cities")
    with pytest.raises(ToolError):
        named(reader_url, "sql_explain")("ANALYZE DELETE FROM cities")
    with pytest.raises(ToolError):
        named(f"sqlite:{file}", "sql_explain")("SELECT 1; DELETE FROM cities")
    with pytest.raises(ToolError):
        named(f"sqlite:{file}", "sql_explain")("ATTACH 'other.db' AS other")


def test_a_superuser_is_refused(postgres_server: PostgresServer) -> None:
    """Its functions reach the files of the server from a query."""
    with pytest.raises(ToolError, match="too powerful"):
        named(postgres_server.url(), "sql_query")("SELECT 1")


SLOW = {
    "sqlite": (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    ),
    "postgresql": "SELECT pg_sleep(30)",
}


def test_a_statement_has_a_time_limit(address: str) -> None:
    """The database ends it."""
    query = named(address, "sql_query", limits=QueryLimits(seconds=0.2))
    began = time.monotonic()

    with pytest.raises(ToolError, match=r"longer than 0\.2 s"):
        query(SLOW[address.partition(":")[0]])

    assert time.monotonic() - began < 20


def test_changes_have_a_tool_of_their_own_that_needs_approval(address: str) -> None:
    """It commits."""
    write = named(address, "sql_write", allow_write=True)
    query = named(address, "sql_query", allow_write=True)

    changed = write("UPDATE cities SET people = people + 1 WHERE name = 'Moss'")
    again = write("UPDATE cities SET people = 50 WHERE name = 'Moss'")

    assert (changed.rows_changed, again.rows_changed) == (1, 1)
    assert query("SELECT people FROM cities WHERE name = 'Moss'").rows == [[50]]
    assert write.approval == "ask"
    assert write.annotations.destructive_hint
    assert query.annotations.read_only_hint
    assert "sql_write" not in [each.name for each in sql(address)]
    with pytest.raises(ToolError):
        write("DELETE FROM cities; SELECT 1")


def test_writing_reaches_no_other_file(file: Path) -> None:
    """Nor the settings of the connection."""
    write = named(f"sqlite:{file}", "sql_write", allow_write=True)

    for statement in ("ATTACH 'x.db' AS x", "VACUUM INTO 'x.db'", "PRAGMA journal_mode = OFF"):
        with pytest.raises(ToolError):
            write(statement)

    assert not (file.parent / "x.db").exists()


def test_long_values_and_many_rows_are_cut() -> None:
    """With the offset to go on from; values have a form in JSON."""
    rows: list[Row] = [("x" * 2_000, 2**70, b"abc", float("inf"), None)] * 51

    result = fit_rows(["a", "b", "c", "d", "e"], rows, limit=50, offset=100)

    assert result.rows[0] == ["x" * 1_000, str(2**70), "[3 bytes]", "inf", None]
    assert result.next_offset == 100 + len(result.rows) < 150
    assert result.note == "Values are cut to 1000 characters; read more with substr()."


def test_an_address_may_be_in_a_variable(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a password is not part of a command."""
    monkeypatch.setenv("MY_DATABASE", f"sqlite:{file}")

    assert "cities" in named("MY_DATABASE", "sql_schema")()
    assert load_tools("sql", setting="MY_DATABASE", allow_write=True)[-1].name == "sql_write"
    assert sql("MY_DATABASE", name="cities")[0].name == "cities_schema"


@pytest.mark.parametrize("address", ["OTHER_DATABASE", "mysql://x", "data.db", "sqlite:none.db"])
def test_an_address_that_cannot_be_used_is_an_error(address: str) -> None:
    """Before a model is called."""
    with pytest.raises(ConfigError):
        sql(address)
    with pytest.raises(ConfigError, match="names of tools"):
        sql(address, name="My tools")


def test_a_missing_driver_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the extra."""
    monkeypatch.setattr(family, "find_spec", lambda _: None)

    with pytest.raises(MissingExtraError, match=r"mixtral-agentkit\[postgres\]"):
        sql("postgresql://x")


def test_a_server_that_cannot_be_reached_is_an_error() -> None:
    """The address, which may hold a password, is not part of it."""
    query = named("postgresql://someone:hidden@127.0.0.1:1/x", "sql_query")

    with pytest.raises(ToolError, match="cannot be reached") as caught:
        query("SELECT 1")

    assert "hidden" not in str(caught.value)
