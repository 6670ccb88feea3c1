"""Journals: what is remembered, and what an interruption leaves."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from agentkit import Agent, tool
from agentkit.agent.step import Exchange
from agentkit.chat import Repair
from agentkit.durable.journal import FileJournal, JournalError, MemoryJournal
from agentkit.message import ToolResult
from agentkit.testing.scripted import ScriptedModel
from agentkit.usage import NO_USAGE

RESULT = ToolResult(call_id="1", structured_content={"x": [1, None, "é\n"]})


class _World:
    """Counts what is done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def act(self) -> ToolResult:
        self.done.append("act")
        return RESULT

    async def fail(self) -> ToolResult:
        self.done.append("fail")
        raise ConnectionError("gone")

    async def decide(self) -> ToolResult:
        self.done.append("decide")
        return ToolResult.of("1", "not known")


def _codec() -> TypeAdapter[ToolResult]:
    return TypeAdapter(ToolResult)


@pytest.fixture(params=["memory", "file"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], MemoryJournal]:
    """Return what opens the journal of one run, as a process would that goes on with it."""
    memory = MemoryJournal()
    if request.param == "memory":
        return lambda: memory
    return lambda: FileJournal(tmp_path / "run.jsonl")


async def test_what_is_remembered_is_not_done_again(reopen: Callable[[], MemoryJournal]) -> None:
    """The complete value is returned, in this life and in the next."""
    world = _World()

    for _ in range(3):
        value = await reopen().do("a", world.act, codec=_codec, unknown=world.decide)
        assert value == RESULT

    assert world.done == ["act"]
    assert reopen().names == ("a",)


async def test_an_effect_that_was_begun_is_decided_and_not_repeated(
    reopen: Callable[[], MemoryJournal],
) -> None:
    """The decision is recorded as its value."""
    world = _World()
    with pytest.raises(ConnectionError, match="gone"):
        await reopen().do("a", world.fail, codec=_codec, unknown=world.decide)

    values = [await reopen().do("a", world.act, codec=_codec, unknown=world.decide) for _ in "ab"]

    assert [value.text for value in values] == ["not known", "not known"]
    assert world.done == ["fail", "decide"]


async def test_names_are_apart(reopen: Callable[[], MemoryJournal]) -> None:
    """Each effect has its own."""
    world = _World()

    for name in ("a", "b", "a"):
        await reopen().do(name, world.act, codec=_codec, unknown=world.decide)

    assert world.done == ["act", "act"]
    assert reopen().names == ("a", "b")


@pytest.mark.parametrize("cut", range(1, 60, 7))
async def test_a_line_that_was_not_finished_is_cut_off(tmp_path: Path, cut: int) -> None:
    """The process may have died while writing it; the effect counts as begun."""
    path, world = tmp_path / "run.jsonl", _World()
    await FileJournal(path).do("a", world.act, codec=_codec, unknown=world.decide)
    path.write_bytes(path.read_bytes()[:-cut])

    value = await FileJournal(path).do("a", world.act, codec=_codec, unknown=world.decide)

    assert value.text == "not known"
    assert world.done == ["act", "decide"]
    assert FileJournal(path).names == ("a",)


async def test_an_empty_file_is_a_new_journal(tmp_path: Path) -> None:
    """A process may die before its first line."""
    path, world = tmp_path / "run.jsonl", _World()
    path.write_bytes(b"")

    await FileJournal(path).do("a", world.act, codec=_codec, unknown=world.decide)

    assert FileJournal(path).names == ("a",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("hello\n", "Line 1 .* damaged"),
        ('{"journal": "99"}\n', "not a journal of version"),
        ('{"begun": "a"}\n', "not a journal of version"),
        ('{"journal": "1"}\n{"x": 1}\n', "Line 2 .* no entry"),
        ('{"journal": "1"}\n[]\n', "Line 2 .* no entry"),
        ('{"journal": "1"}\n{"done": "a"}\n', "Line 2 .* no entry"),
    ],
)
def test_a_file_that_is_not_a_journal_is_rejected_and_unchanged(
    tmp_path: Path, content: str, reason: str
) -> None:
    """Nothing is written over someone's file."""
    path = tmp_path / "run.jsonl"
    path.write_text(content)

    with pytest.raises(JournalError, match=reason):
        FileJournal(path)

    assert path.read_text() == content


async def test_a_journal_of_version_1_still_reads(tmp_path: Path) -> None:
    """Its exchanges had other field names; no effect runs again, and user data is not renamed."""
    path = tmp_path / "run.jsonl"
    shutil.copy(Path(__file__).with_name("journal_version_1.jsonl"), path)

    @tool
    def pay(amount: int) -> None:
        """Pay."""
        raise AssertionError(amount)

    result = await Agent(ScriptedModel(), tools=[pay]).run(
        "Pay.", journal=FileJournal(path), run_id="r1"
    )

    assert result.output == "Done."
    assert [one.provider for one in result.answered] == ["h", "h"]
    assert result.history[2] == ToolResult(
        call_id="call00001",
        content=ToolResult.of("", '{"host": "kept", "rung": 1}').content,
        structured_content={"host": "kept", "rung": 1},
    )


async def test_the_fields_of_an_exchange_of_version_1_are_renamed(tmp_path: Path) -> None:
    """Provider, repairs and additional usage."""
    path = tmp_path / "run.jsonl"
    shutil.copy(Path(__file__).with_name("journal_version_1.jsonl"), path)

    async def fail() -> Exchange:
        raise AssertionError

    exchange = await FileJournal(path).do(
        "turn-1/model", fail, codec=lambda: TypeAdapter(Exchange), unknown=fail
    )

    assert exchange.response is not None
    assert exchange.response.provider == "h"
    assert exchange.response.repairs == (
        Repair(kind="minted_id", before="", after="call00001", call_id="call00001"),
    )
    assert exchange.additional_usage == NO_USAGE
