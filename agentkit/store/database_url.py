"""Read the address of a database.

In:  `sqlite:chats.db`, `sqlite:///srv/chats.db`, `postgresql://user:password@machine/name`.
Out: a `DatabaseUrl`, or a `ConfigError` that names what is wrong and shows no password.

A PostgreSQL address has libpq's form:
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
"""

import re
from dataclasses import field
from pathlib import Path

from agentkit.errors import ConfigError
from agentkit.store.base import StoreKind
from agentkit.value import dataclass

FORMS = "sqlite:FILE, sqlite:///ABSOLUTE/FILE or postgresql://USER:PASSWORD@MACHINE:PORT/DATABASE"

_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<rest>.*)", re.DOTALL)
_PASSWORD_OPTION = re.compile(r"(?i)(?P<name>[?&](?:ssl)?password=)[^&]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrl:
    """The address of a database.

    Attributes:
        kind: which database.
        path: the file, of SQLite.
        text: the address as it was given, with its password.
        shown: the address without its password, for messages.
    """

    kind: StoreKind
    path: Path | None = None
    text: str = field(repr=False)
    shown: str


def parse_database_url(url: str) -> DatabaseUrl:
    """Read an address.

    Raises:
        ConfigError: it has none of the known forms.
    """
    found = _SCHEME.fullmatch(url.strip())
    if found is None:
        raise ConfigError(
            f"{url!r} is no address of a database; write {FORMS}. For a file: 'sqlite:{url}'."
        )
    scheme, rest = found["scheme"].lower(), found["rest"]
    if scheme == "sqlite":
        return _parse_sqlite(rest)
    if scheme in ("postgresql", "postgres"):
        return _parse_postgresql(rest)
    hint = ""
    if scheme.startswith(("postgresql+", "postgres+")):
        hint = " Leave out the driver's name behind the '+'."
    raise ConfigError(f"No database of the kind {scheme!r} is known; write {FORMS}.{hint}")


def _parse_sqlite(rest: str) -> DatabaseUrl:
    """Read what follows `sqlite:`; two slashes would name a machine, which a file has none of."""
    path = rest
    if rest.startswith("//"):
        if not rest.startswith("///"):
            raise ConfigError(
                f"'sqlite:{rest}' names a machine in place of a file; write 'sqlite:FILE' for a "
                "relative path or 'sqlite:///ABSOLUTE/FILE'."
            )
        path = rest[2:]
    if not path.strip("/") or path == ":memory:":
        raise ConfigError(
            f"'sqlite:{rest}' names no file. A database in memory is not kept; use a file in a "
            "temporary folder."
        )
    if "\0" in path or "?" in path:
        raise ConfigError(
            f"'sqlite:{rest}' is no address of a file: its name holds a NUL or a '?', and options "
            "are not read."
        )
    text = f"sqlite:{rest}"
    return DatabaseUrl(kind="sqlite", path=Path(path), text=text, shown=text)


def _parse_postgresql(rest: str) -> DatabaseUrl:
    text = f"postgresql:{rest}"
    shown = f"postgresql:{_without_passwords(rest)}"
    if not rest.startswith("//"):
        raise ConfigError(f"{shown!r} lacks '//' behind 'postgresql:'; write {FORMS}.")
    if "\0" in rest:
        raise ConfigError(f"{shown!r} holds a NUL character.")
    return DatabaseUrl(kind="postgresql", text=text, shown=shown)


def _without_passwords(rest: str) -> str:
    """Return an address with `***` for each password, even if it is not well formed.

    An `@`, `/` or `?` in a password that is not percent-encoded is a common mistake, so all up to
    the last `@` is taken as the user's part.
    """
    redacted = _PASSWORD_OPTION.sub(r"\g<name>***", rest)
    user, at, place = redacted.rpartition("@")
    name, colon, _ = user.removeprefix("//").partition(":")
    return f"//{name}:***@{place}" if at and colon else redacted
