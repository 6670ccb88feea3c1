"""Mutation testing: change modules in small ways and check that their unit tests fail.

In:  module paths, each with the tests that should fail; `cosmic-ray` (pip install cosmic-ray).
Out: a line for each mutation that survived, and the share of mutations that were killed.

    python scripts/mutate.py agentkit/budget/budget.py:tests/unit/budget/test_budget.py

Works on a copy. Imports are loaded once, except the package of the mutated module; each mutation is
tested in a fork. Tests that need a `conftest.py` or an event loop are not supported.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from cosmic_ray.ast import get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("agentkit", "tools", "agents", "tests")
LIMIT_SECONDS = 20
PRELOADED = ("agentkit", "jsonschema", "structlog")
QUIET = ["-q", "-x", "--no-header", "--noconftest", "-p", "no:cacheprovider", "-c", os.devnull]


def main(asked: list[str]) -> int:
    """Try all mutations of each module."""
    sys.dont_write_bytecode = True
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            shutil.copytree(
                ROOT / name, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__")
            )
        os.chdir(folder)
        sys.path[:0] = [folder, f"{folder}/tools", f"{folder}/agents"]
        for name in PRELOADED:
            __import__(name)
        for one in asked:
            module, _, tests = one.partition(":")
            _try_all(Path(module), tests.split(","))
    return 0


def _try_all(path: Path, tests: list[str]) -> None:
    """Try all mutations of one module and print the outcome."""
    source = path.read_bytes()
    package = ".".join(path.parts[:-1])
    for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
        del sys.modules[name]
    if _run(tests) != "survived":
        sys.exit(f"The tests {tests} fail without any mutation, or take too long.")
    counts: Counter[str] = Counter()
    started = time.monotonic()
    for title, line, mutated in _changes(source.decode()):
        path.write_text(mutated)
        outcome = _run(tests)
        counts[outcome] += 1
        if outcome == "survived":
            text = mutated.splitlines()[line - 1].strip()
            print(f"{path}:{line} {title}: {text}", flush=True)  # noqa: T201 - a program
    path.write_bytes(source)
    share = 1 - counts["survived"] / max(1, counts.total())
    took = time.monotonic() - started
    print(f"{path}: {share:.1%} of {counts.total()} {dict(counts)} in {took:.0f} s", flush=True)  # noqa: T201


def _changes(source: str) -> Iterator[tuple[str, int, str]]:
    """Yield each mutation: its name, its line, and the mutated source."""
    tree = get_ast(source)
    for name in sorted(operator_names()):
        if get_operator(name).arguments():
            continue  # it needs a configuration
        operator = get_operator(name)()
        positions = [place for node in _nodes(tree) for place in operator.mutation_positions(node)]
        for occurrence, (start, _) in enumerate(positions):
            mutated = mutate_code(source, operator, occurrence)
            if mutated is not None:
                yield name.removeprefix("core/"), start[0], mutated


def _nodes(node: object) -> Iterator[object]:
    """Yield the nodes of a tree in the order in which mutations are counted."""
    yield node
    for child in getattr(node, "children", ()):
        yield from _nodes(child)


def _run(tests: list[str]) -> str:
    """Run tests in a fork; return `survived`, `killed` or `timeout`."""
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os._exit(int(pytest.main([*QUIET, "--import-mode=importlib", *tests])))
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "survived" if status == 0 else "killed"
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
