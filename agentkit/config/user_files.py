"""Files that agentkit keeps for a user, and how they are written.

In:  the environment, paths.
Out: the user's folder and its files; each is replaced atomically; the default model and the aliases
     in them.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from agentkit.errors import ConfigError
from agentkit.value import dataclass

PRIVATE_MODE = 0o600


def read_variable(environ: Mapping[str, str], variable: str) -> str:
    """Return a variable's value without surrounding space; empty if it is not set."""
    return environ.get(variable, "").strip()


def user_folder(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the folder for the user's files; None if the environment has no home."""
    environ = os.environ if environ is None else environ
    for variable, below in (("XDG_CONFIG_HOME", "."), ("APPDATA", "."), ("HOME", ".config")):
        folder = Path(read_variable(environ, variable) or ".")
        # A relative path is ignored: https://specifications.freedesktop.org/basedir-spec/latest/
        if folder.is_absolute():
            return folder / below / "agentkit"
    return None


def user_catalog_path(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the path of the user's own catalog, whether it exists or not.

    That is `AGENTKIT_CATALOG`, otherwise `catalog.toml` in the user's folder; None without a home.
    """
    environ = os.environ if environ is None else environ
    named = read_variable(environ, "AGENTKIT_CATALOG")
    if named:
        return Path(named).expanduser()
    folder = user_folder(environ)
    return None if folder is None else folder / "catalog.toml"


def user_file(name: str, environ: Mapping[str, str] | None = None) -> Path:
    """Return the path of a file in the user's folder.

    Raises:
        ConfigError: the environment has no home.
    """
    folder = user_folder(environ)
    if folder is None:
        raise ConfigError("There is no folder for your files; set XDG_CONFIG_HOME or HOME.")
    return folder / name


def data_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder, whose mode is 0700 if it is made.

    Raises:
        ConfigError: the environment has no home, or the folder cannot be created.
    """
    environ = os.environ if environ is None else environ
    for variable, below in (
        ("XDG_DATA_HOME", "."),
        ("LOCALAPPDATA", "."),
        ("HOME", ".local/share"),
    ):
        home = Path(read_variable(environ, variable) or ".")
        # A relative path is ignored: https://specifications.freedesktop.org/basedir-spec/latest/
        if home.is_absolute():
            folder = home / below / "agentkit"
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(
                    f"The folder {folder} for your data cannot be created: {error.strerror}."
                ) from error
            return folder
    raise ConfigError("There is no folder for your data; set XDG_DATA_HOME or HOME.")


def user_database(environ: Mapping[str, str] | None = None) -> str:
    """Return the address of the user's own database, whose folder exists then.

    That is `AGENTKIT_DB`, otherwise `agentkit.db` in the folder for data of programs.

    Raises:
        ConfigError: the environment has no home, or the folder cannot be created.
    """
    environ = os.environ if environ is None else environ
    named = read_variable(environ, "AGENTKIT_DB")
    if named:
        return named
    try:
        return f"sqlite:{data_folder(environ) / 'agentkit.db'}"
    except ConfigError as error:
        raise ConfigError(f"{error} Or set AGENTKIT_DB to the address of a database.") from error


def replace_file(path: Path, text: str, *, mode: int) -> None:
    """Write a file, or leave it as it was; no other user sees a half-written or readable one.

    The temporary file is made by `mkstemp`: with `O_EXCL`, so that nothing planted there is
    followed, and with mode 0600.

    Raises:
        ConfigError: it cannot be written.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".agentkit-")
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise ConfigError(f"The file {path} cannot be written: {error.strerror}.") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


_FILE = "models.json"
_MODE = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class UserModels:
    """A user's own choice of models.

    Attributes:
        default: used if no model is named; None if there is none.
        aliases: short names for models.
    """

    default: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)


class _ModelsFile(TypedDict):
    version: Literal[1]
    default: str | None
    aliases: dict[str, str]


def read_user_models(environ: Mapping[str, str] | None = None) -> UserModels:
    """Return the user's choice; empty if there is no file.

    Raises:
        ConfigError: the file is damaged.
    """
    folder = user_folder(environ)
    path = None if folder is None else folder / _FILE
    if path is None or not path.exists():
        return UserModels()
    try:
        value = TypeAdapter(_ModelsFile).validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"The file {path} is not a choice of models; correct or remove it: {error}"
        ) from error
    return UserModels(default=value["default"], aliases=value["aliases"])


def save_user_models(models: UserModels, environ: Mapping[str, str] | None = None) -> None:
    """Write the user's choice.

    Raises:
        ConfigError: the file cannot be written.
    """
    value = {"version": 1, "default": models.default, "aliases": dict(models.aliases)}
    replace_file(user_file(_FILE, environ), json.dumps(value, indent=2) + "\n", mode=_MODE)
