"""Find what a test leaves behind: tasks, threads, sockets, child processes.

In:  what was alive before a test.
Out: descriptions of what is alive now and was not before.

Threads of the pools stay alive for a while by design. An event loop has sockets of its own, so
everything but its tasks is compared while no loop runs.
"""

import gc
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio

POOL_NAMES = ("AnyIO worker thread", "Trio thread", "asyncio_")
GRACE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """The threads, sockets and child processes that are alive."""

    threads: frozenset[threading.Thread]
    sockets: frozenset[str]
    children: frozenset[int]

    @classmethod
    def now(cls) -> "Alive":
        """Collect those of this process."""
        return cls(
            threads=frozenset(threading.enumerate()),
            sockets=frozenset(_sockets()),
            children=frozenset(_children()),
        )

    def left_since(self, before: "Alive") -> list[str]:
        """Describe what is alive and was not alive `before`."""
        threads = {thread.name for thread in self.threads - before.threads}
        return [
            *(f"thread {name!r}" for name in sorted(threads) if not name.startswith(POOL_NAMES)),
            *(f"socket {name}" for name in sorted(self.sockets - before.sockets)),
            *(f"child process {child}" for child in sorted(self.children - before.children)),
        ]


def left_since(before: Alive, *, grace_seconds: float = GRACE_SECONDS) -> list[str]:
    """Describe what is alive since `before`; it has a short time to end."""
    deadline = time.monotonic() + grace_seconds
    left = Alive.now().left_since(before)
    while left and time.monotonic() < deadline:
        gc.collect()
        threading.Event().wait(0.02)
        left = Alive.now().left_since(before)
    return left


def tasks_alive() -> set[tuple[int, str]]:
    """Return the tasks of the running event loop, by id and name, without the test runner's."""
    return {
        (task.id, task.name or "")
        for task in anyio.get_running_tasks()
        if not getattr(task.coro, "__qualname__", "").startswith("TestRunner.")
    }


async def tasks_left_since(before: set[tuple[int, str]]) -> list[str]:
    """Describe the tasks that are alive and were not in `before`."""
    for _ in range(100):
        left = [f"task {name!r}" for _, name in sorted(tasks_alive() - before)]
        if not left:
            break
        await anyio.lowlevel.checkpoint()
    return left


def _sockets() -> Iterator[str]:
    """Yield the names of the open sockets in `/proc`."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue  # the folder's own descriptor is closed by now
        if target.startswith("socket:"):
            yield target


def _children() -> Iterator[int]:
    """Yield the ids of child processes, including those that ended and were not waited for."""
    for task in Path("/proc/self/task").iterdir():
        try:
            found = (task / "children").read_text().split()
        except OSError:
            continue  # a thread that ended meanwhile
        yield from map(int, found)
