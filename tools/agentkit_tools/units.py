"""Convert between units of measure.

In:  a number and two units as people write them.
Out: `TOOLS`: the tool `convert_units`.

The units are those of Pint (extra `tools-units`), which is loaded at the first conversion. Numbers
are decimal, so that 26.2 miles are 42.1648128 kilometres and not 42.16481279999999.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, localcontext
from functools import cache
from typing import Annotated, Protocol, cast

from pydantic import Field

from agentkit import ToolError, tool
from agentkit.lazy_import import load_object

__all__ = ["TOOLS", "convert_units"]

UnitText = Annotated[
    str, Field(examples=["miles", "km/h", "square feet", "celsius"], max_length=60)
]


class _Unit(Protocol):
    """The part of Pint's unit that is used here."""

    @property
    def dimensionality(self) -> Mapping[str, object]: ...


class _Quantity(Protocol):
    """The part of Pint's quantity that is used here."""

    @property
    def magnitude(self) -> Decimal: ...
    def to(self, unit: _Unit, /) -> "_Quantity": ...


class _Registry(Iterable[str], Protocol):
    """The part of Pint's registry that is used here."""

    def parse_units(self, text: str) -> _Unit: ...
    def Quantity(self, value: Decimal, unit: _Unit, /) -> _Quantity: ...  # noqa: N802 - Pint's name


# A unit needs a single exponent digit; with more, an expression could take unbounded time.
_UNIT_TEXT = re.compile(r"(?:[^\W\d]|[\s/*^·().°²³%'\"-]|(?:\^|\*\*)\s*-?\d(?!\d))+")
_WORDS: Mapping[str, str] = {
    "kmh": "km/h",
    "kmph": "km/h",
    "fl oz": "fluid_ounce",
    "light year": "light_year",
    "light years": "light_year",
    "nautical mile": "nautical_mile",
    "nautical miles": "nautical_mile",
    "metric ton": "tonne",
    "metric tons": "tonne",
    "short ton": "ton",
    "long ton": "long_ton",
}
_PREFIXES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:us|u\.s\.|american)\s+", re.IGNORECASE), ""),
    (re.compile(r"(?:uk|u\.k\.|british)\s+", re.IGNORECASE), "imperial "),
)
_DEGREES = re.compile(r"(?:°|degrees?\b|deg\b)\s*", re.IGNORECASE)
_LETTERS: Mapping[str, str] = {"c": "degC", "f": "degF", "k": "kelvin"}
_TEMPERATURES: Mapping[str, str] = {
    "celsius": "degC",
    "centigrade": "degC",
    "fahrenheit": "degF",
    "kelvin": "kelvin",
    "kelvins": "kelvin",
    "degc": "degC",
    "degf": "degF",
}
_TAKEN_AS: Mapping[str, str] = {
    "ton": "the US short ton of 2000 pounds",
    "gallon": "the US gallon",
    "quart": "the US quart",
    "pint": "the US pint",
    "cup": "the US cup",
    "fluid_ounce": "the US fluid ounce",
    "calorie": "the small calorie of 4.184 joules; a food calorie is a kilocalorie",
    "ounce": "the ounce of weight",
    "barrel": "the US dry barrel; oil is measured in oil_barrel",
    "oil_barrel": "the barrel of 42 US gallons",
}
_ABSOLUTE_ZERO = Decimal(0)
_DIGITS = 15


@tool(title="Convert units", read_only=True, idempotent=True, open_world=False, tags=("math",))
def convert_units(value: float, from_unit: UnitText, to_unit: UnitText) -> str:
    """Convert a number from one unit of measure to another, e.g. of length, weight or temperature.

    Args:
        value: the number to convert, e.g. 26.2.
        from_unit: the unit it is in, e.g. "miles", "km/h", "fahrenheit", "square feet".
        to_unit: the unit it is converted to, e.g. "kilometres".
    """
    registry = _registry()
    source_text, target_text = _as_temperatures(from_unit.strip(), to_unit.strip())
    source, target = (_read(registry, text) for text in (source_text, target_text))
    amount = Decimal(str(value))
    if source.dimensionality != target.dimensionality:
        raise ToolError(
            f"{from_unit!r} measures {_describe_kind(source)} and {to_unit!r} "
            f"{_describe_kind(target)}; "
            "they cannot be converted into each other."
        )
    try:
        quantity = registry.Quantity(amount, source)
        _check_temperature(registry, quantity, source, shown=f"{amount} {from_unit}")
        result = quantity.to(target).magnitude
    except ToolError:
        raise
    except Exception as error:  # Pint and decimal raise many kinds; each means "no"
        raise ToolError(
            f"{amount} {from_unit} cannot be converted to {to_unit}: {error}."
        ) from error
    notes = {name: note for unit in (source, target) for name, note in _notes(unit)}
    taken = "".join(f" ({name} is taken as {note})" for name, note in notes.items())
    return f"{_plain(amount)} {from_unit} {_format_result(result)} {to_unit}{taken}"


@cache
def _registry() -> _Registry:
    build = cast(Callable[..., _Registry], load_object("pint:UnitRegistry", extra="tools-units"))
    return build(non_int_type=Decimal)


def _as_temperatures(source: str, target: str) -> tuple[str, str]:
    """Replace the names of temperature scales by Pint's, since a scale has its own zero.

    C, F and K are temperatures if both units are; otherwise they are coulomb, farad and kelvin.
    """
    names = [_temperature(text) for text in (source, target)]
    if all(names):
        source, target = names
    return source, target


def _temperature(text: str) -> str:
    """Return Pint's name of a temperature, empty for anything else."""
    word = _DEGREES.sub("", text, count=1).casefold()
    return _TEMPERATURES.get(word) or _LETTERS.get(word, "")


def _read(registry: _Registry, text: str) -> _Unit:
    """Parse a unit; an unknown one is tried in lower case."""
    if not _UNIT_TEXT.fullmatch(text):
        raise ToolError(f"{text!r} is not a unit; write one such as 'km/h' or 'm^2', no numbers.")
    words = " ".join(text.split())
    for prefix, instead in _PREFIXES:
        words = instead + words[found.end() :] if (found := prefix.match(words)) else words
    words = _WORDS.get(words.casefold(), words)
    # Two words are one unit if there is a unit of that name, otherwise a product.
    for name in (words.replace(" ", "_"), words, words.casefold()):
        try:
            return registry.parse_units(name)
        except Exception:  # noqa: S112, BLE001 - Pint's parser raises errors of many types
            continue
    close = difflib.get_close_matches(words.casefold(), registry, n=4)
    hint = f"did you mean {', '.join(close)}?" if close else "write its English name or its symbol"
    raise ToolError(f"{text!r} is not a unit that is known; {hint}")


def _check_temperature(
    registry: _Registry, quantity: _Quantity, unit: _Unit, *, shown: str
) -> None:
    if dict(unit.dimensionality) == {"[temperature]": 1}:
        kelvin = quantity.to(registry.parse_units("kelvin")).magnitude
        if kelvin < _ABSOLUTE_ZERO:
            raise ToolError(f"{shown} is below absolute zero.")


def _notes(unit: _Unit) -> list[tuple[str, str]]:
    names = re.findall(r"\w+", str(unit))
    return [(name, _TAKEN_AS[name]) for name in names if name in _TAKEN_AS]


def _describe_kind(unit: _Unit) -> str:
    kind = str(unit.dimensionality)
    return "a plain number" if kind == "dimensionless" else kind.replace("[", "").replace("]", "")


def _format_result(result: Decimal) -> str:
    """Format the result with 15 digits, with `≈` if it was rounded."""
    with localcontext(prec=_DIGITS):
        short = +result
    with localcontext(prec=_DIGITS + 10):
        is_exact = +result == short
    return f"{'=' if is_exact else '≈'} {_plain(short)}"


def _plain(number: Decimal) -> str:
    """Format a number without trailing zeros, and without an exponent unless it is far from 1."""
    short = number.normalize()
    if short == 0:
        return "0"
    return f"{short:f}" if -_DIGITS < short.adjusted() < _DIGITS + 6 else str(short)


TOOLS = (convert_units,)
