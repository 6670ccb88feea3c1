"""Arithmetic as prose becomes an expression, or nothing."""

import pytest

from agentkit.sandbox.planner.arithmetic import find_expression


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("12.5% of 640, plus the square root of 1764", "12.5 / 100 * 640 + sqrt(1764)"),
        ("3 times 4", "3 * 4"),
        ("add 3 and 5", "3 + 5"),
        ("Subtract 3 from 10", "10 - 3"),
        ("divide 10 by 4", "10 / 4"),
        ("multiply 3 by 4", "3 * 4"),
        ("the sum of 1, 2 and 3", "1 + 2 + 3"),
        ("the average of 3, 4, and 8", "(3 + 4 + 8) / 3"),
        ("the product of 3 and 4, minus 2", "3 * 4 - 2"),
        ("2^10", "2 ** 10"),
        ("2 ** 10", "2 ** 10"),
        ("5 to the power of 3", "5 ** 3"),
        ("(1 + 2) * 3", "(1 + 2) * 3"),
        ("1,234.5 divided by 5", "1234.5 / 5"),
        ("7 squared", "7 ** 2"),
        ("two plus twelve", "2 + 12"),
        ("6 \u00d7 7 \u00f7 2 \u2212 1", "6 * 7 / 2 - 1"),
        ("\u221a16", "sqrt(16)"),
        ("3 x 4", "3 * 4"),
        ("sqrt(16) * -2", "sqrt(16) * -2"),
        ("5!", "factorial(5)"),
        ("half of 80", "0.5 * 80"),
        ("twice 21", "2 * 21"),
        ("15 percent of (20 + 30)", "15 / 100 * (20 + 30)"),
        ("10 - 15% of 20", "10 - 15 / 100 * 20"),
        ("2 ^ -3 + 1", "2 ** (-3) + 1"),
        ("-(2 + 3) * 2", "-(2 + 3) * 2"),
    ],
)
def test_words_become_an_expression(text: str, expression: str) -> None:
    """In Python's signs, which calculators read."""
    assert find_expression(text) == expression


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
        "7",
        "200 + 15%",
        "20% off 80",
        "10 % 3",
        "-2 squared",
        "subtract 3 and 5",
        "the average of 3 and 4 and the sum of 1 and 2",
        "3, 4 and 5",
        "x + 1",
        "__import__('os')",
        "(lambda: 1)()",
        "1 if 2 else 3",
        "'a' * 3",
        "sqrt",
        "(" * 300,
        "1 + " * 400 + "1",
    ],
    ids=lambda text: text[:20] or "empty",
)
def test_anything_else_gives_nothing(text: str) -> None:
    """A part would be a wrong answer; what has two meanings has none."""
    assert find_expression(text) is None
