"""The functions and constants of expressions.

In:  a name and its arguments.
Out: a number, or an `ArithmeticFault`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial, reduce
from typing import NoReturn

from agentkit_tools.calculator.number import (
    MAX_FACTORIAL,
    ArithmeticFault,
    Number,
    add,
    by_float,
    divide,
    factorial,
    is_integer,
    modulo,
    multiply,
    power,
    root,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function with `least` to `most` arguments."""

    apply: Callable[..., Number]
    least: int = 1
    most: int = 1


_MAX_PLACES = 300
_MAX_INTEGER = 10**300
_MANY = 200
_TWO = Fraction(2)
_THREE = Fraction(3)


def _round(value: Number, places: Number = Fraction(0)) -> Number:
    """Round half away from zero, as taught at school; the result is exact."""
    if not (is_integer(places) and -_MAX_PLACES <= places <= _MAX_PLACES):
        raise ArithmeticFault(f"round(x, n) takes an integer n up to {_MAX_PLACES}")
    scale = Fraction(power(Fraction(10), places))
    scaled = Fraction(value) * scale
    size = math.floor((scaled if scaled >= 0 else -scaled) + Fraction(1, 2))
    return Fraction(size if scaled >= 0 else -size) / scale


def _as_integer(function: Callable[[Number], int], value: Number) -> Number:
    return Fraction(function(value))


def _integers(function: Callable[..., int], *values: Number) -> Number:
    """Apply a function of integers."""
    if not all(is_integer(value) and -_MAX_INTEGER <= value <= _MAX_INTEGER for value in values):
        raise ArithmeticFault("gcd and lcm take whole numbers of at most 300 digits")
    return Fraction(function(*map(int, values)))


def _choose(function: Callable[[int, int], int], total: Number, chosen: Number) -> Number:
    if not all(is_integer(value) and 0 <= value <= MAX_FACTORIAL for value in (total, chosen)):
        raise ArithmeticFault(f"comb and perm take whole numbers from 0 to {MAX_FACTORIAL}")
    return Fraction(function(int(total), int(chosen)))


def _sum(*values: Number) -> Number:
    return reduce(add, values)


def _mean(*values: Number) -> Number:
    return divide(_sum(*values), Fraction(len(values)))


def _median(*values: Number) -> Number:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else _mean(*ordered[middle - 1 : middle + 1])


def _log(value: Number, base: Number | None = None) -> Number:
    if base is None:
        _reject_log_without_base()
    return by_float(math.log, value, base)


def _reject_log_without_base() -> NoReturn:
    raise ArithmeticFault("log(x) has two meanings; write ln(x), log10(x), log2(x) or log(x, base)")


def _hypot(one: Number, other: Number) -> Number:
    return root(add(power(one, _TWO), power(other, _TWO)), _TWO)


def _tan(value: Number) -> Number:
    return divide(by_float(math.sin, value), by_float(math.cos, value))


CONSTANTS: Mapping[str, Number] = {"pi": math.pi, "tau": math.tau, "e": math.e}

FUNCTIONS: Mapping[str, Function] = {
    "sqrt": Function(apply=lambda value: root(value, _TWO)),
    "cbrt": Function(apply=lambda value: root(value, _THREE)),
    "root": Function(apply=root, least=2, most=2),
    "pow": Function(apply=power, least=2, most=2),
    "mod": Function(apply=modulo, least=2, most=2),
    "abs": Function(apply=abs),
    "round": Function(apply=_round, most=2),
    "floor": Function(apply=partial(_as_integer, math.floor)),
    "ceil": Function(apply=partial(_as_integer, math.ceil)),
    "trunc": Function(apply=partial(_as_integer, math.trunc)),
    "min": Function(apply=lambda *values: min(values), most=_MANY),
    "max": Function(apply=lambda *values: max(values), most=_MANY),
    "sum": Function(apply=_sum, most=_MANY),
    "product": Function(apply=lambda *values: reduce(multiply, values), most=_MANY),
    "mean": Function(apply=_mean, most=_MANY),
    "average": Function(apply=_mean, most=_MANY),
    "median": Function(apply=_median, most=_MANY),
    "gcd": Function(apply=partial(_integers, math.gcd), most=_MANY),
    "lcm": Function(apply=partial(_integers, math.lcm), most=10),
    "factorial": Function(apply=factorial),
    "comb": Function(apply=partial(_choose, math.comb), least=2, most=2),
    "perm": Function(apply=partial(_choose, math.perm), least=2, most=2),
    "log": Function(apply=_log, most=2),
    "ln": Function(apply=partial(by_float, math.log)),
    "log10": Function(apply=partial(by_float, math.log10)),
    "log2": Function(apply=partial(by_float, math.log2)),
    "exp": Function(apply=partial(by_float, math.exp)),
    "sin": Function(apply=partial(by_float, math.sin)),
    "cos": Function(apply=partial(by_float, math.cos)),
    "tan": Function(apply=_tan),
    "asin": Function(apply=partial(by_float, math.asin)),
    "acos": Function(apply=partial(by_float, math.acos)),
    "atan": Function(apply=partial(by_float, math.atan)),
    "sinh": Function(apply=partial(by_float, math.sinh)),
    "cosh": Function(apply=partial(by_float, math.cosh)),
    "tanh": Function(apply=partial(by_float, math.tanh)),
    "hypot": Function(apply=_hypot, least=2, most=2),
    "degrees": Function(apply=partial(by_float, math.degrees)),
    "radians": Function(apply=partial(by_float, math.radians)),
}


def call(name: str, values: list[Number]) -> Number:
    """Apply a function of `FUNCTIONS`.

    Raises:
        ArithmeticFault: the number of arguments is wrong, or they are outside its domain.
    """
    function = FUNCTIONS[name]
    if not function.least <= len(values) <= function.most:
        wanted = (
            str(function.least)
            if function.least == function.most
            else f"{function.least} to {function.most}"
        )
        raise ArithmeticFault(f"{name}(…) takes {wanted} arguments, not {len(values)}")
    return function.apply(*values)
