r"""Remove a key from text that came from outside.

In:  a key, text in which it may be repeated.
Out: the text with a mark in place of the key, however it is encoded.

Providers and proxies repeat the key in error bodies and headers (`x-request-id`), also escaped as
JSON (`\/`, `\u002f`) or percent-encoded (`%2F`, `%2f`).
"""

import re

MIN_SECRET_CHARS = 8
"""Shorter keys are placeholders such as `none`; replacing them would garble the text."""

MARK = "[redacted]"


def secret_pattern(secret: str) -> str:
    """Return a regular expression that matches a secret however its characters are escaped.

    Each character may be unescaped, or a JSON or a percent escape, in either case of the
    hexadecimal digits.
    """
    return "".join(map(_character_pattern, secret))


def redact_key(text: str, key: str) -> str:
    """Return `text` with a mark in place of `key`; a placeholder such as `none` stays."""
    if len(key) < MIN_SECRET_CHARS:
        return text
    return re.sub(secret_pattern(key), MARK, text)


def _character_pattern(character: str) -> str:
    # JSON allows an escape of these three; PHP's encoder writes every slash as `\/`.
    plain = rf"\\?{re.escape(character)}" if character in '/\\"' else re.escape(character)
    code = ord(character)
    if code > 0xFF:
        return plain
    escape = rf"(?i:\\u00{code:02x}|%{code:02x})"
    return f"(?:{escape}|{plain})"
