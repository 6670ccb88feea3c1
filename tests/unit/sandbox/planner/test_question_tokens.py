"""Tokens of a question, and the dates in it."""

from datetime import date

import pytest

from agentkit.sandbox.planner.question_tokens import parse_date, tokenize

TODAY = date(2026, 11, 21)  # a Saturday


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("read docs/a.md", [("path", "docs/a.md")]),
        ("read ../../etc/passwd", [("path", "../../etc/passwd")]),
        ("read ../a.md and a/../b.md", [("path", "../a.md"), ("path", "a/../b.md")]),
        ("read ./.cache/a and /etc/hosts", [("path", "./.cache/a"), ("path", "/etc/hosts")]),
        ("read notes.txt.", [("path", "notes.txt")]),
        ("write to bob@x.org", [("email", "bob@x.org")]),
        ("open https://x.org/a?b=1.", [("url", "https://x.org/a?b=1")]),
        ("say 'it is 5' and \"6\" and `7`",
         [("quoted", "it is 5"), ("quoted", "6"), ("quoted", "7")]),
        ("bob's and ann's", []),
        ("on 2026-12-01", [("date", "2026-12-01")]),
        ("today or tomorrow or yesterday",
         [("date", "2026-11-21"), ("date", "2026-11-22"), ("date", "2026-11-20")]),
        ("until christmas", [("date", "2026-12-25")]),
        ("at 9:05, 14:30:15 or 5:00 pm",
         [("time", "9:05"), ("time", "14:30:15"), ("time", "5:00 pm")]),
        ("in New York and Rio", [("name", "New York"), ("name", "Rio")]),
        ("what is Oslo's weather", [("name", "Oslo")]),
        ("What about Paris? Then Rome.", [("name", "Paris"), ("name", "Rome")]),
        ("I think I'm late", [("name", "I'm")]),
        ("-40 and 1,234.5", [("number", "-40"), ("number", "1,234.5")]),
    ],
)  # fmt: skip
def test_values_are_found_by_their_form(text: str, values: list[tuple[str, str]]) -> None:
    """In the order of the text; a capital at the beginning of a sentence is no name."""
    found = [one for one in tokenize(text, today=TODAY) if one.kind not in ("word", "mark")]

    assert [(one.kind, one.text) for one in found] == values


@pytest.mark.parametrize(
    "text", ["What is 15% of $80?", "a, b & c!", "\u201cone\u201d (two)", "*.py", ""]
)
def test_nothing_but_white_space_is_left_out(text: str) -> None:
    """What is not understood has to be a token, too."""
    covered = "".join(text[one.start : one.end] for one in tokenize(text, today=TODAY))

    assert covered == text.replace(" ", "")


def test_only_words_and_marks_can_be_words_of_a_sentence() -> None:
    """A quotation may hold any word, and is none."""
    tokens = tokenize("The 'the' and", today=TODAY)

    assert [one.word for one in tokens] == ["the", "", "and"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Monday", "2026-11-23"),
        ("next Saturday", "2026-11-28"),
        ("March 5, 2025", "2025-03-05"),
        ("6 March", "2027-03-06"),
        ("24th of December 2026", "2026-12-24"),
        ("December 24th", "2026-12-24"),
        ("Halloween", "2027-10-31"),
        ("February 31", None),
        ("2026-02-30", None),
    ],
)
def test_a_date_without_a_year_is_the_next_one(text: str, expected: str | None) -> None:
    """A day that does not exist is no date."""
    assert parse_date(text, today=TODAY) == expected
