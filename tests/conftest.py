"""Run every async test on asyncio and on Trio, and print the tables of a session at its end."""

import gc
import pkgutil
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import settings

from tests.corpus import table as corpus_table
from tests.providers.table import write_table

pytest_plugins = ["tests.databases"]

# The duration of one example depends more on the machine than on the code.
settings.register_profile("agentkit", deadline=None)
settings.load_profile("agentkit")

# `nohup` and a shell's `&` start a program with these ignored, and its children inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

HERE = Path(__file__).parent
PROGRAMS = (
    "cli",
    "cli_scripts",
    "cli_signals",
    "cli_streams",
    "crash_points",
    "doctor_process",
    "durable_run",
    "second_process",
    "suspend",
)
LONG = tuple(
    HERE / path
    for path in (
        *("test_docs.py", "test_examples.py", "local", "mcp", "sdk", "typing"),
        *(f"integration/test_{name}.py" for name in PROGRAMS),
        *("integration/test_faults.py", "integration/test_interruption.py"),
        *("corpus", "costs", "durable", "providers", "property", "session"),
        "unit/dialect/text_calls/test_linear.py",
    )
)
"""Tests that start processes, or make many runs."""
MEASURED = tuple(
    HERE / path
    for path in (
        *("local/test_launch.py", "local/test_process.py", "local/test_serve.py"),
        *("mcp/test_exits.py", "mcp/test_faults.py", "mcp/test_leaving.py"),
    )
)
"""Of these, the tests whose coverage is measured: no others reach the code for child processes."""


PACKAGES = ("agentkit", "agentkit_tools", "agentkit_agents")
"""Whose coverage is measured."""


@pytest.hookimpl(trylast=True)  # after pytest-cov has begun
def pytest_sessionstart(session: pytest.Session) -> None:
    """Measure no coverage in the process that distributes the tests: it runs none."""
    is_worker = hasattr(session.config, "workerinput")
    if session.config.getoption("numprocesses", None) and not is_worker:
        sys.settrace(None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Measure the import of our modules, but not that of the tests, which takes longer."""
    if sys.gettrace() is not None:
        _import_all(PACKAGES)
    with _no_coverage():
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with long tests, so that no worker waits for another at the end."""
    items.sort(key=lambda item: not _is_long(item.path))


def pytest_collection_finish() -> None:
    """Exclude objects that live as long as the session from garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure no coverage for tests that take long and reach few additional lines.

    Measuring doubles their time. Repeated runs, other processes, and Trio after asyncio reach
    almost no line that other tests do not. pytest-cov's `no_cover` has no effect in xdist workers.
    """
    is_measured = item.path in MEASURED or not _is_long(item.path)
    if is_measured and not _is_repeated(item):
        return (yield)
    with _no_coverage():
        return (yield)


@contextmanager
def _no_coverage() -> Iterator[None]:
    tracer, tracer_of_threads = sys.gettrace(), threading.gettrace()
    if tracer is None:
        yield
        return
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(tracer_of_threads)
        sys.settrace(tracer)


def _import_all(packages: tuple[str, ...]) -> None:
    for package in map(import_module, packages):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                with suppress(ImportError):  # of an extra that is not installed
                    import_module(module.name)


@cache
def _is_long(path: Path) -> bool:
    return any(path.is_relative_to(place) for place in LONG)


def _is_repeated(item: pytest.Item) -> bool:
    on_trio = "trio" in item.name.partition("[")[2].rstrip("]").split("-")
    return on_trio or item.get_closest_marker("hypothesis") is not None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables of the corpus and the providers, collected from all workers."""
    corpus_table.pytest_terminal_summary(terminalreporter)
    write_table(terminalreporter)


@pytest.fixture(params=["asyncio", "trio"], ids=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Name the event loop an async test runs on; anyio's plugin reads this fixture."""
    name: str = request.param
    return name
