"""Run Python programs in processes that are forked from one that has loaded agentkit.

In:  the arguments of `python`: `-m MODULE …` or `PATH …`.
Out: as if `python` had run them. To load agentkit takes longer than most of the programs.

Only for programs to which no signal is sent: it would end the process that asks for the program.
"""

import atexit
import os
import pkgutil
import runpy
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.mcp.forked import ask_with

ROOT = Path(__file__).resolve().parents[1]
FORKED = ROOT / "tests" / "mcp" / "forked.py"
SERVER = FORKED.with_name("forking_server.py")
PACKAGES = ("agentkit", "agentkit_tools", "agentkit_agents")
MISSING = "AGENTKIT_TEST_MISSING_PACKAGES"
LIMIT_SECONDS = 300


def import_all() -> None:
    """Import all modules of our packages, except those that need an extra that is missing."""
    for package in map(import_module, PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                with suppress(ImportError):
                    import_module(module.name)


@contextmanager
def serve_python(*, missing: Collection[str] = ()) -> Iterator[list[str]]:
    """Start the process that is forked, and yield the command to use in place of `python`.

    Args:
        missing: packages that cannot be imported, as if they were not installed.
    """
    with start_python(missing=missing) as command:
        wait_for_python(command)
        yield command


@contextmanager
def start_python(*, missing: Collection[str] = ()) -> Iterator[list[str]]:
    """Yield the command, which can be used once `wait_for_python` has returned."""
    folder = Path(tempfile.mkdtemp(prefix="agentkit-"))  # a socket's path has at most 107 bytes
    path = folder / "python"
    try:
        with subprocess.Popen(  # noqa: S603 - constant arguments
            [sys.executable, str(SERVER), str(path), "tests.forked_python"],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "PYTHONUTF8": "1",
                MISSING: " ".join(missing),
            },
            stdout=subprocess.DEVNULL,
        ) as server:
            try:
                yield [sys.executable, "-S", "-E", str(FORKED), str(path)]
            finally:
                server.terminate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_python(command: list[str]) -> None:
    """Wait until the process that is forked has loaded everything."""
    path = Path(command[-1])
    end = time.monotonic() + LIMIT_SECONDS
    while not path.exists():
        if time.monotonic() > end:
            raise RuntimeError(f"{SERVER} did not open its socket.")
        time.sleep(0.02)


def run_python(
    python: list[str],
    arguments: list[str],
    *,
    folder: Path,
    variables: dict[str, str],
    seconds: float,
) -> tuple[int, str]:
    """Run a program without input, and return its exit code and all it printed.

    The forked process is asked here, without a process in between.

    Raises:
        TimeoutError: it takes longer than `seconds`.
    """
    with Path(os.devnull).open("rb") as nothing, tempfile.TemporaryFile() as output:
        streams = {0: nothing.fileno(), 1: output.fileno(), 2: output.fileno()}
        code = ask_with(python[-1], arguments, variables, str(folder), streams, seconds)
        output.seek(0)
        return code, output.read().decode()


def start(arguments: list[str]) -> None:
    """Run a program to its end."""
    del sys.path[:2]  # the folders from which `forking_server` and this module were loaded
    _open_streams()
    try:
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments
            sys.path.insert(0, str(Path(arguments[0]).resolve().parent))
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        raise SystemExit(1 if isinstance(end.code, str) else end.code or 0) from None
    finally:  # what the interpreter does at its end; a fork ends without it
        threading._shutdown()  # type: ignore[attr-defined]  # no public name waits for all threads
        atexit._run_exitfuncs()


def _open_streams() -> None:
    """Open the standard streams anew: those of before know the position in another file.

    A stream whose descriptor is closed is None, as in an interpreter that starts without it.
    """
    sys.stdin = _open_stream(0, "r", errors="surrogateescape")
    buffering = 1 if os.isatty(1) else -1
    sys.stdout = _open_stream(1, "w", errors="surrogateescape", buffering=buffering)
    sys.stderr = _open_stream(2, "w", errors="backslashreplace", buffering=1)


def _open_stream(descriptor: int, mode: str, **options: Any) -> Any:
    try:
        return open(descriptor, mode, encoding="utf-8", closefd=False, **options)
    except OSError:
        return None


if sys.argv[:1] == [str(SERVER)]:  # this is the process that is forked
    sys.modules.update(dict.fromkeys(os.environ[MISSING].split()))  # type: ignore[arg-type]  # None: it cannot be imported
    import_all()
    import_module("tests.forked_caches").fill()
