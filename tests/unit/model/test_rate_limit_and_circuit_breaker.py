"""When to wait for a provider, and when to leave it alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.model.circuit_breaker import CircuitBreaker, CircuitBreakerSettings
from agentkit.model.rate_limit import RateLimit, RateLimiter, parse_reset


def test_without_limits_nothing_waits() -> None:
    """The default costs nothing."""
    rate_limiter = RateLimiter(RateLimit())

    assert [rate_limiter.reserve(5.0, tokens=10**9) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_requests_beyond_the_limit_wait_for_the_window() -> None:
    """Those that ask at once get places one after the other."""
    rate_limiter = RateLimiter(RateLimit(requests_per_minute=2))

    waits = [rate_limiter.reserve(100.0, tokens=0) for _ in range(5)]

    assert waits == [0.0, 0.0, 60.0, 60.0, 120.0]
    assert rate_limiter.reserve(300.0, tokens=0) == 0.0


def test_tokens_beyond_the_limit_wait_for_the_window() -> None:
    """A request larger than the whole limit goes alone."""
    rate_limiter = RateLimiter(RateLimit(tokens_per_minute=100))

    waits = [rate_limiter.reserve(0.0, tokens=tokens) for tokens in (60, 40, 1, 500, 1)]

    assert waits == [0.0, 0.0, 60.0, 120.0, 180.0]


@given(
    asks=st.lists(
        st.tuples(
            st.floats(min_value=0, max_value=30, allow_nan=False),
            st.integers(min_value=0, max_value=50),
        ),
        max_size=30,
    )
)
def test_no_minute_ever_holds_more_than_the_limits(asks: list[tuple[float, int]]) -> None:
    """Whatever is asked for and when."""
    rate_limiter = RateLimiter(RateLimit(requests_per_minute=4, tokens_per_minute=100))
    now, sent = 0.0, []
    for gap, tokens in asks:
        now += gap
        sent.append((now + rate_limiter.reserve(now, tokens=tokens), tokens))

    for start, _ in sent:
        window = [tokens for at, tokens in sent if start <= at < start + 59.999]
        assert len(window) <= 4
        assert sum(window) <= 100


def test_the_providers_own_word_is_heeded() -> None:
    """Nothing is sent before the limit that is used up is lifted."""
    rate_limiter = RateLimiter(RateLimit())
    rate_limiter.read_headers(
        {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "6s",
            "x-ratelimit-remaining-tokens": "12",
            "x-ratelimit-reset-tokens": "1h",
        },
        clock=lambda: 10.0,
    )
    rate_limiter.read_headers({"x-ratelimit-remaining-tokens": "0"}, clock=lambda: 10.0)

    assert rate_limiter.reserve(12.0, tokens=1) == 4.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6s", 6.0),
        ("1.57s", 1.57),
        ("20ms", 0.02),
        ("1m30s", 90.0),
        ("7m12.5s", 432.5),
        ("12", 12.0),
        ("9h", 3600.0),
        ("", None),
        ("soon", None),
        ("1721399123456", None),
        ("s", None),
    ],
)
def test_the_time_to_a_reset_is_read_in_its_many_spellings(
    text: str, seconds: float | None
) -> None:
    """What is not such a time is not guessed at."""
    found = parse_reset(text)

    assert found is None if seconds is None else found == pytest.approx(seconds)


@pytest.mark.parametrize("name", ["requests_per_minute", "tokens_per_minute"])
def test_a_limit_that_lets_nothing_through_is_refused(name: str) -> None:
    """It would wait forever."""
    with pytest.raises(ValueError, match=f"{name} is 0"):
        RateLimit(**{name: 0})


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_try_later() -> None:
    """The times double up to the longest; success closes it at once."""
    circuit_breaker = CircuitBreaker(
        CircuitBreakerSettings(failures=2, open_seconds=10.0, max_open_seconds=15.0)
    )

    circuit_breaker.record_failure(0.0)
    assert circuit_breaker.allows(0.0)
    circuit_breaker.record_success()
    circuit_breaker.record_failure(1.0)
    assert circuit_breaker.allows(1.0)
    circuit_breaker.record_failure(2.0)
    assert not circuit_breaker.allows(11.9)

    assert circuit_breaker.allows(12.0)
    assert not circuit_breaker.allows(12.0)
    circuit_breaker.record_failure(13.0)
    assert not circuit_breaker.allows(27.9)
    assert circuit_breaker.allows(28.0)

    circuit_breaker.record_success()
    assert circuit_breaker.allows(28.0)
    assert circuit_breaker.allows(28.0)
