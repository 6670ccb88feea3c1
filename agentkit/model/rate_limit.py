"""Keep below a provider's limits of requests and tokens per minute.

In:  the limits from settings, the provider's own word in its headers, what is about to be sent.
Out: how long to wait.

Pure: the waiting is done by the caller. A place is reserved when it is asked for, so that a
hundred runs that ask at once do not all come at the same moment.
"""

import re
from collections import deque
from collections.abc import Callable, Mapping

from agentkit.value import dataclass

WINDOW_SECONDS = 60.0
MAX_RESET_SECONDS = 3600.0

_LIMIT_HEADERS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """The limits of one provider; None for none."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; at least 1 is needed, or None for no limit.")


class RateLimiter:
    """The rate_limit of one provider and model, shared by all who call it."""

    def __init__(self, settings: RateLimit) -> None:
        self._settings = settings
        self._reserved: deque[tuple[float, int]] = deque()
        self._tokens = 0
        self._not_before = 0.0

    @property
    def is_free(self) -> bool:
        """Say whether nothing limits the rate_limit, as far as is known."""
        limits = self._settings
        has_none = limits.requests_per_minute is None and limits.tokens_per_minute is None
        return has_none and not self._not_before

    def reserve(self, now: float, *, tokens: int) -> float:
        """Reserve a place for a request and return the seconds to wait for it.

        Args:
            now: seconds of a clock that never goes back.
            tokens: what the request will cost, 0 or more.
        """
        limits = self._settings
        at = max(now, self._not_before)
        if limits.requests_per_minute is None and limits.tokens_per_minute is None:
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

    def note(self, headers: Mapping[str, str], *, clock: Callable[[], float]) -> None:
        """Take over what the provider says of its limits.

        Args:
            headers: of an answer; names are lower case.
            clock: tells now, as given to `reserve`; few answers need it.
        """
        for name, reset in _LIMIT_HEADERS:
            if name in headers and headers[name].strip() == "0":
                seconds = parse_reset(headers.get(reset, ""))
                if seconds is not None:
                    self._not_before = max(self._not_before, clock() + seconds)

    def _fits(self, tokens: int) -> bool:
        """Say whether one more request of so many tokens is within the limits."""
        limits = self._settings
        if (
            limits.requests_per_minute is not None
            and len(self._reserved) >= limits.requests_per_minute
        ):
            return False
        return limits.tokens_per_minute is None or (
            self._tokens + tokens <= limits.tokens_per_minute
        )

    def _forget(self, now: float) -> None:
        """Drop what was sent more than a window ago."""
        while self._reserved and self._reserved[0][0] + WINDOW_SECONDS <= now:
            self._tokens -= self._reserved.popleft()[1]


_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_reset(text: str) -> float | None:
    """Read the time until a limit is lifted: `6s`, `1m30.5s`, `20ms`, or plain seconds.

    Returns:
        Seconds from 0 to an hour; None for what is not such a time.
    """
    text = text.strip()
    if re.fullmatch(r"\d{1,4}(?:\.\d+)?", text, re.ASCII):
        return min(float(text), MAX_RESET_SECONDS)
    if not re.fullmatch(rf"(?:{_PART.pattern}){{1,4}}", text, re.ASCII):
        return None
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    return min(seconds, MAX_RESET_SECONDS)
