"""Read the file in which other MCP clients keep their servers.

In:  `{"mcpServers": {name: {"command": …} or {"url": …}}}`, as JSON.
Out: a `ServerEntry` for each server that is not switched off.

`${NAME}` and `${NAME:-default}` in values stand for variables of the environment. What such files
hold besides, for other programs, is skipped.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from agentkit.config.load import expand_variables
from agentkit.errors import ConfigError

Text = Annotated[
    str, BeforeValidator(lambda value: expand_variables(value) if isinstance(value, str) else value)
]


class ServerEntry(BaseModel):
    """One server: `command` or `url`, and what belongs to either. Other fields are skipped."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["stdio", "http", "streamable-http", "streamableHttp", "sse"] | None = None
    command: Text | None = None
    args: tuple[Text, ...] = ()
    env: Mapping[str, Text] = {}
    cwd: Text | None = None
    url: Text | None = Field(
        default=None, validation_alias=AliasChoices("url", "serverUrl", "httpUrl")
    )
    headers: Mapping[str, Text] = {}
    oauth: bool = False
    disabled: bool = False
    timeout: float | None = Field(default=None, gt=0)


def read_entries(path: str | Path) -> Mapping[str, ServerEntry]:
    """Return the servers in the file that are not disabled, by name.

    Raises:
        ConfigError: the file cannot be read, is of another form, or names a variable that is not
            set.
    """
    where = Path(path).expanduser()
    try:
        document = json.loads(where.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Cannot read {str(where)!r}: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"{str(where)!r} is not JSON: {error}.") from error
    servers = (
        document.get("mcpServers", document.get("servers")) if isinstance(document, dict) else None
    )
    if not isinstance(servers, dict):
        raise ConfigError(f"{str(where)!r} has no object 'mcpServers'.")
    entries = {name: _read(one, f"{where}: {name!r}") for name, one in servers.items()}
    return {name: entry for name, entry in entries.items() if not entry.disabled}


def _read(entry: Any, where: str) -> ServerEntry:
    try:
        read = ServerEntry.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the server"
        raise ConfigError(f"{where}: {place}: {first['msg']}.") from error
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    if (read.command is None) == (read.url is None):
        raise ConfigError(f"{where} must have either a 'command' or a 'url'.")
    return read
