"""Decide whether to send the same request again, and when.

In:  an error, how often it was tried, the settings.
Out: seconds to wait, or None to give up.

Pure: the caller waits, and draws the random number that spreads the waits.
"""

from agentkit.errors import ProviderError
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """How often a model tries again, and how long it waits.

    Attributes:
        attempts: most attempts in all, 1 or more; 1 never tries again.
        base_seconds: the first wait; each later one is twice as long.
        max_wait_seconds: longest wait, also for a rate limit that the provider reports; a provider
            that asks for more gets no further attempt.
    """

    attempts: int = 3
    base_seconds: float = 0.5
    max_wait_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"At least one attempt is needed, not {self.attempts}.")


def retry_wait(
    error: ProviderError, *, attempt: int, settings: RetrySettings, spread: float
) -> float | None:
    """Return how long to wait before the next attempt, or None to give up.

    Args:
        error: what went wrong with the last attempt.
        attempt: which attempt that was, counted from 1.
        settings: attempts and waits.
        spread: a number from 0 to 1, random, so that many clients do not come back at once.
    """
    if not error.retryable or attempt >= settings.attempts:
        return None
    wait = settings.base_seconds * 2.0 ** (attempt - 1) * (0.5 + spread / 2)
    wait = min(wait, settings.max_wait_seconds)
    if error.retry_after_seconds is None:
        return wait
    if error.retry_after_seconds > settings.max_wait_seconds:
        return None
    return max(wait, error.retry_after_seconds)
