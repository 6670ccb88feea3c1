"""Keep the records of the last runs of the command line, for `agentkit explain last`.

In:  the records of a run.
Out: a file of JSON lines in the user's folder for data, readable by the user alone.

Keeping is a convenience: if a file cannot be written, the run goes on without one.
"""

import os
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Self

from agentkit.config.user_files import data_folder
from agentkit.errors import ConfigError, UsageError
from agentkit.event import EventRecord
from agentkit.event.record import ImmediateListener

MAX_RUNS = 20
MAX_BYTES = 16 * 1024 * 1024
"""Of one run; its later records are not kept."""

_FOLDER = "runs"


class KeptRecords(ImmediateListener):
    """The file of one run; a listener.

    Args:
        is_on: False keeps nothing.
    """

    def __init__(self, *, is_on: bool = True) -> None:
        self._is_on = is_on
        self._file: TextIOWrapper | None = None
        self._bytes = 0

    def __enter__(self) -> Self:
        """Return itself; the file is made for the first record."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def take(self, record: EventRecord) -> None:
        """Keep a record; see `ImmediateListener`."""
        if not self._is_on:
            return
        try:
            if self._file is None:
                self._file = _new_file(record)
            line = record.to_json() + "\n"
            self._bytes += len(line)
            if self._bytes <= MAX_BYTES:
                self._file.write(line)
                self._file.flush()
        except (OSError, ConfigError):
            self._is_on = False


def last_records() -> Path:
    """Return the file of the last run.

    Raises:
        UsageError: none is kept.
        ConfigError: there is no folder for data.
    """
    kept = _files(data_folder() / _FOLDER)
    if not kept:
        raise UsageError(
            "No run of the command line is kept; 'agentkit run' keeps the last ones, "
            "unless it is run with --no-store."
        )
    return kept[-1]


def _new_file(record: EventRecord) -> TextIOWrapper:
    """Return a new file, and remove the oldest ones."""
    folder = data_folder() / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in _files(folder)[: -MAX_RUNS + 1]:
        old.unlink(missing_ok=True)
    name = f"{record.at:%Y%m%dT%H%M%S.%f}-{os.getpid()}.jsonl"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(folder / name, flags, 0o600)
    return os.fdopen(handle, "w", encoding="utf-8")


def _files(folder: Path) -> list[Path]:
    """Return the kept files, oldest first: their names begin with their times."""
    return sorted(folder.glob("*.jsonl"))
