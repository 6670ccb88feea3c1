"""Read arithmetic from words.

In:  "12.5% of 640, plus the square root of 1764".
Out: `12.5 / 100 * 640 + sqrt(1764)`, or None unless every word belongs to the expression.
"""

import ast
import re

_NUMBER = r"\d+(?:\.\d+)?"
_ATOM = rf"(?:{_NUMBER}|[a-z]+\([^()]*\)|\([^()]*\))"
_LIST = rf"({_NUMBER}(?:(?:, and |, | and ){_NUMBER})+)"
_WORDS = "zero one two three four five six seven eight nine ten eleven twelve"
_NUMBERS = {word: str(number) for number, word in enumerate(_WORDS.split())}
_REWRITES = (
    (r"(?<=\d),(?=\d{3}\b)", ""),
    (r"\bto the power of\b|\^", "**"),
    (r",(?= (?:plus|minus|times|divided|multiplied)\b)|\b(?:the|numbers?) ", ""),
    (r"\bdivided by\b|\u00f7", "/"),
    (r"\bmultiplied by\b|\btimes\b|\u00d7|(?<=\d) ?x ?(?=\d)", "*"),
    (r"\bplus\b", "+"),
    (r"\bminus\b|[\u2212\u2013]", "-"),
    (r" ?\bper ?cent\b", "%"),
    (r"\b(?:double|twice)\b", "2 *"),
    (r"\bhalf of\b", "0.5 *"),
    (rf"^add {_LIST}$", r"sum of \1"),
    (rf"^multiply ({_NUMBER}) (?:and|by) ({_NUMBER})$", r"\1 * \2"),
    (rf"^divide ({_NUMBER}) by ({_NUMBER})$", r"\1 / \2"),
    (rf"^subtract ({_NUMBER}) from ({_NUMBER})$", r"\2 - \1"),
    (rf"(?:\bsquare root of\b|\bsqrt(?: of)?\b|\u221a) ?({_ATOM})", r"sqrt(\1)"),
    (rf"\b(?:factorial of ({_NUMBER})|({_NUMBER})!)", r"factorial(\1\2)"),
    (rf"({_ATOM}) squared\b", r"\1 ** 2"),
    (rf"({_NUMBER}) ?% of ({_ATOM})", r"(\1 / 100 * \2)"),
)
"""Applied in this order; what they leave has to be Python's own arithmetic."""

_ALLOWED = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Call, ast.Load, ast.Add, ast.Sub, ast.Mult,
    ast.Div, ast.Pow, ast.USub,
)  # fmt: skip


def find_expression(text: str) -> str | None:
    """Return the expression that `text` is; None if it is anything else, or a number alone."""
    written = re.sub(r"[a-z]+", lambda word: _NUMBERS.get(word[0], word[0]), text.lower())
    for pattern, replacement in _REWRITES:
        written = re.sub(pattern, replacement, written)
    written = re.sub(rf"\b(sum|product|average|mean) of {_LIST}", _write_list, written)
    try:
        tree = ast.parse(written, mode="eval")
        nodes = [*ast.walk(tree)]
        called = [one.func for one in nodes if isinstance(one, ast.Call)]
        are_called = all(one in called for one in nodes if isinstance(one, ast.Name))
        is_plain = are_called and len(nodes) > 2 and all(map(_is_allowed, nodes))
        return ast.unparse(tree) if is_plain else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _write_list(found: re.Match[str]) -> str:
    numbers = re.findall(_NUMBER, found[2])
    joined = (" * " if found[1] == "product" else " + ").join(numbers)
    return f"(({joined}) / {len(numbers)})" if found[1] in ("average", "mean") else f"({joined})"


def _is_allowed(node: ast.AST) -> bool:
    match node:
        case ast.Name(id="sqrt" | "factorial") | ast.Constant(value=int() | float()):
            return True
        case ast.UnaryOp(operand=ast.BinOp(op=ast.Pow())):
            return False  # "-2 squared" may mean 4 or -4
        case _:
            return isinstance(node, _ALLOWED)
