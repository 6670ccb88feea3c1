"""Find the time zone of a place.

In:  an IANA name, a city, a country, or an offset from UTC, as a person writes it.
Out: the zone, or a `PlaceFault` that lists similar names.

The data is the IANA time zone database, of the system or of the package tzdata (extra
`tools-time`). Cities that have no zone of their own are in a small table here.
"""

import difflib
import re
import unicodedata
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from importlib.resources import files
from pathlib import Path

# Cities that people ask for and that have no zone of their own name.
_CITIES: Mapping[str, str] = {
    "abuja": "Africa/Lagos", "ankara": "Europe/Istanbul", "atlanta": "America/New_York",
    "austin": "America/Chicago", "bangalore": "Asia/Kolkata", "barcelona": "Europe/Madrid",
    "basel": "Europe/Zurich", "beijing": "Asia/Shanghai", "bengaluru": "Asia/Kolkata",
    "bern": "Europe/Zurich", "boston": "America/New_York", "brasilia": "America/Sao_Paulo",
    "california": "America/Los_Angeles", "canberra": "Australia/Sydney",
    "cape town": "Africa/Johannesburg", "chennai": "Asia/Kolkata", "cologne": "Europe/Berlin",
    "dallas": "America/Chicago", "delhi": "Asia/Kolkata", "dublin": "Europe/Dublin",
    "edinburgh": "Europe/London", "florence": "Europe/Rome", "frankfurt": "Europe/Berlin",
    "geneva": "Europe/Zurich", "guangzhou": "Asia/Shanghai", "hamburg": "Europe/Berlin",
    "hanoi": "Asia/Bangkok", "houston": "America/Chicago", "hyderabad": "Asia/Kolkata",
    "islamabad": "Asia/Karachi", "kyoto": "Asia/Tokyo", "lahore": "Asia/Karachi",
    "las vegas": "America/Los_Angeles", "lyon": "Europe/Paris", "manchester": "Europe/London",
    "marseille": "Europe/Paris", "medellin": "America/Bogota", "miami": "America/New_York",
    "milan": "Europe/Rome", "montreal": "America/Toronto", "mumbai": "Asia/Kolkata",
    "munich": "Europe/Berlin", "naples": "Europe/Rome", "new delhi": "Asia/Kolkata",
    "osaka": "Asia/Tokyo", "ottawa": "America/Toronto", "philadelphia": "America/New_York",
    "porto": "Europe/Lisbon", "pretoria": "Africa/Johannesburg", "quebec": "America/Toronto",
    "rio de janeiro": "America/Sao_Paulo", "rotterdam": "Europe/Amsterdam",
    "saint petersburg": "Europe/Moscow", "san diego": "America/Los_Angeles",
    "san francisco": "America/Los_Angeles", "san jose": "America/Los_Angeles",
    "seattle": "America/Los_Angeles", "shenzhen": "Asia/Shanghai", "tel aviv": "Asia/Jerusalem",
    "the hague": "Europe/Amsterdam", "valencia": "Europe/Madrid", "venice": "Europe/Rome",
    "washington": "America/New_York", "washington dc": "America/New_York",
    "wellington": "Pacific/Auckland",
}  # fmt: skip
_COUNTRIES: Mapping[str, str] = {
    "america": "US", "england": "GB", "great britain": "GB", "holland": "NL", "korea": "KR",
    "scotland": "GB", "south korea": "KR", "uk": "GB", "united kingdom": "GB",
    "united states of america": "US", "us": "US", "usa": "US", "wales": "GB",
    "czechia": "CZ", "uae": "AE", "ivory coast": "CI",
}  # fmt: skip
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+\-\u2212])\s*(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
_MAX_OFFSET = timedelta(hours=14)
_MAX_CHARACTERS = 100
_SHOWN = 6
_ABBREVIATION = 5


class PlaceFault(Exception):  # noqa: N818 - not an error of the program: the place is not known
    """A place has no zone, or several that differ; the message lists similar names."""


def find_zone(place: str, at: datetime) -> tzinfo:
    """Return the zone of `place`.

    Args:
        place: e.g. `Asia/Tokyo`, `New York`, `Japan`, `UTC+2`.
        at: a moment; zones with the same offset at it count as one.

    Raises:
        PlaceFault: no zone, or several that differ at that moment.
    """
    shown = place[:_MAX_CHARACTERS]
    offset = _OFFSET.fullmatch(shown.strip())
    if offset is not None:
        return _fixed_zone(offset, shown)
    names = _candidates(shown)
    by_offset: dict[timedelta | None, zoneinfo.ZoneInfo] = {}
    for name in names:
        zone = zoneinfo.ZoneInfo(name)
        by_offset.setdefault(at.astimezone(zone).utcoffset(), zone)
    match list(by_offset.values()):
        case []:
            raise PlaceFault(_not_found(shown))
        case [zone]:
            return zone
        case zones:
            several = ", ".join(zone.key for zone in zones)
            raise PlaceFault(f"{shown!r} has several time zones; name one, e.g. {several}")


def _fixed_zone(offset: re.Match[str], shown: str) -> tzinfo:
    sign, hours, minutes = offset.groups()
    distance = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if distance > _MAX_OFFSET:
        raise PlaceFault(f"{shown!r} is further from UTC than any place, 14 hours")
    return timezone(distance if sign == "+" else -distance) if distance else UTC


def _candidates(place: str) -> list[str]:
    """Return the zones that `place` may mean, the best known first."""
    word = _plain(place)
    zones = _zones()
    if word in zones:
        return zones[word]
    # "Paris, France", "Tokyo (Japan)": the place comes first.
    first = _plain(re.split(r"[,(]", place)[0])
    if first != word and first:
        return _candidates(first)
    return []


@cache
def _zones() -> Mapping[str, list[str]]:
    """Build the table from normalized names to zones; takes some ten milliseconds, once."""
    names = sorted(filter(_is_place, zoneinfo.available_timezones()))
    table = dict(_country_zones())
    known = set(names)
    for city, name in _CITIES.items():
        if name in known:
            table[city] = [name]
    by_city: dict[str, list[str]] = {}
    for name in names:
        if "/" in name and not name.startswith(("Etc/", "US/", "Canada/", "Brazil/", "Mexico/")):
            by_city.setdefault(_plain(name.rpartition("/")[2]), []).append(name)
    table.update(by_city)
    table.update({_plain(name): [name] for name in names})
    return table


def _is_place(name: str) -> bool:
    """Return whether a zone is a place, not an abbreviation: people write EST in summer too."""
    if name in ("localtime", "Factory"):
        return False
    return name in ("UTC", "GMT") or not (name.isupper() and len(name) <= _ABBREVIATION)


def _country_zones() -> Mapping[str, list[str]]:
    """Return the zones of each country, by its normalized English name."""
    by_code: dict[str, list[str]] = {}
    for line in _table_lines("zone.tab"):
        code, _, name, *_ = line.split("\t")
        by_code.setdefault(code, []).append(name)
    by_name = {}
    for line in _table_lines("iso3166.tab"):
        code, _, country = line.partition("\t")
        if code in by_code:
            by_name[_plain(country)] = by_code[code]
    for country, code in _COUNTRIES.items():
        if code in by_code:
            by_name[country] = by_code[code]
    return by_name


def _table_lines(name: str) -> Iterator[str]:
    """Read a table of the database, from the system or from tzdata; nothing if neither has it."""
    text = next(_table_texts(name), "")
    return (line for line in text.splitlines() if line and not line.startswith("#"))


def _table_texts(name: str) -> Iterator[str]:
    for folder in zoneinfo.TZPATH:
        path = Path(folder, name)
        if path.is_file():
            yield path.read_text(encoding="utf-8")
    try:
        yield files("tzdata.zoneinfo").joinpath(name).read_text(encoding="utf-8")
    except ModuleNotFoundError:
        return


def _plain(text: str) -> str:
    """Drop case, accents and the signs between words."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w/+-]|_", " ", plain.casefold()).split())


def _not_found(place: str) -> str:
    zones = _zones()
    if not zones:
        return (
            "no time zone data is installed on this machine; "
            "the extra 'tools-time' of mixtral-agentkit brings it"
        )
    if place.isupper() and len(place) <= _ABBREVIATION:
        return f"{place!r} is an abbreviation with several meanings; name a city or a country"
    close = difflib.get_close_matches(_plain(place), zones, n=_SHOWN, cutoff=0.7)
    names = list(dict.fromkeys(name for word in close for name in zones[word][:2]))
    if names:
        return f"{place!r} is not a known place; close are {', '.join(names[:_SHOWN])}"
    return (
        f"{place!r} is not a known place; name a large city, a country, an IANA zone such as "
        "Asia/Tokyo, or a distance such as UTC+2"
    )
