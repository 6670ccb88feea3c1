"""`run` and `chat` with `--session`, `--continue` and `--no-store`."""

import io
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from agentkit import Agent, AssistantMessage, tool
from agentkit.cli.commands.chat import ChatSession
from agentkit.cli.main import main
from agentkit.cli.session_choice import SessionChoice, open_conversation
from agentkit.config.user_files import user_database
from agentkit.errors import TransportError
from agentkit.session import SessionEntry, open_sessions
from agentkit.testing import ScriptedModel, tool_call
from tests.unit.cli.commands.test_chat import InterruptedModel, lines

Shell = Callable[..., tuple[int, str, str]]
SUM_42, SUM_25 = "6 \u00d7 7 is 42.", "5 \u00d7 5 is 25."
SANDBOX = ("-m", "sandbox:mixtral-8x22b")


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the user an empty folder for data, and return the path of the database in it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("AGENTKIT_DB", raising=False)
    return tmp_path / "data" / "agentkit" / "agentkit.db"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Return a function that runs a command line, with lines on standard input."""

    def run(*words: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["agentkit", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        code = main()
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


async def stored_texts(name: str) -> list[str]:
    """Return the texts of a stored conversation, without results of tools."""
    async with open_sessions(user_database()) as sessions:
        history = await (await sessions.get(name)).history()
    return [message.text for message in history if message.role != "tool" and message.text]


async def stored_names() -> list[str]:
    """Return the names of the stored conversations, last used first."""
    async with open_sessions(user_database()) as sessions:
        return [info.id for info in (await sessions.list()).sessions]


async def stored_tree(name: str) -> list[SessionEntry]:
    """Return all branches of a stored conversation."""
    async with open_sessions(user_database()) as sessions:
        return list(await (await sessions.get(name)).tree())


@asynccontextmanager
async def chat_of(*answers: object, name: str | None = "work") -> AsyncIterator[ChatSession]:
    """Open a chat whose model gives these answers."""
    model = ScriptedModel(*answers)  # type: ignore[arg-type]  # whatever a scripted model takes
    async with open_conversation(SessionChoice(name=name), by_default=True) as stored:
        assert stored is not None
        yield ChatSession(
            agent=Agent(model), banner="scripted", stored=stored, history=await stored.history()
        )


def test_a_question_goes_on_with_a_named_conversation(shell: Shell, database: Path) -> None:
    """The first one begins it, in a file that the user alone can read."""
    assert shell("run", "What is 6 * 7?", "--session", "sums", *SANDBOX)[:2] == (
        0,
        f"{SUM_42}\n",
    )
    code, _, said = shell("run", "What is 5 * 5?", "--session", "sums", *SANDBOX)

    assert code == 0
    assert "The conversation 'sums' goes on: 4 messages." in said
    assert anyio.run(stored_texts, "sums") == [
        "What is 6 * 7?", SUM_42, "What is 5 * 5?", SUM_25,
    ]  # fmt: skip
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


def test_the_newest_conversation_is_continued(shell: Shell) -> None:
    """If there is none yet, one begins."""
    code, _, said = shell("run", "-c", "What is 1 + 1?", *SANDBOX)
    assert (code, "this begins one" in said) == (0, True)
    shell("run", "What is 2 + 2?", "--session", "newest", *SANDBOX)
    assert shell("run", "--continue", "What is 3 + 3?", *SANDBOX)[0] == 0

    assert len(anyio.run(stored_names)) == 2
    assert anyio.run(stored_texts, "newest")[::2] == ["What is 2 + 2?", "What is 3 + 3?"]


def test_a_single_question_does_not_open_the_database(shell: Shell, database: Path) -> None:
    """Unless a conversation is asked for."""
    assert shell("run", "What is 6 * 7?", *SANDBOX)[0] == 0
    assert not database.exists()


def test_a_chat_is_stored_and_goes_on(shell: Shell) -> None:
    """Under its name; without one, under a new id."""
    assert shell("chat", "--session", "sums", *SANDBOX, typed="What is 6 * 7?\n")[0] == 0
    code, out, said = shell("chat", "--session", "sums", *SANDBOX, typed="What is 5 * 5?\n")
    assert (code, out) == (0, f"{SUM_25}\n")
    assert "The conversation 'sums' goes on: 4 messages." in said
    shell("chat", *SANDBOX, typed="What is 1 + 1?\n")

    [other, name] = anyio.run(stored_names)
    assert name == "sums"
    assert anyio.run(stored_texts, name)[::2] == ["What is 6 * 7?", "What is 5 * 5?"]
    assert anyio.run(stored_texts, other)[0] == "What is 1 + 1?"


def test_nothing_is_stored_if_not_wanted(shell: Shell, database: Path) -> None:
    """Neither the conversation nor records."""
    typed = "What is 6 * 7?\n/sessions\n"
    code, _, said = shell("chat", "--no-store", *SANDBOX, typed=typed)

    assert code == 0
    assert "The conversations of this chat are not stored." in said
    assert not database.parent.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    {
        "both": (["-c", "--session", "a"], "Give --session or --continue, not both."),
        "no store": (["-c", "--no-store"], "leave out --session and --continue"),
        "no name": (["--session", " "], "--session needs a name."),
        "no name at all": (["--session", "a\x07b"], "is not a name"),
    }.values(),
)
@pytest.mark.parametrize("command", ["run", "chat"])
def test_what_cannot_be_meant_is_a_usage_error(
    shell: Shell, command: str, words: list[str], said: str
) -> None:
    """The model is not asked."""
    question = ["hi"] if command == "run" else []
    code, out, shown = shell(command, *question, *words, *SANDBOX, typed="hi\n")

    assert (code, out) == (2, "")
    assert said in shown


def test_a_deleted_conversation_is_not_begun_anew(shell: Shell) -> None:
    """Its name is free when it is removed for good."""
    shell("run", "What is 6 * 7?", "--session", "sums", *SANDBOX)
    shell("sessions", "delete", "sums")

    code, _, said = shell("run", "What is 6 * 7?", "--session", "sums", *SANDBOX)

    assert code == 2
    assert "The conversation 'sums' was deleted" in said


@pytest.mark.parametrize("is_locked", [False, True], ids=["no database", "locked"])
def test_a_database_that_cannot_be_used_is_an_error_if_it_is_needed(
    shell: Shell, database: Path, monkeypatch: pytest.MonkeyPatch, *, is_locked: bool
) -> None:
    """A chat that did not ask for one goes on without it."""
    database.parent.mkdir(parents=True)
    if is_locked:
        monkeypatch.setattr("agentkit.store.sqlite.BUSY_SECONDS", 0.1)
        with sqlite3.connect(database) as other:
            other.execute("BEGIN EXCLUSIVE")
            check_unusable(shell)
            other.rollback()
        other.close()
    else:
        database.write_text("This is not a database. " * 100)
        check_unusable(shell)


def check_unusable(shell: Shell) -> None:
    """Check what is done if the database cannot be used."""
    code, out, said = shell("run", "-c", "What is 6 * 7?", *SANDBOX)
    assert (code, out) == (2, "")
    assert "agentkit.db" in said
    code, out, _ = shell("chat", "--session", "sums", *SANDBOX, typed="What is 6 * 7?\n")
    assert (code, out) == (2, "")
    code, out, said = shell("chat", *SANDBOX, typed="What is 6 * 7?\n")
    assert (code, out) == (0, f"{SUM_42}\n")
    assert "The conversation is not stored: " in said


async def test_a_failed_turn_is_stored_and_not_sent_again() -> None:
    """It is a branch; when the conversation is opened again, it goes on after it."""
    failure = TransportError("No way there.", kind="connection")
    async with chat_of("One.", failure, failure, "Two.") as talk:
        await talk.talk(lines("first", "bad", "worse", "second"))
        texts = ["first", "One.", "second", "Two."]
        assert [message.text for message in talk.history] == texts

    assert await stored_texts("work") == texts
    tree = [entry.message.text for entry in await stored_tree("work")]
    assert sorted(tree) == sorted([*texts, "bad", "worse"])

    async with chat_of(failure, name="other") as talk:
        await talk.talk(lines("lost"))
    assert await stored_texts("other") == ["lost"]


async def test_a_stopped_answer_is_stored() -> None:
    """With what was said until then, and the next line goes on after it."""
    model = InterruptedModel()
    async with open_conversation(SessionChoice(name="work"), by_default=True) as stored:
        talk = ChatSession(agent=Agent(model), banner="", stored=stored)
        with anyio.fail_after(60):
            await talk.talk(lines("one", "two", "three"))

    assert await stored_texts("work") == ["one", "Yes.", "two", "I thi", "three", "Yes."]
    assert [message.text for message in talk.history] == await stored_texts("work")


async def test_open_calls_are_denied_so_that_a_conversation_can_go_on() -> None:
    """Those of this chat, and those that a run has left."""

    @tool(approval="ask")
    def pay() -> str:
        """Pay."""
        return "paid"

    model = ScriptedModel(
        AssistantMessage(tool_calls=[tool_call("pay")]),
        AssistantMessage(tool_calls=[tool_call("pay")]),
        "Fine.",
    )
    agent = Agent(model, tools=[pay])
    async with open_conversation(SessionChoice(name="work"), by_default=True) as stored:
        assert stored is not None
        async with stored.stream(agent, "pay") as run:
            await run.finish()
        history = await stored.history()
        assert len(history.open_calls) == 1
        talk = ChatSession(agent=agent, banner="", stored=stored, history=history)
        await talk.talk(lines("pay again", "thanks"))
        assert talk.history == await stored.history()

    waited = "[waited for the approval of a call]"
    assert await stored_texts("work") == ["pay", waited, "pay again", waited, "thanks", "Fine."]


async def test_conversations_are_listed_loaded_and_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By commands of the chat."""
    async with chat_of("Old.", name="old") as talk:
        await talk.talk(lines("An old question"))
    async with chat_of("New.", "Back.", "Newest.", name=None) as talk:
        await talk.talk(
            lines(
                "A new question", "/sessions", "/load", "/load nowhere", "/load old", "Again",
                "/new", "And anew",
            )
        )  # fmt: skip

    shown = capsys.readouterr().err
    assert "UTC  An old question" in shown
    assert "UTC  A new question" in shown
    assert "Name a conversation: /load NAME" in shown
    assert "'nowhere'" in shown
    assert "The conversation 'old' goes on: 2 messages." in shown
    assert await stored_texts("old") == ["An old question", "Old.", "Again", "Back."]
    newest, *_ = names = await stored_names()
    assert len(names) == 3
    assert await stored_texts(newest) == ["And anew", "Newest."]


async def test_two_chats_of_one_conversation(capsys: pytest.CaptureFixture[str]) -> None:
    """The late one is refused once, and then goes on after what the other has stored."""
    async with chat_of("One.", "Three.") as first, chat_of("Two.") as second:
        await first.talk(lines("first"))
        await second.talk(lines("refused", "second"))
        await first.talk(lines("late", "third"))

    assert capsys.readouterr().err.count("was changed by another writer") == 2
    assert await stored_texts("work") == ["first", "One.", "second", "Two.", "third", "Three."]
