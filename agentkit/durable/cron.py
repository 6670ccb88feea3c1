"""Times by a cron expression.

In:  five fields: minute, hour, day of the month, month, day of the week.
Out: the next moment that they name, in UTC.

`*`, numbers, ranges `1-5`, steps `*/15` and lists `1,15` are read; Sunday is 0 or 7. If both days
are restricted, either one is enough, as in cron itself:
https://pubs.opengroup.org/onlinepubs/9799919799/utilities/crontab.html
"""

import re
from datetime import UTC, datetime, timedelta

from agentkit.errors import ConfigError
from agentkit.value import dataclass

_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 7),
)
_PART = re.compile(r"(?:\*|(?P<first>\d{1,2})(?:-(?P<last>\d{1,2}))?)(?:/(?P<step>\d{1,2}))?")
_LONGEST_WAIT = timedelta(days=366 * 8 + 1)
"""29 February comes again after eight years at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CronTimes:
    """The moments that an expression names."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    is_any_day_enough: bool

    def next_after(self, moment: datetime) -> datetime:
        """Return the first moment after `moment`.

        Raises:
            ConfigError: there is none, e.g. on 31 February.
        """
        found = moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        limit = found + _LONGEST_WAIT
        while found < limit:
            if not self._is_day(found):
                found = found.replace(hour=0, minute=0) + timedelta(days=1)
            elif found.hour not in self.hours:
                found = found.replace(minute=0) + timedelta(hours=1)
            elif found.minute not in self.minutes:
                found += timedelta(minutes=1)
            else:
                return found
        raise ConfigError("The cron expression names a day that does not exist.")

    def _is_day(self, moment: datetime) -> bool:
        if moment.month not in self.months:
            return False
        by_number = moment.day in self.days
        by_name = moment.isoweekday() % 7 in self.weekdays
        return by_number or by_name if self.is_any_day_enough else by_number and by_name


def parse_cron(text: str) -> CronTimes:
    """Read an expression.

    Raises:
        ConfigError: it is not one.
    """
    words = text.split()
    if len(words) != len(_FIELDS):
        names = ", ".join(name for name, _, _ in _FIELDS)
        raise ConfigError(f"The cron expression {text!r} has {len(words)} fields, not 5: {names}.")
    minutes, hours, days, months, weekdays = (
        _parse_field(word, name=name, lowest=lowest, highest=highest, text=text)
        for word, (name, lowest, highest) in zip(words, _FIELDS, strict=True)
    )
    times = CronTimes(
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        is_any_day_enough="*" not in (words[2][0], words[4][0]),
    )
    times.next_after(datetime(2026, 1, 1, tzinfo=UTC))
    return times


def _parse_field(word: str, *, name: str, lowest: int, highest: int, text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        read = _PART.fullmatch(part)
        first, last, step = (None, None, None) if read is None else read.group(1, 2, 3)
        start = lowest if first is None else int(first)
        end = highest if first is None or (step and last is None) else int(last or first)
        if read is None or not lowest <= start <= end <= highest or step == "0":
            raise ConfigError(
                f"{part!r} is not a {name} of the cron expression {text!r}; it has *, a number "
                f"from {lowest} to {highest}, a range {lowest}-{highest} or a step such as */2."
            )
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)
