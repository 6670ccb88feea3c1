"""`agentkit worker` as a process: it works, ends on signals, and leaves nothing undone."""

import signal
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen

import anyio
import pytest

from agentkit.durable import RunInfo, open_runs
from tests.integration.test_cli import LIMIT_SECONDS, command, environment, wait_for

PROGRAM = '''
from pathlib import Path

import anyio
from agentkit import Agent, tool
from agentkit.testing import ScriptedModel, tool_call

HERE = Path(__file__).parent

@tool(idempotent=True)
async def hold() -> str:
    """Hold until there is a file."""
    (HERE / "holding").touch()
    while not (HERE / "go").exists():
        await anyio.sleep(0.01)
    return "held"

agents = {"holder": Agent(ScriptedModel(tool_call("hold"), "done"), tools=[hold])}
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the agents."""
    (tmp_path / "holder.py").write_text(PROGRAM)
    return tmp_path


def start_worker(
    folder: Path, url: str, *words: str, notes: list[str] | None = None
) -> "subprocess.Popen[str]":
    """Start a worker and wait until it works; `notes` gets what it printed before."""
    process = subprocess.Popen(  # noqa: S603 - constant arguments
        command("worker", "holder.py", "--db", url, *words),
        env=environment(folder),
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "Working on" in line:
            return process
        if notes is not None:
            notes.append(line)
    raise AssertionError(process.wait())


def wait_for_file(path: Path) -> None:
    """Wait until a file is there."""
    end = time.monotonic() + LIMIT_SECONDS
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def started(url: str) -> None:
    """Queue the run."""

    async def work() -> None:
        async with open_runs(url) as runs:
            await runs.start("holder", "Hold", run_id="r")

    anyio.run(work)


def stored(url: str, *, wait: bool = False) -> RunInfo:
    """Return the run, at its end if asked for."""

    async def work() -> RunInfo:
        async with open_runs(url) as runs:
            with anyio.fail_after(LIMIT_SECONDS):
                return await (runs.wait("r") if wait else runs.get("r"))

    return anyio.run(work)


def end(process: "subprocess.Popen[str]") -> int:
    """Return how a worker ended."""
    assert process.stderr is not None
    process.stderr.close()
    return process.wait(LIMIT_SECONDS)


def test_a_worker_lets_runs_end_in_the_grace_time(folder: Path, database_url: str) -> None:
    """It ends with them."""
    started(database_url)
    process = start_worker(folder, database_url)
    wait_for_file(folder / "holding")
    process.send_signal(signal.SIGTERM)
    (folder / "go").touch()

    assert end(process) == 0
    assert stored(database_url).status == "done"


@pytest.mark.parametrize("way", ["no grace", "second signal"])
def test_a_worker_puts_back_what_does_not_end(folder: Path, sqlite_url: str, way: str) -> None:
    """Another one goes on."""
    started(sqlite_url)
    process = start_worker(folder, sqlite_url, "--grace", "0" if way == "no grace" else "1000")
    wait_for_file(folder / "holding")
    process.send_signal(signal.SIGTERM)
    if way == "second signal":  # before the first arrives, it would be the same one
        assert process.stderr is not None
        wait_for("Stopping; ", process.stderr)
        process.send_signal(signal.SIGTERM)

    assert end(process) == 0
    assert stored(sqlite_url).status == "queued"
    (folder / "go").touch()
    process = start_worker(folder, sqlite_url)
    assert stored(sqlite_url, wait=True).life == 2
    process.terminate()
    assert end(process) == 0


def test_one_process_does_the_runs_of_a_file(folder: Path, sqlite_url: str) -> None:
    """A second worker is refused with the name of the file; others start, read and decide."""
    (folder / "go").touch()
    notes: list[str] = []
    process = start_worker(folder, sqlite_url, "--metrics", "127.0.0.1:0", notes=notes)
    second = subprocess.run(  # noqa: S603 - constant arguments
        command("worker", "holder.py", "--db", sqlite_url),
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    started(sqlite_url)
    served = stored(sqlite_url, wait=True)
    address = notes[0].removeprefix("Metrics are at ").removesuffix(".\n")
    with urlopen(address) as response:  # noqa: S310 - on loopback
        metrics = response.read().decode()
    process.terminate()

    assert second.returncode == 2
    assert f"does the runs of the database '{folder / 'test.db'}'" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    assert (served.status, served.text) == ("done", "done")
    assert 'agentkit_runs_total{agent="agent",stop_reason="answered"} 1.0' in metrics
    assert 'agentkit_database_seconds_count{database="sqlite",table="effects"}' in metrics
    assert end(process) == 0


def test_a_target_without_agents_is_refused(tmp_path: Path) -> None:
    """In one line, with what to write."""
    (tmp_path / "empty.py").write_text("agents = {}\n")
    done = subprocess.run(  # noqa: S603 - constant arguments
        command("worker", "empty.py"),
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

    assert done.returncode == 2
    assert "'empty.py' names no agents; write agents = {'support': agent}" in done.stderr
