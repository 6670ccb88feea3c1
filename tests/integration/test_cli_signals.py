"""Signals to the command line: whatever it has started is stopped, and no traceback is printed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.test_cli import LIMIT_SECONDS, SANDBOX, command, environment, wait_for

HOLDING_TOOL = '''
import sys
from pathlib import Path

import anyio
from agentkit import tool

@tool(read_only=True)
async def nap(seconds: float) -> str:
    """Take a nap.

    Args:
        seconds: how many seconds to nap.
    """
    try:
        await anyio.sleep(3600)
    finally:
        Path(__file__).with_name("cleaned").touch()
'''

SIGNALS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


def start(*words: str, folder: Path) -> subprocess.Popen[str]:
    """Start a command with its streams as pipes."""
    return subprocess.Popen(  # noqa: S603 - constant arguments
        command(*words),
        env=environment(folder),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("name", "code"), SIGNALS.items(), ids=SIGNALS.keys())
def test_a_signal_ends_a_run_in_good_order(tmp_path: Path, name: str, code: int) -> None:
    """The tool is cancelled and cleans up; the exit code is that of the signal."""
    (tmp_path / "slow.py").write_text(HOLDING_TOOL)
    with start("run", "Take a nap of 5 seconds", "--tools", "slow.py", folder=tmp_path) as process:
        assert process.stderr is not None
        assert process.stdin is not None
        process.stdin.close()
        wait_for("→ nap(", process.stderr)
        process.send_signal(signal.Signals[name])
        process.wait(timeout=LIMIT_SECONDS)
        shown = process.stderr.read()

    assert process.returncode == code
    assert (tmp_path / "cleaned").exists()
    assert "Traceback" not in shown


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_chat(tmp_path: Path, name: str) -> None:
    """Also while an answer is under way, which Ctrl-C would only stop."""
    (tmp_path / "slow.py").write_text(HOLDING_TOOL)
    with start("chat", "--tools", "slow.py", *SANDBOX, folder=tmp_path) as process:
        assert process.stderr is not None
        assert process.stdin is not None
        process.stdin.write("Take a nap of 5 seconds\n")
        process.stdin.flush()
        wait_for("→ nap(", process.stderr)
        process.send_signal(signal.Signals[name])
        process.wait(timeout=LIMIT_SECONDS)

    assert process.returncode == SIGNALS[name]
    assert (tmp_path / "cleaned").exists()


def test_an_ignored_hangup_stays_ignored(tmp_path: Path) -> None:
    """`nohup agentkit run …` goes on when its terminal is closed."""
    (tmp_path / "slow.py").write_text(HOLDING_TOOL)
    words = command("run", "Take a nap of 5 seconds", "--tools", "slow.py", *SANDBOX)
    process = subprocess.Popen(  # noqa: S603 - constant arguments
        ["/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", *words],
        env=environment(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        wait_for("→ nap(", process.stderr)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=LIMIT_SECONDS)

    assert process.returncode == SIGNALS["SIGTERM"]


STARTS = {
    "module": [sys.executable, "-m", "agentkit"],
    "script": [str(Path(sys.executable).with_name("agentkit"))],
}
IMPORT_HOOK = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPT_AT"]:
            signal.raise_signal(signal.SIGINT)
        return None

sys.meta_path.insert(0, Interrupt())
"""


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
@pytest.mark.parametrize(
    "module",
    ["agentkit.agent.agent", "pydantic", "agentkit.cli.app", "typer", "agentkit.cli.commands.chat"],
)
def test_ctrl_c_while_modules_load_ends_without_a_traceback(
    start: list[str], module: str, tmp_path: Path
) -> None:
    """At every stage of the imports; the interrupt comes from a hook in the import system."""
    (tmp_path / "sitecustomize.py").write_text(IMPORT_HOOK)
    more = {"INTERRUPT_AT": module, "PYTHONPATH": os.pathsep.join([str(tmp_path)])}

    done = subprocess.run(  # noqa: S603 - constant arguments
        [*start, "agents"],
        env=environment(tmp_path) | more,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
