"""The type of a structured answer, from the words of a command line.

In:  `--schema`: a list of fields, a JSON Schema in a file or as text, or a type of the user's code.
Out: a type for `output_type`.
"""

import re
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, create_model

from agentkit.cli.user_code import load_named
from agentkit.errors import ConfigError
from agentkit.json_schema import parse_json
from agentkit.output.output_type import schema_type

_FIELD = re.compile(
    r"\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)(\s+(?P<type>[a-z]+(\[[a-z]+\])?))?"
    r"(\s*:\s*(?P<description>.*\S))?\s*",
    re.DOTALL,
)
_TYPES: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "list[str]": list[str],
    "list[int]": list[int],
    "list[float]": list[float],
    "list[bool]": list[bool],
}


def read_schema(text: str) -> Any:
    """Return the type that `--schema` describes.

    Args:
        text: `name, age int, tags list[str]`, with `: description` after a field if wanted; the
            path of a `.json` file, or JSON text; `module:Name` or `file.py:Name`.

    Raises:
        ConfigError: it is none of these.
    """
    text = text.strip()
    if text.startswith("{"):
        return _schema_type(text, source="--schema")
    if text.endswith(".json"):
        path = Path(text).expanduser()
        try:
            return _schema_type(path.read_text(encoding="utf-8-sig"), source=text)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The schema {text!r} cannot be read: {error}.") from error
    if re.fullmatch(r"[\w./\\~-]+:[A-Za-z_]\w*", text) and " " not in text:
        return load_named(text, what="the schema", known=())
    return _fields_type(text)


def _fields_type(text: str) -> Any:
    """Return a model for a list of fields."""
    fields: dict[str, Any] = {}
    for part in text.split(","):
        found = _FIELD.fullmatch(part)
        kind = None if found is None else _TYPES.get(found["type"] or "str")
        if found is None or kind is None:
            raise ConfigError(
                f"--schema: {part.strip()!r} is not a field; write 'name, age int, tags list[str]' "
                f"with the types {', '.join(_TYPES)}, the path of a .json file, or module:Name."
            )
        fields[found["name"]] = (kind, Field(description=found["description"]))
    return create_model("Answer", __config__=ConfigDict(extra="forbid"), **fields)


def _schema_type(text: str, *, source: str) -> Any:
    """Return a type for any value that fits a JSON Schema."""
    try:
        value = parse_json(text)
    except ValueError as error:
        raise ConfigError(f"{source!r} is not a JSON Schema: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{source!r} is not a JSON Schema: it is not a JSON object.")
    return schema_type(value, source=repr(source))
