"""Split an expression into tokens.

In:  text as people and models write it: `12.5% of 640`, `3 * (2 + √16)`, `2 plus 2`.
Out: `Token`s with their position, or an `ExpressionFault` with the position and an alternative.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

TokenKind: TypeAlias = Literal["number", "name", "mark", "end"]


class ExpressionFault(Exception):  # noqa: N818 - not an error of the program: the text cannot be read
    """The text is not an expression; the message gives the position and an alternative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A number, a name or a mark of an expression.

    Attributes:
        text: normalized text: `^` for `**`, `sqrt` for `√`.
        place: position of its first character, counted from 1.
        spaced: it follows a space.
    """

    kind: TokenKind
    text: str
    place: int
    spaced: bool = False


_SYNONYMS: Mapping[str, str] = {
    "\N{MULTIPLICATION SIGN}": "*",
    "\N{MIDDLE DOT}": "*",
    "\N{DOT OPERATOR}": "*",
    "\N{DIVISION SIGN}": "/",
    "\N{DIVISION SLASH}": "/",
    "\N{FRACTION SLASH}": "/",
    "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-",
    "**": "^",
    "√": "sqrt",
    "∛": "cbrt",
    "π": "pi",
    "τ": "tau",
    "[": "(",
    "]": ")",
    "{": "(",
    "}": ")",
}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")

# Longer phrases first.
_PHRASES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"(?<![^\W\d_])(?:{words})(?![^\W\d_])", re.IGNORECASE), mark)
    for words, mark in (
        (r"(?:the\s+)?square\s+root\s+of", "sqrt"),
        (r"(?:the\s+)?cube\s+root\s+of", "cbrt"),
        (r"to\s+the\s+power\s+of", "^"),
        (r"divided\s+by", "/"),
        (r"multiplied\s+by|times|x", "*"),
        (r"plus", "+"),
        (r"minus", "-"),
        (r"per\s?cent", "%"),
        (r"modulo", "mod"),
        (r"squared", "²"),
        (r"cubed", "³"),
        (r"degrees?(?!\s*\()", "°"),
    )
)

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<grouped>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d*)?)
  | (?P<number>(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<name>[πτ]|[A-Za-z][A-Za-z0-9]*)
  | (?P<raised>⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)
  | (?P<mark>\*\*|.)
    """,
    re.VERBOSE,
)
_MARKS = frozenset("+-*/^%()!,°")
_MAX_NUMBER_CHARACTERS = 400


def tokenize(text: str) -> tuple[Token, ...]:
    """Split `text` into tokens; the last one has the kind `end`.

    Raises:
        ExpressionFault: a character or number cannot be part of an expression.
    """
    tokens: list[Token] = []
    spaced = False
    for match in _TOKEN.finditer(_replace_words(text)):
        if match.lastgroup == "space":
            spaced = True
            continue
        for token in _read(match, spaced=spaced):
            tokens.append(token)
            spaced = False
    return (*tokens, Token(kind="end", text="the end", place=len(text) + 1))


def _replace_words(text: str) -> str:
    """Replace words such as `plus` by marks of the same length, so that positions are kept."""
    for pattern, mark in _PHRASES:
        text = pattern.sub(partial(_mark_for, mark), text)
    return text


def _mark_for(mark: str, words: re.Match[str]) -> str:
    return mark.ljust(len(words[0]))


def _read(match: re.Match[str], *, spaced: bool) -> Iterator[Token]:
    """Turn one match into one token, or into two for a raised number."""
    text, place = match[0], match.start() + 1
    match match.lastgroup:
        case "number" | "grouped":
            if len(text) > _MAX_NUMBER_CHARACTERS:
                raise ExpressionFault(
                    f"the number at character {place} has more than {_MAX_NUMBER_CHARACTERS} digits"
                )
            yield Token(kind="number", text=text.replace("_", ""), place=place, spaced=spaced)
        case "name":
            name = _SYNONYMS.get(text, text.casefold())
            yield Token(kind="name", text=name, place=place, spaced=spaced)
        case "raised":
            yield Token(kind="mark", text="raised", place=place, spaced=spaced)
            yield Token(kind="number", text=text.translate(_SUPERSCRIPTS), place=place)
        case _:
            yield _mark(text, place, spaced=spaced)


def _mark(text: str, place: int, *, spaced: bool) -> Token:
    mark = _SYNONYMS.get(text, text)
    if mark.isalpha():
        return Token(kind="name", text=mark, place=place, spaced=spaced)
    if mark not in _MARKS:
        raise ExpressionFault(
            f"{text!r} at character {place} is not part of an expression; write numbers, + - * / ^ "
            "% ( ) and functions such as sqrt(2)"
        )
    return Token(kind="mark", text=mark, place=place, spaced=spaced)
