"""The system clock."""

from datetime import UTC, datetime

from agentkit.clock import SystemClock


def test_the_system_clock_is_in_utc_and_its_monotonic_reading_never_decreases() -> None:
    """Durations are differences of monotonic readings."""
    clock = SystemClock()

    assert clock.now().tzinfo is UTC
    assert abs((datetime.now(tz=UTC) - clock.now()).total_seconds()) < 60
    assert clock.monotonic() <= clock.monotonic()
