"""Stop calling a provider that keeps failing, for a while.

In:  when calls to it failed or succeeded, in seconds of one clock.
Out: whether to call it now.

Closed, the breaker lets every call through. After some failures in a row it opens for a while,
longer each time. Then it is half-open: one trial call is let through, and its outcome decides.
"""

from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreakerSettings:
    """When a provider is not called.

    Attributes:
        failures: how many in a row open the breaker, 1 or more.
        open_seconds: how long it stays open the first time; twice as long each time after.
        max_open_seconds: longest time it stays open.
    """

    failures: int = 3
    open_seconds: float = 10.0
    max_open_seconds: float = 300.0


class CircuitBreaker:
    """The state of one model at one provider."""

    def __init__(self, settings: CircuitBreakerSettings) -> None:
        self._settings = settings
        self._failures = 0
        self._openings = 0
        self.open_until: float = 0.0

    def allows(self, now: float) -> bool:
        """Return whether a call may be made; a trial call excludes others until it ends."""
        if self._failures < self._settings.failures:
            return True
        if now < self.open_until:
            return False
        self.open_until = now + self._open_seconds()
        return True

    def record_success(self) -> None:
        """Close the breaker after an answer."""
        self._failures = self._openings = 0

    def record_failure(self, now: float) -> None:
        """Count a failure, and open the breaker at the limit."""
        self._failures += 1
        if self._failures >= self._settings.failures:
            self.open_until = now + self._open_seconds()
            self._openings += 1

    def _open_seconds(self) -> float:
        longest = self._settings.max_open_seconds
        return float(min(self._settings.open_seconds * 2.0 ** min(self._openings, 20), longest))
