"""Journals that remember what the effects of a run gave.

In:  effects under keys.
Out: what they gave, once; in memory or in a file that another process can go on with.

An effect that must not happen twice is noted as begun before it runs, so that one which was
interrupted is known as such. The disk is written in a worker thread, one entry after the other.
"""

import fcntl
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, TypeVar

import anyio
import anyio.to_thread
from pydantic import TypeAdapter, ValidationError

from agentkit.durable.journal_format import VERSION, parse_entries
from agentkit.errors import JournalError
from agentkit.surrogates import dump_json

T = TypeVar("T")


class MemoryJournal:
    """Remembers for as long as it lives; for tests, and for going on in the same process."""

    def __init__(self) -> None:
        self._begun: set[str] = set()
        self._values: dict[str, str] = {}
        self._at_work: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the keys of what is remembered, in the order it was done."""
        return tuple(self._values)

    async def do(
        self,
        key: str,
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]] | None = None,
    ) -> T:
        """Do it once; see `agentkit.agent.journal.Journal`."""
        if key in self._values:
            return self._read(key, codec())
        if key in self._at_work:
            raise JournalError(f"The effect {key!r} is under way already; keys are used once.")
        self._at_work.add(key)
        try:
            act = effect
            if unknown is not None and key in self._begun:
                act = unknown
            elif unknown is not None:
                self._begun.add(key)
                await self._note({"begun": key})
            value = await act()
            # An effect that ended is recorded, also if its run is cancelled meanwhile.
            with anyio.CancelScope(shield=True):
                text = dump_json(codec(), value)
                await self._note({"done": key, "value": text})
            self._values[key] = text
        finally:
            self._at_work.discard(key)
        return value

    def _read(self, key: str, codec: TypeAdapter[T]) -> T:
        try:
            return codec.validate_json(self._values[key])
        except ValidationError as error:
            raise JournalError(
                f"What the journal remembers of {key!r} cannot be read by this version of the "
                f"program: {error.errors(include_url=False, include_input=False)[0]['msg']}."
            ) from error

    async def _note(self, entry: dict[str, str]) -> None:
        """Keep an entry where it outlives this object; nowhere, here."""


class FileJournal(MemoryJournal):
    """Remembers in a file of JSON lines, on the disk before the run goes on.

    The file is locked from its opening until the run under it has ended or was suspended, and
    again while the run goes on; no other journal can use it meanwhile.
    """

    def __init__(self, path: str | Path) -> None:
        """Open the journal of one run, new or begun by an earlier process.

        Args:
            path: one file for each run; its folder must exist.

        Raises:
            JournalError: the file is not a journal, is damaged before its last line, is in use by
                another journal, or cannot be read or written.
        """
        super().__init__()
        self._path = Path(path)
        self._lock = anyio.Lock()
        self._file: IO[bytes] | None = None
        self._end = 0
        self._broken: str | None = None
        self._acquire()

    def __del__(self) -> None:
        """Let others use the file."""
        file = getattr(self, "_file", None)
        if file is not None:
            file.close()

    def release(self) -> None:
        """Let others use the file; the next effect takes it again."""
        if self._file is not None and not self._at_work:
            self._file.close()
            self._file = None

    async def do(
        self,
        key: str,
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]] | None = None,
    ) -> T:
        """Do it once; see `agentkit.agent.journal.Journal`."""
        if self._file is None:
            async with self._lock:
                await anyio.to_thread.run_sync(self._acquire)
        return await super().do(key, effect, codec=codec, unknown=unknown)

    def _acquire(self) -> None:
        """Open, lock and read the file, unless this journal has it."""
        if self._file is not None:
            return
        file = self._open()
        try:
            self._load(file)
        except BaseException:
            file.close()
            raise
        self._file = file

    def _open(self) -> IO[bytes]:
        """Open and lock the file; the lock is the system's own, so it ends with the process."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"The journal {self._name} cannot be opened: {error}.") from error
        file = os.fdopen(handle, "r+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise JournalError(
                f"The journal {self._name} is in use by another process or another journal of "
                "this one; wait for its end, or take another file."
            ) from error
        return file

    def _load(self, file: IO[bytes]) -> None:
        """Take in what an earlier process wrote; a line it did not finish is cut off."""
        content = file.read()
        complete, _, _ = content.rpartition(b"\n")
        entries = parse_entries(complete, name=self._name)
        self._begun, self._values = entries.begun, entries.values
        self._end = len(complete) + 1 if complete else 0
        try:
            if self._end != len(content):
                os.ftruncate(file.fileno(), self._end)
            if not entries.has_head:
                self._append(file, json.dumps({"journal": VERSION}))
        except OSError as error:
            raise self._failure(error) from error

    async def _note(self, entry: dict[str, str]) -> None:
        """Append an entry, and wait until the disk has it.

        Raises:
            JournalError: it could not be written; the file ends with its last complete entry.
        """
        line = json.dumps(entry, ensure_ascii=False)
        async with self._lock:  # tools side by side write one after the other
            if self._broken is not None:
                raise JournalError(f"The journal {self._name} cannot be used: {self._broken}.")
            try:
                await anyio.to_thread.run_sync(self._append, self._file, line)
            except OSError as error:
                raise self._failure(error) from error

    def _append(self, file: IO[bytes] | None, line: str) -> None:
        """Write a line and wait until the disk has it; cut the file back if that fails."""
        if file is None:
            raise JournalError(f"The journal {self._name} was released while it was written.")
        data = line.encode("utf-8", "surrogatepass") + b"\n"
        handle = file.fileno()
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(handle, data[written:], self._end + written)
            os.fsync(handle)
        except OSError:
            self._cut_back(handle)
            raise
        self._end += len(data)

    def _cut_back(self, handle: int) -> None:
        """Remove what was written of an entry, so that the next one does not follow a torn line."""
        try:
            os.ftruncate(handle, self._end)
            os.fsync(handle)
        except OSError as error:
            self._broken = f"a torn entry could not be removed ({error})"

    def _failure(self, error: OSError) -> JournalError:
        return JournalError(
            f"The journal {self._name} cannot be written: {error.strerror or error}. What was "
            "recorded before is safe; make room and run again with the same journal."
        )

    @property
    def _name(self) -> str:
        return repr(str(self._path))
