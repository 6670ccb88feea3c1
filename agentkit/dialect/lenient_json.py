"""Parse JSON that was written in Python or Markdown style, without guessing.

In:  text from a model, and where in it a value should begin.
Out: the value, where it ends, and how it deviates from JSON; or `LenientJsonError`.

Accepted are: single quotes, `True`, `False`, `None` and a comma before a closing bracket, as Python
writes them; a backslash before a character that Markdown escapes; a raw line break inside a string.
Nothing is completed, no unquoted word is a string, no key may occur twice. The cost is linear.
"""

import json
import re
from dataclasses import field

from agentkit.json_schema import JsonTextError, JsonValue, parse_json
from agentkit.json_schema.strict_json import LossyFloat
from agentkit.value import dataclass

MAX_DEPTH = 64
_MAX_DIGITS = 1_000

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?(?![\w.])", re.ASCII)
_WORD = re.compile(r"(?:true|false|null|True|False|None)\b")
_WORDS: dict[str, JsonValue] = {
    "true": True,
    "false": False,
    "null": None,
    "True": True,
    "False": False,
    "None": None,
}
_PLAIN = {'"': re.compile(r'[^"\\\x00-\x1f]*'), "'": re.compile(r"[^'\\\x00-\x1f]*")}
_PLAIN_ESCAPES = re.compile(r"(?:\\[\\/bfnrt])+")
_ESCAPED_BRACKET = re.compile(r"\\[\[\]{}]")
_HEX = re.compile(r"u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?")
# Characters that Markdown escapes (Mixtral writes `get\_weather`). A dot or a bracket is not among
# them: before those a backslash is more likely part of a regular expression, and dropping it would
# change the value.
_MARKDOWN = frozenset("_*#`~&<>!@%=:;, ")


class LenientJsonError(ValueError):
    """No value can be parsed here without guessing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LenientValue:
    """A value, the position after it, and the kinds of deviations from JSON.

    Attributes:
        is_lossy: a number has more digits than a float can hold; only the text has them all.
    """

    value: JsonValue
    end: int
    deviations: frozenset[str]
    is_lossy: bool = False


def parse_lenient(text: str, start: int = 0) -> LenientValue:
    """Parse the value that begins at `start`; what follows it is not examined.

    Raises:
        LenientJsonError: there is none, or it has several readings.
    """
    reader = _Reader(text=text, at=start)
    value = reader.value(MAX_DEPTH)
    return LenientValue(
        value=value,
        end=reader.at,
        deviations=frozenset(reader.deviations),
        is_lossy=reader.is_lossy,
    )


@dataclass(slots=True)
class _Reader:
    text: str
    at: int
    deviations: set[str] = field(default_factory=set)
    is_lossy: bool = False

    def value(self, depth: int) -> JsonValue:
        """Read one value."""
        sign = self._next()
        if sign == "{":
            return self._object(depth)
        if sign == "[":
            return self._list(depth)
        if sign in _PLAIN:
            return self._string(sign)
        word = _WORD.match(self.text, self.at)
        if word is not None:
            self.at = word.end()
            if word.group()[0].isupper():
                self.deviations.add("python_literal")
            return _WORDS[word.group()]
        return self._number()

    def _next(self) -> str:
        """Skip white space and return the next character, empty at the end."""
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space is not None else self.at
        if _ESCAPED_BRACKET.match(self.text, self.at):
            self.deviations.add("illegal_escape")
            self.at += 1
        return self.text[self.at : self.at + 1]

    def _take(self, sign: str) -> bool:
        """Skip `sign` if it comes next."""
        if self._next() != sign:
            return False
        self.at += 1
        return True

    def _object(self, depth: int) -> JsonValue:
        self._open(depth)
        found: dict[str, JsonValue] = {}
        while not self._take("}"):
            sign = self._next()
            if sign not in _PLAIN:
                raise LenientJsonError(f"a key is missing at character {self.at}")
            key = self._string(sign)
            if key in found:
                raise LenientJsonError("a key occurs twice in one object")
            if not self._take(":"):
                raise LenientJsonError(f"a colon is missing at character {self.at}")
            found[key] = self.value(depth - 1)
            self._separate("}")
        return found

    def _list(self, depth: int) -> JsonValue:
        self._open(depth)
        found: list[JsonValue] = []
        while not self._take("]"):
            found.append(self.value(depth - 1))
            self._separate("]")
        return found

    def _open(self, depth: int) -> None:
        if depth == 0:
            raise LenientJsonError(f"it is more than {MAX_DEPTH} levels deep")
        self.at += 1

    def _separate(self, closing: str) -> None:
        """Skip the comma between two entries; the last entry may have one too, as in Python."""
        if self._take(","):
            if self._next() == closing:
                self.deviations.add("python_literal")
        elif self._next() != closing:
            raise LenientJsonError(f"a comma is missing at character {self.at}")

    def _number(self) -> JsonValue:
        number = _NUMBER.match(self.text, self.at)
        if number is None or number.end() - self.at > _MAX_DIGITS:
            raise LenientJsonError(f"no value at character {self.at}")
        self.at = number.end()
        if number.group(1) is None and number.group(2) is None:
            return int(number.group())
        try:
            value = parse_json(number.group())  # which reports digits that a float cannot hold
        except JsonTextError as error:
            raise LenientJsonError(str(error)) from error
        self.is_lossy = self.is_lossy or isinstance(value, LossyFloat)
        return value

    def _string(self, quote: str) -> str:
        self.at += 1
        if quote == "'":
            self.deviations.add("python_literal")
        parts: list[str] = []
        while True:
            plain = _PLAIN[quote].match(self.text, self.at)
            if plain is not None:
                parts.append(plain.group())
                self.at = plain.end()
            sign = self.text[self.at : self.at + 1]
            self.at += 1
            if sign == quote:
                break
            escapes = _PLAIN_ESCAPES.match(self.text, self.at - 1)
            if escapes is not None:
                parts.append(json.loads(f'"{escapes.group()}"'))
                self.at = escapes.end()
            elif sign == "\\":
                parts.append(self._escaped(quote))
            elif sign and sign in "\n\r\t":
                self.deviations.add("raw_line_break")
                parts.append(sign)
            else:
                raise LenientJsonError("a string does not end, or holds a control character")
        return "".join(parts)

    def _escaped(self, quote: str) -> str:
        """Read an escape; its backslash has been read."""
        sign = self.text[self.at : self.at + 1]
        if sign in _PLAIN:
            self.at += 1
            if sign == "'" and quote != "'":
                self.deviations.add("illegal_escape")
            return sign
        if sign in _MARKDOWN and sign:
            self.at += 1
            self.deviations.add("illegal_escape")
            return sign
        code = _HEX.match(self.text, self.at)
        if code is None:
            raise LenientJsonError(f"an escape is not known at character {self.at}")
        return self._character(code)

    def _character(self, code: re.Match[str]) -> str:
        """Read a character written as one Unicode escape, or as a surrogate pair."""
        first = int(code.group(1), 16)
        if not 0xD800 <= first <= 0xDFFF:
            self.at += 5
            return chr(first)
        if first > 0xDBFF or code.group(2) is None:
            raise LenientJsonError("half of a surrogate pair")
        self.at = code.end()
        return chr(0x10000 + ((first - 0xD800) << 10) + int(code.group(2), 16) - 0xDC00)
