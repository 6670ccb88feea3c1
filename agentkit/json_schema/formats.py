"""The formats of JSON Schema's `format` keyword, as they are asserted for derived schemas.

In:  a JSON value.
Out: whether it has the format; a value that is not a string has every format.

Dates and times follow RFC 3339 and ISO 8601, closely enough that nothing but a date is taken for a
date: pydantic, which parses the value later, reads `2024` as seconds since 1970. An offset may be
missing.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date, time
from urllib.parse import urlsplit
from uuid import UUID

from agentkit.json_schema.pattern import is_supported

_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?"
_OFFSET = r"([Zz]|[+-]\d{2}(:?\d{2})?)?"
_ISO_DURATION = re.compile(
    r"[+-]?P(?=.)((\d+(\.\d+)?W)|(\d+Y)?(\d+M)?(\d+(\.\d+)?D)?"
    r"(T(?=.)(\d+(\.\d+)?H)?(\d+(\.\d+)?M)?(\d+(\.\d+)?S)?)?)"
)
_CLOCK_DURATION = re.compile(r"[+-]?(\d+ ?d(ays?)?,? ?)?\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")
_DATE_TIME = re.compile(f"({_DATE})[Tt _]({_TIME}{_OFFSET})")
_TIME_OF_DAY = re.compile(f"({_TIME}){_OFFSET}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_ECMA_ONLY = re.compile(r"\(\?<?[=!]|\\[1-9]\d?|\\k<\w+>|\\c[A-Za-z]")
"""Lookahead and lookbehind, back references and control characters, which Rust's engine lacks."""
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


def _is_date(text: str) -> bool:
    # Python also reads forms without hyphens, and weeks.
    is_usual = len(text) == 10 and text[4] == text[7] == "-"
    return is_usual and date.fromisoformat(text) is not None


def _is_time(text: str) -> bool:
    found = _TIME_OF_DAY.fullmatch(text)
    return found is not None and time.fromisoformat(found[1][:8]) is not None


def _is_date_time(text: str) -> bool:
    found = _DATE_TIME.fullmatch(text)
    return found is not None and _is_date(found[1]) and _is_time(found[2])


def _is_duration(text: str) -> bool:
    return bool(_ISO_DURATION.fullmatch(text) or _CLOCK_DURATION.fullmatch(text))


def _is_uuid(text: str) -> bool:
    return bool(UUID(text))


def _is_email(text: str) -> bool:
    return bool(_EMAIL.fullmatch(text))


def _is_ipv4(text: str) -> bool:
    return bool(ipaddress.IPv4Address(text))


def _is_ipv6(text: str) -> bool:
    return bool(ipaddress.IPv6Address(text))


def _is_hostname(text: str) -> bool:
    labels = text.rstrip(".").split(".")
    return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _is_uri(text: str) -> bool:
    return bool(urlsplit(text).scheme) and not re.search(r"\s", text)


def _is_regex(text: str) -> bool:
    """Return whether `text` is a pattern of ECMA-262, as JSON Schema asks, or of Python."""
    simpler = _ECMA_ONLY.sub(lambda found: "(?:" if found.group().startswith("(") else "", text)
    return is_supported(simpler) or bool(re.compile(text))


def _on_text(check: Callable[[str], bool]) -> Callable[[object], bool]:
    """Return a check of any value for a check of strings; an exception means no."""

    def has_format(value: object) -> bool:
        if not isinstance(value, str):
            return True
        try:
            return check(value)
        except (ValueError, re.error, RecursionError, OverflowError):
            return False

    return has_format


FORMATS: Mapping[str, Callable[[object], bool]] = {
    name: _on_text(check)
    for name, check in {
        "date": _is_date,
        "time": _is_time,
        "date-time": _is_date_time,
        "duration": _is_duration,
        "uuid": _is_uuid,
        "email": _is_email,
        "ipv4": _is_ipv4,
        "ipv6": _is_ipv6,
        "hostname": _is_hostname,
        "uri": _is_uri,
        "regex": _is_regex,
    }.items()
}
