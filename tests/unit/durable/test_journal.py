"""Journals: what is remembered, and what an interruption leaves."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from agentkit.durable.journal import FileJournal, MemoryJournal
from agentkit.errors import JournalError
from agentkit.message import ToolResult
from agentkit.testing import check_journal

RESULT = ToolResult(call_id="1", structured_content={"x": [1, None, "é\n"]})


class _World:
    """Counts what is done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def act(self) -> ToolResult:
        self.done.append("act")
        return RESULT

    async def decide(self) -> ToolResult:
        self.done.append("decide")
        return ToolResult("1", "not known")


def _codec() -> TypeAdapter[ToolResult]:
    return TypeAdapter(ToolResult)


@pytest.fixture(params=["memory", "file"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], MemoryJournal]:
    """Return what opens the journal of one run, as a process would that goes on with it."""
    memory = MemoryJournal()
    if request.param == "memory":
        return lambda: memory
    return lambda: FileJournal(tmp_path / "run.jsonl")


async def test_a_journal_keeps_its_contract(reopen: Callable[[], MemoryJournal]) -> None:
    """In memory and in a file."""
    await check_journal(reopen)


async def do(journal: MemoryJournal, world: _World, key: str = "a") -> ToolResult:
    """Do one effect, and let others have the journal."""
    value = await journal.do(key, world.act, codec=_codec, unknown=world.decide)
    if isinstance(journal, FileJournal):
        journal.release()
    return value


async def test_keys_are_apart(reopen: Callable[[], MemoryJournal]) -> None:
    """Each effect has its own."""
    world = _World()

    for key in ("a", "b", "a"):
        await do(reopen(), world, key)

    assert world.done == ["act", "act"]
    assert reopen().names == ("a", "b")


@pytest.mark.parametrize("cut", range(1, 60, 7))
async def test_a_line_that_was_not_finished_is_cut_off(tmp_path: Path, cut: int) -> None:
    """The process may have died while writing it; the effect counts as begun."""
    path, world = tmp_path / "run.jsonl", _World()
    await do(FileJournal(path), world)
    path.write_bytes(path.read_bytes()[:-cut])

    value = await do(FileJournal(path), world)

    assert value.text == "not known"
    assert world.done == ["act", "decide"]
    assert FileJournal(path).names == ("a",)


async def test_an_empty_file_is_a_new_journal(tmp_path: Path) -> None:
    """A process may die before its first line."""
    path, world = tmp_path / "run.jsonl", _World()
    path.write_bytes(b"")

    await do(FileJournal(path), world)

    assert FileJournal(path).names == ("a",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("hello\n", "Line 1 .* damaged"),
        ('{"journal": "99"}\n', "not a journal of version"),
        ('{"begun": "a"}\n', "not a journal of version"),
        ('{"journal": "3"}\n{"x": 1}\n', "Line 2 .* not an entry"),
        ('{"journal": "3"}\n[]\n', "Line 2 .* not an entry"),
        ('{"journal": "3"}\n{"done": "a"}\n', "Line 2 .* not an entry"),
    ],
)
def test_a_file_that_is_not_a_journal_is_refused_and_left_alone(
    tmp_path: Path, content: str, reason: str
) -> None:
    """Nothing is written over someone's file."""
    path = tmp_path / "run.jsonl"
    path.write_text(content)

    with pytest.raises(JournalError, match=reason):
        FileJournal(path)

    assert path.read_text() == content


def test_a_file_in_use_is_refused_by_name(tmp_path: Path) -> None:
    """Two that work with one file would both do the work."""
    path = tmp_path / "run.jsonl"
    first = FileJournal(path)

    with pytest.raises(JournalError, match=f"'{path}' is in use"):
        FileJournal(path)

    first.release()
    FileJournal(path).release()


async def test_a_released_journal_takes_its_file_again(tmp_path: Path) -> None:
    """And knows what another one did in the meantime."""
    path, world = tmp_path / "run.jsonl", _World()
    first = FileJournal(path)
    first.release()
    await do(FileJournal(path), world)

    assert await first.do("a", world.act, codec=_codec, unknown=world.decide) == RESULT

    assert world.done == ["act"]
    with pytest.raises(JournalError, match="is in use"):
        FileJournal(path)


@pytest.mark.parametrize("name", ["no/folder.jsonl", "."], ids=["no folder", "a folder"])
def test_a_file_that_cannot_be_opened_is_an_error_of_the_journal(tmp_path: Path, name: str) -> None:
    """With its name, and without a foreign exception."""
    with pytest.raises(JournalError, match="cannot be opened"):
        FileJournal(tmp_path / name)


async def test_a_value_that_no_longer_reads_is_an_error_that_names_its_key() -> None:
    """The code changed between two lives; the effect is not silently done again."""
    journal, world = MemoryJournal(), _World()
    await do(journal, world)
    journal._values["a"] = '{"other": 1}'

    with pytest.raises(JournalError, match="remembers of 'a' cannot be read"):
        await do(journal, world)


async def test_a_failed_write_cuts_the_file_back_and_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk was full for a moment: no later entry follows a torn line."""
    path, world = tmp_path / "run.jsonl", _World()
    journal = FileJournal(path)
    await journal.do("a", world.act, codec=_codec)
    before = path.read_bytes()
    real = os.pwrite

    def tear(handle: int, data: bytes, at: int) -> int:
        real(handle, data[:5], at)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", tear)
    with pytest.raises(JournalError, match="No space left on device"):
        await journal.do("b", world.act, codec=_codec)
    assert path.read_bytes() == before
    monkeypatch.setattr(os, "pwrite", real)

    await journal.do("b", world.act, codec=_codec)

    journal.release()
    assert FileJournal(path).names == ("a", "b")


async def test_a_torn_entry_that_stays_ends_the_use_of_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written behind it."""
    journal, world = FileJournal(tmp_path / "run.jsonl"), _World()

    def fail(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pwrite", fail)
    monkeypatch.setattr(os, "ftruncate", fail)
    with pytest.raises(JournalError, match="Input/output error"):
        await journal.do("a", world.act, codec=_codec)
    monkeypatch.undo()

    with pytest.raises(JournalError, match="a torn entry could not be removed"):
        await journal.do("b", world.act, codec=_codec)
