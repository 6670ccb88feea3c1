"""What a tool wants to be told, read from its JSON Schema.

In:  the schema of a stranger, with references and unions.
Out: `Slot`s, one per parameter, each with a guess at what kind of thing belongs there.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.words import split_words, stems
from agentkit.value import dataclass

Schema: TypeAlias = Mapping[str, JsonValue]
Shape: TypeAlias = Literal["string", "number", "integer", "boolean", "array", "object"]
Role: TypeAlias = Literal[
    "choice", "expression", "email", "url", "date", "moment", "time", "folder", "path", "unit",
    "language", "place", "sql", "pattern", "long_text", "name", "word",
]  # fmt: skip
Side: TypeAlias = Literal["from", "to"]

_MAX_DEPTH = 16
_SHAPES: Mapping[str, Shape] = {
    "string": "string",
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
}
_FORMATS: Mapping[str, Role] = {
    "email": "email",
    "idn-email": "email",
    "uri": "url",
    "url": "url",
    "date": "date",
    "date-time": "moment",
    "time": "time",
}
_NAME_ROLES: tuple[tuple[Role, str], ...] = (
    ("sql", "sql"),
    ("expression", "expression expr formula arithmetic equation"),
    ("email", "email mail recipient recipients cc bcc attendee attendees"),
    ("url", "url uri link website webpage"),
    ("moment", "datetime timestamp"),
    ("date", "date day deadline due birthday"),
    ("folder", "folder directory dir"),
    ("path", "path file filename filepath"),
    ("pattern", "pattern glob regex"),
    ("place", "timezone zone tz city location place country region town destination origin"),
    ("unit", "unit units currency currencies"),
    ("language", "language lang locale"),
    ("time", "time hour when at"),
    ("long_text", "query q text message body content prompt question note search term keyword"),
    ("long_text", "keywords topic summary task phrase comment sentence reminder string words"),
    ("name", "title name subject label person user owner repo repository symbol ticker artist"),
)
_ABOUT_ROLES: tuple[tuple[Role, str], ...] = (
    ("sql", r"\bsql\b"),
    ("expression", r"\b(?:arithmetic|math\w*) expression|\bexpression to (?:eval|calc|comp)"),
    ("email", r"\be-?mail address"),
    ("url", r"\burl\b"),
    ("unit", r"\bcurrency\b|\bunit\b"),
    ("language", r"\blanguage\b"),
    ("place", r"\btime ?zone\b|\bcity\b|\bplace\b|\blocation\b|\bairport\b|\bstation\b"),
    ("folder", r"\bfolder\b|\bdirectory\b"),
    ("date", r"\bdate\b|\byyyy-mm-dd\b"),
    ("path", r"\bfile\b|\bpath\b"),
)
_SIDES: Mapping[Side, str] = {
    "from": "from source src origin start begin base departure input since",
    "to": "to target dest destination end finish arrival output until into",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One parameter of a tool.

    Attributes:
        shape: the JSON type; of a union, the first that is not null.
        role: what belongs there, as far as its name and description tell.
        side: for one of two of a kind, which end it is.
        words: the stems of its name.
        about: name, title and description, lower case.
        choices: the values it takes, if it lists them.
        item: what an array holds.
        fields: what an object holds.
    """

    name: str
    shape: Shape
    role: Role
    is_required: bool
    side: Side | None = None
    words: tuple[str, ...] = ()
    about: str = ""
    choices: tuple[JsonValue, ...] = ()
    item: "Slot | None" = None
    fields: tuple["Slot", ...] = ()


def read_slots(schema: Schema) -> tuple[Slot, ...]:
    """Return the parameters of a tool, in the order of its schema."""
    return tuple(_read_fields(_resolve(schema, schema, 0), schema, 0))


def _read_fields(schema: Schema, root: Schema, depth: int) -> Iterator[Slot]:
    properties = schema.get("properties")
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    if not isinstance(properties, dict) or depth > _MAX_DEPTH:
        return
    for name, inner in properties.items():
        if isinstance(inner, dict):
            yield _read_slot(name, inner, root, is_required=name in names, depth=depth + 1)


def _read_slot(name: str, schema: Schema, root: Schema, *, is_required: bool, depth: int) -> Slot:
    found = _resolve(schema, root, depth)
    shape = _find_shape(found)
    about = " ".join([*split_words(name), _text(found, "title"), _text(found, "description")])
    items = found.get("items")
    item = items if isinstance(items, dict) else {}
    return Slot(
        name=name,
        shape=shape,
        role=_find_role(name, about.lower(), found),
        is_required=is_required,
        side=_find_side(name),
        words=tuple(stems(name)),
        about=about.lower(),
        choices=_find_choices(found),
        item=_read_item(name, about, item, root, depth) if shape == "array" else None,
        fields=tuple(_read_fields(found, root, depth)) if shape == "object" else (),
    )


def _read_item(name: str, about: str, schema: Schema, root: Schema, depth: int) -> Slot | None:
    """Read what an array holds; it goes by the array's own name where it says little itself."""
    if depth > _MAX_DEPTH:
        return None
    described = {"description": about, **schema}
    return _read_slot(name, described, root, is_required=True, depth=depth + 1)


def _resolve(schema: Schema, root: Schema, depth: int) -> Schema:
    """Follow references and unions to the first alternative that is not null."""
    while depth <= _MAX_DEPTH:
        depth += 1
        reference = schema.get("$ref")
        rest = {key: value for key, value in schema.items() if key not in _INDIRECT}
        if isinstance(reference, str):
            schema = {**_look_up(reference, root), **rest}
        elif (inner := _first_alternative(schema)) is not None:
            schema = {**inner, **rest}
        else:
            return schema
    return {}


_INDIRECT = frozenset({"$ref", "anyOf", "oneOf", "allOf"})


def _first_alternative(schema: Schema) -> Schema | None:
    for keyword in ("anyOf", "oneOf", "allOf"):
        options = schema.get(keyword)
        for option in options if isinstance(options, list) else ():
            if isinstance(option, dict) and option.get("type") != "null":
                return option
    return None


def _look_up(reference: str, root: Schema) -> Schema:
    """Find a reference inside the schema itself; others are left alone."""
    found: JsonValue = dict(root)
    for part in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
        key = part.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _find_shape(schema: Schema) -> Shape:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    if isinstance(kind, str) and kind in _SHAPES:
        return _SHAPES[kind]
    choices = _find_choices(schema)
    if choices and all(isinstance(one, int | float) for one in choices):
        return "number"
    return "object" if "properties" in schema else "string"


def _find_choices(schema: Schema) -> tuple[JsonValue, ...]:
    if "const" in schema:
        return (schema["const"],)
    listed = schema.get("enum")
    return tuple(one for one in listed if one is not None) if isinstance(listed, list) else ()


def _find_role(name: str, about: str, schema: Schema) -> Role:
    if _find_choices(schema):
        return "choice"
    form = schema.get("format")
    if isinstance(form, str) and form in _FORMATS:
        return _FORMATS[form]
    parts = split_words(name)
    for role, pattern in _ABOUT_ROLES[:3]:
        if re.search(pattern, about):
            return role
    for role, known in _NAME_ROLES:
        if set(parts) & set(known.split()):
            return _refine(role, about)
    for role, pattern in _ABOUT_ROLES:
        if re.search(pattern, about):
            return role
    return "word"


def _refine(role: Role, about: str) -> Role:
    """Let the description tell a folder from a file, a moment from a time, a place from an end."""
    if role == "path" and re.search(r"\bfolder\b|\bdirectory\b", about):
        return "folder" if not re.search(r"\bfile to\b|\bthe file\b", about) else "path"
    if role in {"date", "time"} and re.search(r"\bdate[- ]?time\b|\bdate and time\b", about):
        return "moment"
    return role


def _find_side(name: str) -> Side | None:
    parts = set(split_words(name))
    for side, known in _SIDES.items():
        if parts & set(known.split()):
            return side
    return None


def _text(schema: Schema, key: str) -> str:
    value = schema.get(key)
    return value if isinstance(value, str) else ""
