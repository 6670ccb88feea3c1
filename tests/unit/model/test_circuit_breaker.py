"""When a model that fails is skipped, and for how long."""

from agentkit.model.route import CircuitBreaker, CircuitBreakerSettings


def test_a_circuit_breaker_opens_after_failures_in_a_row_and_allows_one_attempt_later() -> None:
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
