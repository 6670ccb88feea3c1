"""The command line as a process of its own: signals, pipes, terminals."""

import json
import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

SETSID = shutil.which("setsid") or "setsid"
SANDBOX = ("--model", "sandbox:mixtral-8x22b")
LIMIT_SECONDS = 300
PROMPT = "\x1b[?2004h"
"""What the line editor sends before each line: so it can distinguish a paste from typing."""

SLOW_TOOL = '''
import time
from agentkit import tool

@tool(read_only=True)
def nap(seconds: float) -> str:
    """Take a nap.

    Args:
        seconds: how many seconds to nap.
    """
    time.sleep(3600)
    return "slept"
'''


def environment(home: Path) -> dict[str, str]:
    """Return an environment without keys, with a home of its own."""
    kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    return kept | {"HOME": str(home), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}


def command(*words: str) -> list[str]:
    """Return a command line of agentkit."""
    return [sys.executable, "-m", "agentkit", *words]


def test_a_question_is_answered(tmp_path: Path) -> None:
    """By `python -m agentkit`, in an environment with nothing in it."""
    done = subprocess.run(  # noqa: S603 - constant arguments
        command("run", "How many kilometres are 26.2 miles?"),
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "42.1648128" in done.stdout
    assert "→ convert_units(" in done.stderr
    assert "Traceback" not in done.stderr


def test_importing_agentkit_loads_no_extra(tmp_path: Path) -> None:
    """Neither what the command line needs nor the HTTP client."""
    code = "import json, sys, agentkit; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(  # noqa: S603 - constant arguments
        [sys.executable, "-c", code],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=True,
    )

    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    unwanted = {
        "click", "hypothesis", "httpx", "pint", "prompt_toolkit", "rich", "structlog",
        "trio", "typer", "tzdata", "agentkit_tools", "agentkit_agents",
    }  # fmt: skip
    assert loaded & unwanted == set()


def wait_for(text: str, stream: Iterator[str]) -> None:
    """Read lines until one holds `text`."""
    for line in stream:
        if text in line:
            return
    raise AssertionError(f"{text!r} never came")


def test_ctrl_c_stops_at_once_even_in_a_tool_that_cannot_be_stopped(tmp_path: Path) -> None:
    """Code 130, no traceback, no process left."""
    (tmp_path / "slow.py").write_text(SLOW_TOOL)
    process = subprocess.Popen(  # noqa: S603 - constant arguments
        command("run", "Take a nap of 5 seconds", "--tools", "slow.py", *SANDBOX),
        env=environment(tmp_path),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stderr is not None
        wait_for("→ nap(", process.stderr)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """As with `agentkit ... | head`: quiet, with a code of its own."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(  # noqa: S603 - constant arguments
        command("run", "What is 6 * 7?", "--json", *SANDBOX),
        env=environment(tmp_path),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    os.close(writer)

    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "agentkit:" not in done.stderr


OUTPUTS = {
    "no standard error": ("2>&-", 0, ""),
    "no standard output": (">&-", 74, "it is closed"),
    "neither": (">&- 2>&-", 74, ""),
    "a full disk": (">/dev/full", 74, "No space left on device"),
    "a full disk for the notes": ("2>/dev/full", 0, ""),
}


@pytest.mark.parametrize(("target", "code", "reason"), OUTPUTS.values(), ids=OUTPUTS.keys())
@pytest.mark.parametrize("option", ["", " --json"], ids=["text", "json"])
def test_a_lost_answer_is_never_a_success(
    tmp_path: Path, option: str, target: str, code: int, reason: str
) -> None:
    """Notes may be lost; an answer that cannot be written has an exit code of its own."""
    words = shlex.join(command("run", "What is 6 * 7?", *SANDBOX))
    done = subprocess.run(  # noqa: S603 - constant arguments
        ["/bin/sh", "-c", f"{words}{option} {target}"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert reason in done.stderr
    assert "agentkit itself" not in done.stderr
    assert ("42" in done.stdout) == (code == 0)


@pytest.mark.parametrize(
    "words", [("--help",), ("run", "--help"), ("agents",), ("agents", "--json")]
)
def test_lists_and_help_on_a_full_disk_are_not_a_success(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """The same code as for an answer."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(  # noqa: S603 - constant arguments
            command(*words),
            env=environment(tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )

    assert done.returncode == 74
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


class Terminal:
    """The other side of a terminal."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.seen = ""

    def expect(self, text: str, *, count: int = 1) -> None:
        """Wait until `text` was shown that many times."""
        end = time.monotonic() + LIMIT_SECONDS
        while self.seen.count(text) < count:
            ready, _, _ = select.select([self.descriptor], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} never came in {self.seen!r}"
            self.seen += os.read(self.descriptor, 65536).decode(errors="replace")

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.descriptor, text.encode())


@contextmanager
def on_terminal(*words: str, home: Path) -> Iterator[tuple[Terminal, subprocess.Popen[bytes]]]:
    """Run a command on a terminal of its own."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - constant arguments
        [SETSID, "--ctty", "--wait", *command(*words)],
        env=environment(home),
        cwd=home,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        yield Terminal(ours), process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        os.close(ours)


def test_a_chat_on_a_terminal_survives_ctrl_c_and_ends_with_ctrl_d(tmp_path: Path) -> None:
    """The answer is stopped, the conversation goes on, what was typed is kept."""
    (tmp_path / "slow.py").write_text(SLOW_TOOL)

    with on_terminal("chat", "--tools", "slow.py,calculator", *SANDBOX, home=tmp_path) as (
        terminal,
        process,
    ):
        terminal.expect("/help lists the commands")
        terminal.expect(PROMPT)
        terminal.type("Take a nap of 5 seconds\r")
        terminal.expect("→ nap(")
        terminal.type("\x03")
        terminal.expect("Stopped. The conversation goes on.")
        terminal.expect(PROMPT, count=2)
        terminal.type("What is 6 * 7?\r")
        terminal.expect("← 42")
        terminal.expect("model calls")
        terminal.expect(PROMPT, count=3)
        terminal.type("\x04")
        code = process.wait(timeout=LIMIT_SECONDS)

    assert code == 0
    kept = list(tmp_path.rglob("chat_history"))
    assert len(kept) == 1
    assert "+What is 6 * 7?" in kept[0].read_text()


SLOW_AGENT = """
import anyio
from agentkit import Agent, TextReceived
from agentkit.testing import ScriptedModel

class SlowModel(ScriptedModel):
    async def chat(self, request, *, emit):
        await emit(TextReceived("The first words of an answer"))
        await anyio.sleep_forever()

agent = Agent(SlowModel())
"""


def test_the_words_before_ctrl_c_stay_on_the_terminal(tmp_path: Path) -> None:
    """Also those of a block of Markdown that was not complete."""
    (tmp_path / "slow.py").write_text(SLOW_AGENT)

    with on_terminal("chat", "--agent", "slow.py:agent", home=tmp_path) as (terminal, process):
        terminal.expect(PROMPT)
        terminal.type("Go on\r")
        terminal.expect("The first words of an answer")
        terminal.type("\x03")
        terminal.expect("Stopped. The conversation goes on.")
        terminal.expect(PROMPT, count=2)
        terminal.type("\x04")
        code = process.wait(timeout=LIMIT_SECONDS)

    assert code == 0
    # What was drawn is removed, and written again as the rendered block.
    written = terminal.seen.rpartition("The first words of an answer")[2]
    assert written.startswith("\r\n")
    assert "\x1b[2K" not in written.partition("Stopped.")[0]
