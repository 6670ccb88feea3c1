"""Parse and evaluate an expression.

In:  tokens.
Out: a number, or a fault. Nothing is ever evaluated by Python.

An ambiguous expression (`6/2(1+2)`, `17% 5`, `log(2)`) is rejected with its unambiguous forms: a
wrong number that looks right is worse than an error.

    sum     = product { (+ | -) product }
    product = share { (* | / | mod) share | share }
    share   = sign { of sign }
    sign    = (- | +) sign | power
    power   = postfix [ ^ sign ]
    postfix = atom { ! | % | ° | raised number }
    atom    = number | ( sum ) | constant | function ( sum {, sum} ) | function postfix
"""

import difflib
import math
from dataclasses import dataclass
from fractions import Fraction

from agentkit_tools.calculator.function import CONSTANTS, FUNCTIONS, call
from agentkit_tools.calculator.number import (
    ArithmeticFault,
    Number,
    add,
    checked,
    divide,
    factorial,
    modulo,
    multiply,
    power,
    subtract,
)
from agentkit_tools.calculator.token import ExpressionFault, Token, tokenize

MAX_CHARACTERS = 1_000
MAX_DEPTH = 50
_MAX_DECIMAL_EXPONENT = 1_000
_HUNDRED = Fraction(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operand:
    """A number and whether it is a percentage, which matters for `+` and `-`."""

    value: Number
    is_percent: bool = False


def evaluate(text: str) -> Number:
    """Evaluate an expression.

    Raises:
        ExpressionFault: the text is not an expression.
        ArithmeticFault: it has no result, or one that is too large.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpressionFault(f"it is longer than {MAX_CHARACTERS} characters; split it")
    parser = _Parser(tokenize(text))
    result = parser.sum()
    parser.expect_end()
    return result.value


class _Parser:
    """Parses one expression from left to right."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._calls = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _is(self, *texts: str) -> bool:
        return self._next.kind in ("mark", "name") and self._next.text in texts

    def expect_end(self) -> None:
        """Reject tokens after the expression."""
        token = self._next
        if token.kind == "end":
            return
        if token.text == ",":
            raise ExpressionFault(
                f"the comma at character {token.place} has no meaning there; write decimals with "
                "a point and one expression at a time"
            )
        raise ExpressionFault(f"{token.text!r} at character {token.place} is not expected there")

    def sum(self) -> _Operand:
        """Parse a sum; `200 - 15%` subtracts 15 % of 200, as pocket calculators do."""
        left = self._product()
        while self._is("+", "-"):
            operate = add if self._take().text == "+" else subtract
            right = self._product()
            part = right.value
            if right.is_percent and not left.is_percent:
                part = multiply(left.value, part)
            left = _Operand(
                value=operate(left.value, part), is_percent=left.is_percent and right.is_percent
            )
        return left

    def _product(self) -> _Operand:
        left = self._share()
        divided = False
        while True:
            if self._is("*", "/", "%", "mod"):
                mark = self._take().text
                operate = {"*": multiply, "/": divide}.get(mark, modulo)
                divided = mark == "/"
            elif self._begins_operand(self._next) and self._next.kind != "number":
                if divided:
                    raise ExpressionFault(
                        f"a product without a sign after a division, at character "
                        f"{self._next.place}, is read in two ways; write * and parentheses"
                    )
                operate = multiply
            else:
                return left
            left = _Operand(value=operate(left.value, self._share().value))

    def _share(self) -> _Operand:
        left = self._sign()
        while self._is("of"):
            token = self._take()
            if not left.is_percent:
                raise ExpressionFault(
                    f"'of' at character {token.place} needs a percentage before it; "
                    "for a fraction write (1/2) * x"
                )
            right = self._sign()
            left = _Operand(value=multiply(left.value, right.value), is_percent=right.is_percent)
        return left

    def _sign(self) -> _Operand:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionFault(f"it is nested deeper than {MAX_DEPTH}; work it out in parts")
        if self._is("-", "+"):
            sign = self._take().text
            operand = self._sign()
            if sign == "-":
                operand = _Operand(value=-operand.value, is_percent=operand.is_percent)
        else:
            operand = self._power()
        self._depth -= 1
        return operand

    def _power(self) -> _Operand:
        base = self._postfix()
        if not self._is("^"):
            return base
        self._take()
        return _Operand(value=power(base.value, self._sign().value))

    def _postfix(self) -> _Operand:
        operand = _Operand(value=self._atom())
        while self._is("!", "%", "°", "raised"):
            if self._is("%") and self._is_modulo():
                return operand
            mark = self._take()
            value = operand.value
            match mark.text:
                case "!":
                    operand = _Operand(value=factorial(value))
                case "%":
                    operand = _Operand(value=divide(value, _HUNDRED), is_percent=True)
                case "°":
                    operand = _Operand(value=multiply(value, math.pi / 180))
                case _:
                    operand = _Operand(value=power(value, _number(self._take())))
        return operand

    def _is_modulo(self) -> bool:
        """Return whether `%` is a remainder (`17 % 5`) or a percentage (`12.5%`).

        The next token and the spaces decide.
        """
        sign, behind = self._next, self._tokens[self._at + 1]
        if behind.text in ("+", "-"):
            after = self._tokens[self._at + 2]
            if sign.spaced and behind.spaced and not after.spaced:
                raise _two_readings(sign)
            return False
        if not self._begins_operand(behind):
            return False
        if sign.spaced != behind.spaced or (behind.kind != "number" and not sign.spaced):
            raise _two_readings(sign)
        return True

    @staticmethod
    def _begins_operand(token: Token) -> bool:
        if token.kind == "name":
            return token.text not in ("of", "mod")
        return token.kind == "number" or token.text == "("

    def _atom(self) -> Number:
        token = self._take()
        if token.kind == "number":
            if "," in token.text and self._calls:
                raise ExpressionFault(
                    f"{token.text!r} at character {token.place} is one number or several; put a "
                    "space after each comma between arguments, and none inside a number"
                )
            return _number(token)
        if token.text == "(":
            value = self.sum().value
            self._close(token)
            return value
        if token.kind != "name":
            raise ExpressionFault(
                f"a number is missing before {token.text!r} at character {token.place}"
                if token.kind == "mark"
                else "it ends where a number is missing"
            )
        if token.text in CONSTANTS:
            return CONSTANTS[token.text]
        if token.text not in FUNCTIONS:
            raise _unknown_name(token)
        return call(token.text, self._arguments())

    def _arguments(self) -> list[Number]:
        if not self._is("("):
            return [self._postfix().value]
        opening = self._take()
        self._calls += 1
        values = [self.sum().value]
        while self._is(","):
            self._take()
            values.append(self.sum().value)
        self._close(opening)
        self._calls -= 1
        return values

    def _close(self, opening: Token) -> None:
        if not self._is(")"):
            raise ExpressionFault(f"the parenthesis at character {opening.place} is not closed")
        self._take()


def _number(token: Token) -> Number:
    """Parse a number exactly."""
    text = token.text.replace(",", "")
    _, _, exponent = text.lower().partition("e")
    if exponent and abs(int(exponent)) > _MAX_DECIMAL_EXPONENT:
        raise ArithmeticFault(f"the number at character {token.place} is too large or too fine")
    return checked(Fraction(text))


def _two_readings(sign: Token) -> ExpressionFault:
    return ExpressionFault(
        f"'%' at character {sign.place} is read in two ways; write 'of' or '*' for a percentage, "
        "'mod' for the remainder"
    )


def _unknown_name(token: Token) -> ExpressionFault:
    close = difflib.get_close_matches(token.text, (*FUNCTIONS, *CONSTANTS), n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(FUNCTIONS)}"
    return ExpressionFault(f"{token.text!r} at character {token.place} is not known; {hint}")
