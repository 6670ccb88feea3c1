"""Parse and format times as people write them.

In:  `2026-03-29 14:30`, `14:30`, `2:30 pm`, and a zone.
Out: aware datetimes and their text, or a `MomentFault`.
"""

import re
from datetime import UTC, date, datetime, time, tzinfo

_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?::(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?)?\s*(?P<half>[ap]\.?m\.?)?",
    re.IGNORECASE,
)
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_NOON = 12


class MomentFault(Exception):  # noqa: N818 - not an error of the program: the text is not a time
    """A text is not a time, or a time that does not exist or exists twice in its zone."""


def parse_moment(text: str, zone: tzinfo, *, today: date) -> datetime:
    """Parse a date and time, or a time of `today`, in the local time of `zone`.

    Raises:
        MomentFault: not a time, or it does not exist or exists twice because of a clock change.
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


def format_moment(moment: datetime) -> str:
    """Format a moment with its weekday and its offset from UTC."""
    return f"{moment:%A} {moment.date()} {moment:%H:%M:%S} ({_format_zone(moment)})"


def _parse_time(rest: str, text: str) -> time:
    names = {"noon": time(_NOON), "midnight": time(0)}
    if rest.casefold() in names:
        return names[rest.casefold()]
    found = _TIME.fullmatch(rest)
    if found is None or (found["minute"] is None and found["half"] is None):
        raise MomentFault(
            f"{text!r} is not a time; write e.g. '14:30', '2:30 pm' or '2026-03-29 14:30', "
            "and the place apart"
        )
    hour = int(found["hour"])
    if found["half"]:
        if not 1 <= hour <= _NOON:
            raise MomentFault(f"{text!r} is not a time: with am or pm the hour is 1 to 12")
        hour = hour % _NOON + (_NOON if found["half"][0] in "pP" else 0)
    try:
        return time(hour, int(found["minute"] or 0), int(found["second"] or 0))
    except ValueError as error:
        raise MomentFault(f"{text!r} is not a time: {error}") from error


def _in_zone(naive: datetime, zone: tzinfo) -> datetime:
    """Attach the zone to a local time; reject a time that does not exist or exists twice."""
    first, second = naive.replace(tzinfo=zone), naive.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    if _survives(first):
        raise MomentFault(
            f"the clocks show {naive:%Y-%m-%d %H:%M} twice in {zone}, as summer time ends; name a "
            f"distance from UTC instead: {_format_offset(first)} or {_format_offset(second)}"
        )
    raise MomentFault(
        f"{naive:%Y-%m-%d %H:%M} does not exist in {zone}: the clocks skip it as summer time begins"
    )


def _survives(moment: datetime) -> bool:
    """Return whether a local time exists: converted to UTC and back it is unchanged."""
    back = moment.astimezone(UTC).astimezone(moment.tzinfo)
    return back.replace(tzinfo=None) == moment.replace(tzinfo=None)


def _format_zone(moment: datetime) -> str:
    offset = _format_offset(moment)
    name = str(moment.tzinfo)
    return offset if name.startswith("UTC") else f"{name}, {offset}"


def _format_offset(moment: datetime) -> str:
    text = moment.strftime("%z")
    return "UTC" if text in ("+0000", "") else f"UTC{text[:3]}:{text[3:5]}"
