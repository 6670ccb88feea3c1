"""`agentkit sessions` and `agentkit db`."""

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from agentkit import AssistantMessage, ToolResult, UserMessage
from agentkit.cli.main import main
from agentkit.config.user_files import user_database
from agentkit.errors import ConfigError
from agentkit.session import open_sessions
from agentkit.testing import tool_call

Shell = Callable[..., tuple[int, str, str]]
CALL = tool_call("look_up", order=7)
TALK = (
    UserMessage("Where is my refund\x1b[31m?"),
    AssistantMessage(tool_calls=[CALL]),
    ToolResult(CALL.id, "on its way"),
    AssistantMessage("It is on its way."),
)


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of the user's own database."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("AGENTKIT_DB", raising=False)
    return user_database()


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Return a function that runs a command line."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["agentkit", *words])
        code = main()
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def store_talk(url: str, *, tenant: str = "") -> tuple[str, list[str]]:
    """Store a conversation; return its id and those of its entries."""

    async def work() -> tuple[str, list[str]]:
        async with open_sessions(url) as sessions:
            chat = await sessions.create(agent="support", tenant=tenant)
            return chat.id, [entry.id for entry in await chat.append(TALK)]

    return anyio.run(work)


def test_conversations_are_listed(shell: Shell, url: str) -> None:
    """As a table and as JSON, of one tenant and one agent."""
    name, _ = store_talk(url)
    store_talk(url, tenant="acme")

    code, table, _ = shell("sessions", "list")
    listed = json.loads(shell("sessions", "list", "--json")[1])
    more = shell("sessions", "list", "--tenant", "acme", "--limit", "1")
    none = json.loads(shell("sessions", "list", "--agent", "sales", "--json")[1])

    assert code == 0
    assert name in table
    assert "Where is my refund" in table
    assert "\x1b[31m" not in table
    assert [(one["id"], one["agent"], one["version"]) for one in listed] == [(name, "support", 1)]
    assert name not in more[1]
    assert none == []


def test_a_list_that_was_cut_is_reported(shell: Shell, url: str) -> None:
    """On standard error."""
    for _ in range(2):
        store_talk(url)

    assert "There are more" in shell("sessions", "list", "--limit", "1")[2]
    assert "There are more" not in shell("sessions", "list", "--limit", "2")[2]


def test_a_conversation_is_shown_with_the_ids_of_its_entries(shell: Shell, url: str) -> None:
    """They are what --at takes."""
    name, entries = store_talk(url)

    code, shown, _ = shell("sessions", "show", name)
    exported = json.loads(shell("sessions", "show", name, "--json")[1])

    assert code == 0
    for entry in entries:
        assert f"({entry})\n" in shown
    assert 'look_up({"order": 7})\n' in shown
    assert "It is on its way.\n" in shown
    assert [entry["id"] for entry in exported["entries"]] == entries


def test_messages_are_found(shell: Shell, url: str) -> None:
    """As a table and as JSON."""
    name, entries = store_talk(url)

    table = shell("sessions", "search", "REFUND")
    found = json.loads(shell("sessions", "search", "refun*", "--json")[1])
    other = json.loads(shell("sessions", "search", "refund", "--tenant", "acme", "--json")[1])

    assert table[0] == 0
    assert name in table[1]
    assert [(one["session_id"], one["entry_id"]) for one in found] == [(name, entries[0])]
    assert other == []


@pytest.mark.parametrize(("words", "suffix"), [((), ".json"), (("--format", "markdown"), ".md")])
def test_an_export_can_be_imported(
    shell: Shell, url: str, tmp_path: Path, words: tuple[str, ...], suffix: str
) -> None:
    """The format of a file is that of its name, unless it is given."""
    name, _ = store_talk(url)
    _, text, _ = shell("sessions", "export", name, *words)
    file, other = tmp_path / f"talk{suffix}", tmp_path / "talk"
    file.write_text(text)
    other.write_text(text)

    first = shell("sessions", "import", str(file), "--tenant", "acme")
    second = shell("sessions", "import", str(other), *words)
    wrong = shell("sessions", "import", str(other), *(() if words else ("--format", "markdown")))

    assert (first[0], second[0], wrong[0]) == (0, 0, 1)
    assert "not an exported session" in wrong[2]
    again = shell("sessions", "export", first[1].strip(), *words, "--tenant", "acme")[1]
    if words:
        assert again == text
    assert len(json.loads(shell("sessions", "list", "--json")[1])) == 2


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_not_imported(
    shell: Shell, url: str, tmp_path: Path, content: bytes | None
) -> None:
    """It is missing, or is not UTF-8."""
    file = tmp_path / "talk.json"
    if content is not None:
        file.write_bytes(content)

    code, _, error = shell("sessions", "import", str(file), "--db", url)

    assert code == 2
    assert "cannot be read" in error


def test_a_conversation_is_forked_and_deleted(shell: Shell, url: str) -> None:
    """The fork stays when its origin is removed."""
    name, entries = store_talk(url)

    code, made, _ = shell("sessions", "fork", name, "--at", entries[0])
    deleted = shell("sessions", "delete", name)
    again = shell("sessions", "delete", name)
    kept = shell("db", "gc")
    removed = shell("db", "gc", "--older-than", "0")

    assert (code, deleted[0], again[0]) == (0, 0, 1)
    assert f"no session '{name}'" in again[2]
    assert "0 deleted sessions removed" in kept[2]
    assert "1 deleted session removed" in removed[2]
    shown = shell("sessions", "show", made.strip())[1]
    assert f"user ({entries[0]})" in shown
    assert "on its way" not in shown


def test_the_tables_are_checked_and_migrated(shell: Shell, tmp_path: Path) -> None:
    """A check changes nothing."""
    url = f"sqlite:{tmp_path / 'new.db'}"

    missing = shell("db", "check", "--db", url)
    migrated = shell("db", "migrate", "--db", url)
    again = shell("db", "migrate", "--db", url)
    current = shell("db", "check", "--db", url)

    assert (missing[0], migrated[0], again[0], current[0]) == (1, 0, 0, 0)
    assert "schema version 0" in missing[2]
    assert "agentkit db migrate" in missing[2]
    assert "migrations applied" in migrated[2]
    assert "the tables are current" in again[2]
    assert "nothing to do" in current[2]


def test_tables_of_a_newer_program_are_left_alone(shell: Shell, url: str) -> None:
    """By every command."""
    store_talk(url)

    async def raise_version() -> None:
        async with open_sessions(url) as sessions:
            await sessions._store.run("INSERT INTO ak_schema VALUES (99, 'later', 0)")

    anyio.run(raise_version)

    check = shell("db", "check")
    assert check[0] == 1
    assert "update agentkit" in check[2]
    for words in (("db", "migrate"), ("db", "gc"), ("sessions", "list")):
        code, _, error = shell(*words)
        assert code == 2
        assert "Update agentkit" in error


@pytest.mark.parametrize("db", ["chats.db", "mysql://root:secret@db/x"])
def test_a_wrong_address_is_a_usage_error(shell: Shell, db: str) -> None:
    """Without the password."""
    for words in (("sessions", "list"), ("db", "check")):
        code, _, error = shell(*words, "--db", db)
        assert code == 2
        assert "postgresql://" in error
        assert "secret" not in error


@pytest.mark.parametrize(
    ("variable", "below"),
    [
        ("XDG_DATA_HOME", "agentkit"),
        ("LOCALAPPDATA", "agentkit"),
        ("HOME", ".local/share/agentkit"),
    ],
)
def test_the_users_own_database_is_in_the_folder_for_data(
    tmp_path: Path, variable: str, below: str
) -> None:
    """A folder that only the user may enter; a relative path does not count."""
    environ = {"XDG_DATA_HOME": "relative", variable: str(tmp_path)}

    url = user_database(environ)

    assert url == f"sqlite:{tmp_path / below / 'agentkit.db'}"
    assert stat.S_IMODE((tmp_path / below).stat().st_mode) == 0o700


def test_the_environment_can_name_the_database(tmp_path: Path) -> None:
    """Nothing is created then; without a home, there must be a name."""
    assert user_database({"AGENTKIT_DB": " postgresql://db/x ", "HOME": str(tmp_path)}) == (
        "postgresql://db/x"
    )
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match="set AGENTKIT_DB"):
        user_database({})
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be created"):
        user_database({"XDG_DATA_HOME": str(tmp_path / "file")})
