"""What a command may use.

In:  numbers from the caller.
Out: `CommandLimits`, and a process that is held to them.

A limit of the kernel holds for each process. `usage.watch` holds the sum of all processes to the
limits of memory and disk.
"""

import resource
from dataclasses import dataclass

_MAX_OPEN_FILES = 256
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLimits:
    """The limits of one command and of all that it starts.

    Attributes:
        seconds: of wall time, from start to end.
        memory_bytes: of the private memory of each process, and of the memory of all.
        processes: at the same time, threads included.
        file_bytes: the size of one file.
        disk_bytes: what may be written to disk in all.
        temporary_bytes: the size of `/tmp`, which is in memory.
        output_bytes: what may be printed; a command that prints more is killed.
    """

    seconds: float = 60
    memory_bytes: int = 1024 * _MIB
    processes: int = 64
    file_bytes: int = 100 * _MIB
    disk_bytes: int = 500 * _MIB
    temporary_bytes: int = 100 * _MIB
    output_bytes: int = 8 * _MIB

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be above 0.")


def limit_process(pid: int, limits: CommandLimits) -> None:
    """Set the limits of a process that has not begun to work; its children inherit them.

    Args:
        pid: as seen from here.
        limits: what it may use.

    Raises:
        OSError: it has ended, or belongs to another user.
    """
    seconds = int(limits.seconds) + 1
    for kind, value in (
        (resource.RLIMIT_CPU, seconds),
        # Not RLIMIT_AS: programs that reserve much address space, such as Node, would not start.
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_NICE, 0),
        (resource.RLIMIT_RTPRIO, 0),
    ):
        resource.prlimit(pid, kind, (value, value))
