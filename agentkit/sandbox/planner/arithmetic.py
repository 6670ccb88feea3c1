"""Read arithmetic from words.

In:  "12.5% of 640, plus the square root of 1764".
Out: `12.5% of 640 + sqrt(1764)`, or with percentages written out for calculators without them.

A text that goes on with more numbers or operators after what could be read gives nothing: half an
expression would be a wrong one.
"""

import re
from collections.abc import Callable, Sequence

from agentkit.value import dataclass

_TOKEN = re.compile(
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+"
    r"|[^\W\d_]+(?:-[^\W\d_]+)*|\*\*|[-+*/^%()!\u00d7\u00f7\u00b7\u2212\u221a\u03c0,;:?.=]",
    re.IGNORECASE,
)
_PHRASES = (
    (r"\bto the power of\b|\braised to(?: the)?\b|\*\*", " ^ "),
    (r"\b(?:divided by|over)\b|\u00f7", " / "),
    (r"\b(?:multiplied by|times)\b|[\u00d7\u00b7]|(?<=\d)\s*x\s*(?=\d)", " * "),
    (r"\bplus\b", " + "),
    (r"\bminus\b|\u2212", " - "),
    (r"\b(?:percent|per cent)\b", " % "),
    (r"\bsquare root\b|\u221a", " sqrt "),
    (r"\bcube root\b", " cbrt "),
    (r"\bmodulo\b", " mod "),
    (r"\bsquared\b", " ^ 2 "),
    (r"\bcubed\b", " ^ 3 "),
    (r"\bdouble\b|\btwice\b", " 2 * "),
    (r"\btriple\b", " 3 * "),
    (r"\bhalf of\b", " 0.5 * "),
    (r"\u03c0", " pi "),
)
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBER_WORDS = {
    **{word: str(number) for number, word in enumerate(_UNITS.split())},
    **{word: str(10 * number) for number, word in enumerate(_TENS.split(), start=2)},
}
_FUNCTIONS = {"sqrt": "sqrt", "cbrt": "cbrt", "sin": "sin", "sine": "sin", "cos": "cos"} | {
    "cosine": "cos", "tan": "tan", "tangent": "tan", "log": "log", "ln": "ln", "exp": "exp",
    "abs": "abs", "factorial": "factorial", "logarithm": "log", "floor": "floor", "ceil": "ceil",
}  # fmt: skip
_LISTS = {"sum": " + ", "product": " * ", "difference": " - ", "quotient": " / "}
_ORDERS = {"add": " + ", "multiply": " * ", "divide": " / ", "subtract": " - "}
_FILLERS = frozenset({"the", "a", "an", "number", "numbers", "result", "value"})
_MAX_DEPTH = 32
_SIGNS = frozenset("+-*/^%!") | {"mod"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How a calculator wants its expressions.

    Attributes:
        has_percent_of: it reads `12.5% of 640`.
        has_cbrt: it knows `cbrt`; without it a power does.
        power: its sign for powers.
    """

    has_percent_of: bool = False
    has_cbrt: bool = False
    power: str = "**"

    @classmethod
    def parse(cls, description: str) -> "Spelling":
        """Read from a tool's own words how it wants to be asked."""
        return cls(
            has_percent_of="% of" in description,
            has_cbrt="cbrt" in description,
            power="^" if "^" in description and "**" not in description else "**",
        )


def find_expressions(text: str, spelling: Spelling) -> list[str]:
    """Return the expressions in `text`, in order; empty if some of its numbers are in none.

    A number by itself is no expression.
    """
    tokens = _tokenize(text)
    found: list[str] = []
    position = 0
    while position < len(tokens):
        reader = _Reader(tokens, position, spelling)
        expression = reader.read()
        if expression is not None and reader.operators:
            found.append(_strip_whole(expression))
            position = reader.position
        elif _is_left_over(tokens, position):
            return []
        else:
            position += 1
    return found


def _tokenize(text: str) -> list[str]:
    lowered = text.lower()
    for pattern, sign in _PHRASES:
        lowered = re.sub(pattern, sign, lowered)
    tokens = [_NUMBER_WORDS.get(token, token) for token in _TOKEN.findall(lowered)]
    plain = [t.replace(",", "") if _is_number(t) else t for t in tokens if t not in _FILLERS]
    return [t for i, t in enumerate(plain) if not _is_pause(plain, i)]


def _is_left_over(tokens: Sequence[str], index: int) -> bool:
    """Return whether a token belongs to arithmetic that could not be read."""
    here, after = tokens[index], tokens[index + 1 : index + 2]
    opens_number = here in {"("} and any(map(_is_number, after))
    return opens_number or here in _SIGNS or _is_number(here)


def _is_pause(tokens: Sequence[str], index: int) -> bool:
    """Return whether a comma only parts what an operator joins: "640, plus 3"."""
    is_next_sign = index + 1 < len(tokens) and tokens[index + 1] in {"+", "-", "*", "/"}
    return tokens[index] == "," and is_next_sign


def _is_number(token: str) -> bool:
    return token[0].isdigit() or (token[0] == "." and len(token) > 1)


class _Reader:
    """Reads one expression from `position` on; every method gives None where it cannot."""

    def __init__(self, tokens: Sequence[str], position: int, spelling: Spelling) -> None:
        self._tokens = tokens
        self._spelling = spelling
        self._depth = 0
        self.position = position
        self.operators = 0

    def read(self) -> str | None:
        """Read sums of terms."""
        return self._read_chain(self._read_term, {"+": " + ", "-": " - "})

    def _read_term(self) -> str | None:
        return self._read_chain(self._read_power, {"*": " * ", "/": " / ", "mod": " % "})

    def _read_chain(self, read_part: Callable[[], str | None], signs: dict[str, str]) -> str | None:
        left = read_part()
        while left is not None and (sign := self._peek()) in signs:
            start = self.position
            self.position += 1
            right = read_part()
            if right is None:
                self.position = start
                break
            self.operators += 1
            left = f"{left}{signs[sign]}{right}"
        return left

    def _read_power(self) -> str | None:
        base = self._read_signed()
        while base is not None and self._peek() in {"^", "!"}:
            self.operators += 1
            if self._take("!"):
                base = f"factorial({base})"
                continue
            self.position += 1
            exponent = self._read_signed()
            if exponent is None:
                return None
            self._take("power")
            base = f"{_wrap(base)} {self._spelling.power} {_wrap(exponent)}"
        return base

    def _read_signed(self) -> str | None:
        if self._take("-"):
            inner = self._read_primary()
            return None if inner is None else f"-{_wrap(inner)}"
        return self._read_primary()

    def _read_primary(self) -> str | None:
        self._depth += 1
        read = self._read_nested() if self._depth <= _MAX_DEPTH else None
        self._depth -= 1
        return read

    def _read_nested(self) -> str | None:
        token = self._peek()
        if _is_number(token or " "):
            self.position += 1
            return self._read_percent(token)
        if token in {"pi", "tau"}:
            self.position += 1
            return token
        if self._take("("):
            inner = self.read()
            return f"({inner})" if inner is not None and self._take(")") else None
        if token in _FUNCTIONS:
            return self._read_function(_FUNCTIONS[token])
        if token in _LISTS or token in _ORDERS:
            return self._read_list(token)
        return None

    def _read_percent(self, number: str) -> str | None:
        if not self._take("%"):
            return number
        self.operators += 1
        if not self._take("of"):
            # Calculators without percentages cannot say what "200 + 15%" means.
            return f"{number}%" if self._spelling.has_percent_of else None
        whole = self._read_power()
        if whole is None:
            return None
        if self._spelling.has_percent_of:
            return f"{number}% of {_wrap(whole)}"
        return f"({number} / 100 * {whole})"

    def _read_function(self, name: str) -> str | None:
        self.position += 1
        self._take("of")
        inner = self._read_power()
        if inner is None:
            return None
        self.operators += 1
        if name == "cbrt" and not self._spelling.has_cbrt:
            return f"({inner} {self._spelling.power} (1 / 3))"
        return f"{name}{inner}" if inner.startswith("(") else f"{name}({inner})"

    def _read_list(self, word: str) -> str | None:
        """Read "sum of 1, 2 and 3", "subtract 3 from 10" and the like."""
        self.position += 1
        self._take("of", "between")
        parts = [self._read_power()]
        joint = None
        while (taken := self._take_any(",", "and", "from", "to", "by", "with")) is not None:
            self._take("and")
            joint = taken
            parts.append(self._read_power())
        if len(parts) < 2 or None in parts:
            return None
        self.operators += 1
        known = [part for part in parts if part is not None]
        ordered = known[::-1] if joint == "from" else known
        return f"({(_LISTS | _ORDERS)[word].join(ordered)})"

    def _peek(self) -> str:
        return self._tokens[self.position] if self.position < len(self._tokens) else ""

    def _take(self, *words: str) -> bool:
        return self._take_any(*words) is not None

    def _take_any(self, *words: str) -> str | None:
        token = self._peek()
        if token not in words:
            return None
        self.position += 1
        return token


def _wrap(expression: str) -> str:
    is_whole = re.fullmatch(r"[\w.]+|[a-z]*\([^()]*\)", expression) is not None
    return expression if is_whole else f"({expression})"


def _strip_whole(expression: str) -> str:
    """Take off parentheses that stand around a whole expression without others."""
    inner = expression[1:-1]
    is_whole = expression.startswith("(") and expression.endswith(")")
    return inner if is_whole and "(" not in inner and ")" not in inner else expression
