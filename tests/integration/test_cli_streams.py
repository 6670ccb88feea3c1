"""The commands on a terminal, in a pipe, without colour: what a person and a program see."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest

from tests.integration.test_cli import LIMIT_SECONDS, SANDBOX, environment

MARKDOWN_AGENT = '''
from agentkit import Agent
from agentkit.testing import ScriptedModel

TEXT = """# Title

Some **bold** words, and a sentence that is long enough to be wrapped at the border of a terminal.

- one item with <b>HTML</b> in it
- another item
"""

agent = Agent(ScriptedModel(TEXT))
'''
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
PARTS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+")
COLOR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(words: list[str], *, folder: Path, columns: int, more: dict[str, str]) -> str:
    """Run a command on a terminal of some width and return all that it printed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(  # noqa: S603 - constant arguments
        words,
        env=environment(folder) | more,
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        seen, end = b"", time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < end:
            ready, _, _ = select.select([ours], [], [], 1.0)
            try:
                piece = os.read(ours, 65536) if ready else b""
            except OSError:  # the other side is closed
                break
            if ready and not piece:
                break
            seen += piece
        process.wait(timeout=LIMIT_SECONDS)
    os.close(ours)
    return seen.decode(errors="replace")


def final_lines(shown: str) -> list[str]:
    """Return the lines that a terminal shows in the end.

    A slow program shows a part of an answer, which it then erases and replaces.
    """
    lines, row, column = [""], 0, 0
    for part in PARTS.findall(shown):
        if part == "\r":
            column = 0
        elif part == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif part.startswith("\x1b["):
            if part[-1] == "A":
                row = max(0, row - int(part[2:-1] or 1))
            elif part[-1] == "K":
                lines[row] = "" if part == "\x1b[2K" else lines[row][:column]
        else:
            before, after = lines[row][:column].ljust(column), lines[row][column + len(part) :]
            lines[row] = before + part + after
            column += len(part)
    return lines


LISTS = {
    "welcome": (),
    "help": ("run", "--help"),
    "providers": ("providers",),
    "models": ("models",),
    "tools": ("tools",),
    "agents": ("agents",),
    "a question": ("What is 6 * 7?",),
}


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("words", LISTS.values(), ids=LISTS.keys())
def test_no_line_is_wider_than_the_terminal(
    agentkit: list[str], tmp_path: Path, words: tuple[str, ...], columns: int
) -> None:
    """The terminal itself breaks none, so no word is broken at its border."""
    shown = on_terminal([*agentkit, *words], folder=tmp_path, columns=columns, more={})

    lines = final_lines(shown)
    # The help and the short screen are written for 80 columns.
    limit = max(columns, 80) if words in ((), ("run", "--help")) else columns
    assert [line for line in lines if len(line) > limit] == []
    assert "…" not in "".join(lines) or words == ("run", "--help")


def test_provider_and_variable_names_are_not_cut(agentkit: list[str], tmp_path: Path) -> None:
    """At 80 columns each is complete."""
    shown = ESCAPE.sub(
        "", on_terminal([*agentkit, "providers"], folder=tmp_path, columns=80, more={})
    )

    for name in ("modelslab-anthropic", "MODELSLAB_API_KEY", "llamacpp-completions"):
        assert name in shown


def test_an_answer_is_rendered_on_a_terminal(agentkit: list[str], tmp_path: Path) -> None:
    """Markdown has styles, wraps between words, and HTML is shown as text."""
    (tmp_path / "mine.py").write_text(MARKDOWN_AGENT)

    shown = on_terminal(
        [*agentkit, "run", "hi", "--agent", "mine.py:agent"], folder=tmp_path, columns=60, more={}
    )

    plain = [line.rstrip() for line in final_lines(shown)]
    assert COLOR.search(shown)
    assert "Title" in plain
    assert "**" not in "".join(plain)
    assert "Some bold words, and a sentence that is long enough to be" in plain
    assert "wrapped at the border of a terminal." in plain
    assert " • one item with <b>HTML</b> in it" in plain


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_without_colour_no_escape_code_is_written(
    agentkit: list[str], tmp_path: Path, more: dict[str, str]
) -> None:
    """Neither styles nor the movements of an indicator."""
    (tmp_path / "mine.py").write_text(MARKDOWN_AGENT)

    shown = on_terminal(
        [*agentkit, "run", "hi", "--agent", "mine.py:agent"], folder=tmp_path, columns=60, more=more
    )

    assert "Title" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("option", [(), ("--raw",)], ids=["pipe", "raw in a pipe"])
def test_an_answer_in_a_pipe_is_as_the_model_wrote_it(
    agentkit: list[str], tmp_path: Path, option: tuple[str, ...]
) -> None:
    """Nothing is rendered, nothing is wrapped."""
    (tmp_path / "mine.py").write_text(MARKDOWN_AGENT)
    done = subprocess.run(  # noqa: S603 - constant arguments
        [*agentkit, "run", "hi", "--agent", "mine.py:agent", *option],
        env=environment(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=True,
    )

    assert done.stdout.startswith("# Title\n\nSome **bold** words, and a sentence that is long ")
    assert "\x1b" not in done.stdout + done.stderr


def test_raw_answers_are_not_rendered_on_a_terminal(agentkit: list[str], tmp_path: Path) -> None:
    """`--raw` shows what the model wrote."""
    (tmp_path / "mine.py").write_text(MARKDOWN_AGENT)

    words = [*agentkit, "run", "hi", "--agent", "mine.py:agent", "--raw"]
    shown = on_terminal(words, folder=tmp_path, columns=80, more={})

    assert "# Title\r\n" in shown
    assert "**bold**" in shown


def test_the_notice_of_the_sandbox_comes_once_a_day(agentkit: list[str], tmp_path: Path) -> None:
    """One line, the first time."""
    runs = [
        subprocess.run(  # noqa: S603 - constant arguments
            [*agentkit, "run", "What is 6 * 7?", *SANDBOX],
            env=environment(tmp_path),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=True,
        ).stderr
        for _ in range(2)
    ]

    assert ["not a language model" in shown for shown in runs] == [True, False]


def test_a_file_as_standard_input_is_read(agentkit: list[str], tmp_path: Path) -> None:
    """`agentkit run < file`, and a device such as /dev/null is not."""
    (tmp_path / "question.txt").write_text("What is 6 * 7?")
    with (tmp_path / "question.txt").open() as file:
        done = subprocess.run(  # noqa: S603 - constant arguments
            [*agentkit, "run", *SANDBOX],
            env=environment(tmp_path),
            stdin=file,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=True,
        )

    assert "42" in done.stdout
