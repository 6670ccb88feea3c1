"""Leave a provider alone that keeps failing.

In:  when calls to it failed or succeeded, in seconds of one clock.
Out: whether to call it now.

Closed, it lets everything through; after some failures in a row it opens for a while, longer each
time; then one call may try, and its outcome decides.
"""

from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreakerSettings:
    """When a provider is left alone.

    Attributes:
        failures: how many in a row open the circuit_breaker, 1 or more.
        open_seconds: how long it stays open the first time; twice as long each time after.
        max_open_seconds: longest time it stays open.
    """

    failures: int = 3
    open_seconds: float = 10.0
    max_open_seconds: float = 300.0


class CircuitBreaker:
    """The state of one provider and model."""

    def __init__(self, settings: CircuitBreakerSettings) -> None:
        self._settings = settings
        self._failures = 0
        self._openings = 0
        self.open_until = 0.0

    def allows(self, now: float) -> bool:
        """Say whether a call may be made; a trial call keeps others away until it ends."""
        if self._failures < self._settings.failures:
            return True
        if now < self.open_until:
            return False
        self.open_until = now + self._open_seconds()
        return True

    def succeeded(self) -> None:
        """Take note of an answer."""
        self._failures = self._openings = 0

    def failed(self, now: float) -> None:
        """Take note of a failure."""
        self._failures += 1
        if self._failures >= self._settings.failures:
            self.open_until = now + self._open_seconds()
            self._openings += 1

    def _open_seconds(self) -> float:
        longest = self._settings.max_open_seconds
        return float(min(self._settings.open_seconds * 2.0 ** min(self._openings, 20), longest))
