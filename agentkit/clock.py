"""Time as an argument, so that tests can hold it still.

In:  nothing.
Out: `Clock`, the interface, and `SystemClock`, the real one.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and measures durations."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds from an unspecified start; never goes back."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(tz=UTC)

    def monotonic(self) -> float:
        """Return seconds from an unspecified start; never goes back."""
        return time.monotonic()
