"""`docs/security.md` says what the code does and which tests show it."""

import dataclasses
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| (?P<what>[^|]+) \| (?P<value>[^|]+) \| (?P<where>`agentkit[^|]+) \|$", re.M)
ROWS = [(found["what"], found["value"], found["where"]) for found in _ROW.finditer(PAGE)]
FILES = sorted(set(re.findall(r"`((?:tests|scripts)/[^`]+)`", PAGE)))


def value_of(place: str) -> float:
    """Return the value of `module:NAME`, or the default of `module:Class.field`."""
    module, _, name = place.partition(":")
    owner, _, field = name.partition(".")
    found = getattr(import_module(module), owner)
    if field:
        found = next(one.default for one in dataclasses.fields(found) if one.name == field)
    assert isinstance(found, int | float)
    assert found == int(found)
    return found


@pytest.mark.parametrize(("what", "value", "where"), ROWS, ids=[row[0] for row in ROWS])
def test_a_bound_on_the_page_is_that_of_the_code(what: str, value: str, where: str) -> None:
    """Numbers are written with commas, several of them with "and"."""
    places = re.findall(r"`([^`]+)`", where)

    assert (what, value) == (what, " and ".join(f"{int(value_of(one)):,}" for one in places))


def test_the_table_of_bounds_was_found() -> None:
    """A row in another form would not be compared."""
    bounds = PAGE.partition("## Bounds")[2].partition("\n## ")[0]

    assert len(ROWS) == len([line for line in bounds.splitlines() if line.startswith("| ")]) - 1


@pytest.mark.parametrize("path", FILES)
def test_a_test_that_the_page_names_exists(path: str) -> None:
    """A test that moves takes its name on the page along."""
    assert (ROOT / path).exists()
