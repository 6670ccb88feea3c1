"""Run every async test on asyncio and on Trio, and print the tables of a session at its end."""

import gc
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.corpus import table as corpus_table
from tests.forked_python import import_all, serve_python, start_python, wait_for_python
from tests.providers.table import write_table

pytest_plugins = ["tests.databases", "tests.unit.transport.web_server"]

# The duration of one example depends more on the machine than on the code.
settings.register_profile("agentkit", deadline=None)
settings.load_profile("agentkit")

# `nohup` and a shell's `&` start a program with these ignored, and its children inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

HERE = Path(__file__).parent
FIRST_WORKER = "gw0"
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
        *("test_docs.py", "test_examples.py", "faults", "local", "mcp", "sdk", "typing"),
        *(f"integration/test_{name}.py" for name in PROGRAMS),
        *("integration/test_faults.py", "integration/test_interruption.py"),
        *("corpus", "costs", "durable", "providers", "property", "session"),
        *("security/test_fuzz.py", "service/test_command_line.py"),
        *("security/test_escapes.py", "security/test_hostile_repositories.py"),
        *("page/test_explained_file.py", "page/test_long_conversation.py", "page/test_sizes.py"),
        *("unit/dialect/text_calls/test_linear.py", "unit/sandbox/planner/test_newcomer.py"),
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


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of tests without coverage."""
    config.addinivalue_line("markers", "untraced: measure no coverage of this test")


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_configure_node(node: Any) -> None:
    """Let the processes that run tests share the one that is forked."""
    node.workerinput["python"] = _shared_python(node.config)


@cache
def _shared_python(config: pytest.Config) -> list[str]:
    started = ExitStack()
    config.add_cleanup(started.close)
    return started.enter_context(start_python())


@pytest.hookimpl(trylast=True)  # after pytest-cov has begun
def pytest_sessionstart(session: pytest.Session) -> None:
    """Measure no coverage in the process that distributes the tests: it runs none."""
    is_worker = hasattr(session.config, "workerinput")
    if session.config.getoption("numprocesses", None) and not is_worker:
        sys.settrace(None)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Measure the import of our modules in one process, and from then on tests alone.

    Import of the tests, reports of their outcomes and messages of xdist take as long as the tests.
    What is collected lives as long as the session, so no garbage is searched for meanwhile.
    """
    gc.disable()
    worker = getattr(session.config, "workerinput", {}).get("workerid", FIRST_WORKER)
    if sys.gettrace() is not None and worker == FIRST_WORKER:
        import_all()
    _tracer.stop()
    return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with long tests, so that no worker waits for another at the end."""
    items.sort(key=lambda item: not _is_long(item.path))


def pytest_collection_finish() -> None:
    """Exclude objects that live as long as the session from garbage collection."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Search for garbage after the last test of a file, and exclude what is alive from then on.

    Modules and caches of the tests before add up to millions of objects, and a test that looks for
    what is left behind would search all of them.
    """
    done = yield
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()
    return done


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Measure the fixtures of a test."""
    with _tracer.of(item):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Measure a test.

    Except tests that take long and reach few additional lines: measuring doubles their time.
    Repeated runs, other processes, Trio after asyncio and PostgreSQL after SQLite reach almost no
    line that other tests do not. Of a test that compares costs, measuring changes them; it is
    marked as `untraced`.
    (pytest-cov's `no_cover` makes new trace functions, and has no effect in xdist workers.)
    """
    with _tracer.of(item):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Measure the end of fixtures."""
    with _tracer.of(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish() -> Generator[None, object, object]:
    """Give the trace function back to coverage, which stops it."""
    _tracer.start()
    return (yield)


class _Tracer:
    """The trace function of coverage, if there is one."""

    def __init__(self) -> None:
        self._of_thread: Any = None
        self._of_new_threads: Any = None

    def stop(self) -> None:
        self._of_thread, self._of_new_threads = sys.gettrace(), threading.gettrace()
        sys.settrace(None)
        threading.settrace(None)

    def start(self) -> None:
        if self._of_thread is not None:
            threading.settrace(self._of_new_threads)
            sys.settrace(self._of_thread)

    @contextmanager
    def of(self, item: pytest.Item) -> Iterator[None]:
        """Trace what is done here if the coverage of a test is measured."""
        is_long = _is_long(item.path) and item.path not in MEASURED
        if self._of_thread is None or is_long or _is_repeated(item):
            yield
            return
        self.start()
        try:
            yield
        finally:
            sys.settrace(None)
            threading.settrace(None)


_tracer = _Tracer()


@cache
def _is_long(path: Path) -> bool:
    return any(path.is_relative_to(place) for place in LONG)


def _is_repeated(item: pytest.Item) -> bool:
    parameters = item.name.partition("[")[2].rstrip("]").split("-")
    # What only PostgreSQL reaches is in the store, whose own tests are measured.
    on_trio = "trio" in parameters
    is_of_store = any("store" in part for part in item.path.parts[-2:])
    on_second = "postgresql" in parameters and not is_of_store
    marks = ("hypothesis", "untraced")
    return on_trio or on_second or any(item.get_closest_marker(mark) is not None for mark in marks)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables of the corpus and the providers, collected from all workers."""
    corpus_table.pytest_terminal_summary(terminalreporter)
    write_table(terminalreporter)


@pytest.fixture(params=["asyncio", "trio"], ids=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Name the event loop an async test runs on; anyio's plugin reads this fixture."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def python(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Return the command of a Python that has loaded agentkit; see `forked_python`."""
    shared = getattr(request.config, "workerinput", {}).get("python")
    if shared is not None:
        wait_for_python(shared)
        yield shared
        return
    with serve_python() as command:
        yield command


@pytest.fixture(scope="session")
def agentkit(python: list[str]) -> list[str]:
    """Return the command line as a command that loads quickly; no signals may be sent to it."""
    return [*python, "-m", "agentkit"]
