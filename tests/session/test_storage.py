"""Stored conversations under load and failure: many messages, processes, a full disk, a restart."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from agentkit import Agent, AssistantMessage, UserMessage
from agentkit.session import Sessions, open_sessions
from agentkit.store.base import StoreError
from agentkit.store.open_store import open_store
from agentkit.testing import ScriptedModel
from tests.postgres_server import PostgresServer

MESSAGES = 10_000
LIMIT_SECONDS = 300

WRITER = """
import sys, anyio
from agentkit import UserMessage
from agentkit.session import SessionConflictError, open_sessions

async def main(url, session_id, name):
    conflicts = 0
    async with open_sessions(url) as sessions:
        chat = await sessions.get(session_id)
        for number in range(15):
            while True:
                try:
                    await chat.append([UserMessage(f"{name} {number}")])
                except SessionConflictError as error:
                    conflicts += 1
                    await chat.refresh()
                else:
                    break

anyio.run(main, *sys.argv[1:])
"""


async def test_a_conversation_of_ten_thousand_messages_is_a_conversation(
    database_url: str,
) -> None:
    """It goes on, is edited at its middle, is forked and exported; nothing recurses."""
    kinds = (UserMessage, AssistantMessage)
    async with open_sessions(database_url) as sessions:
        chat = await sessions.create()
        await chat.append([kinds[n % 2](f"message{n} שלום") for n in range(MESSAGES)])

        again = await sessions.get(chat.id)
        entries = await again.entries()
        await again.run(Agent(ScriptedModel("end")), "begin")
        fork = await again.fork(entries[5000].id)
        await again.edit(entries[8000].id, "other")
        copied = await sessions.import_json(await again.export_json())

        assert [entry.depth for entry in entries] == list(range(MESSAGES))
        assert len(await again.entries()) == 8001
        assert len(await fork.entries()) == 5001
        assert len(await again.tree()) == MESSAGES + 3
        assert await copied.history() == await again.history()
        assert [hit.entry_id for hit in await sessions.search("message7777")][1:] == [
            entries[7777].id
        ]


async def test_processes_write_to_one_conversation(
    database_url: str, python: list[str], tmp_path: Path
) -> None:
    """Each turn of each is stored once, in an order that all agree on."""
    path = tmp_path / "writer.py"
    path.write_text(WRITER)
    async with open_sessions(database_url) as sessions:
        chat = await sessions.create()
        programs = [
            subprocess.Popen(  # noqa: ASYNC220, S603 - our own program; they run at once
                [*python, str(path), database_url, chat.id, name],
                stderr=subprocess.PIPE,
                text=True,
            )
            for name in ("a", "b", "c")
        ]
        for program in programs:
            _, errors = await anyio.to_thread.run_sync(program.communicate, None, LIMIT_SECONDS)
            assert program.returncode == 0, errors
        await chat.refresh()
        texts = [message.text for message in await chat.history()]

    assert chat.version == 45
    for name in ("a", "b", "c"):
        assert [text for text in texts if text.startswith(name)] == [
            f"{name} {number}" for number in range(15)
        ]


async def test_a_turn_on_a_full_disk_is_an_error_and_can_be_stored_later(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The conversation is as it was, and the caller has the turn."""
    monkeypatch.setattr("agentkit.session.session.RETRY_SECONDS", (0,))
    async with open_store(sqlite_url) as store:
        sessions = Sessions(store)
        chat = await sessions.create()
        await chat.run(Agent(ScriptedModel("Hi!")), "Hello")
        await store.transaction(lambda transaction: transaction.run("PRAGMA max_page_count = 1"))

        with pytest.raises(StoreError, match="Make room") as caught:
            async with chat.stream(Agent(ScriptedModel("x" * 100_000)), "Go on") as run:
                async for _ in run:
                    pass

        assert caught.value.retryable
        assert len(run.history) == 4
        again = await sessions.get(chat.id)
        assert [message.text for message in await again.history()] == ["Hello", "Hi!"]
        await store.transaction(
            lambda transaction: transaction.run("PRAGMA max_page_count = 1000000")
        )
        await chat.append(run.history[2:])
        assert await (await sessions.get(chat.id)).history() == run.history


async def test_a_turn_outlives_a_restart_of_the_server(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """The database is away when the turn ends, and comes back."""
    async with open_sessions(postgres_url) as sessions:
        chat = await sessions.create()

        async def start() -> None:
            await anyio.sleep(0.3)
            await anyio.to_thread.run_sync(postgres_server.start)

        async with (
            anyio.create_task_group() as tasks,
            chat.stream(Agent(ScriptedModel("Hi!")), "Hello") as run,
        ):
            async for _ in run:
                pass
            postgres_server.stop()
            tasks.start_soon(start)

        again = await sessions.get(chat.id)
        assert await again.history() == run.history
        assert again.version == 1


async def test_a_process_that_is_killed_leaves_complete_turns(tmp_path: Path) -> None:
    """A turn is stored completely or not at all."""
    path = tmp_path / "chats.db"
    url = f"sqlite:{path}"
    async with open_sessions(url) as sessions:
        chat = await sessions.create()
    program = WRITER.replace("range(15)", "range(100_000)").replace(
        'UserMessage(f"{name} {number}")', 'UserMessage("one"), UserMessage("two")'
    )
    await anyio.to_thread.run_sync(_kill_amid_turns, [sys.executable, "-c", program, url, chat.id])

    async with open_sessions(url) as sessions:
        again = await sessions.get(chat.id)
        texts = [message.text for message in await again.history()]

    assert len(texts) == 2 * again.version == _count(path)
    assert texts == ["one", "two"] * again.version


def _kill_amid_turns(command: list[str]) -> None:
    """Run a program that writes turns, and kill it after some."""
    path = Path(command[-2].removeprefix("sqlite:"))
    end = time.monotonic() + LIMIT_SECONDS
    with subprocess.Popen([*command, "a"]) as process:  # noqa: S603 - our own program
        while _count(path) < 20 and time.monotonic() < end:
            time.sleep(0.01)
        process.kill()


def _count(path: Path) -> int:
    connection = sqlite3.connect(path)
    [[count]] = connection.execute("SELECT count(*) FROM ak_entries")
    connection.close()
    return int(count)
