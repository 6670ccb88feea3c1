"""Lines typed on a terminal. prompt_toolkit runs on asyncio alone."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from agentkit.cli.line_editor import terminal_reader


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    """Stand in for a keyboard."""
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield keys


async def _read(count: int, *, folder: Path) -> list[str | None]:
    read_line = terminal_reader(folder)
    with anyio.fail_after(60):
        return [await read_line() for _ in range(count)]


def read(count: int, *, folder: Path) -> list[str | None]:
    """Read lines as the chat does."""
    return anyio.run(partial(_read, count, folder=folder))


def test_lines_are_read_and_kept(
    keys: PipeInput, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C gives up a line, Ctrl-D ends; the file is the user's alone."""
    keys.send_text("one\rtw\x03two\r\x04")

    assert read(3, folder=tmp_path / "kept") == ["one", "two", None]

    history = tmp_path / "kept" / "chat_history"
    assert "+one" in history.read_text()
    assert history.stat().st_mode & 0o077 == 0
    assert "Ctrl-D ends" in capsys.readouterr().err


def test_a_line_of_an_earlier_time_comes_back_with_the_arrow(
    keys: PipeInput, tmp_path: Path
) -> None:
    """As in a shell."""
    keys.send_text("first\r")
    read(1, folder=tmp_path)
    keys.send_text("\x1b[A\r")

    assert read(1, folder=tmp_path) == ["first"]


def test_without_a_folder_to_write_to_lines_are_read_all_the_same(
    keys: PipeInput, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the user is told that they are not kept."""
    (tmp_path / "file").write_text("")
    keys.send_text("one\r")

    assert read(1, folder=tmp_path / "file") == ["one"]
    assert "is not kept" in capsys.readouterr().err
