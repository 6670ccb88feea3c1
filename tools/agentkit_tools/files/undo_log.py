"""Take back the last changes of files.

In:  what each changed file held before and after.
Out: `UndoLog`, which restores the files of the last change.

The log is kept in memory as long as the tools are. A file that was changed by others since then is
not touched.
"""

import threading
from collections import deque
from dataclasses import dataclass, field

from agentkit_tools.files.folder import Folder, PathFault

_MAX_CHANGES = 100
_MAX_BYTES = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file; None stands for no file."""

    path: str
    before: bytes | None
    after: bytes | None

    @property
    def size(self) -> int:
        """Return how many bytes the entry holds."""
        return len(self.before or b"") + len(self.after or b"")


@dataclass(slots=True, kw_only=True)
class UndoLog:
    """The last changes, each of one file or more."""

    _changes: "deque[tuple[FileChange, ...]]" = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *files: FileChange) -> None:
        """Add a change; the oldest ones are forgotten."""
        with self._lock:
            self._changes.append(files)
            while len(self._changes) > 1 and (
                len(self._changes) > _MAX_CHANGES or self._size() > _MAX_BYTES
            ):
                self._changes.popleft()

    def undo(self, folder: Folder) -> list[str]:
        """Restore the files of the last change and return their paths.

        Raises:
            PathFault: there is no change, or a file is not as the change left it.
        """
        with self._lock:
            if not self._changes:
                raise PathFault("there is no change to take back")
            files = self._changes[-1]
            for each in files:
                if folder.content(each.path) != each.after:
                    raise PathFault(f"{each.path!r} was changed again by others; it is not touched")
            for each in files:
                if each.before is None:
                    folder.remove(each.path)
                else:
                    folder.write(each.path, each.before, overwrite=True)
            self._changes.pop()
        return [each.path for each in files]

    def _size(self) -> int:
        return sum(each.size for files in self._changes for each in files)
