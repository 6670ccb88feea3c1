"""The check that runs after each test of this folder finds every kind of leak."""

import os
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent

LEAKY = """
import socket, subprocess, sys, threading
import anyio, pytest

KEPT = []

@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param

def test_thread():
    KEPT.append(threading.Event())
    threading.Thread(target=KEPT[-1].wait, name="mine", daemon=True).start()

def test_socket():
    KEPT.append(socket.socket())

def test_process():
    KEPT.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))

async def test_task(anyio_backend):
    if anyio_backend == "asyncio":
        import asyncio
        KEPT.append(asyncio.create_task(asyncio.sleep(3600), name="lost"))
    else:
        import trio
        KEPT.append(trio.lowlevel.spawn_system_task(trio.sleep_forever, name="lost"))

async def test_nothing():
    await anyio.to_thread.run_sync(int)
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.lowlevel.checkpoint)
"""


def test_each_kind_of_leak_is_found(tmp_path: Path) -> None:
    """A test that leaves something alive gets an error that names it."""
    check = (FOLDER / "conftest.py").read_text()
    (tmp_path / "conftest.py").write_text(check.replace("tests.integration.leaks", "leaks"))
    without_grace = re.sub(
        r"GRACE_SECONDS = [\d.]+", "GRACE_SECONDS = 0.1", (FOLDER / "leaks.py").read_text()
    )
    (tmp_path / "leaks.py").write_text(without_grace)
    (tmp_path / "test_leaky.py").write_text(LEAKY)

    run = subprocess.run(  # noqa: S603 - pytest itself, on what was written here
        [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", ".", "-rA", "-o",
         "anyio_mode=auto", "-p", "no:cacheprovider", "-p", "no:randomly", "."],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "COLUMNS": "300"},
    )  # fmt: skip

    errors = set(re.findall(r"^ERROR \S+::(\S+) - .*left behind: (\w+)", run.stdout, re.MULTILINE))
    assert errors == {
        ("test_thread", "thread"),
        ("test_socket", "socket"),
        ("test_process", "child"),
        ("test_task[asyncio]", "task"),
        ("test_task[trio]", "task"),
    }, run.stdout
    assert "7 passed" in run.stdout
