"""The calculator returns the right value or an error, never a wrong value."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit import ToolError
from agentkit_tools.calculator import calculate
from agentkit_tools.calculator.number import ArithmeticFault, format_number
from agentkit_tools.calculator.parse import evaluate
from agentkit_tools.calculator.token import ExpressionFault

VALUES = {
    "12.5% of 640 + sqrt(1764)": "122",
    "12.5% of 640 plus the square root of 1764": "122",
    "12.5 percent of 640": "80",
    "0.1 + 0.2": "0.3",
    "1/3": "≈ 0.333333333333333",
    "1/3*3": "1",
    "1/1024": "0.0009765625",
    "-1/8": "-0.125",
    "1e-400": "≈ 1e-400",
    "2^0.5": "≈ 1.4142135623731",
    "2^2.0001": "≈ 4.00027726848151",
    "0.5^0.5001": "≈ 0.707057769977993",
    "8^(1/3)": "2",
    "27^(2/3)": "9",
    "-2^2": "-4",
    "2^-3": "0.125",
    "2^3^2": "512",
    "2²": "4",
    "10⁻²": "0.01",
    "3 \N{MULTIPLICATION SIGN} (2 + √16) \N{DIVISION SIGN} 2": "9",
    "5 \N{MINUS SIGN} 7": "-2",
    "2π": "≈ 6.28318530717959",
    "2 pi + 1": "≈ 7.28318530717959",
    "pi - pi": "≈ 0",
    "sin(30°)": "≈ 0.5",
    "sin 30 degrees": "≈ 0.5",
    "sin(π)": "≈ 0",
    "tan(45°)": "≈ 1",
    "ln(e)": "≈ 1",
    "log(8, 2)": "≈ 3",
    "200 + 15%": "230",
    "200 - 15%": "170",
    "5% + 3%": "0.08",
    "-50% of 10": "-5",
    "50% of 20% of 10": "1",
    "10 / 50% of 4": "5",
    "17 % 5": "2",
    "17%5": "2",
    "17 mod 5": "2",
    "17 modulo 5": "2",
    "17 % (2 + 3)": "2",
    "10% - 3": "-2.9",
    "1,234.56 * 2": "2469.12",
    "1_000 + 1": "1001",
    "2(3+4)": "14",
    "(1 + 2)(3)": "9",
    "3 x 4": "12",
    "3 times 4": "12",
    "12 divided by 5": "2.4",
    "5 squared": "25",
    "2 cubed": "8",
    "2 to the power of 10": "1024",
    "2**3": "8",
    "[2+3]*{4}": "20",
    "5!": "120",
    "2 + 2 =": "4",
    "+5": "5",
    "cbrt(-8)": "-2",
    "root(32, 5)": "2",
    "cube root of 27": "3",
    "pow(2, 5)": "32",
    "abs(-3)": "3",
    "round(2.5)": "3",
    "round(-2.5)": "-3",
    "round(2.675, 2)": "2.68",
    "round(1234, -2)": "1200",
    "floor(-1.5)": "-2",
    "ceil(1.2)": "2",
    "trunc(-1.5)": "-1",
    "min(3, 1, 2)": "1",
    "max(3, 1, 2)": "3",
    "sum(1, 2, 3.5)": "6.5",
    "product(2, 3, 4)": "24",
    "mean(1, 2)": "1.5",
    "average(1, 2, 3)": "2",
    "median(5, 1, 3)": "3",
    "median(4, 1, 3, 2)": "2.5",
    "gcd(12, 18)": "6",
    "lcm(4, 6)": "12",
    "factorial(3)": "6",
    "comb(5, 2)": "10",
    "perm(5, 2)": "20",
    "hypot(3, 4)": "5",
    "atan(1) * 4": "≈ 3.14159265358979",
    "degrees(pi)": "≈ 180",
    "mod(-7, 3)": "2",
    "1e3": "1000",
    ".5 + 5.": "5.5",
    "0^0": "1",
    "0 * (1/3)": "0",
}

FAULTS = {
    "17% 5": "two ways",
    "10 % -3": "two ways",
    "20%(5+5)": "two ways",
    "6/2(1+2)": "two ways",
    "log(100)": "log10(x)",
    "1/2 of 10": "needs a percentage",
    "sum(1,200, 3,400)": "one number or several",
    "1,5": "comma at character 2",
    "2 3": "'3' at character 3 is not expected",
    "(1": "parenthesis at character 1",
    "1 +": "ends where a number is missing",
    "": "ends where a number is missing",
    "()": "missing before ')'",
    "sqr(4)": "did you mean sqrt",
    "foobarbaz(4)": "known are sqrt",
    "2 + $3": "'$' at character 5",
    "__import__('os')": "not part of an expression",
    "1/0": "divides by zero",
    "5 mod 0": "divides by zero",
    "tan(90°)": "divides by zero",
    "sqrt(-4)": "even degree",
    "root(4, 0.5)": "degree of a root is an integer",
    "(-8)^(1/3)": "root(x, n)",
    "(-8)^0.33333": "root(x, n)",
    "0^-1": "no negative power",
    "ln(0)": "no value there",
    "ln(-1)": "no value there",
    "exp(1000)": "no value there",
    "acos(2)": "no value there",
    "9^9^9": "3,000 digits",
    "2^10000": "3,000 digits",
    "1e300*1e300*1e300*1e300*1e300*1e300*1e300*1e300*1e300*1e300*1e300": "3,000 digits",
    "1e999999999": "too large or too fine",
    "1e400 * pi": "too large to compute",
    "1e-400 * pi": "too close to zero",
    "1e308 * pi * 10": "too large to compute",
    "5.5!": "whole number",
    "10000!": "whole number",
    "comb(5, 0.5)": "whole numbers",
    "gcd(0.5, 1)": "whole numbers",
    "round(1, 0.5)": "integer n",
    "sqrt(1, 2)": "takes 1 arguments, not 2",
    "round(1, 2, 3)": "takes 1 to 2 arguments",
    "1" * 401: "more than 400 digits",
    "1+" * 600 + "1": "longer than 1000",
    "(" * 60 + "1" + ")" * 60: "nested deeper",
    "-" * 200 + "1": "nested deeper",
}


@pytest.mark.parametrize(("expression", "value"), VALUES.items(), ids=VALUES.keys())
def test_an_expression_has_its_value(expression: str, value: str) -> None:
    """Exact if possible, and marked if rounded."""
    assert calculate(expression) == value


@pytest.mark.parametrize(
    ("expression", "words"), FAULTS.items(), ids=[text[:30] for text in FAULTS]
)
def test_an_ambiguous_or_invalid_expression_is_an_error_with_an_alternative(
    expression: str, words: str
) -> None:
    """The message contains the position or the reason."""
    with pytest.raises(ToolError) as caught:
        calculate(expression)

    assert words in str(caught.value)


def test_the_tool_is_read_only() -> None:
    """So its calls may run in parallel."""
    assert calculate.annotations.read_only_hint
    assert not calculate.annotations.open_world_hint


@given(
    numbers=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8),
    marks=st.lists(st.sampled_from("+-*"), min_size=7, max_size=7),
)
@settings(max_examples=150)
def test_whole_numbers_agree_with_python(numbers: list[int], marks: list[str]) -> None:
    """Precedence and signs are Python's."""
    text = f"({numbers[0]})"
    for number, mark in zip(numbers[1:], marks, strict=False):
        text += f" {mark} ({number})"

    assert evaluate(text) == eval(text)  # noqa: S307 - numbers and signs of this test's own


@given(numerator=st.integers(-(10**12), 10**12), places=st.integers(0, 12))
@settings(max_examples=150)
def test_a_decimal_is_formatted_with_its_own_digits(numerator: int, places: int) -> None:
    """No digit is lost or invented."""
    value = Fraction(numerator, 10**places)

    assert Fraction(format_number(value)) == value
    assert evaluate(f"0 + ({format_number(value)})") == value


@given(text=st.text(alphabet="0123456789.,+-*/^%!()° sqrtofmdpie√²", max_size=60))
@settings(max_examples=200)
def test_any_text_gives_a_value_or_an_error_of_ours(text: str) -> None:
    """The text is untrusted."""
    try:
        result = format_number(evaluate(text))
    except (ExpressionFault, ArithmeticFault) as fault:
        result = str(fault)

    assert result
