"""Find the things a sentence names that can be told by their form alone.

In:  a sentence; what "today" means.
Out: `Mention`s: quotations, addresses, paths, dates, times, numbers with their units, proper names.

Mentions do not overlap: a quotation may hold anything, a path may hold digits.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Literal, TypeAlias

from agentkit.sandbox.planner.unit_names import can_stand_alone, name_unit
from agentkit.value import dataclass

Kind: TypeAlias = Literal[
    "quoted", "email", "url", "path", "date", "time", "number", "unit", "tag", "name"
]

_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_MONTHS = "january february march april may june july august september october november december"
_DAY_WORD = "|".join(_DAYS.split())
_MONTH_WORD = "|".join(f"{m[:3]}(?:{m[3:]})?" for m in _MONTHS.split())
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_UNIT_WORD = r"(?:degrees?\s+|\u00b0\s?)?[^\W\d_]+(?:/[^\W\d_]+|\s+per\s+[^\W\d_]+)?"

_PATH_PART = r"\.?[\w*-]+(?:\.[\w*-]+)*"

_PATTERNS: tuple[tuple[Kind, str], ...] = (
    ("quoted", r"\"[^\"]+\"|\u201c[^\u201d]+\u201d|`[^`]+`|(?<!\w)'[^']+'(?!\w)"),
    ("url", r"https?://[^\s,;]*[^\s,;.?!]"),
    ("email", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    ("path", rf"(?<![\w.])(?:~?/)?(?:(?:\.\.?|{_PATH_PART})/)+(?:{_PATH_PART})?"),
    (
        "path",
        r"(?<![\w.$])[\w*-]+(?:\.[\w-]+)*\.[a-z][a-z0-9]{0,4}\b(?!\.\w)|\*\.\w+",
    ),
    ("date", r"\b\d{4}-\d{2}-\d{2}\b"),
    ("date", rf"\b(?:{_MONTH_WORD})\.? \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?\b"),
    ("date", rf"\b\d{{1,2}}(?:st|nd|rd|th)? (?:of )?(?:{_MONTH_WORD})\b(?:,? \d{{4}})?"),
    ("date", rf"\b(?:today|tomorrow|yesterday|(?:next |on |this )?(?:{_DAY_WORD}))\b"),
    (
        "time",
        r"\b\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]\.?m\b)?|\b\d{1,2}\s?[ap]\.?m\b|\bnoon\b|\bmidnight\b",
    ),
    ("tag", r"#\d+|@\w[\w-]*"),
    ("number", rf"[$\u20ac\u00a3\u00a5]\s?(?:{_NUMBER})|(?<![\w.])-?(?:{_NUMBER})(?:\s?%)?"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """Something named in a sentence.

    Attributes:
        text: what stands there; of a quotation, without its marks.
        start: where it begins in the sentence.
        number: its number, if it is one.
        unit: the unit that belongs to the number, as written.
        is_percent: a percent sign follows the number.
    """

    kind: Kind
    text: str
    start: int
    end: int
    number: float | int | None = None
    unit: str | None = None
    is_percent: bool = False


def find_mentions(text: str, *, today: date) -> tuple[Mention, ...]:
    """Return what `text` names, in the order of the text."""
    taken: list[Mention] = []
    for kind, pattern in _PATTERNS:
        for match in re.finditer(pattern, text, re.IGNORECASE):
            is_path = kind == "path" and not _is_no_path(match.group())
            if (is_path or kind != "path") and not _overlaps(taken, match.start(), match.end()):
                taken.append(_build(kind, text, match, today))
    names = list(_find_names(text))
    # "Miles Davis" is a name; "Celsius" is a unit.
    long_names = [name for name in names if " " in name.text]
    for mention in [*long_names, *_find_units(text), *names]:
        if not _overlaps(taken, mention.start, mention.end):
            taken.append(mention)
    return tuple(sorted(taken, key=lambda mention: mention.start))


def mask(text: str, mentions: Sequence[Mention]) -> str:
    """Blank out `mentions`, so that nothing in them is read as words; places stay the same."""
    for mention in mentions:
        text = text[: mention.start] + "\x00" * (mention.end - mention.start) + text[mention.end :]
    return text


def _is_no_path(text: str) -> bool:
    """Return whether dots and slashes stand in a text for another reason."""
    return text.lower() in {"e.g", "i.e", "and/or"} or name_unit(text) is not None


def _overlaps(taken: Sequence[Mention], start: int, end: int) -> bool:
    return any(start < mention.end and mention.start < end for mention in taken)


def _build(kind: Kind, text: str, match: re.Match[str], today: date) -> Mention:
    found, start, end = match.group(), match.start(), match.end()
    if kind == "number":
        return _build_number(text, found, start, end)
    if kind == "quoted":
        found = found[1:-1]
    if kind == "date":
        found = _read_date(found, today) or found
    if kind == "time":
        found = _read_time(found)
    return Mention(kind=kind, text=found, start=start, end=end)


def _build_number(text: str, found: str, start: int, end: int) -> Mention:
    digits = re.sub(r"[^\d.-]", "", found)
    number = float(digits) if "." in digits else int(digits)
    unit = found[0] if found[0] in "$\u20ac\u00a3\u00a5" else None
    follows = re.match(rf"\s?({_UNIT_WORD})", text[end:])
    if unit is None and follows is not None:
        unit = _first_unit(follows.group(1))
        end += follows.end(1) - len(follows.group(1)) + len(unit) if unit else 0
    is_percent = found.endswith("%")
    return Mention(
        kind="number", text=found, start=start, end=end, number=number, unit=unit,
        is_percent=is_percent,
    )  # fmt: skip


def _first_unit(text: str) -> str | None:
    """Return the longest beginning of `text` that is a unit."""
    for form in (text, text.split(" per ")[0], text.split()[0]):
        if name_unit(form) is not None:
            return form
    return None


def _find_units(text: str) -> Iterator[Mention]:
    """Yield units that stand without a number, such as those asked for."""
    for match in re.finditer(_UNIT_WORD, text):
        unit = _first_unit(match.group())
        if unit is not None and can_stand_alone(unit):
            start = match.start()
            yield Mention(kind="unit", text=unit, start=start, end=start + len(unit), unit=unit)


def _find_names(text: str) -> Iterator[Mention]:
    """Yield runs of capitalised words that do not merely begin a sentence."""
    word = r"[^\W\d_a-z][\w'.-]*\w|[^\W\d_a-z](?!\w)"
    pattern = rf"(?:{word})(?:\s(?:(?:de|da|do|del|la|of the)\s)?(?:{word}))*"
    for match in re.finditer(pattern, text):
        found, start = match.group(), match.start()
        if not found[0].isupper() or found == "I" or found.startswith("I'"):
            continue
        before = text[:start].rstrip()
        if not before or before[-1] in ".?!:\n":
            first, _, rest = found.partition(" ")
            found, start = rest, start + len(first) + 1
        if found:
            yield Mention(kind="name", text=found, start=start, end=start + len(found))


def _read_date(text: str, today: date) -> str | None:
    """Return a date in ISO form; a day without a year is the next one that comes."""
    words = re.findall(r"[a-z]+|\d+", text.lower())
    last = words[-1]
    if text[:4].isdigit():
        return text
    if last in {"today", "tomorrow", "yesterday"}:
        shift = {"today": 0, "tomorrow": 1, "yesterday": -1}[last]
        return (today + timedelta(days=shift)).isoformat()
    if last in _DAYS.split():
        ahead = (_DAYS.split().index(last) - today.weekday()) % 7 or 7
        return (today + timedelta(days=ahead)).isoformat()
    return _read_month_date(words, today)


def _read_month_date(words: Sequence[str], today: date) -> str | None:
    months = [month[:3] for month in _MONTHS.split()]
    month = next(months.index(word[:3]) + 1 for word in words if word[:3] in months)
    numbers = [int(word) for word in words if word.isdigit()]
    year = numbers[1] if len(numbers) > 1 else today.year
    try:
        found = date(year, month, numbers[0])
        if len(numbers) == 1 and found < today:
            found = found.replace(year=year + 1)
    except ValueError:
        return None  # no such day
    return found.isoformat()


def _read_time(text: str) -> str:
    """Return a time of day as HH:MM, with seconds if they were said."""
    lowered = text.lower().replace(".", "")
    if lowered in {"noon", "midnight"}:
        return "12:00" if lowered == "noon" else "00:00"
    numbers = [int(part) for part in re.findall(r"\d+", lowered)]
    hour = numbers[0] % 12 + 12 * lowered.endswith("pm") if lowered[-1] == "m" else numbers[0]
    minutes = numbers[1:] or [0]
    return ":".join(f"{part:02d}" for part in (hour, *minutes))
