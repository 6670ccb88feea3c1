"""The clock as an argument, so that tests control the time.

In:  nothing.
Out: `Clock`, the interface, and `SystemClock`, which reads the system's clocks.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Returns the current time and measures durations."""

    def now(self) -> datetime:
        """Return the current time as an aware datetime in UTC."""

    def monotonic(self) -> float:
        """Return seconds since an unspecified start; never decreases."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the current time as an aware datetime in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since an unspecified start; never decreases."""
        return time.monotonic()
