"""The current time, conversion of times, and days between dates.

In:  places, times and dates as people write them.
Out: `TOOLS`: `current_time`, `convert_time`, `days_between`; `build_tools` for another clock.
"""

from datetime import date, datetime, tzinfo
from typing import Annotated

from pydantic import Field

from agentkit import Tool, ToolError, tool
from agentkit.clock import Clock, SystemClock
from agentkit_tools.clock.moment import MomentFault, format_moment, parse_moment
from agentkit_tools.clock.zone import PlaceFault, find_zone

__all__ = ["TOOLS", "build_tools", "days_between"]

Place = Annotated[
    str, Field(examples=["Tokyo", "America/New_York", "Japan", "UTC+2"], max_length=100)
]


def build_tools(clock: Clock) -> tuple[Tool, ...]:
    """Return the tools of this family, with `clock` as the source of the time."""

    def current_time(timezone: Place | None = None) -> str:
        """Return the current time, date and weekday in a place or time zone.

        Args:
            timezone: a city, a country or an IANA time zone, e.g. "Tokyo" or "Europe/Paris";
                left out, the time of this computer.
        """
        now = clock.now()
        return format_moment(now.astimezone(_zone(timezone, now) if timezone else None))

    def convert_time(time: str, from_timezone: Place, to_timezone: Place) -> str:
        """Convert a time from one place or time zone to another.

        Args:
            time: the time, with or without its date, e.g. "14:30", "2:30 pm", "2026-03-29 14:30";
                without one, today in the first place is meant.
            from_timezone: the place where it is that time, e.g. "London".
            to_timezone: the place whose time is asked for, e.g. "New York".
        """
        now = clock.now()
        source = _zone(from_timezone, now)
        try:
            moment = parse_moment(time, source, today=now.astimezone(source).date())
            # Which of a country's zones agree depends on the day, so both are looked up again.
            moment = moment.replace(tzinfo=_zone(from_timezone, moment))
            target = _zone(to_timezone, moment)
            return f"{format_moment(moment)} is {format_moment(moment.astimezone(target))}"
        except MomentFault as fault:
            raise ToolError(f"The time cannot be converted: {fault}.") from fault
        except OverflowError as fault:
            raise ToolError("The time cannot be converted: it is outside the calendar.") from fault

    return (
        tool(
            current_time,
            title="Current time",
            read_only=True,
            open_world=False,
            tags=("time",),
        ),
        tool(
            convert_time,
            title="Convert a time",
            read_only=True,
            idempotent=True,
            open_world=False,
            tags=("time",),
        ),
        days_between,
    )


def _days_between(start: date, end: date) -> str:
    """Count the days from one date to another.

    Args:
        start: the first date, e.g. "2026-03-01".
        end: the second date, e.g. "2026-12-24"; before `start` the count is negative.
    """
    days = (end - start).days
    unit = "day" if abs(days) == 1 else "days"
    return f"{days} {unit} from {start:%A} {start} to {end:%A} {end}"


def _zone(place: str, at: datetime) -> tzinfo:
    try:
        return find_zone(place, at)
    except PlaceFault as fault:
        raise ToolError(f"The time zone was not found: {fault}.") from fault


days_between = tool(
    _days_between,
    name="days_between",
    title="Days between two dates",
    read_only=True,
    idempotent=True,
    open_world=False,
    tags=("time",),
)

TOOLS = build_tools(SystemClock())
