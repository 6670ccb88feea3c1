"""How many requests a caller may send, and how many run at the same time.

In:  callers with their limits.
Out: permission for one request; a `ServiceError` with the time to wait otherwise.

The counts are of this process. Money is limited over all processes; see `spending`.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from agentkit.service.http_errors import ServiceError
from agentkit.service.served import Caller

WINDOW_SECONDS = 60.0
MAX_READERS = 20_000
"""How many streams of events may be open; most of them wait."""

BUSY_SECONDS = 2
"""How long a client should wait while too many runs are under way."""


class CallerLimits:
    """The requests of all callers. Time is in seconds of a clock that never goes back."""

    def __init__(self, *, max_streams: int, now: Callable[[], float]) -> None:
        self._max_streams = max_streams
        self._now = now
        self._left: dict[str, tuple[float, float]] = {}
        self._running: Counter[str] = Counter()
        self._count = 0
        self._readers = 0
        self._idle = anyio.Event()
        self._idle.set()

    @property
    def running(self) -> int:
        """Return how many requests are under way."""
        return self._count

    def take_request(self, caller: Caller) -> dict[str, str]:
        """Count a request, and return the headers that report the limit.

        The allowance grows back evenly over a minute.

        Raises:
            ServiceError: the allowance is used up; status 429.
        """
        limit = caller.limits.requests_per_minute
        if limit is None:
            return {}
        now = self._now()
        left, since = self._left.get(caller.token_id, (float(limit), now))
        left = min(float(limit), left + (now - since) * limit / WINDOW_SECONDS)
        is_free = left >= 1
        if is_free:
            left -= 1
        self._left[caller.token_id] = (left, now)
        until_next = max(0.0, (1 - left) * WINDOW_SECONDS / limit)
        until_all = (limit - left) * WINDOW_SECONDS / limit
        headers = {
            "x-ratelimit-limit-requests": str(limit),
            "x-ratelimit-remaining-requests": str(int(left)),
            "x-ratelimit-reset-requests": f"{math.ceil(until_all)}s",
        }
        if is_free:
            return headers
        raise ServiceError(
            f"More than {limit} requests in a minute.",
            status=429,
            code="rate_limit_exceeded",
            headers={**headers, "retry-after": str(math.ceil(until_next))},
        )

    @contextmanager
    def running_request(self, caller: Caller) -> Iterator[None]:
        """Count a request as under way until the context is left.

        Raises:
            ServiceError: the caller has too many (429), or all callers together have (503).
        """
        wait = {"retry-after": str(BUSY_SECONDS)}
        limit = caller.limits.streams
        if limit is not None and self._running[caller.token_id] >= limit:
            raise ServiceError(
                f"More than {limit} requests at the same time.",
                status=429,
                code="rate_limit_exceeded",
                headers=wait,
            )
        if self._count >= self._max_streams:
            raise ServiceError("The server is busy.", status=503, code="server_busy", headers=wait)
        self._count += 1
        if self._idle.is_set():
            self._idle = anyio.Event()
        self._running[caller.token_id] += 1
        try:
            yield
        finally:
            self._count -= 1
            self._running[caller.token_id] -= 1
            if not self._count:
                self._idle.set()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Count a reader of events until the context is left.

        Raises:
            ServiceError: there are too many (503).
        """
        if self._readers >= MAX_READERS:
            wait = {"retry-after": str(BUSY_SECONDS)}
            raise ServiceError("The server is busy.", status=503, code="server_busy", headers=wait)
        self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1

    async def wait_until_idle(self) -> None:
        """Wait until no request is under way."""
        await self._idle.wait()
