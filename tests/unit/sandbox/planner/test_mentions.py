"""What a sentence names."""

from datetime import date

import pytest

from agentkit.sandbox.planner.mentions import find_mentions
from agentkit.sandbox.planner.unit_names import name_currency, name_language, name_unit
from agentkit.sandbox.planner.words import stem, stems, widen

TODAY = date(2026, 11, 21)  # a Saturday


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("read docs/a.md and *.py", [("path", "docs/a.md"), ("path", "*.py")]),
        ("read ../../etc/passwd", [("path", "../../etc/passwd")]),
        ("read ../a.md and a/../b.md", [("path", "../a.md"), ("path", "a/../b.md")]),
        ("read ./.cache/a and /etc/hosts", [("path", "./.cache/a"), ("path", "/etc/hosts")]),
        ("at 60 km/h", [("number", "60")]),
        ("write to bob@x.org", [("email", "bob@x.org")]),
        ("open https://x.org/a?b=1.", [("url", "https://x.org/a?b=1")]),
        ("say 'it is 5' and \"6\" and `7`",
         [("quoted", "it is 5"), ("quoted", "6"), ("quoted", "7")]),
        ("bob's and ann's", []),
        ("on 2026-12-01", [("date", "2026-12-01")]),
        ("today or tomorrow or yesterday",
         [("date", "2026-11-21"), ("date", "2026-11-22"), ("date", "2026-11-20")]),
        ("on Monday", [("date", "2026-11-23")]),
        ("next Saturday", [("date", "2026-11-28")]),
        ("March 5, 2025 or 6 March", [("date", "2025-03-05"), ("date", "2027-03-06")]),
        ("December 24th", [("date", "2026-12-24")]),
        ("February 31", [("date", "February 31")]),
        ("at 5 pm, 9:05 or 12 am", [("time", "17:00"), ("time", "09:05"), ("time", "00:00")]),
        ("noon and midnight", [("time", "12:00"), ("time", "00:00")]),
        ("at 14:30:15", [("time", "14:30:15")]),
        ("in New York and Rio de Janeiro", [("name", "New York"), ("name", "Rio de Janeiro")]),
        ("What about Paris? Then Rome.", [("name", "Paris"), ("name", "Rome")]),
        ("Convert to Celsius", [("unit", "Celsius")]),
        ("I think I'm late", []),
        ("issue #12 by @bob", [("tag", "#12"), ("tag", "@bob")]),
        ("miles per hour", [("unit", "miles per hour")]),
    ],
)  # fmt: skip
def test_things_are_found_by_their_form(text: str, named: list[tuple[str, str]]) -> None:
    """In the order of the text, none twice."""
    assert [(m.kind, m.text) for m in find_mentions(text, today=TODAY)] == named


@pytest.mark.parametrize(
    ("text", "number", "unit", "is_percent"),
    [
        ("26.2 miles", 26.2, "miles", False),
        ("1,234 apples", 1234, None, False),
        ("15%", 15, None, True),
        ("$20", 20, "$", False),
        ("-40 degrees Celsius", -40, "degrees Celsius", False),
        ("60 miles per hour", 60, "miles per hour", False),
        ("3 km each", 3, "km", False),
    ],
)
def test_a_number_has_its_unit(
    text: str, number: float, unit: str | None, is_percent: bool
) -> None:
    """And says whether it is a percentage."""
    (found,) = find_mentions(text, today=TODAY)

    assert (found.number, found.unit, found.is_percent) == (number, unit, is_percent)


def test_units_currencies_and_languages_have_one_name_each() -> None:
    """Whatever their spelling."""
    assert [name_unit(one) for one in ("kilometres", "KM", "miles per hour", "\u00b0C")] == [
        "km", "km", "mph", "c",
    ]  # fmt: skip
    assert name_unit("kilograms per hour") == "kg/h"
    assert name_unit("apples per hour") is None
    assert [name_currency(one) for one in ("dollars", "pounds", "\u20ac", "apples")] == [
        "USD", "GBP", "EUR", None,
    ]  # fmt: skip
    assert (name_language("French"), name_language("Klingon")) == ("fr", None)


def test_forms_of_a_word_share_a_stem() -> None:
    """What says nothing is left out."""
    assert (
        len({stem(one) for one in ("calculate", "calculator", "calculating", "calculation")}) == 1
    )
    assert len({stem(one) for one in ("city", "cities")}) == 1
    assert len({stem(one) for one in ("run", "running", "runs")}) == 1
    assert stems("What is in the files?") == [stem("file")]
    assert stem("find") in widen([stem("search")])
    assert not widen(["zebra"])
