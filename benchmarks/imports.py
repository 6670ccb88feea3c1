"""The cost of importing a framework and building a first agent with one tool.

In:  the Python interpreter and the code to run.
Out: milliseconds of CPU, and ratios, of processes that run the code and end.
"""

import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.rounds import Figures

CORE = "import anyio, httpx, jsonschema, pydantic, structlog"
HTTPX = "import httpx"
FIRST_AGENT = '''
from agentkit import Agent, tool

@tool
def convert(amount: float, rate: float) -> float:
    """Convert money."""
    return amount * rate

Agent("sandbox:mixtral-8x22b", tools=[convert])
'''


def own_import_cost() -> Figures:
    """Compare a first agent of ours with importing the five core dependencies, and httpx alone."""
    python = Path(sys.executable)
    rounds = [[_cpu(python, each) for each in (CORE, HTTPX, FIRST_AGENT)] for _ in range(9)]
    return {
        "core imports ms": median(core for core, _, _ in rounds),
        "ours ms": median(ours for _, _, ours in rounds),
        "ratio": median(ours / core for core, _, ours in rounds),
        "ratio to httpx": median(ours / httpx for _, httpx, ours in rounds),
    }


def import_cost(python: Path, first_agent: str) -> Figures:
    """Compare a first agent of another framework with importing httpx."""
    rounds = [[_cpu(python, each) for each in (HTTPX, first_agent)] for _ in range(5)]
    return {
        "ours ms": median(ours for _, ours in rounds),
        "ratio": median(ours / httpx for httpx, ours in rounds),
    }


def _cpu(python: Path, code: str) -> float:
    """Return the CPU time of a Python process that runs `code`, minus that of an empty one."""
    return _spent([str(python), "-c", code]) - _spent([str(python), "-c", ""])


def _spent(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - constant arguments
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000
