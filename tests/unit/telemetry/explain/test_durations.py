"""Durations and amounts as people read them."""

from decimal import Decimal

import pytest

from agentkit.telemetry.explain.durations import duration, money


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 ms"),
        (0.0004, "0.4 ms"),
        (0.004, "4 ms"),
        (0.0989, "99 ms"),
        (0.25, "0.25 s"),
        (8.6, "8.6 s"),
        (59.4, "59 s"),
        (252, "4 min 12 s"),
        (11_100, "3 h 5 min"),
    ],
)
def test_a_duration_has_the_unit_that_fits(seconds: float, expected: str) -> None:
    """From milliseconds to hours, in a few characters."""
    assert duration(seconds) == expected


def test_an_unknown_cost_is_a_dash() -> None:
    """It is not zero."""
    assert money(None) == "-"
    assert money(Decimal("0.0101")) == "$0.0101"
