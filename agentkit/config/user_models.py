"""The models that a user has chosen: a default, and aliases.

In:  names of models.
Out: `UserModels`; the file `models.json` in the user's folder.
"""

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from agentkit.config.user_files import replace_file, user_file, user_folder
from agentkit.errors import ConfigError
from agentkit.value import dataclass

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
