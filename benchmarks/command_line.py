"""Measure how long the command line takes to start.

In:  nothing.
Out: seconds of wall time, the median of several starts after one that fills the caches of files.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.rounds import Figures

STARTS = 7
COMMANDS = {
    "--help": ["--help"],
    "cold run": ["run", "What is 6 * 7?", "-m", "sandbox", "--no-store"],
}


async def command_line(_: int) -> Figures:
    """Start each command several times, in an empty folder."""
    program = str(Path(sys.executable).with_name("agentkit"))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in COMMANDS.items():
            took = [_seconds([program, *arguments], folder) for _ in range(STARTS + 1)]
            found[f"{name} s"] = median(took[1:])
    return found


def _seconds(command: list[str], folder: str) -> float:
    environment = {**os.environ, "HOME": folder, "XDG_DATA_HOME": folder}
    start = time.perf_counter()
    subprocess.run(  # noqa: S603 - agentkit itself
        command, cwd=folder, env=environment, check=True, capture_output=True
    )
    return time.perf_counter() - start
