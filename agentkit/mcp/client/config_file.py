"""Read the configuration file of another MCP client.

In:  `{"mcpServers": {name: {"command": …} or {"url": …}}}` or VS Code's `servers` and `inputs`, as
     JSON with comments.
Out: a `ServerEntry` for each server that is not switched off.

Placeholders: `${NAME}`, `${NAME:-default}` and `${env:NAME}` for variables of the environment,
`${input:ID}` for a value that the user is asked for, `${workspaceFolder}` and `${userHome}`. Any
other is an error: a server must not get one as the value of its secret. Fields of other programs
are ignored.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
)

from agentkit.config.load import expand_variables
from agentkit.errors import ConfigError
from agentkit.mcp.client.json_with_comments import parse_with_comments
from agentkit.value import dataclass

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}?")
_VARIABLE = re.compile(r"(?:env:)?(?P<rest>[A-Za-z_][A-Za-z0-9_]*(?::-.*)?)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigInput:
    """A value that a file asks the user for, as VS Code's `inputs` describe it.

    Attributes:
        id: its name in `${input:ID}`.
        description: the question; empty if the file has none.
        default: the value for an empty answer.
        options: the allowed values; empty for any.
        is_password: the answer must not be shown.
    """

    id: str
    description: str = ""
    default: str = ""
    options: tuple[str, ...] = ()
    is_password: bool = False


AskInput: TypeAlias = Callable[[ConfigInput], str | None]
"""Asks the user for a value; None if there is no answer."""


def _plain(value: object) -> object:
    """Return a number or a boolean as the text that programs write into such fields."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_plain)]


TRUST = "trustsAnnotations"
"""Our own key of a server: its hints, such as `readOnlyHint`, count."""


class ServerEntry(BaseModel):
    """One server: `command` or `url`, and the options of either. Other fields are ignored."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore")

    type: (
        Literal["stdio", "http", "streamable-http", "streamable_http", "streamableHttp", "sse"]
        | None
    ) = None
    command: str | None = None
    args: tuple[Text, ...] = ()
    env: Mapping[str, Text] = {}
    cwd: str | None = None
    url: str | None = Field(
        default=None, validation_alias=AliasChoices("url", "serverUrl", "httpUrl")
    )
    headers: Mapping[str, Text] = {}
    oauth: bool = False
    timeout: float | None = Field(default=None, gt=0)
    trusts_annotations: StrictBool | None = Field(default=None, validation_alias=TRUST)


_FIELDS = frozenset({*ServerEntry.model_fields, "serverUrl", "httpUrl", TRUST})


def read_entries(
    path: str | Path, *, ask_input: AskInput | None = None
) -> Mapping[str, ServerEntry]:
    """Return the servers in the file that are not switched off, by name.

    Args:
        path: the file.
        ask_input: asks the user for a value that the file leaves open.

    Raises:
        ConfigError: the file cannot be read, has another form, or has a placeholder without value.
    """
    where = Path(path).expanduser()
    document = _load(where)
    servers = document.get("mcpServers", document.get("servers"))
    if not isinstance(servers, dict):
        raise ConfigError(f"{str(where)!r} has no object 'mcpServers'.")
    values = _Placeholders(where, document.get("inputs"), ask_input)
    return {
        name: _read(one, f"{where}: {name!r}", values)
        for name, one in servers.items()
        if not _is_off(one)
    }


def _load(where: Path) -> dict[str, Any]:
    """Return the object that holds the servers."""
    try:
        data = where.read_bytes()
    except OSError as error:
        raise ConfigError(f"Cannot read {str(where)!r}: {error.strerror}.") from error
    # Editors of Windows write the mark, and its shell writes UTF-16.
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        document: Any = parse_with_comments(data.decode(encoding))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{str(where)!r} is not JSON: {error}.") from error
    if isinstance(document, dict) and isinstance(document.get("mcp"), dict):
        document = document["mcp"]  # settings of VS Code
    return document if isinstance(document, dict) else {}


def _is_off(entry: object) -> bool:
    """Return whether a server is switched off; nothing else of it is looked at then."""
    return isinstance(entry, dict) and (
        entry.get("disabled") is True or entry.get("enabled") is False
    )


def _read(entry: Any, where: str, values: "_Placeholders") -> ServerEntry:
    try:
        if isinstance(entry, dict):
            # Other fields may hold placeholders of other programs.
            known = {key: one for key, one in entry.items() if key in _FIELDS and one is not None}
            entry = values.fill(known)
            for key in ("env", "headers"):
                if isinstance(entry.get(key), dict):
                    entry[key] = {name: v for name, v in entry[key].items() if v is not None}
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


class _Placeholders:
    """Replaces the placeholders of one file."""

    def __init__(self, path: Path, inputs: object, ask: AskInput | None) -> None:
        self._inputs = {
            one["id"]: one
            for one in (inputs if isinstance(inputs, list) else ())
            if isinstance(one, dict) and isinstance(one.get("id"), str)
        }
        self._ask = ask
        self._answers: dict[str, str] = {}
        folder = path.absolute().parent
        # `.vscode/mcp.json` and `.cursor/mcp.json` are in a folder of the workspace.
        workspace = folder.parent if folder.name.startswith(".") else folder
        self._known = {
            "workspaceFolder": str(workspace),
            "workspaceFolderBasename": workspace.name,
            "userHome": str(Path.home()),
            "pathSeparator": os.sep,
            "/": os.sep,
        }

    def fill(self, value: Any) -> Any:
        """Return JSON with all placeholders replaced, each once.

        Raises:
            ConfigError: one has no value.
        """
        if isinstance(value, str):
            return _PLACEHOLDER.sub(self._value_of, value)
        if isinstance(value, dict):
            return {key: self.fill(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.fill(one) for one in value]
        return value

    def _value_of(self, found: re.Match[str]) -> str:
        name: str = found[1]
        if name in self._known:
            return self._known[name]
        if name.startswith("input:"):
            return self._input(name.removeprefix("input:"))
        variable = _VARIABLE.fullmatch(name)
        if variable is None or not found[0].endswith("}"):
            raise ConfigError(
                f"The placeholder {found[0]!r} is not supported; use ${{NAME}} for a variable of "
                "the environment."
            )
        return expand_variables(f"${{{variable['rest']}}}")

    def _input(self, name: str) -> str:
        if name not in self._answers:
            self._answers[name] = self._answer(name)
        return self._answers[name]

    def _answer(self, name: str) -> str:
        described = self._inputs.get(name)
        if described is None:
            raise ConfigError(f"The file has no entry {name!r} in 'inputs'.")
        asked = _describe(name, described)
        if described.get("type", "promptString") not in ("promptString", "pickString"):
            raise ConfigError(
                f"The input {name!r} is of the type {described['type']!r}, which is not supported."
            )
        answer = None if self._ask is None else self._ask(asked)
        if not answer and self._ask is not None:
            answer = asked.default
        if not answer:
            raise ConfigError(
                f"The input {name!r} has no value: {asked.description or 'it must be asked for'}. "
                "Run on a terminal, pass ask_input=…, or write ${NAME} for a variable."
            )
        if asked.options and answer not in asked.options:
            raise ConfigError(f"The input {name!r} must be one of {', '.join(asked.options)}.")
        return answer


def _describe(name: str, entry: Mapping[str, Any]) -> ConfigInput:
    options = entry.get("options")
    values = [
        one.get("value", one.get("label")) if isinstance(one, dict) else one
        for one in (options if isinstance(options, list) else ())
    ]
    default = entry.get("default")
    return ConfigInput(
        id=name,
        description=str(entry.get("description") or ""),
        default="" if default is None else str(default),
        options=tuple(map(str, values)),
        is_password=entry.get("password") is True,
    )
