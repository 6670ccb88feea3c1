"""Arithmetic in words becomes an expression, or nothing."""

import pytest

from agentkit.sandbox.planner.arithmetic import Spelling, find_expressions

PLAIN = Spelling()
RICH = Spelling.parse("Knows ^, cbrt and `12.5% of 640`.")


@pytest.mark.parametrize(
    ("text", "plain", "rich"),
    [
        (
            "What is 12.5% of 640, plus the square root of 1764?",
            ["(12.5 / 100 * 640) + sqrt(1764)"],
            ["12.5% of 640 + sqrt(1764)"],
        ),
        ("3 times 4 and 5 plus 6", ["3 * 4", "5 + 6"], ["3 * 4", "5 + 6"]),
        ("add 3 and 5", ["3 + 5"], ["3 + 5"]),
        ("Subtract 3 from 10", ["10 - 3"], ["10 - 3"]),
        ("divide 10 by 4", ["10 / 4"], ["10 / 4"]),
        ("multiply 3 with 4 with 5", ["3 * 4 * 5"], ["3 * 4 * 5"]),
        ("the sum of 1, 2 and 3", ["1 + 2 + 3"], ["1 + 2 + 3"]),
        ("the difference between 9 and 4", ["9 - 4"], ["9 - 4"]),
        ("the product of 3 and 4, minus 2", ["(3 * 4) - 2"], ["(3 * 4) - 2"]),
        ("2^10", ["2 ** 10"], ["2 ^ 10"]),
        ("2 ** 10", ["2 ** 10"], ["2 ^ 10"]),
        ("5 to the power of 3", ["5 ** 3"], ["5 ^ 3"]),
        ("(1 + 2) * 3", ["(1 + 2) * 3"], ["(1 + 2) * 3"]),
        ("1,234.5 divided by 5", ["1234.5 / 5"], ["1234.5 / 5"]),
        ("7 squared", ["7 ** 2"], ["7 ^ 2"]),
        ("the cube root of 27", ["(27 ** (1 / 3))"], ["cbrt(27)"]),
        ("two plus twenty", ["2 + 20"], ["2 + 20"]),
        ("6 \u00d7 7 \u00f7 2 \u2212 1", ["6 * 7 / 2 - 1"], ["6 * 7 / 2 - 1"]),
        ("\u221a16", ["sqrt(16)"], ["sqrt(16)"]),
        ("3 x 4", ["3 * 4"], ["3 * 4"]),
        ("sqrt(16) * -2", ["sqrt(16) * -2"], ["sqrt(16) * -2"]),
        ("5!", ["factorial(5)"], ["factorial(5)"]),
        ("sine of pi", ["sin(pi)"], ["sin(pi)"]),
        ("log of 100", ["log(100)"], ["log(100)"]),
        ("half of 80", ["0.5 * 80"], ["0.5 * 80"]),
        ("10 mod 3", ["10 % 3"], ["10 % 3"]),
        ("15 percent of (20 + 30)", ["(15 / 100 * (20 + 30))"], ["15% of (20 + 30)"]),
        ("200 + 15%", [], ["200 + 15%"]),
        ("2 ^ -3 + 1", ["2 ** (-3) + 1"], ["2 ^ (-3) + 1"]),
        ("-(2 + 3) * 2", ["-(2 + 3) * 2"], ["-(2 + 3) * 2"]),
    ],
)
def test_words_become_an_expression(text: str, plain: list[str], rich: list[str]) -> None:
    """In the spelling that the calculator says it reads."""
    assert find_expressions(text, PLAIN) == plain
    assert find_expressions(text, RICH) == rich


@pytest.mark.parametrize(
    "text",
    [
        "3 apples",
        "26.2 miles in kilometres",
        "3 + 4 apples in 7 boxes",
        "2 +",
        "(2 + 3",
        "2 ^",
        "5% of",
        "sqrt of bananas",
        "the sum of 3",
        "add 3 and bananas",
        "no numbers here",
        "",
        "-",
        "2 + * 3",
    ],
)
def test_what_is_no_whole_expression_gives_nothing(text: str) -> None:
    """A part would be a wrong answer; a number alone is none."""
    assert find_expressions(text, RICH) == []
