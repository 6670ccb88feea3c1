"""Numbers that stay exact as long as possible.

In:  numbers and operations.
Out: numbers: a `Fraction` is exact, a `float` is rounded; or an `ArithmeticFault`.

No number grows beyond `MAX_BITS`, so no expression can exhaust memory or time.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

Number: TypeAlias = Fraction | float

MAX_BITS = 10_000
"""About 3,000 decimal digits."""

MAX_DEGREE = 1_000
MAX_FACTORIAL = 1_000
_TINY = 1e-15
_SIGNIFICANT_DIGITS = 15
_MAX_DECIMAL_PLACES = 40


class ArithmeticFault(Exception):  # noqa: N818 - not an error of the program: the sum has no result
    """An operation has no result, or one that is too large; the message gives the reason."""


def checked(value: Number) -> Number:
    """Return `value` if it is within the bounds.

    Raises:
        ArithmeticFault: it is too large, has too many digits, is infinite or not a number.
    """
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise ArithmeticFault("the result is too large to compute with decimals")
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise ArithmeticFault("a number in it grows past 3,000 digits")
    return value


def add(left: Number, right: Number) -> Number:
    """Return left + right."""
    left, right = _paired(left, right)
    return checked(left + right)


def subtract(left: Number, right: Number) -> Number:
    """Return left - right."""
    left, right = _paired(left, right)
    return checked(left - right)


def multiply(left: Number, right: Number) -> Number:
    """Return left · right."""
    left, right = _paired(left, right)
    return checked(left * right)


def divide(left: Number, right: Number) -> Number:
    """Return left / right."""
    left, right = _paired(left, right)
    if right == 0:
        raise ArithmeticFault("it divides by zero")
    return checked(left / right)


def modulo(left: Number, right: Number) -> Number:
    """Return the remainder; it has the sign of `right`."""
    left, right = _paired(left, right)
    if right == 0:
        raise ArithmeticFault("it divides by zero")
    return checked(left % right)


def power(base: Number, exponent: Number) -> Number:
    """Return base to the power of exponent, exactly if possible."""
    if base == 0 and exponent < 0:
        raise ArithmeticFault("zero has no negative power")
    if isinstance(base, float) or isinstance(exponent, float) or exponent.denominator > MAX_DEGREE:
        return _float_power(base, exponent)
    if exponent.denominator != 1:
        rooted = None if base < 0 else _exact_root(base, exponent.denominator)
        if rooted is None:
            return _float_power(base, exponent)
        return power(rooted, Fraction(exponent.numerator))
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if (bits - 1) * abs(exponent) > MAX_BITS:
        raise ArithmeticFault("a power in it grows past 3,000 digits")
    return checked(_fraction_power(base, exponent.numerator))


def root(value: Number, degree: Number) -> Number:
    """Return the real root of a degree, exactly if possible."""
    if not (is_integer(degree) and 1 <= degree <= MAX_DEGREE):
        raise ArithmeticFault(f"the degree of a root is an integer from 1 to {MAX_DEGREE}")
    if value >= 0:
        return power(value, Fraction(1, int(degree)))
    if degree % 2 == 0:
        raise ArithmeticFault("a negative number has no real root of an even degree")
    return -root(-value, degree)


def factorial(value: Number) -> Number:
    """Return the factorial of a whole number up to `MAX_FACTORIAL`."""
    if not (is_integer(value) and 0 <= value <= MAX_FACTORIAL):
        raise ArithmeticFault(f"a factorial is of a whole number from 0 to {MAX_FACTORIAL}")
    return Fraction(math.factorial(int(value)))


def is_integer(value: Number) -> bool:
    """Return whether `value` is an exact integer."""
    return isinstance(value, Fraction) and value.denominator == 1


def by_float(function: Callable[..., float], *values: Number) -> Number:
    """Apply a function of the standard library; a rounding error away from zero is zero."""
    try:
        result = function(*map(_to_float, values))
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        raise ArithmeticFault(f"a function in it has no value there ({error})") from error
    return checked(0.0 if abs(result) < _TINY else result)


def format_number(value: Number) -> str:
    """Write a number; one that is rounded begins with `≈`.

    A fraction with a finite decimal representation is written exactly, unless it is very long.
    """
    if isinstance(value, float):
        return f"≈ {value:.{_SIGNIFICANT_DIGITS}g}"
    if value.denominator == 1:
        return str(value.numerator)
    digits = _finite_digits(value.denominator)
    if digits is None or digits > _MAX_DECIMAL_PLACES:
        rounded = Decimal(value.numerator) / Decimal(value.denominator)
        return f"≈ {rounded:.{_SIGNIFICANT_DIGITS}g}"
    scaled = str(abs(value.numerator) * 10**digits // value.denominator).rjust(digits + 1, "0")
    return f"{'-' if value < 0 else ''}{scaled[:-digits]}.{scaled[-digits:]}"


def _paired(left: Number, right: Number) -> tuple[Number, Number]:
    """Bring both to one kind: rounded as soon as one of them is."""
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left, right
    return _to_float(left), _to_float(right)


def _to_float(value: Number) -> float:
    """Round; a fraction that a float cannot hold is a fault, also one that would become zero."""
    try:
        result = float(value)
    except OverflowError as error:
        raise ArithmeticFault("a number in it is too large to compute with decimals") from error
    if result == 0 and value != 0:
        raise ArithmeticFault("a number in it is too close to zero to compute with decimals")
    return result


def _float_power(base: Number, exponent: Number) -> Number:
    if base < 0 and exponent % 1 != 0:
        raise ArithmeticFault(
            "a negative number has no real power of that kind; write an odd root as root(x, n)"
        )
    return by_float(math.pow, base, exponent)


def _fraction_power(base: Fraction, exponent: int) -> Fraction:
    """Return the exact power; the type of `**` on fractions depends on the exponent's value."""
    if exponent < 0:
        base, exponent = 1 / base, -exponent
    return Fraction(base.numerator**exponent, base.denominator**exponent)


def _exact_root(value: Fraction, degree: int) -> Fraction | None:
    """Return the root if it is a fraction itself."""
    numerator = _integer_root(value.numerator, degree)
    denominator = _integer_root(value.denominator, degree)
    if numerator is None or denominator is None:
        return None
    return Fraction(numerator, denominator)


def _integer_root(value: int, degree: int) -> int | None:
    """Return the integer root of an integer by bisection."""
    low, high = 0, 1 << (value.bit_length() // degree + 1)
    while low < high:
        middle = (low + high) // 2
        if middle**degree < value:
            low = middle + 1
        else:
            high = middle
    return low if low**degree == value else None


def _finite_digits(denominator: int) -> int | None:
    """Return how many decimal places 1/denominator has; None if it never ends."""
    counts = []
    for factor in (2, 5):
        count = 0
        while denominator % factor == 0:
            denominator //= factor
            count += 1
        counts.append(count)
    return max(counts) if denominator == 1 else None
