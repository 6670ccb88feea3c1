"""Read the records of runs from a file, as `agentkit run --json` prints them.

In:  a file of JSON lines.
Out: `EventRecord`s, within bounds.
"""

from collections.abc import Iterator
from pathlib import Path

from agentkit.errors import UsageError
from agentkit.event import EventRecord

MAX_LINE_BYTES = 32 * 1024 * 1024
MAX_RECORDS = 200_000


def read_records(path: Path) -> list[EventRecord]:
    """Return the records of a file.

    Raises:
        UsageError: it cannot be read, holds none, or has a line that is not a record.
    """
    try:
        with path.open("rb") as file:
            records = list(_records(path, iter(lambda: file.readline(MAX_LINE_BYTES + 1), b"")))
    except OSError as error:
        raise UsageError(f"Cannot read {str(path)!r}: {error.strerror}.") from error
    if not records:
        raise UsageError(f"{str(path)!r} holds no records; 'agentkit run --json' prints them.")
    return records


def _records(path: Path, lines: Iterator[bytes]) -> Iterator[EventRecord]:
    for number, line in enumerate(lines, start=1):
        if number > MAX_RECORDS:
            raise UsageError(f"{str(path)!r} has more than {MAX_RECORDS:,} lines.")
        if len(line) > MAX_LINE_BYTES:
            raise UsageError(
                f"Line {number} of {str(path)!r} has more than {MAX_LINE_BYTES:,} bytes."
            )
        if not line.strip():
            continue
        try:
            yield EventRecord.from_json(line)
        except ValueError as error:
            raise UsageError(
                f"Line {number} of {str(path)!r} is not a record of a run "
                "('agentkit run --json' prints them, one a line)."
            ) from error
