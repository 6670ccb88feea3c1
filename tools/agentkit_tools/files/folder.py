"""One folder of the file system that cannot be left.

In:  paths as a model writes them.
Out: open files, or a `PathFault`.

A path is opened one name at a time from the folder's own descriptor, and no symbolic link is ever
followed. So `..`, an absolute path, a link, or a link that is created between a check and its use
(a race of check and use) cannot lead outside. Names in `hidden` are never listed, read or written.
"""

import errno
import os
import secrets
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from agentkit import ConfigError

_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
# Without O_NONBLOCK the opening of a named pipe would wait for its other end.
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_MAX_PATH_CHARACTERS = 1_000
MAX_KEPT_BYTES = 10_000_000
"""The size of a file that can be brought back."""


class PathFault(Exception):  # noqa: N818 - not an error of the program: the path cannot be used
    """A path is outside the folder, does not exist or is not a file; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or folder that was found; `path` is relative, with slashes."""

    path: str
    is_folder: bool
    size_bytes: int


Found: TypeAlias = tuple[Entry, int, str]
"""An entry, the descriptor of its folder (good until the next entry), and its name there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A root folder and its hidden names.

    Attributes:
        root: an existing folder; links above it and in its own name are followed once, here.
        hidden: names that the tools treat as missing, at any depth.
    """

    root: Path
    hidden: frozenset[str] = frozenset({".git"})

    @classmethod
    def at(cls, root: Path) -> "Folder":
        """Build from an existing folder.

        Raises:
            ConfigError: it does not exist, is not a folder, or this system cannot guard it.
        """
        if os.open not in os.supports_dir_fd:
            raise ConfigError("This system cannot open files relative to a folder; use another.")
        resolved = root.expanduser().resolve()
        if not resolved.is_dir():
            raise ConfigError(f"{str(root)!r} is not a folder; name an existing one.")
        return cls(root=resolved)

    @contextmanager
    def open_folder(self, path: str, *, make: bool = False) -> Iterator[int]:
        """Open a folder and yield its descriptor; `make` creates missing folders."""
        with _mapped(path):
            current = os.open(self.root, _DIRECTORY)
        try:
            for name in self.names(path):
                with _mapped(path):
                    if make:
                        with suppress(FileExistsError):
                            os.mkdir(name, dir_fd=current)
                    inner = os.open(name, _DIRECTORY, dir_fd=current)
                os.close(current)
                current = inner
            yield current
        finally:
            os.close(current)

    def read(self, path: str, *, max_bytes: int) -> tuple[bytes, int]:
        """Return the first bytes of a regular file and its total size."""
        *folders, name = self._names_of_file(path)
        with self.open_folder("/".join(folders)) as parent, _mapped(path):
            return read_at(parent, name, max_bytes=max_bytes)

    def write(self, path: str, data: bytes, *, overwrite: bool) -> bool:
        """Write a file atomically; return whether one was replaced."""
        *folders, name = self._names_of_file(path)
        with self.open_folder("/".join(folders), make=True) as parent, _mapped(path):
            existed = _is_replaceable(parent, name)
            if existed and not overwrite:
                raise PathFault(f"{path!r} exists already; set overwrite to replace it")
            # Not made of the name, which may have as many bytes as a name can have.
            temporary = f".agentkit-{secrets.token_hex(8)}"
            mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode if existed else 0o644
            descriptor = os.open(temporary, _NEW_FILE, stat.S_IMODE(mode), dir_fd=parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                if overwrite:
                    os.replace(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
                else:
                    # Unlike a rename, a link fails if another process was quicker.
                    os.link(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=parent)
        return existed

    def content(self, path: str) -> bytes | None:
        """Return what is in a file; None if it does not exist."""
        try:
            data, size = self.read(path, max_bytes=MAX_KEPT_BYTES)
        except PathFault as fault:
            if isinstance(fault.__cause__, FileNotFoundError):
                return None
            raise
        if size > len(data):
            raise PathFault(f"{path!r} has {size:,} bytes, too many to be kept")
        return data

    def remove(self, path: str) -> None:
        """Delete a regular file."""
        *folders, name = self._names_of_file(path)
        with self.open_folder("/".join(folders)) as parent, _mapped(path):
            if not _is_replaceable(parent, name):
                raise FileNotFoundError(errno.ENOENT, "No such file", name)
            os.unlink(name, dir_fd=parent)

    def move(self, path: str, new_path: str) -> None:
        """Move a regular file to a path that does not exist; missing folders are made."""
        *folders, name = self._names_of_file(path)
        *new_folders, new_name = self._names_of_file(new_path)
        with (
            self.open_folder("/".join(folders)) as parent,
            self.open_folder("/".join(new_folders), make=True) as new_parent,
        ):
            with _mapped(path):
                if not _is_replaceable(parent, name):
                    raise FileNotFoundError(errno.ENOENT, "No such file", name)
            # Unlike a rename, a link fails if the new name exists.
            with _mapped(new_path):
                os.link(
                    *(name, new_name),
                    src_dir_fd=parent,
                    dst_dir_fd=new_parent,
                    follow_symlinks=False,
                )
            with _mapped(path):
                os.unlink(name, dir_fd=parent)

    def walk(self, path: str) -> Generator[Found, None, None]:
        """Yield the files and folders below a folder, in order.

        Links, pipes and devices are skipped.
        """
        prefix = PurePosixPath(*self.names(path))
        with self.open_folder(path) as top:
            for here, folders, files, descriptor in os.fwalk(
                ".", dir_fd=top, follow_symlinks=False
            ):
                folders[:] = sorted(name for name in folders if name not in self.hidden)
                relative = prefix / here
                for name in sorted([*folders, *files]):
                    entry = self._entry(relative / name, name, descriptor)
                    if entry is not None:
                        yield entry, descriptor, name

    def names(self, path: str) -> list[str]:
        """Return the names of a relative path, none of which leads up.

        Raises:
            PathFault: the path is absolute, leads up, or has invalid characters.
        """
        if len(path) > _MAX_PATH_CHARACTERS or "\0" in path or not path.isprintable():
            raise PathFault("the path is too long or has characters that no file name has")
        pure = PurePosixPath(path.replace("\\", "/"))
        if pure.is_absolute() and pure.is_relative_to(self.root.as_posix()):
            pure = pure.relative_to(self.root.as_posix())
        if pure.is_absolute() or ".." in pure.parts or path.startswith("~"):
            raise PathFault(f"{path!r} is outside the folder; write a path relative to it")
        if not self.hidden.isdisjoint(pure.parts):
            raise PathFault(f"{path!r} does not exist")
        return list(pure.parts)

    def _names_of_file(self, path: str) -> list[str]:
        names = self.names(path)
        if not names:
            raise PathFault(f"{path!r} is a folder, not a file")
        return names

    def _entry(self, path: PurePosixPath, name: str, descriptor: int) -> Entry | None:
        try:
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
        is_folder = stat.S_ISDIR(found.st_mode)
        if name in self.hidden or not (is_folder or stat.S_ISREG(found.st_mode)):
            return None
        return Entry(path=path.as_posix(), is_folder=is_folder, size_bytes=found.st_size)


def read_at(parent: int, name: str, *, max_bytes: int) -> tuple[bytes, int]:
    """Read a regular file of an open folder: its first bytes, and its total size."""
    descriptor = os.open(name, _FILE, dir_fd=parent)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise PathFault(f"{name!r} is not a file")
        return file.read(max_bytes), found.st_size


def _is_replaceable(parent: int, name: str) -> bool:
    """Return whether a regular file exists there; anything else there is an error."""
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if stat.S_ISREG(found.st_mode):
        return True
    raise PathFault(f"{name!r} is a folder, a link or a device; choose another name")


_FAULTS = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist: a name before the last is not a folder",
    errno.ELOOP: "is a symbolic link; links are not followed",
    errno.EISDIR: "is a folder, not a file",
    errno.EACCES: "may not be opened: permission denied",
    errno.EPERM: "may not be changed: permission denied",
    errno.EEXIST: "exists already; set overwrite to replace it, or choose another name",
    errno.ENAMETOOLONG: "has too long a name",
    errno.ENOSPC: "cannot be written: the disk is full",
    errno.EROFS: "cannot be written: the disk is read-only",
}


@contextmanager
def _mapped(path: str) -> Iterator[None]:
    """Turn an error of the operating system into a `PathFault`."""
    try:
        yield
    except OSError as error:
        reason = _FAULTS.get(error.errno or 0, f"cannot be used: {error.strerror}")
        raise PathFault(f"{path or '.'!r} {reason}") from error
