"""When a request waits for a rate limit, and for how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.model.rate_limit import RateLimit, RateLimiter, parse_reset


def test_without_limits_nothing_waits() -> None:
    """The default costs nothing."""
    rate_limiter = RateLimiter(RateLimit())

    assert [rate_limiter.reserve(5.0, tokens=10**9) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_requests_beyond_the_limit_wait_for_the_window() -> None:
    """Those that come at once get their turns one after the other."""
    rate_limiter = RateLimiter(RateLimit(requests_per_minute=2))

    waits = [rate_limiter.reserve(100.0, tokens=0) for _ in range(5)]

    assert waits == [0.0, 0.0, 60.0, 60.0, 120.0]
    assert rate_limiter.reserve(300.0, tokens=0) == 0.0


def test_tokens_beyond_the_limit_wait_for_the_window() -> None:
    """A request larger than the complete limit is sent alone."""
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
def test_no_minute_ever_has_more_than_the_limits(asks: list[tuple[float, int]]) -> None:
    """For any requests at any times."""
    rate_limiter = RateLimiter(RateLimit(requests_per_minute=4, tokens_per_minute=100))
    now, sent = 0.0, []
    for gap, tokens in asks:
        now += gap
        sent.append((now + rate_limiter.reserve(now, tokens=tokens), tokens))

    for start, _ in sent:
        window = [tokens for at, tokens in sent if start <= at < start + 59.999]
        assert len(window) <= 4
        assert sum(window) <= 100


def test_an_exhausted_limit_of_the_provider_is_respected() -> None:
    """Nothing is sent before it is reset."""
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
def test_the_time_to_a_reset_is_read_in_all_its_formats(text: str, seconds: float | None) -> None:
    """A text that is not such a time is ignored."""
    found = parse_reset(text)

    assert found is None if seconds is None else found == pytest.approx(seconds)


@pytest.mark.parametrize("name", ["requests_per_minute", "tokens_per_minute"])
def test_a_limit_of_nothing_is_refused(name: str) -> None:
    """Every request would wait for ever."""
    with pytest.raises(ValueError, match=f"{name} is 0"):
        RateLimit(**{name: 0})
