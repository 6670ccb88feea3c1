"""Read and write moments as people do.

In:  `2026-03-29 14:30`, `14:30`, `2:30 pm`, and a zone.
Out: aware datetimes and their spelling, or a `MomentFault` in plain words.
"""

import re
from datetime import UTC, date, datetime, time, tzinfo

_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?::(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?)?\s*(?P<half>[ap]\.?m\.?)?",
    re.IGNORECASE,
)
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_NOON = 12


class MomentFault(Exception):  # noqa: N818 - not an error of the program: the text is no moment
    """A text is no moment, or one that does not exist or exists twice in its zone."""


def parse_moment(text: str, zone: tzinfo, *, today: date) -> datetime:
    """Read a date and time, or a time of `today`, as the clocks of `zone` show it.

    Raises:
        MomentFault: not a moment, or the clocks skip it or show it twice.
    """
    found = _DATE.match(text.strip())
    day, rest = today, text.strip()
    if found is not None:
        try:
            day = date(*map(int, found.groups()))
        except ValueError as error:
            raise MomentFault(f"{found[0]!r} is not a date: {error}") from error
        rest = rest[found.end() :].lstrip("T ,")
    if not rest:
        raise MomentFault(f"{text!r} has no time of day; write e.g. '2026-03-29 14:30'")
    return _in_zone(datetime.combine(day, _parse_time(rest, text)), zone)


def spell_moment(moment: datetime) -> str:
    """Write a moment with its weekday and its distance from UTC."""
    return f"{moment:%A} {moment.date()} {moment:%H:%M:%S} ({_spell_zone(moment)})"


def _parse_time(rest: str, whole: str) -> time:
    words = {"noon": time(_NOON), "midnight": time(0)}
    if rest.casefold() in words:
        return words[rest.casefold()]
    found = _TIME.fullmatch(rest)
    if found is None or (found["minute"] is None and found["half"] is None):
        raise MomentFault(
            f"{whole!r} is not a time; write e.g. '14:30', '2:30 pm' or '2026-03-29 14:30', "
            "and the place apart"
        )
    hour = int(found["hour"])
    if found["half"]:
        if not 1 <= hour <= _NOON:
            raise MomentFault(f"{whole!r} is not a time: with am or pm the hour is 1 to 12")
        hour = hour % _NOON + (_NOON if found["half"][0] in "pP" else 0)
    try:
        return time(hour, int(found["minute"] or 0), int(found["second"] or 0))
    except ValueError as error:
        raise MomentFault(f"{whole!r} is not a time: {error}") from error


def _in_zone(naive: datetime, zone: tzinfo) -> datetime:
    """Attach the zone to what its clocks show; a moment that they skip or repeat is refused."""
    first, second = naive.replace(tzinfo=zone), naive.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    if _survives(first):
        raise MomentFault(
            f"the clocks show {naive:%Y-%m-%d %H:%M} twice in {zone}, as summer time ends; name a "
            f"distance from UTC instead: {_spell_offset(first)} or {_spell_offset(second)}"
        )
    raise MomentFault(
        f"{naive:%Y-%m-%d %H:%M} does not exist in {zone}: the clocks skip it as summer time begins"
    )


def _survives(moment: datetime) -> bool:
    """Say whether the clocks ever show this: by way of UTC it comes back unchanged."""
    back = moment.astimezone(UTC).astimezone(moment.tzinfo)
    return back.replace(tzinfo=None) == moment.replace(tzinfo=None)


def _spell_zone(moment: datetime) -> str:
    offset = _spell_offset(moment)
    name = str(moment.tzinfo)
    return offset if name.startswith("UTC") else f"{name}, {offset}"


def _spell_offset(moment: datetime) -> str:
    text = moment.strftime("%z")
    return "UTC" if text in ("+0000", "") else f"UTC{text[:3]}:{text[3:5]}"
