"""Formats accept nothing but their own values."""

import pytest

from agentkit.json_schema.formats import FORMATS


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date", ["2024-02-29"], ["2023-02-29", "2024", "20240229", "2024-2-9", "٢٠٢٤-01-01"]),
        ("time", ["10:00", "10:00:00", "10:00:00.5Z", "10:00:00+02:00"], ["25:00", "10", "x"]),
        (
            "date-time",
            ["2024-02-29T10:00:00Z", "2024-02-29 10:00", "2024-02-29t10:00:00.123+0530"],
            ["2024", "1700000000", "2024-02-29", "2024-02-30T10:00:00Z", "2024-02-29T99:00:00Z"],
        ),
        ("duration", ["P1D", "PT1H30M", "P2W", "-PT5S", "1 day, 10:00:00"], ["P", "PT", "5", "1h"]),
        ("uuid", ["123e4567-e89b-12d3-a456-426614174000"], ["123", "x" * 36]),
        ("email", ["a@b.c"], ["a", "a b@c", "@"]),
        ("ipv4", ["127.0.0.1"], ["1.2.3", "256.0.0.1"]),
        ("ipv6", ["::1"], ["1.2.3.4", ":::"]),
        ("hostname", ["example.org", "a-b.c."], ["-a.b", "a..b", "a b", "x" * 300]),
        ("uri", ["https://a.b/c?d", "urn:x"], ["a.b", "https://a b", "http://[x"]),
        ("regex", ["a+", "(?=a)b", "(?<=a+)b", r"^(.)\1$", r"\p{L}", r"a\Z"], ["(", "[", "a)"]),
    ],
)
def test_a_format_accepts_its_own_and_nothing_else(
    name: str, good: list[str], bad: list[str]
) -> None:
    """Values that are not strings have every format, as the specification requires."""
    check = FORMATS[name]

    assert [text for text in good if not check(text)] == []
    assert [text for text in bad if check(text)] == []
    assert check(5)
