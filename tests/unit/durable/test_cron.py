"""Cron expressions: the next moment, and what is refused."""

from datetime import UTC, datetime

import pytest

from agentkit import ConfigError
from agentkit.durable.cron import parse_cron

NOW = datetime(2026, 11, 29, 21, 7, 30, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* * * * *", "2026-11-29T21:08"),
        ("7 21 * * *", "2026-11-30T21:07"),
        ("*/15 * * * *", "2026-11-29T21:15"),
        ("0 7 * * 1-5", "2026-11-30T07:00"),
        ("0 7 * * 0", "2026-12-06T07:00"),
        ("0 7 * * 7", "2026-12-06T07:00"),
        ("30 6,18 1 * *", "2026-12-01T06:30"),
        ("0 0 29 2 *", "2028-02-29T00:00"),
        ("0 0 13 * 5", "2026-12-04T00:00"),
        ("0 0 31 1 */2", "2027-01-31T00:00"),
        ("5/20 22 * * *", "2026-11-29T22:05"),
        ("59 23 31 12 *", "2026-12-31T23:59"),
    ],
)
def test_the_next_moment(text: str, expected: str) -> None:
    """In UTC, after the present minute."""
    assert f"{parse_cron(text).next_after(NOW):%Y-%m-%dT%H:%M}" == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("* * * *", "has 4 fields, not 5"),
        ("60 * * * *", "'60' is not a minute"),
        ("* 5-3 * * *", "'5-3' is not a hour"),
        ("* * 0 * *", "'0' is not a day of the month"),
        ("* * * 13 *", "'13' is not a month"),
        ("* * * * MON", "'MON' is not a day of the week"),
        ("*/0 * * * *", "is not a minute"),
        ("0 0 31 2 *", "names a day that does not exist"),
    ],
)
def test_what_is_not_an_expression_is_refused(text: str, reason: str) -> None:
    """With its part."""
    with pytest.raises(ConfigError, match=reason):
        parse_cron(text)
