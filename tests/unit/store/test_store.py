"""Stores, beyond the contract: what goes wrong, and what is left behind."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from agentkit.errors import ConfigError
from agentkit.store.base import Store, StoreError, StoreUnavailableError, Transaction
from agentkit.store.open_store import connect_store, open_store
from agentkit.store.timed_store import (
    StatementTime,
    TimedStore,
    add_statement_observer,
    remove_statement_observer,
)
from tests.postgres_server import PostgresServer

SLOW = (
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers "
    "WHERE n < 1000000000) SELECT count(*) FROM numbers"
)


async def add_rows(store: Store, count: int) -> None:
    """Create a table of numbers."""
    await store.run("CREATE TABLE numbers (n BIGINT PRIMARY KEY)")
    for n in range(count):
        await store.run("INSERT INTO numbers (n) VALUES (?)", (n,))


def modes_in(folder: Path) -> dict[str, int]:
    """Return the permissions of the files in a folder."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_a_cancelled_reader_leaves_the_others_alone(database_url: str) -> None:
    """More readers than connections; half of them go away in the middle of a statement."""
    counted: list[int] = []

    async def read(store: Store) -> None:
        [[count]] = await store.run("SELECT count(*) FROM numbers")
        counted.append(count)

    async def leave(store: Store) -> None:
        with anyio.move_on_after(0.1):
            await store.run(SLOW)

    async with connect_store(database_url) as store:
        await add_rows(store, 5)
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for _ in range(15):
                    tasks.start_soon(leave, store)
                    tasks.start_soon(read, store)

    assert counted == [5] * 15


async def test_what_work_raises_leaves_the_store_usable(database_url: str) -> None:
    """Also after a statement failed and after the work returned without a look at it."""

    def go_on_after_an_error(transaction: Transaction) -> None:
        transaction.run("INSERT INTO numbers (n) VALUES (7)")
        with pytest.raises(StoreError):
            transaction.run("INSERT INTO numbers (n) VALUES (1)")
        raise KeyError(7)

    async with connect_store(database_url) as store:
        await add_rows(store, 2)

        with pytest.raises(KeyError):
            await store.transaction(go_on_after_an_error)

        assert await store.run("SELECT n FROM numbers ORDER BY n") == [(0,), (1,)]


async def test_an_error_shows_no_value(database_url: str) -> None:
    """Drivers quote the row that they refuse."""
    async with connect_store(database_url) as store:
        await store.run("CREATE TABLE notes (text VARCHAR(40) PRIMARY KEY)")
        await store.run("INSERT INTO notes (text) VALUES (?)", ("my secret",))

        with pytest.raises(StoreError) as caught:
            await store.run("INSERT INTO notes (text) VALUES (?)", ("my secret",))

    assert "unique" in str(caught.value).lower()
    assert "my secret" not in str(caught.value)
    assert not caught.value.retryable


async def test_a_store_that_is_closed_refuses_its_use(database_url: str) -> None:
    """In place of opening another connection."""
    async with connect_store(database_url) as store:
        pass

    with pytest.raises(StoreError, match="closed"):
        await store.run("SELECT 1")


async def test_errors_of_the_body_are_raised_as_they_are(database_url: str) -> None:
    """Not in an exception group."""
    with pytest.raises(KeyError):
        async with connect_store(database_url):
            raise KeyError(1)


async def test_a_new_file_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    """It holds what people wrote; so does its log."""
    previous = os.umask(0o000)
    try:
        async with open_store(f"sqlite:{tmp_path / 'chats.db'}") as store:
            await store.run("UPDATE ak_conversations SET title = ''")
            modes = modes_in(tmp_path)
    finally:
        os.umask(previous)

    assert modes == {"chats.db": 0o600, "chats.db-wal": 0o600, "chats.db-shm": 0o600}


async def test_a_file_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    """Its owner may have shared it."""
    path = tmp_path / "chats.db"
    path.touch(0o644)
    path.chmod(0o644)

    async with open_store(f"sqlite:{path}"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("name", "error", "reason"),
    [
        ("missing/chats.db", ConfigError, "folder .* does not exist"),
        (".", ConfigError, "cannot be opened: Is a directory"),
        ("text.txt", StoreError, "is not a database"),
    ],
)
async def test_a_path_that_cannot_be_a_database_is_refused(
    tmp_path: Path, name: str, error: type[Exception], reason: str
) -> None:
    """By name, and what was there is not touched."""
    text = tmp_path / "text.txt"
    text.write_text("My shopping list. " * 100)

    with pytest.raises(error, match=reason):
        async with open_store(f"sqlite:{tmp_path / name}"):
            pass

    assert text.read_text() == "My shopping list. " * 100


async def test_a_full_disk_is_an_error_and_nothing_is_lost(sqlite_url: str) -> None:
    """The transaction is undone; there is room again after a deletion."""

    def fill(transaction: Transaction) -> None:
        for n in range(1000):
            transaction.run("INSERT INTO notes (n, text) VALUES (?, ?)", (n, "x" * 1000))

    async with connect_store(sqlite_url) as store:
        await store.run("CREATE TABLE notes (n BIGINT PRIMARY KEY, text TEXT)")
        await store.run("INSERT INTO notes (n, text) VALUES (-1, 'kept')")
        await store.transaction(lambda transaction: transaction.run("PRAGMA max_page_count = 50"))

        with pytest.raises(StoreError, match="the disk or the file's limit") as caught:
            await store.transaction(fill)

        assert caught.value.retryable
        assert await store.run("SELECT n, text FROM notes") == [(-1, "kept")]
        await store.run("UPDATE notes SET text = 'changed'")
        assert await store.run("SELECT n, text FROM notes") == [(-1, "changed")]


async def test_a_file_that_another_program_holds_too_long_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retryable error, after a wait."""
    monkeypatch.setattr("agentkit.store.sqlite.BUSY_SECONDS", 0.2)
    path = tmp_path / "test.db"
    async with connect_store(f"sqlite:{path}") as store:
        await add_rows(store, 1)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreUnavailableError, match="Another program") as caught:
            await store.run("INSERT INTO numbers (n) VALUES (5)")
        assert await store.run("SELECT n FROM numbers") == [(0,)]
        other.execute("ROLLBACK")
        other.close()
        await store.run("INSERT INTO numbers (n) VALUES (5)")

    assert caught.value.retryable


async def test_a_server_that_was_started_again_is_used_again(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """Idle connections notice; in between, the error is retryable; listeners are woken."""
    async with connect_store(postgres_url) as store:
        await add_rows(store, 2)
        async with store.listen("topic") as subscription:
            postgres_server.stop()
            try:
                with pytest.raises(StoreUnavailableError, match="cannot be reached") as caught:
                    await store.run("SELECT n FROM numbers")
            finally:
                postgres_server.start()

            assert await store.run("SELECT count(*) FROM numbers") == [(2,)]
            with anyio.fail_after(60):
                await subscription.wait()
                await store.transaction(lambda transaction: transaction.notify("topic"))
                await subscription.wait()

    assert caught.value.retryable
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "error", "reason"),
    [
        ("postgresql://ann:secret@127.0.0.1:1/x", StoreUnavailableError, "refused"),
        ("postgresql://ann:secret/x@127.0.0.1/y", StoreUnavailableError, "cannot be reached"),
        ("postgresql://ann:se%cret@127.0.0.1/y", ConfigError, "percent|%XX"),
        ("postgresql:///x?nonsense=secret", ConfigError, "no address"),
    ],
)
async def test_a_server_that_cannot_be_reached_is_named_without_the_password(
    url: str, error: type[Exception], reason: str
) -> None:
    """Whatever libpq quotes."""
    with pytest.raises(error, match=reason) as caught:
        async with open_store(url):
            pass

    assert "secret" not in str(caught.value).replace("nonsense=secret", "")


async def test_a_database_that_does_not_exist_is_named(postgres_server: PostgresServer) -> None:
    """In the server's own text."""
    with pytest.raises(StoreUnavailableError, match='database "absent" does not exist'):
        async with open_store(postgres_server.url("absent")):
            pass


async def test_a_database_of_another_encoding_is_refused(postgres_server: PostgresServer) -> None:
    """It could not keep what people write."""
    async with connect_store(postgres_server.url()) as store:
        if not await store.run("SELECT 1 FROM pg_database WHERE datname = 'latin'"):
            await store.run("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")

    with pytest.raises(ConfigError, match="keeps text as LATIN1"):
        async with open_store(postgres_server.url("latin")):
            pass


def test_nothing_of_a_database_is_loaded_with_agentkit() -> None:
    """Neither a driver nor the store."""
    code = (
        "import sys, agentkit; "
        "print([n for n in ('sqlite3', 'psycopg', 'agentkit.store') if n in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - constant arguments
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


async def test_uses_are_reported_to_observers(sqlite_url: str) -> None:
    """Of databases that are opened while there is one, with the table and the outcome."""
    times: list[StatementTime] = []
    add_statement_observer(times.append)
    try:
        async with connect_store(sqlite_url) as plain, open_store(sqlite_url) as store:
            assert not isinstance(plain, TimedStore)
            times.clear()
            await store.run("SELECT count(*) FROM ak_effects")
            await store.transaction(lambda one: one.run("UPDATE ak_runs SET life = 1"))
            with pytest.raises(StoreError):
                await store.run("SELECT nothing")
    finally:
        remove_statement_observer(times.append)

    assert [(one.kind, one.table, one.is_failed) for one in times] == [
        ("sqlite", "effects", False),
        ("sqlite", "transaction", False),
        ("sqlite", "other", True),
    ]
    assert all(0 < one.seconds < 60 for one in times)
