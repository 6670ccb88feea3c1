"""Cut a question into tokens: quotations, numbers, dates, names, words and marks.

In:  the text of a question; the date that "today" is.
Out: `QuestionToken`s, which together cover everything but white space.
"""

import re
from datetime import date, timedelta

from agentkit.value import dataclass

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_FEASTS = {"christmas": "25 dec", "new year": "1 jan", "halloween": "31 oct"}
DATE = (
    rf"(?:\d{{4}}-\d\d-\d\d|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?"
    rf"|\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH}(?:,? \d{{4}})?|{'|'.join(_FEASTS)}"
    rf"|today|tomorrow|yesterday|(?:next )?(?:{'|'.join(_DAYS)}))\b"
)
"""A date as people write it. One with slashes is none: 3/4 is in March or in April."""

NUMBER = r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
QUOTED = r"(?:\"[^\"]+\"|\u201c[^\u201d]+\u201d|`[^`]+`|(?<!\w)'[^']+'(?!\w))"
PATH = r"(?:[~.]{0,2}/)?(?:[\w.-]+/)*[\w-][\w.-]*\.[a-z]\w{0,4}\b|(?:[\w.-]*/)+[\w.-]*\w"
_TOKEN = re.compile(
    rf"(?P<quoted>{QUOTED})|(?P<url>https?://[^\s,;]*[^\s,;.?!])"
    rf"|(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)|(?P<date>\b{DATE})"
    rf"|(?P<time>\b\d{{1,2}}(?::\d\d)+(?: ?[ap]m\b)?)|(?P<path>(?<![\w.*])(?:{PATH}))"
    rf"|(?P<number>(?<![\w.]){NUMBER})|(?P<word>[^\W\d_][\w'\u2019-]*)|(?P<mark>\S)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionToken:
    """A piece of a question: its value in `text`, a date in ISO form, and its original text."""

    kind: str
    text: str
    written: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """Return a word or a mark in lower case; empty for other tokens, whatever they hold."""
        return self.written.lower() if self.kind in ("word", "mark") else ""


def tokenize(text: str, *, today: date) -> list[QuestionToken]:
    """Return the tokens of `text`; capitalised words that do not begin a sentence are names."""
    tokens: list[QuestionToken] = []
    for found in _TOKEN.finditer(text):
        kind, value, last = str(found.lastgroup), found.group(), tokens[-1] if tokens else None
        start, is_start = found.start(), last is None or last.word in (".", "?", "!", ";", ":")
        if kind == "word" and value[0].isupper() and value != "I" and not is_start:
            kind = "name"
            if last is not None and last.kind == "name" and text[last.end : start] == " ":
                start = tokens.pop().start
            value = re.sub(r"['\u2019]s$", "", text[start : found.end()])
        elif kind == "quoted":
            value = value[1:-1]
        iso = parse_date(value, today=today) if kind == "date" else value
        kind = "mark" if iso is None else kind
        one = QuestionToken(kind=kind, text=iso or "", written=value, start=start, end=found.end())
        tokens.append(one)
    return tokens


def parse_date(text: str, *, today: date) -> str | None:
    """Return a date in ISO form, or None; a day without a year is the next one that comes."""
    parts = re.findall(r"[a-z]+|\d+", _FEASTS.get(text.lower(), text.lower()))
    shift = {"yesterday": -1, "today": 0, "tomorrow": 1}.get(parts[-1])
    if parts[-1] in _DAYS:
        shift = (_DAYS.index(parts[-1]) - today.weekday()) % 7 or 7
    if shift is not None:
        return (today + timedelta(days=shift)).isoformat()
    numbers = [int(word) for word in parts if word.isdigit()]
    named = [_MONTHS.index(word[:3]) // 3 + 1 for word in parts if word[:3] in _MONTHS]
    if not named:
        numbers, named = [numbers[2], numbers[0]], [numbers[1]]
    try:
        found = date(numbers[1] if len(numbers) > 1 else today.year, named[0], numbers[0])
        if len(numbers) == 1 and found < today:
            found = found.replace(year=today.year + 1)
    except ValueError:
        return None  # there is no such day
    return found.isoformat()
