"""Read an OpenAPI document, version 3.0 or 3.1.

In:  a file in JSON or YAML, as a rule from a third party.
Out: a `Document`: its objects with local references resolved, and its schemas as JSON Schemas.

References lead to the document itself only: nothing is fetched. The work is bounded by a number of
steps, so that neither a chain of aliases nor nested references make it endless.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from agentkit import ConfigError
from agentkit.json_schema import JsonObject
from agentkit.lazy_import import load_object

MAX_BYTES = 10_000_000
MAX_STEPS = 300_000
MAX_DEPTH = 60
_MAX_REFERENCES = 20

_DROPPED = frozenset(
    {"nullable", "discriminator", "xml", "externalDocs", "example", "deprecated", "readOnly"}
    | {"writeOnly", "$schema", "$id", "$anchor", "$comment"}
)
"""Keywords of OpenAPI 3.0 that JSON Schema does not have, and those that would change a base."""

_IN_NAMES = frozenset({"properties", "patternProperties", "$defs", "definitions"})
"""Keywords whose keys are names, not keywords."""

_VALUES = frozenset({"enum", "const", "default", "examples", "required"})
"""Keywords whose values are data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document.

    Attributes:
        content: the document as it is.
        is_old: its version is 3.0, whose schemas are not JSON Schema.
    """

    content: Mapping[str, Any]
    is_old: bool

    def resolve(self, value: Any) -> Mapping[str, Any]:
        """Return an object of the document; a reference is followed.

        Raises:
            ConfigError: it is not an object, or a reference leads nowhere or out of the document.
        """
        for _ in range(_MAX_REFERENCES):
            if not isinstance(value, Mapping):
                raise ConfigError(
                    f"The OpenAPI document has {_shown(value)} in place of an object."
                )
            reference = value.get("$ref")
            if not isinstance(reference, str):
                return value
            value = self.find(reference)
        raise ConfigError(f"The reference {_shown(reference)} leads to itself.")

    def schema(self, value: Any) -> JsonObject:
        """Return a schema with all schemas that it refers to in `$defs`.

        Raises:
            ConfigError: it is not a schema, or too large.
        """
        reading = _SchemaReading(self)
        found = reading.convert(value, depth=0)
        reading.convert_definitions()
        if not isinstance(found, dict):
            return {} if found else {"not": {}}
        return {**found, "$defs": reading.definitions} if reading.definitions else found

    def find(self, reference: str) -> Any:
        """Return what a local reference names."""
        if not reference.startswith("#/"):
            raise ConfigError(
                f"The reference {_shown(reference)} leads out of the document; "
                "bundle the document into one file."
            )
        found: Any = self.content
        for part in reference.removeprefix("#/").split("/"):
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            elif isinstance(found, Mapping) and name in found:
                found = found[name]
            else:
                raise ConfigError(f"The reference {_shown(reference)} leads nowhere.")
        return found


@dataclass(slots=True)
class _SchemaReading:
    """One schema while it is converted."""

    document: Document
    definitions: JsonObject = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _steps: int = 0

    def convert(self, value: Any, *, depth: int) -> Any:
        """Convert a schema to JSON Schema, Draft 2020-12."""
        self._steps += 1
        if self._steps > MAX_STEPS or depth > MAX_DEPTH:
            raise ConfigError("A schema of the OpenAPI document is too large or nested too deeply.")
        if isinstance(value, bool):
            return value
        if isinstance(value, list):
            return [self.convert(one, depth=depth + 1) for one in value]
        if not isinstance(value, Mapping):
            return value
        if isinstance(value.get("$ref"), str):
            return {"$ref": f"#/$defs/{self._name(value['$ref'])}"}
        found: dict[str, Any] = {}
        for key, inner in value.items():
            if key in _DROPPED or str(key).startswith("x-"):
                continue
            if key in _IN_NAMES and isinstance(inner, Mapping):
                found[key] = {
                    str(name): self.convert(one, depth=depth + 1) for name, one in inner.items()
                }
            else:
                found[key] = inner if key in _VALUES else self.convert(inner, depth=depth + 1)
        _leave_out_read_only(value, found)
        return _from_old(value, found) if self.document.is_old else found

    def convert_definitions(self) -> None:
        """Convert the schemas that were referred to, and those that these refer to."""
        while missing := [one for one in self._names.items() if one[1] not in self.definitions]:
            for reference, name in missing:
                self.definitions[name] = True  # kept while it is converted
                # Found by its reference, not resolved: a chain of references is a valid schema.
                inner = self.document.find(reference)
                self.definitions[name] = self.convert(inner, depth=0)

    def _name(self, reference: str) -> str:
        """Return the name of a definition, different for each reference."""
        if reference not in self._names:
            own = (
                "".join(c if c.isalnum() else "_" for c in reference.rpartition("/")[2]) or "schema"
            )
            name, number = own, 2
            while name in self._names.values():
                name, number = f"{own}_{number}", number + 1
            self._names[reference] = name
        return self._names[reference]


def _leave_out_read_only(value: Mapping[str, Any], found: dict[str, Any]) -> None:
    """Remove properties that only answers have; a request must not set them."""
    properties = value.get("properties")
    if not isinstance(properties, Mapping):
        return
    hidden = {
        str(name)
        for name, one in properties.items()
        if isinstance(one, Mapping) and one.get("readOnly") is True
    }
    if hidden:
        found["properties"] = {
            name: one for name, one in found["properties"].items() if name not in hidden
        }
        if isinstance(found.get("required"), list):
            found["required"] = [name for name in found["required"] if name not in hidden]


def _from_old(value: Mapping[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Replace what OpenAPI 3.0 writes in other ways: null and exclusive limits."""
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(found.get(exclusive), bool) and found.pop(exclusive) and limit in found:
            found[exclusive] = found.pop(limit)
    if value.get("nullable") is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
        if isinstance(found.get("enum"), list) and None not in found["enum"]:
            found["enum"] = [*found["enum"], None]
    return found


def load_document(path: str | Path) -> Document:
    """Read a file in JSON or YAML.

    Raises:
        ConfigError: there is no such file, or it is not an OpenAPI document of these versions.
        MissingExtraError: YAML needs the extra `tools-yaml`.
    """
    try:
        with Path(path).expanduser().open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ConfigError(f"{str(path)!r} has more than {MAX_BYTES:,} bytes.")
        return parse_document(data.decode("utf-8-sig"), name=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The OpenAPI document {str(path)!r} cannot be read: {error}.") from error


def parse_document(text: str, *, name: str = "document") -> Document:
    """Read the text of a document; see `load_document`."""
    try:
        if text.lstrip().startswith("{"):
            content = json.loads(text)
        else:
            content = cast(Any, load_object(_YAML, extra="tools-yaml"))(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name!r} is neither JSON nor YAML: {error}.") from error
    version = str(content.get("openapi", "")) if isinstance(content, Mapping) else ""
    if not version.startswith(("3.0", "3.1")):
        raise ConfigError(
            f"{name!r} is not an OpenAPI document of version 3.0 or 3.1; its version is "
            f"{version or 'missing'!r}."
        )
    return Document(content=content, is_old=version.startswith("3.0"))


_YAML = "agentkit_tools.openapi.yaml_text:parse_yaml"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else text[:100] + "…"
