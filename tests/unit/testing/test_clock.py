"""A clock that is advanced by hand."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from agentkit.testing import ManualClock


def test_time_changes_only_when_it_is_advanced() -> None:
    """Both the moment and the measure move together."""
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    before = clock.now(), clock.monotonic()

    clock.advance(90.5)

    assert before == (datetime(2026, 1, 1, tzinfo=UTC), 0.0)
    assert clock.now() == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=90.5)
    assert clock.monotonic() == 90.5


def test_the_time_is_in_utc() -> None:
    """Whatever zone it was given in."""
    east = timezone(timedelta(hours=9))

    assert ManualClock(datetime(2026, 1, 1, 9, tzinfo=east)).now().tzinfo is UTC


def test_a_start_without_a_zone_is_refused() -> None:
    """A naive time would be read differently on another machine."""
    with pytest.raises(ValueError, match="no time zone"):
        ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_clock_does_not_go_back() -> None:
    """Monotonic means so."""
    with pytest.raises(ValueError, match="does not go back"):
        ManualClock().advance(-1)
