"""The journal in a database: its contract, and the fence by life."""

from collections.abc import AsyncIterator

import anyio
import pytest
from pydantic import TypeAdapter

from agentkit.durable import persistence
from agentkit.durable.persistence import RunLeft
from agentkit.durable.sql_journal import SqlJournal
from agentkit.errors import JournalError, RunLost
from agentkit.store.base import Store
from agentkit.store.open_store import open_store
from agentkit.testing import check_journal
from tests.postgres_server import PostgresServer

INSERT = (
    "INSERT INTO ak_runs (id, tenant, agent, segment, life, status, input, created_at) "
    "VALUES (?, '', 'a', 1, 1, 'running', '', 0)"
)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Return a database with one run, in its first life."""
    async with open_store(database_url) as store:
        await store.run(INSERT, ("run-1",))
        yield store


def _codec() -> TypeAdapter[str]:
    return TypeAdapter(str)


async def _give(value: str) -> str:
    return value


async def _do(journal: SqlJournal, value: str, key: str = "a") -> str:
    """Do an effect that must happen once."""
    return await journal.do(
        key, lambda: _give(value), codec=_codec, unknown=lambda: _give(f"not {value}")
    )


async def test_it_keeps_the_contract(store: Store) -> None:
    """As the journals in memory and in a file do."""
    await check_journal(lambda: SqlJournal(store, "run-1", life=1))


@pytest.mark.parametrize("text", ["", "שלום", "a\0b", "\ud800", "\u2028\n"], ids=ascii)
async def test_any_text_comes_back(store: Store, text: str) -> None:
    """Databases that refuse a character would end the run."""
    await _do(SqlJournal(store, "run-1", life=1), text)

    again = await _do(SqlJournal(store, "run-1", life=1), "other")

    assert again == text.replace("\ud800", "\ufffd")


async def test_a_former_life_writes_nothing(store: Store) -> None:
    """Neither the beginning of an effect nor its end."""
    former = SqlJournal(store, "run-1", life=1)
    await _do(former, "first", "before")

    async def taken_over() -> str:
        await store.run("UPDATE ak_runs SET life = 2")
        return "frozen"

    with pytest.raises(RunLost):
        await former.do("a", taken_over, codec=_codec, unknown=taken_over)
    with pytest.raises(RunLost):
        await _do(former, "late", "b")

    present = SqlJournal(store, "run-1", life=2)
    assert await _do(present, "second") == "not second"
    assert await _do(present, "own", "b") == "own"
    assert await _do(present, "own", "before") == "first"
    with pytest.raises(RunLost):
        await former.do("c", lambda: _give("late"), codec=_codec)


async def test_a_run_that_is_gone_is_lost(store: Store) -> None:
    """Nothing is written for a run that was removed."""
    with pytest.raises(RunLost):
        await _do(SqlJournal(store, "another", life=1), "x")


async def test_takeovers_at_any_moment_leave_one_value(store: Store) -> None:
    """Lives that write at once never both succeed."""
    for round_number in range(20):
        key, won = f"key-{round_number}", list[str]()
        [[life]] = await store.run("SELECT life FROM ak_runs")
        former = SqlJournal(store, "run-1", life=life)
        present = SqlJournal(store, "run-1", life=life + 1)

        async def write(journal: SqlJournal, name: str, key: str, won: list[str]) -> None:
            try:
                won.append(await _do(journal, name, key))
            except RunLost:
                return

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write, former, "former", key, won)
            tasks.start_soon(store.run, "UPDATE ak_runs SET life = life + 1")
        await write(present, "present", key, won)

        final = await _do(SqlJournal(store, "run-1", life=life + 1), "x", key)
        assert won[-1] == final
        assert final in ("former", "present", "not present")
        assert won.count(final) == (2 if final == "former" else 1)


async def test_a_full_disk_is_an_error_of_the_journal(sqlite_url: str) -> None:
    """What was recorded before is still there."""
    async with open_store(sqlite_url) as store:
        await store.run(INSERT, ("run-1",))
        journal = SqlJournal(store, "run-1", life=1)
        await _do(journal, "small", "a")
        await store.transaction(lambda transaction: transaction.run("PRAGMA max_page_count = 1"))

        with pytest.raises(JournalError, match=r"cannot be recorded.*Make room"):
            await _do(journal, "x" * 100_000, "b")

        assert await _do(SqlJournal(store, "run-1", life=1), "other", "a") == "small"


async def test_a_write_waits_for_a_database_that_is_away(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """A restart of the server does not end a run."""
    async with open_store(postgres_url) as store:
        await store.run(INSERT, ("run-1",))
        journal = SqlJournal(store, "run-1", life=1)
        await _do(journal, "before", "a")

        async def start() -> None:
            await anyio.sleep(0.2)
            await anyio.to_thread.run_sync(postgres_server.start)

        async with anyio.create_task_group() as tasks:
            postgres_server.stop()
            tasks.start_soon(start)
            assert await _do(journal, "during", "b") == "during"

        assert await _do(SqlJournal(store, "run-1", life=1), "other", "b") == "during"


async def test_a_run_is_left_if_the_database_stays_away(
    postgres_server: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its next life goes on; `RunLeft` passes through tools as `RunLost` does."""
    monkeypatch.setattr(persistence, "RETRY_LIMIT_SECONDS", 0.1)
    async with open_store(postgres_url) as store:
        await store.run(INSERT, ("run-1",))
        postgres_server.stop()
        try:
            with pytest.raises(RunLeft, match="'run-1' is left for its next life"):
                await _do(SqlJournal(store, "run-1", life=1), "x")
        finally:
            await anyio.to_thread.run_sync(postgres_server.start)
