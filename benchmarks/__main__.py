"""Measure the CPU cost of agentkit against a plain HTTP loop, and print one table.

In:  `--full` for the cases that take minutes, `--peers` for other frameworks too, `--json` and
     `--plot` for files with all figures, words of case names to run only those (also if they take
     minutes), `--times N` for medians of several measurements, `--publish` to write them into the
     documentation, `--one-core` to keep the server and the loops on one core, so that no process
     waits for an idle core to wake.
Out: the table; the server and each case run in processes of their own.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from benchmarks.goals import GOALS, ON_ONE_CORE
from benchmarks.imports import import_cost, own_import_cost
from benchmarks.measure import CASES, LONG_CASES
from benchmarks.peers.cases import CASES as PEER_CASES
from benchmarks.peers.environments import PEERS, Peer
from benchmarks.plot import draw
from benchmarks.publish import (
    JSON_FILE,
    combined,
    merged,
    publish,
    reason_not_to_publish,
    reason_not_to_start,
)
from benchmarks.rounds import Figures

IMPORT_CASE = "import and a first agent"
CORES = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
"""Before all is kept on one of them."""


def main() -> None:
    """Read the command line, measure, print."""
    given = _arguments()
    _allow_connections()
    if given.one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # the children stay there, too
    if given.one:
        figures = anyio.run(({**CASES, **LONG_CASES})[given.one], given.port)
        sys.stdout.write(json.dumps(figures))
        return
    reason = reason_not_to_start() if given.publish else None
    if reason is not None:
        sys.exit(reason)
    wanted = _Wanted(given.cases)
    peers: dict[str, object] = {}
    sys.stdout.write(f"{'case':42}{'figure':28}{'value':>12}{'goal':>8}\n")
    names = (*CASES, IMPORT_CASE, *(LONG_CASES if given.full or given.cases else ()))
    with _stub_server() as port:
        ending = ON_ONE_CORE if given.one_core else ""
        times = [_measured(filter(wanted, names), port, ending) for _ in range(given.times)]
        figures = _save(given.json, times, peers)
        for peer in PEERS.values() if given.peers else ():
            peers[peer.name] = {"packages": peer.packages, "cases": _peer(peer, port, wanted)}
            figures = _save(given.json, times, peers)
    if given.plot:
        given.plot.write_text(draw(figures))
    if given.publish:
        _publish(figures, times)


def _save(
    file: Path | None, times: Sequence[Mapping[str, Figures]], peers: Mapping[str, object]
) -> Mapping[str, Any]:
    """Return all figures, after writing them to a file if there is one."""
    figures = {**_circumstances(), **combined(times), "peers": peers}
    if file is not None:
        file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return figures


def _publish(figures: Mapping[str, Any], times: Sequence[Mapping[str, Figures]]) -> None:
    reason = reason_not_to_publish(times)
    if reason is not None:
        sys.exit(reason)
    publish(merged(figures, json.loads(JSON_FILE.read_text(encoding="utf-8"))))


def _measured(names: Iterable[str], port: int, ending: str) -> Mapping[str, Figures]:
    """Measure cases, and print their figures as they come; their names get an ending."""
    found: dict[str, Figures] = {}
    for name in names:
        figures = own_import_cost() if name == IMPORT_CASE else _own(name, port)
        found[f"{name}{ending}"] = figures
        _show(f"{name}{ending}", figures, goals=GOALS.get(f"{name}{ending}", {}))
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", help="only those whose name holds one of these words")
    parser.add_argument("--full", action="store_true", help="also what takes minutes")
    parser.add_argument("--peers", action="store_true", help="also other frameworks")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--plot", type=Path, help="draw the ratios into this file")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="measure N times")
    parser.add_argument(
        "--publish",
        action="store_true",
        help="write docs/performance.* and the tables, unless the machine is busy",
    )
    parser.add_argument("--one-core", action="store_true", help="keep all on one core (Linux)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


class _Wanted:
    """Returns whether a case was selected on the command line."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words

    def __call__(self, name: str) -> bool:
        return not self._words or any(word in name for word in self._words)


def _allow_connections() -> None:
    """Raise the limit of open files: a thousand runs are a thousand connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def _stub_server() -> Iterator[int]:
    """Start the stub server and yield its port."""
    command = [sys.executable, "-m", "benchmarks.stub_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:  # noqa: S603 - constant arguments
        try:
            yield int(server.stdout.readline() if server.stdout else b"")
        finally:
            server.terminate()


def _own(name: str, port: int) -> Figures:
    return _in_child([sys.executable, "-m", "benchmarks", "--one", name, "--port", str(port)])


def _peer(peer: Peer, port: int, wanted: _Wanted) -> Mapping[str, Figures]:
    """Measure another framework, in its own environment."""
    python = peer.python()
    found: dict[str, Figures] = {}
    for name in (*PEER_CASES, IMPORT_CASE):
        if not wanted(name):
            continue
        if name == IMPORT_CASE:
            found[name] = import_cost(python, peer.first_agent)
        else:
            command = [str(python), "-m", "benchmarks.peers.cases", peer.module, name, str(port)]
            found[name] = _in_child(command)
        _show(f"{name}: {peer.name}", {"ratio": found[name]["ratio"]})
    return found


def _in_child(command: list[str]) -> Figures:
    """Measure a case in a process of its own, so that none warms up another."""
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 - as above
    figures: Figures = json.loads(done.stdout)
    return figures


def _show(name: str, figures: Figures, *, goals: Mapping[str, float] | None = None) -> None:
    goals = goals or {}
    for figure, value in figures.items():
        goal = f"{goals[figure]:g}" if figure in goals else ""
        missed = " missed" if figure in goals and value > goals[figure] else ""
        sys.stdout.write(f"{name:42}{figure:28}{value:12.2f}{goal:>8}{missed}\n")
    sys.stdout.flush()


def _circumstances() -> Mapping[str, str]:
    return {
        "date": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": str(CORES),
    }


if __name__ == "__main__":
    main()
