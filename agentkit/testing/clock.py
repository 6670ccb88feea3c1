"""A clock that is advanced by hand.

In:  where it starts; `advance`.
Out: `ManualClock`, an `agentkit.clock.Clock`.
"""

from datetime import UTC, datetime, timedelta


class ManualClock:
    """A clock whose time changes only through `advance`."""

    def __init__(self, start: datetime | None = None) -> None:
        """Start at `start`, an aware moment, or at the beginning of 2024.

        Raises:
            ValueError: `start` has no time zone.
        """
        if start is not None and start.utcoffset() is None:
            raise ValueError(f"The start {start!r} has no time zone; give an aware datetime.")
        self._start = (start or datetime(2024, 1, 1, tzinfo=UTC)).astimezone(UTC)
        self._seconds = 0.0

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return self._start + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """Return by how many seconds the clock was advanced so far."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`, 0 or more.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"A clock does not go back by {-seconds} seconds.")
        self._seconds += seconds
