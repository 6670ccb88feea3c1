"""Times, places and dates, with a stopped clock."""

import zoneinfo
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentkit import Tool, ToolError
from agentkit_tools.clock import TOOLS, build_tools, zone
from agentkit_tools.clock.moment import MomentFault, parse_moment
from agentkit_tools.clock.zone import PlaceFault, find_zone

SUMMER = datetime(2026, 7, 1, 12, 30, 15, tzinfo=UTC)
WINTER = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


class StoppedClock:
    """A clock that always returns the same time."""

    def now(self) -> datetime:
        """Return a day in summer."""
        return SUMMER

    def monotonic(self) -> float:
        """Return zero."""
        return 0.0


def named(name: str) -> Tool:
    """Return one of the tools, with the stopped clock."""
    return next(tool for tool in build_tools(StoppedClock()) if tool.name == name)


PLACES = {
    "Tokyo": "Asia/Tokyo",
    "new york": "America/New_York",
    "America/New_York": "America/New_York",
    "europe/paris": "Europe/Paris",
    "India": "Asia/Kolkata",
    "Germany": "Europe/Berlin",
    "São Paulo": "America/Sao_Paulo",
    "Zürich": "Europe/Zurich",
    "San Francisco": "America/Los_Angeles",
    "Paris, France": "Europe/Paris",
    "Peru": "America/Lima",
    "Washington, D.C.": "America/New_York",
    "UK": "Europe/London",
    "UTC": "UTC",
    "UTC+2": "UTC+02:00",
    "GMT -3:30": "UTC-03:30",
    "+0": "UTC",
    "\N{MINUS SIGN}5": "UTC-05:00",
}

WRONG_PLACES = {
    "Lmia": "close are America/Lima",
    "USA": "several time zones; name one, e.g. America/New_York, America/Chicago",
    "EST": "abbreviation",
    "PST": "abbreviation",
    "Qwxyz": "name a large city",
    "": "name a large city",
    "(?)": "name a large city",
    "../../etc/passwd": "name a large city",
    "localtime": "name a large city",
    "UTC+25": "14 hours",
    "x" * 500: "name a large city",
}


@pytest.mark.parametrize(("place", "key"), PLACES.items(), ids=PLACES.keys())
def test_a_place_has_its_zone(place: str, key: str) -> None:
    """By city, country, IANA name or offset from UTC, in any notation."""
    assert str(find_zone(place, SUMMER)) == key


@pytest.mark.parametrize(
    ("place", "words"), WRONG_PLACES.items(), ids=[place[:12] or "empty" for place in WRONG_PLACES]
)
def test_an_unknown_place_is_an_error_with_similar_names(place: str, words: str) -> None:
    """No place is guessed."""
    with pytest.raises(PlaceFault, match=words.replace("+", r"\+")):
        find_zone(place, SUMMER)


def test_the_current_time_has_its_weekday_and_zone() -> None:
    """A model needs nothing else to state it."""
    assert named("current_time")("Tokyo") == (
        "Wednesday 2026-07-01 21:30:15 (Asia/Tokyo, UTC+09:00)"
    )


def test_without_a_place_the_time_is_that_of_this_computer() -> None:
    """The machine's own zone name is not compared, only the moment."""
    expected = str(named("current_time")())

    local = SUMMER.astimezone()
    assert f"{local:%Y-%m-%d %H:%M:%S}" in expected


def test_an_unknown_place_reaches_the_model_as_a_tool_error() -> None:
    """With the message of the fault."""
    with pytest.raises(ToolError, match="close are America/Lima"):
        named("current_time")("Lmia")


CONVERSIONS = {
    "a time of today": (
        ("14:30", "London", "New York"),
        "Wednesday 2026-07-01 14:30:00 (Europe/London, UTC+01:00) is "
        "Wednesday 2026-07-01 09:30:00 (America/New_York, UTC-04:00)",
    ),
    "pm": (
        ("2:30 p.m.", "UTC", "UTC+2"),
        "Wednesday 2026-07-01 14:30:00 (UTC) is Wednesday 2026-07-01 16:30:00 (UTC+02:00)",
    ),
    "midnight as 12 am": (
        ("12 am", "UTC", "Tokyo"),
        "Wednesday 2026-07-01 00:00:00 (UTC) is "
        "Wednesday 2026-07-01 09:00:00 (Asia/Tokyo, UTC+09:00)",
    ),
    "noon": (
        ("noon", "UTC", "UTC"),
        "Wednesday 2026-07-01 12:00:00 (UTC) is Wednesday 2026-07-01 12:00:00 (UTC)",
    ),
    "with its date": (
        ("2026-01-05T23:00:01", "Berlin", "Tokyo"),
        "Monday 2026-01-05 23:00:01 (Europe/Berlin, UTC+01:00) is "
        "Tuesday 2026-01-06 07:00:01 (Asia/Tokyo, UTC+09:00)",
    ),
}


@pytest.mark.parametrize(("given", "expected"), CONVERSIONS.values(), ids=CONVERSIONS.keys())
def test_a_time_is_converted(given: tuple[str, str, str], expected: str) -> None:
    """With the summer time of that day, in both places."""
    assert named("convert_time")(*given) == expected


WRONG_TIMES = {
    "2026-03-29 02:30": "the clocks skip it",
    "2026-10-25 02:30": "twice .* UTC.02:00 or UTC.01:00",
    "25:00": "not a time",
    "13 pm": "1 to 12",
    "3": "not a time",
    "yesterday": "not a time",
    "2026-02-30 10:00": "not a date",
    "2026-02-03": "no time of day",
    "0001-01-01 00:00": "outside the calendar",
}


@pytest.mark.parametrize(("text", "words"), WRONG_TIMES.items(), ids=WRONG_TIMES.keys())
def test_an_invalid_or_ambiguous_time_is_an_error(text: str, words: str) -> None:
    """A local time that exists twice is not chosen for the user."""
    with pytest.raises(ToolError, match=words):
        named("convert_time")(text, "Berlin", "UTC-12")


def test_a_moment_is_parsed_in_its_zone() -> None:
    """The second of two equal local times can be given by its offset from UTC."""
    berlin = find_zone("UTC+1", WINTER)

    moment = parse_moment("2026-10-25 02:30", berlin, today=WINTER.date())

    assert moment == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    with pytest.raises(MomentFault):
        parse_moment("2026-10-25 02:30", find_zone("Berlin", WINTER), today=WINTER.date())


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-03-01", "2026-12-24", "298 days from Sunday 2026-03-01 to Thursday 2026-12-24"),
        ("2026-03-02", "2026-03-01", "-1 day from Monday 2026-03-02 to Sunday 2026-03-01"),
    ],
    ids=["forward", "back"],
)
def test_days_are_counted(start: str, end: str, expected: str) -> None:
    """Backwards the count is negative."""
    from_date, to_date = (datetime.fromisoformat(text).date() for text in (start, end))

    assert named("days_between")(from_date, to_date) == expected


def test_without_zone_data_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minimal system has no zone data."""
    monkeypatch.setattr(zoneinfo, "TZPATH", ())
    monkeypatch.setattr(zoneinfo, "available_timezones", lambda: set[str]())

    def no_package(name: str) -> object:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(zone, "files", no_package)
    zone._zones.cache_clear()
    try:
        with pytest.raises(PlaceFault, match="tools-time"):
            find_zone("Tokyo", SUMMER)
    finally:
        zone._zones.cache_clear()


def test_the_tables_of_tzdata_are_used_if_the_system_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Countries are found either way."""
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path),))
    zone._zones.cache_clear()
    try:
        assert str(find_zone("India", SUMMER)) == "Asia/Kolkata"
    finally:
        zone._zones.cache_clear()


def test_all_tools_are_read_only() -> None:
    """None of them changes anything."""
    assert all(tool.annotations.read_only_hint for tool in TOOLS)
