"""API keys that a user has stored: in the system's keyring, otherwise in a private file.

In:  a provider's name, a key.
Out: the key again; the file `keys.json` in the user's folder, of mode 0600.

The file lists the providers whose key is stored. A key is in the file itself only if the package
`keyring` is not installed or has no keyring to use. Without the file, no keyring is asked: that may
open a dialog.
"""

import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from agentkit.config.user_files import PRIVATE_MODE, replace_file, user_file, user_folder
from agentkit.errors import ConfigError
from agentkit.lazy_import import LazyModule

keyring: LazyModule = LazyModule("keyring", extra="keyring")

Place: TypeAlias = Literal["keyring", "file"]

_SERVICE = "agentkit"
_FILE = "keys.json"
# Readable or writable by the group or by others.
_NOT_PRIVATE = stat.S_IRWXG | stat.S_IRWXO


class _KeysFile(TypedDict):
    """The file: a key by provider, None if it is in the keyring."""

    version: Literal[1]
    keys: dict[str, str | None]


def stored_key(provider: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Return the stored key of a provider, or None.

    Raises:
        ConfigError: the file is damaged or can be read by other users, or the keyring fails.
    """
    keys = _read(environ)
    if provider not in keys:
        return None
    key = keys[provider]
    if key is not None:
        return key
    get = _keyring_function("get_password")
    if get is None:
        raise ConfigError(
            f"The key of {provider!r} is in the system's keyring, and the package 'keyring' cannot "
            f"use it now; set the variable of the provider, or run 'agentkit keys set {provider}'."
        )
    found = _call(get, _SERVICE, provider)
    return found if isinstance(found, str) else None


def store_key(provider: str, key: str, environ: Mapping[str, str] | None = None) -> Place:
    """Store the key of a provider and return where.

    Raises:
        ConfigError: it cannot be stored.
    """
    keys = dict(_read(environ))
    put = _keyring_function("set_password")
    if put is not None:
        _call(put, _SERVICE, provider, key)
    keys[provider] = None if put is not None else key
    _write(keys, environ)
    return "file" if put is None else "keyring"


def remove_key(provider: str, environ: Mapping[str, str] | None = None) -> bool:
    """Remove the stored key of a provider and return whether there was one.

    Raises:
        ConfigError: it cannot be removed.
    """
    keys = dict(_read(environ))
    if provider not in keys:
        return False
    if keys.pop(provider) is None:
        delete = _keyring_function("delete_password")
        if delete is not None:
            _call(delete, _SERVICE, provider)
    _write(keys, environ)
    return True


def stored_places(environ: Mapping[str, str] | None = None) -> Mapping[str, Place]:
    """Return where the keys are stored, by provider.

    Raises:
        ConfigError: the file is damaged or can be read by other users.
    """
    return {name: "keyring" if key is None else "file" for name, key in _read(environ).items()}


def _read(environ: Mapping[str, str] | None) -> Mapping[str, str | None]:
    folder = user_folder(environ)
    path = None if folder is None else folder / _FILE
    if path is None or not path.exists():
        return {}
    _check_private(path)
    try:
        return TypeAdapter(_KeysFile).validate_json(path.read_bytes())["keys"]
    except (OSError, ValueError) as error:
        # The message of a validation error quotes the file, which holds keys.
        raise ConfigError(
            f"The file {path} is not a list of keys ({type(error).__name__}); remove it and store "
            "the keys again."
        ) from None


def _write(keys: Mapping[str, str | None], environ: Mapping[str, str] | None) -> None:
    text = json.dumps({"version": 1, "keys": keys}, indent=2)
    replace_file(user_file(_FILE, environ), text + "\n", mode=PRIVATE_MODE)


def _check_private(path: Path) -> None:
    """Reject a file that other users can read, as ssh does with private keys."""
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & _NOT_PRIVATE:
        raise ConfigError(f"Other users can read {path}; run: chmod 600 {path}")


def _keyring_function(name: str) -> Callable[..., object] | None:
    """Return a function of the package `keyring`, if it is installed and has a keyring to use."""
    try:
        backend: object = keyring.get_keyring()
        function: Callable[..., object] = getattr(keyring, name)
    except ConfigError:
        return None
    # Its backends 'fail' and 'null' have priority 0 or -1: they store nothing.
    priority = getattr(type(backend), "priority", 0)
    return function if isinstance(priority, int | float) and priority > 0 else None


def _call(function: Callable[..., object], *arguments: str) -> object:
    try:
        return function(*arguments)
    except Exception as error:  # backends raise errors of their own, also of D-Bus
        raise ConfigError(
            f"The system's keyring failed: {type(error).__name__}: {error}"
        ) from error
