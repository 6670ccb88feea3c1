"""The tables, and how they become those of this version."""

import subprocess
from pathlib import Path

import anyio
import pytest

from agentkit.store.base import SchemaError, Store
from agentkit.store.migrate import check_schema, migrate, migrations
from agentkit.store.open_store import connect_store, open_store

PROGRAM = """
import sys, anyio
from agentkit.store.open_store import open_store

async def main():
    for _ in range(3):
        async with open_store(sys.argv[1]) as store:
            await store.run(
                "INSERT INTO ak_conversations VALUES (?, '', '', '', NULL, 0, NULL, 0, 0, NULL)",
                (f"{sys.argv[2]}-{_}",),
            )

anyio.run(main)
"""


def test_both_databases_have_the_same_migrations() -> None:
    """By number and name, without a gap."""
    names = [
        [(one.version, one.name) for one in migrations(kind)] for kind in ("sqlite", "postgresql")
    ]

    assert names[0] == names[1]
    assert [version for version, _ in names[0]] == list(range(1, len(names[0]) + 1))


async def test_a_new_database_gets_all_tables_once(database_url: str) -> None:
    """Applied again, nothing is done."""
    async with connect_store(database_url) as store:
        before = await check_schema(store)
        applied = await migrate(store)
        again = await migrate(store)
        after = await check_schema(store)

    assert (before.state, after.state) == ("older", "current")
    assert [one.version for one in applied] == list(range(1, after.known + 1))
    assert again == ()


async def _columns(store: Store) -> set[tuple[str, str]]:
    if store.kind == "sqlite":
        rows = await store.run(
            "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c "
            "WHERE m.name LIKE 'ak\\_%' ESCAPE '\\' AND m.name NOT LIKE '%search%' "
            "AND m.type = 'table'"
        )
    else:
        rows = await store.run(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND column_name <> 'search'"
        )
    return {(table, column) for table, column in rows}


async def test_both_databases_have_the_same_tables(sqlite_url: str, postgres_url: str) -> None:
    """But for the index of words."""
    async with open_store(sqlite_url) as one, open_store(postgres_url) as other:
        assert await _columns(one) == await _columns(other)


async def test_a_newer_schema_is_an_error_that_names_both_versions(database_url: str) -> None:
    """A program must not write into tables that it does not know."""
    known = migrations("sqlite")[-1].version
    async with open_store(database_url) as store:
        await store.run("INSERT INTO ak_schema (version, name, applied_at) VALUES (99, 'x', 0)")

    for may_migrate in (True, False):
        with pytest.raises(SchemaError, match=rf"version 99; .* up to {known}\. Update agentkit"):
            async with open_store(database_url, migrate=may_migrate):
                pass


async def test_an_older_schema_is_an_error_if_it_may_not_be_updated(database_url: str) -> None:
    """It names the command."""
    with pytest.raises(SchemaError, match=r"version 0, .* Run 'agentkit db migrate'"):
        async with open_store(database_url, migrate=False):
            pass


async def test_a_migration_that_fails_leaves_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a table nor a version."""
    kind = "sqlite" if database_url.startswith("sqlite") else "postgresql"
    first, *rest = migrations(kind)
    broken = type(first)(version=2, name="broken", statements=("CREATE TABLE x (y BIGINT)", "NO"))
    with monkeypatch.context() as patch:
        patch.setattr("agentkit.store.migrate.migrations", lambda _: (first, broken, *rest))
        async with connect_store(database_url) as store:
            with pytest.raises(Exception, match="syntax error"):
                await migrate(store)

    async with open_store(database_url) as store:
        assert (await check_schema(store)).state == "current"


@pytest.mark.untraced
async def test_programs_that_start_at_once_migrate_once(
    database_url: str, python: list[str], tmp_path: Path
) -> None:
    """Each then writes."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    programs = [
        subprocess.Popen(  # noqa: ASYNC220, S603 - our own program; they start at once
            [*python, str(path), database_url, str(number)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(5)
    ]
    for program in programs:
        _, errors = await anyio.to_thread.run_sync(program.communicate)
        assert program.returncode == 0, errors

    async with open_store(database_url) as store:
        assert await store.run("SELECT count(*) FROM ak_conversations") == [(15,)]
        rows = await store.run("SELECT version FROM ak_schema ORDER BY version")

    assert [version for (version,) in rows] == [one.version for one in migrations("sqlite")]
