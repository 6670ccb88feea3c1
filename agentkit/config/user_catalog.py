"""Write the profile of a provider into a user's own catalog.

In:  the file's path, a provider's name, a table to merge into the file.
Out: the new text of the file; on `save`, the file.

The rest of the file stays as it is, with comments and order. A text that would be parsed
differently from what was meant is never written, and a file is replaced atomically. Keys are never
written.
"""

import os
import tempfile
import tomllib
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias, cast

import tomlkit
from tomlkit.exceptions import TOMLKitError

from agentkit.config.catalog import load_catalog
from agentkit.errors import ConfigError

Table: TypeAlias = Mapping[str, object]

_HEADING = (
    "Your own providers, merged with those that agentkit knows.",
    "A table adds to the table of its name; any other value replaces the one there.",
)


def edit_catalog(path: Path, *, provider: str, table: Table) -> str:
    """Return the text of the catalog at `path` with `table` merged into the table of `provider`.

    Args:
        path: need not exist yet.
        provider: the name of the provider's table.
        table: what to set; tables inside it add to those that are there.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or is written in a way that cannot be
            edited without touching the rest.
    """
    old = _read(path)
    try:
        before = tomllib.loads(old)
        document = tomlkit.parse(old)
    except (tomllib.TOMLDecodeError, TOMLKitError) as error:
        raise ConfigError(f"The catalog {path} is not TOML: {error}.") from error
    if not old.strip():
        for line in _HEADING:
            document.add(tomlkit.comment(line))
    wanted = _merged(before, {provider: table})
    try:
        _merge_into(document, {provider: table})
        new = tomlkit.dumps(document)
        is_right = tomllib.loads(new) == wanted
    except (TOMLKitError, ValueError, TypeError, KeyError) as error:
        raise _cannot_edit(path, provider) from error
    if not is_right:
        raise _cannot_edit(path, provider)
    return new


def save_catalog(path: Path, text: str) -> None:
    """Put `text` in place of the catalog at `path`, if it is one.

    Raises:
        ConfigError: the text is not a catalog, or the file cannot be written.
    """
    place = path.resolve()  # a link stays a link
    temporary: Path | None = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        mode = place.stat().st_mode & 0o7777 if place.exists() else 0o644
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=".agentkit-")
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        _check(temporary, shown=path)
        temporary.replace(place)
        temporary = None
    except OSError as error:
        raise ConfigError(f"The catalog {path} cannot be written: {error}.") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def format_table(provider: str, table: Table) -> str:
    """Return the table of one provider as the text of a file."""
    document = tomlkit.document()
    _merge_into(document, {provider: table})
    return tomlkit.dumps(document)


def _check(temporary: Path, *, shown: Path) -> None:
    """Reject a text that is not a catalog; the message names the file that it is for."""
    try:
        load_catalog(temporary)
    except ConfigError as error:
        raise ConfigError(
            f"This was not written: {str(error).replace(str(temporary), str(shown))}"
        ) from error


def _read(path: Path) -> str:
    try:
        # Line ends stay what they are.
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The catalog {path} cannot be read: {error}.") from error


def _merge_into(under: MutableMapping[str, object], over: Table) -> None:
    """Merge `over` into a part of a document, table by table."""
    for name, value in over.items():
        if not isinstance(value, Mapping):
            under[name] = value
            continue
        below = under.get(name)
        if isinstance(below, MutableMapping):
            _merge_into(cast(MutableMapping[str, object], below), value)  # TOML's keys are text
        else:
            under[name] = _new_table(_with_id(below, value))


def _new_table(values: Table) -> tomlkit.items.Table:
    """Return a table with values first and tables after them, as TOML wants it."""
    # A table that only holds tables needs no heading of its own.
    only_tables = bool(values) and all(isinstance(each, Mapping) for each in values.values())
    table = tomlkit.table(is_super_table=only_tables)
    for name, value in sorted(values.items(), key=lambda item: isinstance(item[1], Mapping)):
        table.add(name, _new_table(value) if isinstance(value, Mapping) else value)
    return table


def _merged(under: Table, over: Table) -> dict[str, object]:
    """Return the tables that the new text must have."""
    merged = dict(under)
    for name, value in over.items():
        if isinstance(value, Mapping):
            below = merged.get(name)
            is_table = isinstance(below, Mapping)
            value = (
                _merged(cast(Table, below), value)
                if is_table
                else _merged({}, _with_id(below, value))
            )
        merged[name] = value
    return merged


def _with_id(below: object, table: Table) -> Table:
    """Return a table in place of a plain text, which is a model's id."""
    return {"id": str(below), **table} if isinstance(below, str) else table


def _cannot_edit(path: Path, provider: str) -> ConfigError:
    return ConfigError(
        f"The catalog {path} is written in a way that cannot be edited without touching the rest; "
        f"use --dry-run and put what it prints into [{provider}] by hand."
    )
