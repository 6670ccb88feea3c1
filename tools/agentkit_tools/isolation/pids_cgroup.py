"""A cgroup that limits the number of processes, for commands that root starts.

In:  a limit.
Out: `PidsCgroup`, a folder of the cgroup file system.

The kernel exempts root from RLIMIT_NPROC, also in a user namespace that maps root to another user
(`copy_process` compares with INIT_USER). So for root the limit needs the controller `pids`, of
either version of cgroups.
"""

import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agentkit import ConfigError

_MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class PidsCgroup:
    """A cgroup of one command."""

    folder: Path

    @classmethod
    def create(cls, processes: int) -> "PidsCgroup":
        """Make a cgroup that holds at most `processes` processes.

        Raises:
            ConfigError: this system does not let us.
        """
        for mounted in _mounted_with_pids():
            _remove_stale(mounted)
            folder = mounted / f"agentkit-{os.getpid()}-{secrets.token_hex(6)}"
            try:
                folder.mkdir()
                (folder / "pids.max").write_text(str(processes))
            except OSError:
                with suppress(OSError):
                    folder.rmdir()
                continue
            return cls(folder=folder)
        raise ConfigError(
            "The number of processes of a command cannot be limited for root here, because no "
            "cgroup with the controller 'pids' can be made; run as another user."
        )

    def add(self, pid: int) -> None:
        """Put a process into the cgroup; its children follow.

        Raises:
            OSError: it has ended.
        """
        (self.folder / "cgroup.procs").write_text(str(pid))

    def remove(self) -> None:
        """Remove the cgroup once its processes have ended, which takes the kernel a moment."""
        for _ in range(50):
            try:
                self.folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.01)
            else:
                return


def is_needed() -> bool:
    """Return whether RLIMIT_NPROC does not hold for this process."""
    return os.getuid() == 0


def _remove_stale(mounted: Path) -> None:
    """Remove the empty cgroups of programs that were killed and could not remove them."""
    for folder in mounted.glob("agentkit-*-*"):
        if not Path("/proc", folder.name.split("-")[1]).exists():
            with suppress(OSError):
                folder.rmdir()


def _mounted_with_pids() -> list[Path]:
    """Return the mounted cgroup file systems whose children can have the controller `pids`."""
    found = []
    for line in _MOUNTS.read_text().splitlines():
        before, _, after = line.partition(" - ")
        place = Path(before.split()[4])
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup" and "pids" in options.split(","):
            found.append(place)
        elif kind == "cgroup2":
            with suppress(OSError):
                if "pids" in (place / "cgroup.subtree_control").read_text().split():
                    found.append(place)
    return found
