"""The file form of a journal: JSON lines.

In:  the bytes of a file.
Out: `Entries`: what was begun and what was done, by key.

The first line names the version. Files of versions 1 and 2 are refused: their keys were counted, so
what they hold cannot be found, and would be done again.
"""

import json
from typing import cast

from agentkit.errors import JournalError
from agentkit.value import dataclass

VERSION = "3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """What a journal file holds.

    Attributes:
        has_head: its first line is there.
        begun: keys of effects that were begun.
        values: what effects gave, as JSON text by key.
    """

    has_head: bool
    begun: set[str]
    values: dict[str, str]


def parse_entries(content: bytes, *, name: str) -> Entries:
    """Read the complete lines of a journal file.

    Args:
        content: the lines, without the last line break.
        name: the file, for messages.

    Raises:
        JournalError: a line is damaged, or the file is not a journal of this version.
    """
    begun: set[str] = set()
    values: dict[str, str] = {}
    lines = content.split(b"\n") if content else []
    for number, line in enumerate(lines, start=1):
        entry = _parse(line, number, name)
        if number == 1:
            _check_head(entry, name)
        elif "begun" in entry:
            begun.add(entry["begun"])
        else:
            values[entry["done"]] = entry["value"]
    return Entries(has_head=bool(lines), begun=begun, values=values)


def _parse(line: bytes, number: int, name: str) -> dict[str, str]:
    try:
        entry = json.loads(line.decode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise JournalError(f"Line {number} of the journal {name} is damaged: {error}.") from error
    is_known = isinstance(entry, dict) and (
        "journal" in entry or "begun" in entry or {"done", "value"} <= entry.keys()
    )
    if not is_known or not all(isinstance(value, str) for value in entry.values()):
        raise JournalError(f"Line {number} of {name} is not an entry of a journal.")
    return cast(dict[str, str], entry)


def _check_head(entry: dict[str, str], name: str) -> None:
    if entry.get("journal") != VERSION:
        raise JournalError(
            f"{name} is not a journal of version {VERSION}; "
            "use another file, or the agentkit that wrote it."
        )
