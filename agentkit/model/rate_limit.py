"""Stay below a provider's limits of requests and tokens per minute.

In:  the limits from settings, the rate-limit headers of answers, what is about to be sent.
Out: how long to wait, and for which limit.

Pure: the caller waits. A place is reserved when it is asked for, so that a hundred runs that ask at
once do not send at the same moment.
"""

import re
from collections import deque
from collections.abc import Callable, Mapping

from agentkit.value import dataclass

WINDOW_SECONDS = 60.0
MAX_RESET_SECONDS = 3600.0

# OpenAI's names, which Groq, Together, Fireworks and others copy. A few providers use
# `x-ratelimit-reset` with a time of day in place of a duration; that name is not read.
_LIMIT_HEADERS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """The limits of one model at one provider; None for no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; at least 1 is needed, or None for no limit.")

    @property
    def is_unlimited(self) -> bool:
        """Return whether neither limit is set."""
        return self.requests_per_minute is None and self.tokens_per_minute is None


class RateLimiter:
    """Counts the requests to one model at one provider, for all runs that call it.

    Attributes:
        is_unlimited: no limit is known, from settings or headers.
    """

    def __init__(self, limit: RateLimit) -> None:
        self.is_unlimited: bool = limit.is_unlimited
        self._limit = limit
        self._reserved: deque[tuple[float, int]] = deque()
        self._tokens = 0
        self._exhausted_until = 0.0
        self._exhausted = ""

    @property
    def exhausted(self) -> str:
        """Return the name of the header that reported an exhausted limit last, or nothing."""
        return self._exhausted

    def exhausted_seconds(self, now: float) -> float:
        """Return the seconds until the provider resets a limit that it reported as exhausted."""
        return max(0.0, self._exhausted_until - now)

    def reserve(self, now: float, *, tokens: int) -> float:
        """Reserve a place for a request and return the seconds to wait for it.

        Args:
            now: seconds of a clock that never goes back.
            tokens: what the request will cost, 0 or more.
        """
        at = max(now, self._exhausted_until)
        if self._limit.is_unlimited:
            return at - now
        if self._reserved:
            at = max(at, self._reserved[-1][0])
        self._forget(at)
        while self._reserved and not self._fits(tokens):
            at = max(at, self._reserved[0][0] + WINDOW_SECONDS)
            self._forget(at)
        self._reserved.append((at, tokens))
        self._tokens += tokens
        return at - now

    def read_headers(self, headers: Mapping[str, str], *, clock: Callable[[], float]) -> None:
        """Keep what an answer reports about exhausted limits.

        Args:
            headers: of an answer; names are lower case.
            clock: returns the present, as given to `reserve`; few answers need it.
        """
        for name, reset in _LIMIT_HEADERS:
            if name in headers and headers[name].strip() == "0":
                seconds = parse_reset(headers.get(reset, ""))
                if seconds is not None and clock() + seconds > self._exhausted_until:
                    self._exhausted_until = clock() + seconds
                    self._exhausted, self.is_unlimited = name, False

    def _fits(self, tokens: int) -> bool:
        """Return whether one more request of so many tokens is within the limits."""
        limit = self._limit
        if (
            limit.requests_per_minute is not None
            and len(self._reserved) >= limit.requests_per_minute
        ):
            return False
        return limit.tokens_per_minute is None or (self._tokens + tokens <= limit.tokens_per_minute)

    def _forget(self, now: float) -> None:
        """Drop what was sent more than a window ago."""
        while self._reserved and self._reserved[0][0] + WINDOW_SECONDS <= now:
            self._tokens -= self._reserved.popleft()[1]


_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_reset(text: str) -> float | None:
    """Parse the time until a limit is reset: `6s`, `1m30.5s`, `20ms`, or plain seconds.

    Returns:
        Seconds from 0 to an hour; None if the text is not such a time.
    """
    text = text.strip()
    if re.fullmatch(r"\d{1,4}(?:\.\d+)?", text, re.ASCII):
        return min(float(text), MAX_RESET_SECONDS)
    if not re.fullmatch(rf"(?:{_PART.pattern}){{1,4}}", text, re.ASCII):
        return None
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    return min(seconds, MAX_RESET_SECONDS)
