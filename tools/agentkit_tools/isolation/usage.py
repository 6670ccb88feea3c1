"""What the processes of a command use together.

In:  the process that is the first of a PID namespace.
Out: the memory they occupy and the bytes they wrote to disk.

A process that has ended and was waited for is counted with its parent, as the kernel does it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import anyio

from agentkit_tools.isolation.limits import CommandLimits

Excess: TypeAlias = Literal["memory", "disk"]
"""The limit that was exceeded."""

_PROC = Path("/proc")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PERIOD_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUse:
    """What processes use together; memory that they share is counted once."""

    memory_bytes: int
    written_bytes: int


async def watch(pid: int, limits: CommandLimits, report: Callable[[Excess], None]) -> None:
    """Look at the use of all processes of a command again and again, until one limit is exceeded.

    Args:
        pid: the first process of its namespace.
        limits: of memory and disk.
        report: called once, with the limit that was exceeded.
    """
    while True:
        await anyio.sleep(_PERIOD_SECONDS)
        used = measure(pid, exact_above=limits.memory_bytes)
        if used.memory_bytes > limits.memory_bytes:
            report("memory")
            return
        if used.written_bytes > limits.disk_bytes:
            report("disk")
            return


def measure(pid: int, *, exact_above: int) -> ResourceUse:
    """Return what the processes in the namespace of `pid` use.

    Args:
        pid: a process of that namespace.
        exact_above: shared memory is counted for each process unless the sum is above this.
    """
    pids = list(_same_namespace(pid))
    memory = sum(_resident_bytes(each) for each in pids)
    if memory > exact_above:
        memory = sum(_proportional_bytes(each) for each in pids)
    return ResourceUse(
        memory_bytes=memory, written_bytes=sum(_written_bytes(each) for each in pids)
    )


def _same_namespace(pid: int) -> Iterator[int]:
    try:
        wanted = (_PROC / f"{pid}/ns/pid").readlink()
    except OSError:
        return
    for path in _PROC.iterdir():
        if path.name.isdecimal():
            with suppress(OSError):
                if (path / "ns/pid").readlink() == wanted:
                    yield int(path.name)


def _resident_bytes(pid: int) -> int:
    with suppress(OSError):
        return int((_PROC / f"{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    return 0


def _proportional_bytes(pid: int) -> int:
    with suppress(OSError):
        for line in (_PROC / f"{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _written_bytes(pid: int) -> int:
    with suppress(OSError):
        for line in (_PROC / f"{pid}/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
    return 0
