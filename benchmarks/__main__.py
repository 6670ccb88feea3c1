"""Measure what agentkit costs beside a bare HTTP loop, and print one table.

In:  `--full` for the cases that take minutes, `--json` for a file of all figures, words of cases'
     names for only those.
Out: the table; the host and each case run in processes of their own.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import anyio

from benchmarks.measure import CASES, LONG_CASES

GOALS: Mapping[str, Mapping[str, float]] = {
    "short run, 1 tool": {"ratio": 0.45},
    "short run, 20 tools": {"ratio": 0.45},
    "100-turn run": {"ratio": 0.45},
    "100-turn run, 2 KB results": {"ratio": 0.45},
    "growth per 100 turns": {"ratio": 0.3},
    "streamed delta, text": {"ratio": 0.9},
    "streamed delta, arguments": {"ratio": 1.1},
    "import and a first agent": {"ratio": 1.25},
    "100 at once, host 200 ms": {"ratio to ideal 0.4 s": 1.3, "CPU ratio to alone": 1.5},
    "1,000 at once, host 200 ms": {
        "ratio to ideal 0.4 s": 3,
        "CPU ratio to alone": 1.5,
        "ours KB per waiting run": 40,
    },
    "235 schemas": {"ms": 60},
    "10,000 runs in a row": {"ratio": 1.02},
}
IMPORT_CASE = "import and a first agent"
CORE = "import anyio, httpx, jsonschema, pydantic, structlog"
FIRST_AGENT = """
from agentkit import Agent, tool

@tool
def convert(amount: float, rate: float) -> float:
    "Convert money."
    return amount * rate

Agent("sandbox:mixtral-8x22b", tools=[convert])
"""


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", help="only those whose name holds one of these words")
    parser.add_argument("--full", action="store_true", help="also what takes minutes")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    _allow_connections()
    if given.one:
        figures = anyio.run(({**CASES, **LONG_CASES})[given.one], given.port)
        sys.stdout.write(json.dumps(figures))
        return
    names = [*CASES, IMPORT_CASE, *(LONG_CASES if given.full else ())]
    wanted = [
        name for name in names if not given.cases or any(word in name for word in given.cases)
    ]
    found: dict[str, Mapping[str, float]] = {}
    sys.stdout.write(f"{'case':30}{'figure':28}{'value':>12}{'goal':>8}\n")
    with _host() as port:
        for name in wanted:
            found[name] = _import_cost() if name == IMPORT_CASE else _in_child(name, port)
            _show(name, found[name])
    if given.json:
        given.json.write_text(json.dumps({**_circumstances(), "cases": found}, indent=2) + "\n")


def _allow_connections() -> None:
    """Raise the limit of open files: a thousand runs are a thousand connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def _host() -> Iterator[int]:
    """Start the stub host and yield its port."""
    command = [sys.executable, "-m", "benchmarks.host"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as host:  # noqa: S603 - our own words
        try:
            yield int(host.stdout.readline() if host.stdout else b"")
        finally:
            host.terminate()


def _in_child(name: str, port: int) -> Mapping[str, float]:
    """Measure a case in a process of its own, so that none warms up another."""
    command = [sys.executable, "-m", "benchmarks", "--one", name, "--port", str(port)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - as above
    figures: Mapping[str, float] = json.loads(done.stdout)
    return figures


def _import_cost() -> Mapping[str, float]:
    """Compare the CPU time of processes that import and end, in milliseconds."""
    pairs = [(_child_cpu(CORE), _child_cpu(FIRST_AGENT)) for _ in range(7)]
    return {
        "core imports ms": median(one for one, _ in pairs),
        "ours ms": median(other for _, other in pairs),
        "ratio": median(other / one for one, other in pairs),
    }


def _child_cpu(code: str) -> float:
    """Return the CPU time of a Python that runs `code`, less that of one that does nothing."""
    return _spent([sys.executable, "-c", code]) - _spent([sys.executable, "-c", ""])


def _spent(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)  # noqa: S603 - our own words
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def _show(name: str, figures: Mapping[str, float]) -> None:
    goals = GOALS.get(name, {})
    for figure, value in figures.items():
        goal = f"{goals[figure]:g}" if figure in goals else ""
        missed = " missed" if figure in goals and value > goals[figure] else ""
        sys.stdout.write(f"{name:30}{figure:28}{value:12.2f}{goal:>8}{missed}\n")
    sys.stdout.flush()


def _circumstances() -> Mapping[str, str]:
    return {
        "date": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


if __name__ == "__main__":
    main()
