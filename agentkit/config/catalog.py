"""The catalog of providers: the built-in one, merged with a user's own file.

In:  `catalog.toml` next to this module, and the path of another file of that format.
Out: `ProviderProfile`s by name, in the order of the files.

Files are read strictly: a field we do not know, or a value of another type, is an error that names
file, table and field. Nothing is ever guessed.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from pydantic import ConfigDict, TypeAdapter, ValidationError

from agentkit.config.families import find_family
from agentkit.config.profile import ProviderProfile
from agentkit.errors import ConfigError

Table: TypeAlias = Mapping[str, object]

BUILTIN_FILE = Path(__file__).with_name("catalog.toml")


def load_catalog(path: Path | None = None) -> Mapping[str, ProviderProfile]:
    """Return the known providers by name.

    Args:
        path: the user's own file. A table adds to the built-in table of its name, any other value
            replaces the one there; new providers come last.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or has a field or a value that no profile
        has.
    """
    return _builtin_catalog() if path is None else _read(path, over=_builtin_tables())


@cache
def _builtin_catalog() -> Mapping[str, ProviderProfile]:
    return _read(BUILTIN_FILE, over={})


@cache
def _builtin_tables() -> Table:
    return _parse(BUILTIN_FILE)


@cache
def _adapter() -> TypeAdapter[dict[str, ProviderProfile]]:
    """Return the reader; built at the first use, since building it costs time."""
    return TypeAdapter(
        dict[str, ProviderProfile],
        config=ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True),
    )


def _read(path: Path, *, over: Table) -> Mapping[str, ProviderProfile]:
    """Return the profiles of the file, merged into other tables."""
    tables = _merge(over, _parse(path))
    named = {name: _with_names(name, table, path=path) for name, table in tables.items()}
    try:
        # As JSON: its lists may become tuples and sets while all else stays strict.
        found = _adapter().validate_json(json.dumps(named, allow_nan=False))
    except ValidationError as error:
        raise ConfigError("; ".join(_error_lines(error, named, path=path))) from error
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{path}: a date, a time or a number without end is not allowed in a catalog ({error})."
        ) from error
    return MappingProxyType(found)


def _parse(path: Path) -> Table:
    """Parse the tables of a file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The catalog {path} cannot be read: {error}.") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The catalog {path} is not TOML: {error}.") from error


def _merge(under: Table, over: Table) -> dict[str, object]:
    """Return `under` with `over` merged into it, table by table."""
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = _merge(below, value)
        merged[name] = value
    return merged


def _with_names(name: str, table: object, *, path: Path) -> object:
    """Return a provider's table in the shape of its profile: names inside, models as a list.

    TOML has no null: an empty `seed_field` says that the provider takes no seed.
    """
    if not isinstance(table, Mapping):
        return table
    _check_provider_name(name, table, path=path)
    provider: dict[str, object] = {"title": name, **table, "name": name}
    accepts, models = table.get("accepts"), table.get("models")
    if isinstance(accepts, Mapping) and accepts.get("seed_field") == "":
        provider["accepts"] = {**accepts, "seed_field": None}
    if isinstance(models, Mapping):
        provider["models"] = [_with_family(family, model) for family, model in models.items()]
    return provider


def _check_provider_name(name: str, table: Table, *, path: Path) -> None:
    """Refuse what would be overwritten, and names that no model name could hold."""
    if "name" in table:
        raise ConfigError(
            f"{path}: [{name}] name: the table's name is the provider's name; leave it out."
        )
    if not name or name != name.strip().casefold() or ":" in name or " " in name:
        raise ConfigError(
            f"{path}: [{name}]: a provider's name is lower case, without ':' or space."
        )


def _with_family(name: str, model: object) -> object:
    """Return a model's table with its name, and with what follows from the family of its names.

    Not the context window: which part of it a provider serves is a fact of the provider.
    """
    table = model if isinstance(model, Mapping) else {"id": model}
    family = find_family(f"{name} {table.get('id')}")
    facts: dict[str, object] = {"rules": family.rules, "reasoning": family.reasoning}
    if family.tool_choice is not None:
        facts["tool_choice"] = sorted(family.tool_choice)
    return {**facts, **table, "family": name}


def _error_lines(error: ValidationError, named: Table, *, path: Path) -> Iterator[str]:
    """Yield what is wrong, one text per field, without the values found there."""
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        place = list(_place(problem["loc"], named))
        field = f" {place[-1]}" if len(place) > 1 else ""
        table = ".".join(place[:-1] or place)
        message = problem["msg"].removeprefix("Value error, ")
        yield f"{path}: [{table}]{field}: {message}"


def _place(location: tuple[int | str, ...], named: Table) -> Iterator[str]:
    """Yield the names on the way to a field as the file has them: a model by its family."""
    inside: object = named
    for step in location:
        if isinstance(inside, list) and isinstance(step, int):
            inside = inside[step]
            yield str(inside["family"] if isinstance(inside, Mapping) else step)
        else:
            inside = inside.get(str(step)) if isinstance(inside, Mapping) else None
            yield str(step)
