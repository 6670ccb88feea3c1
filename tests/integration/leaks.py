"""Find what a test has left behind: tasks, threads, sockets, child processes.

In:  what was alive before a test.
Out: words about what is alive now and was not before.

Threads of the pools stay for a while by design. An event loop has sockets of its own: all but its
tasks is compared while no loop runs.
"""

import gc
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio

POOL_NAMES = ("AnyIO worker thread", "Trio thread", "asyncio_")
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """What of this process is alive."""

    threads: frozenset[threading.Thread]
    sockets: frozenset[str]
    children: frozenset[int]

    @classmethod
    def now(cls) -> "Alive":
        """Look at this process."""
        return cls(
            threads=frozenset(threading.enumerate()),
            sockets=frozenset(_sockets()),
            children=frozenset(_children()),
        )

    def left_since(self, before: "Alive") -> list[str]:
        """Return what is here and was not there, in words."""
        threads = {thread.name for thread in self.threads - before.threads}
        return [
            *(f"thread {name!r}" for name in sorted(threads) if not name.startswith(POOL_NAMES)),
            *(f"socket {name}" for name in sorted(self.sockets - before.sockets)),
            *(f"child process {child}" for child in sorted(self.children - before.children)),
        ]


def left_since(before: Alive, *, patience_seconds: float = PATIENCE_SECONDS) -> list[str]:
    """Return what was left since `before`; what is about to end has a short time to do so."""
    deadline = time.monotonic() + patience_seconds
    left = Alive.now().left_since(before)
    while left and time.monotonic() < deadline:
        gc.collect()
        threading.Event().wait(0.02)
        left = Alive.now().left_since(before)
    return left


def tasks_alive() -> set[tuple[int, str]]:
    """Return the tasks of the event loop that runs, by id and name, without the test runner's."""
    return {
        (task.id, task.name or "")
        for task in anyio.get_running_tasks()
        if not getattr(task.coro, "__qualname__", "").startswith("TestRunner.")
    }


async def tasks_left_since(before: set[tuple[int, str]]) -> list[str]:
    """Return the tasks that are alive and were not in `before`, in words."""
    for _ in range(100):
        left = [f"task {name!r}" for _, name in sorted(tasks_alive() - before)]
        if not left:
            break
        await anyio.lowlevel.checkpoint()
    return left


def _sockets() -> Iterator[str]:
    """Yield the open sockets as the system names them."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue  # the folder's own descriptor is closed by now
        if target.startswith("socket:"):
            yield target


def _children() -> Iterator[int]:
    """Yield the ids of child processes, also of those that ended and were not waited for."""
    for task in Path("/proc/self/task").iterdir():
        try:
            found = (task / "children").read_text().split()
        except OSError:
            continue  # a thread that ended meanwhile
        yield from map(int, found)
