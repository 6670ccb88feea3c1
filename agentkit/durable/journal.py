"""Journals that remember what the effects of a run gave.

In:  effects under stable names.
Out: what they gave, once; in memory or in a file that another process can go on with.

An effect is noted as begun before it runs, so that one which was interrupted is known as such.
"""

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

from agentkit.errors import AgentKitError
from agentkit.surrogates import dump_json

T = TypeVar("T")

VERSION = "2"
READABLE = ("1", VERSION)


class JournalError(AgentKitError):
    """A journal cannot be read: it is another's file, or damaged before its end."""


class MemoryJournal:
    """Remembers for as long as it lives; for tests, and for going on in the same process."""

    def __init__(self) -> None:
        self._begun: set[str] = set()
        self._values: dict[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of what is remembered, in the order it was done."""
        return tuple(self._values)

    async def do(
        self,
        name: str,
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]],
    ) -> T:
        """Do it once; see `agentkit.agent.journal.Journal`."""
        if name in self._values:
            return codec().validate_json(self._values[name])
        if name in self._begun:
            value = await unknown()
        else:
            self._begun.add(name)
            self._note({"begun": name})
            value = await effect()
        text = dump_json(codec(), value)
        self._values[name] = text
        self._note({"done": name, "value": text})
        return value

    def _note(self, entry: dict[str, str]) -> None:
        """Keep an entry where it outlives this object; nowhere, here."""


class FileJournal(MemoryJournal):
    """Remembers in a file of JSON lines, on the disk before the run goes on."""

    def __init__(self, path: Path) -> None:
        """Open the journal of one run, new or begun by an earlier process.

        Args:
            path: one file for each run; its folder must exist.

        Raises:
            JournalError: the file is no journal, or damaged before its last line.
        """
        super().__init__()
        self._path = path
        if path.exists():
            self._read(path.read_bytes())
        if not path.exists() or path.stat().st_size == 0:
            self._append(json.dumps({"journal": VERSION}))

    def _note(self, entry: dict[str, str]) -> None:
        self._append(json.dumps(entry, ensure_ascii=False))

    def _append(self, line: str) -> None:
        """Write a line and wait until the disk has it."""
        with self._path.open("ab") as file:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self, content: bytes) -> None:
        """Take in what an earlier process wrote; a line it did not finish is cut off."""
        complete, _, rest = content.rpartition(b"\n")
        if rest:
            with self._path.open("r+b") as file:
                file.truncate(len(content) - len(rest))
        lines = complete.split(b"\n") if complete else []
        for number, line in enumerate(lines, start=1):
            entry = self._parse(line, number)
            if number == 1:
                self._check_head(entry)
            elif "begun" in entry:
                self._begun.add(entry["begun"])
            else:
                self._values[entry["done"]] = _upgrade(entry["done"], entry["value"])

    def _parse(self, line: bytes, number: int) -> dict[str, str]:
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise JournalError(
                f"Line {number} of the journal {str(self._path)!r} is damaged: {error}."
            ) from error
        is_known = isinstance(entry, dict) and (
            "journal" in entry or "begun" in entry or {"done", "value"} <= entry.keys()
        )
        if not is_known:
            raise JournalError(f"Line {number} of {str(self._path)!r} is no entry of a journal.")
        return cast(dict[str, str], entry)

    def _check_head(self, entry: dict[str, str]) -> None:
        if entry.get("journal") not in READABLE:
            raise JournalError(
                f"{str(self._path)!r} is not a journal of version {' or '.join(READABLE)}; "
                "use another file, or the agentkit that wrote it."
            )


def _upgrade(name: str, text: str) -> str:
    """Rename the fields of an exchange that version 1 recorded; other values are the same."""
    if not name.endswith("/model"):
        return text
    exchange = json.loads(text)
    _rename(exchange, {"besides": "additional_usage"})
    for part in (exchange.get("response"), exchange.get("judged")):
        if part is not None:
            _rename(part, {"host": "provider", "mendings": "repairs"})
            for repair in part["repairs"]:
                _rename(repair, {"rung": "kind"})
    return json.dumps(exchange, ensure_ascii=False)


def _rename(value: dict[str, Any], names: Mapping[str, str]) -> None:
    for old, new in names.items():
        if old in value:
            value[new] = value.pop(old)
