"""Limit how often one site is asked.

In:  the name of a site.
Out: permission, or a `SiteLimitError` that says how long to wait.
"""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from agentkit import ToolError
from agentkit.clock import Clock

MAX_SITES = 1_000


class SiteLimitError(ToolError):
    """A site was asked too often."""


class SiteLimits:
    """The requests to each site of the last minute, and those under way."""

    def __init__(self, clock: Clock, *, per_minute: int = 30, at_once: int = 2) -> None:
        """Begin without requests.

        Args:
            clock: measures the minute.
            per_minute: how many requests one site gets in 60 seconds.
            at_once: how many of its pages are fetched at the same time.
        """
        self._clock = clock
        self._per_minute = per_minute
        self._at_once = at_once
        self._times: dict[str, deque[float]] = {}
        self._permits: dict[str, tuple[anyio.Semaphore, int]] = {}

    def count(self, site: str) -> None:
        """Count one request.

        Raises:
            SiteLimitError: the site had its requests of this minute.
        """
        now = self._clock.monotonic()
        if len(self._times) >= MAX_SITES and site not in self._times:
            oldest = min(self._times, key=lambda name: self._times[name][-1])
            del self._times[oldest]
        times = self._times.setdefault(site, deque())
        while times and now - times[0] >= 60:
            times.popleft()
        if len(times) >= self._per_minute:
            raise SiteLimitError(
                f"{site} was asked {self._per_minute} times within a minute; wait "
                f"{60 - (now - times[0]):.0f} seconds, or use another site."
            )
        times.append(now)

    @asynccontextmanager
    async def turn(self, site: str) -> AsyncIterator[None]:
        """Wait until fewer pages of a site are being fetched than may be."""
        semaphore, users = self._permits.get(site, (anyio.Semaphore(self._at_once), 0))
        self._permits[site] = (semaphore, users + 1)
        try:
            async with semaphore:
                yield
        finally:
            semaphore, users = self._permits.pop(site)
            if users > 1:
                self._permits[site] = (semaphore, users - 1)
