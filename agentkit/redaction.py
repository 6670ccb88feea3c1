r"""Find secrets in text from outside, and put a mark in their place.

In:  secrets, as texts or as regular expressions; text in which they may be repeated.
Out: the text with a mark in place of each match.

A secret that is a text is found however it is encoded: providers and proxies repeat a key in error
bodies and headers (`x-request-id`), models and tools repeat it in arguments and results, also
escaped as JSON (`\/`, `\u002f`) or percent-encoded (`%2F`, `%2f`).

What is done with the matches depends on what the text is in: `hooks.redactor` keeps messages
valid, `recording.exchange_redaction` keeps the chunks of a recorded exchange. See
docs/decisions/0017-redaction.md.
"""

import re
from collections.abc import Iterable
from typing import TypeAlias

Secret: TypeAlias = str | re.Pattern[str]
"""Literal text, or a regular expression."""

MIN_SECRET_CHARS = 8
"""Shorter keys are placeholders such as `none`; replacing them would garble the text."""

MARK = "[redacted]"

_SHORT_ESCAPES = {"\n": "n", "\t": "t", "\r": "r", "\b": "b", "\f": "f"}


def secret_pattern(secret: str) -> str:
    """Return a regular expression that matches a secret however its characters are encoded.

    Each character may be itself, or a JSON or a percent escape, in either case of the hexadecimal
    digits.
    """
    return "".join(map(_character_pattern, secret))


def compile_secrets(secrets: Secret | Iterable[Secret]) -> tuple[re.Pattern[str], ...]:
    """Return patterns; a secret that is a text is found in each of its encoded forms.

    Raises:
        ValueError: there are none, or one matches empty text.
    """
    listed = [secrets] if isinstance(secrets, str | re.Pattern) else list(secrets)
    if not listed:
        raise ValueError("A redactor needs at least one pattern.")
    patterns = tuple(
        re.compile(secret_pattern(secret)) if isinstance(secret, str) else secret
        for secret in listed
    )
    for pattern in patterns:
        if pattern.fullmatch(""):
            raise ValueError(f"The pattern {pattern.pattern!r} matches empty text; make it longer.")
    return patterns


def redact(text: str, patterns: Iterable[re.Pattern[str]], *, mark: str = MARK) -> str:
    """Return `text` with the literal `mark` in place of every match of each pattern."""
    for pattern in patterns:
        text = pattern.sub(lambda match: mark if match.group() else "", text)
    return text


def redact_key(text: str, key: str) -> str:
    """Return `text` with a mark in place of `key`; a placeholder such as `none` stays."""
    if len(key) < MIN_SECRET_CHARS:
        return text
    return redact(text, compile_secrets(key))


def _character_pattern(character: str) -> str:
    # JSON allows an escape of these three; PHP's encoder writes every slash as `\/`.
    plain = rf"\\?{re.escape(character)}" if character in '/\\"' else re.escape(character)
    units = character.encode("utf-16-be", "surrogatepass").hex()
    octets = character.encode("utf-8", "surrogatepass").hex()
    forms = [
        "".join(rf"\\u{_any_case(units[i : i + 4])}" for i in range(0, len(units), 4)),
        "".join(f"%{_any_case(octets[i : i + 2])}" for i in range(0, len(octets), 2)),
        *(rf"\\{short}" for short in _SHORT_ESCAPES.get(character, "")),
        plain,  # the last, since `%25` begins with what it is the escape of
    ]
    return f"(?:{'|'.join(forms)})"


def _any_case(digits: str) -> str:
    return "".join(one if one.isdecimal() else f"[{one}{one.upper()}]" for one in digits)
