"""What the planner knows about a tool: its words, its parameters, a check of arguments.

In:  `ToolSpec`s, with the JSON Schemas of third parties.
Out: `KnownTool`s, one for each tool, kept for the next request.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from jsonschema import Draft7Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from agentkit.chat import ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.value import dataclass

_KINDS = {
    "email": {"email"}, "url": {"url", "uri"}, "date": {"date", "day"}, "time": {"time"},
    "path": {"path", "file", "filename", "folder", "directory"},
}  # fmt: skip
"""The kind of token that belongs into a text parameter, by the words of its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownParameter:
    """One parameter of a tool; `type`, `kind` and `choices` of a list are those of its items."""

    name: str
    words: tuple[str, ...]
    type: str
    kind: str
    choices: tuple[JsonValue, ...]
    is_required: bool
    is_list: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnownTool:
    """A tool; equal only to itself, since one is kept for each."""

    name: str
    words: frozenset[str]
    parameters: tuple[KnownParameter, ...]
    validator: Draft7Validator

    def accepts(self, arguments: Mapping[str, JsonValue]) -> bool:
        """Return whether the schema accepts `arguments`; a broken schema accepts nothing."""
        try:
            return next(iter(self.validator.iter_errors(dict(arguments))), None) is None
        except (Unresolvable, RecursionError, AttributeError, TypeError, re.error):
            return False

    def find(self, *words: str) -> str | None:
        """Return the name of the first parameter that has one of `words` in its name."""
        return next((one.name for one in self.parameters if {*words} & {*one.words}), None)


class IntendedCall(NamedTuple):
    """A call that a question asks for, and a sentence for its answer, with `{}` for the result.

    If the question names the tool, a result that names all arguments is a sentence by itself.
    """

    tool: KnownTool
    arguments: Mapping[str, JsonValue]
    sentence: str
    is_named: bool = False


def know(tool: ToolSpec) -> KnownTool:
    """Return what is known about a tool."""
    return _know(tool.name, json.dumps(tool.input_schema))


@lru_cache(maxsize=1024)
def _know(name: str, schema_text: str) -> KnownTool:
    schema = json.loads(schema_text)
    properties = schema.get("properties")
    fields = properties.items() if isinstance(properties, dict) else ()
    return KnownTool(
        name=name,
        words=frozenset(stems(name)),
        parameters=tuple(_parameter(key, inner, schema) for key, inner in fields),
        validator=Draft7Validator(schema, registry=Registry()),  # fetches nothing
    )


def _parameter(name: str, inner: object, root: Mapping[str, Any]) -> KnownParameter:
    outer = _resolve(inner, root)
    is_list = outer.get("type") == "array"
    schema = _resolve(outer.get("items"), root) if is_list else outer
    words = stems(name)
    named = (kind for kind, names in _KINDS.items() if names & {*words})
    listed = [schema["const"]] if "const" in schema else schema.get("enum") or ()
    return KnownParameter(
        name=name,
        type=str(schema.get("type", "string")),
        kind=schema["format"] if schema.get("format") in _KINDS else next(named, "text"),
        words=words,
        choices=tuple(one for one in listed if one is not None),
        is_required=name in (root.get("required") or ()),
        is_list=is_list,
    )


def _resolve(schema: object, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references inside `root`, and unions to their first member that is not null."""
    for _ in range(8):
        if not isinstance(schema, dict):
            break
        defined = (root.get("$defs") or {}).get(str(schema.get("$ref")).rpartition("/")[2])
        options = [defined, *(schema.get("anyOf") or schema.get("oneOf") or ())]
        chosen = [one for one in options if isinstance(one, dict) and one.get("type") != "null"]
        if not chosen:
            return schema
        schema = chosen[0]
    return {}


def stem(word: str) -> str:
    """Return a word in lower case without the ending of a plural."""
    word = re.sub("ies$", "y", word.lower())
    return word if len(word) < 4 or word.endswith("ss") else word.removesuffix("s")


def stems(name: str) -> tuple[str, ...]:
    """Return the stems of the words in a name such as `get_user` or `maxTokens`."""
    return tuple(map(stem, re.findall(r"[A-Z]?[^\W_A-Z]+|[A-Z]+", name)))
