"""The operations of an OpenAPI document, as a model calls them.

In:  a `Document`.
Out: `Operation`s: a name, a schema of all arguments, and where each of them belongs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from agentkit import ConfigError
from agentkit.json_schema import JsonObject
from agentkit_tools.openapi.document import Document

MAX_OPERATIONS = 500
_MAX_NAME = 64
_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_PLACES = ("path", "query", "header")
_SENT_BY_CLIENT = frozenset({"accept", "content-type", "authorization"})
"""OpenAPI 3.0 and 3.1: header parameters with these names are ignored."""

BODY = "body"

Place: TypeAlias = Literal["path", "query", "header"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationParameter:
    """One parameter.

    Attributes:
        key: its name among the arguments of the tool.
        name: its name in the request.
        explode: each item of a list is a value of its own.
    """

    key: str
    name: str
    place: Place
    style: str
    explode: bool
    is_required: bool
    schema: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    Attributes:
        id: its `operationId`, if it has one.
        name: unique, and a valid name of a tool.
        path: with `{name}` for the parameters in it.
        body_type: the media type of a JSON body; None without one.
        body_key: the key of the body among the arguments.
        server: the first server, possibly relative; empty without one.
        security: alternatives; each is a list of schemes that are needed together.
    """

    id: str
    name: str
    method: str
    path: str
    description: str
    parameters: Sequence[OperationParameter]
    body_type: str | None
    body_key: str
    input_schema: JsonObject
    server: str
    security: Sequence[Sequence[str]]
    tags: Sequence[str]


def read_operations(document: Document, *, only: Sequence[str] = ()) -> Sequence[Operation]:
    """Return the operations whose arguments can be sent: parameters and JSON bodies.

    Args:
        document: the document.
        only: ids or tags; those of the operations to return, or empty for all.

    Raises:
        ConfigError: the document is not well formed, or has too many operations.
    """
    found: list[Operation] = []
    names: set[str] = set()
    for path, item, method, raw in _raw_operations(document):
        tags = [str(tag) for tag in raw.get("tags", ())]
        if only and not {str(raw.get("operationId", "")), *tags} & set(only):
            continue
        operation = _read_operation(document, (path, item, method, raw), names)
        if operation is not None:
            found.append(operation)
            names.add(operation.name)
        if len(found) > MAX_OPERATIONS:
            raise ConfigError(
                f"The OpenAPI document has more than {MAX_OPERATIONS} operations; choose some "
                "with only:ID or only:TAG."
            )
    if not found:
        raise ConfigError("The OpenAPI document has no such operation that can be called.")
    return found


_Raw: TypeAlias = tuple[str, Mapping[str, Any], str, Mapping[str, Any]]


def _raw_operations(document: Document) -> Iterator[_Raw]:
    """Yield path, path item, method and operation, in the order of the document."""
    paths = document.content.get("paths", {})
    if not isinstance(paths, Mapping):
        raise ConfigError("The 'paths' of the OpenAPI document are not an object.")
    for path, raw_item in paths.items():
        item = document.resolve(raw_item)
        for method in _METHODS:
            if method in item:
                yield str(path), item, method, document.resolve(item[method])


def _read_operation(document: Document, raw: _Raw, names: set[str]) -> Operation | None:
    """Return an operation; None if it needs what cannot be sent."""
    path, item, method, content = raw
    parameters = _read_parameters(document, [*item.get("parameters", ()), *_parameters(content)])
    if parameters is None:
        return None
    body = _read_body(document, content)
    if body is not None and body.is_required and body.media_type is None:
        return None
    has_body = body is not None and body.media_type is not None
    keys = {one.key for one in parameters}
    body_key = BODY if BODY not in keys else "request_body"
    properties: JsonObject = {one.key: one.schema for one in parameters}
    required = [one.key for one in parameters if one.is_required]
    if has_body and body is not None:
        properties[body_key] = body.schema
        if body.is_required:
            required.append(body_key)
    operation_id = str(content.get("operationId", ""))
    summary, text = (str(content.get(key) or "").strip() for key in ("summary", "description"))
    description = "\n\n".join(dict.fromkeys(part for part in (summary, text) if part))
    return Operation(
        id=operation_id,
        name=_name(operation_id or method + path, names),
        method=method.upper(),
        path=path,
        description=description[:4_000] or f"{method.upper()} {path}",
        parameters=parameters,
        body_type=body.media_type if has_body and body is not None else None,
        body_key=body_key,
        input_schema=_object_schema(properties, required),
        server=_server(content, item, document.content),
        security=_security(content.get("security", document.content.get("security"))),
        tags=[str(tag) for tag in content.get("tags", ())],
    )


def _parameters(content: Mapping[str, Any]) -> Sequence[Any]:
    found = content.get("parameters", ())
    return cast(Sequence[Any], found) if isinstance(found, list) else ()


def _read_parameters(document: Document, raw: Sequence[Any]) -> Sequence[OperationParameter] | None:
    """Return the parameters; those of the operation replace equal ones of its path."""
    merged: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in raw:
        found = document.resolve(one)
        merged[str(found.get("name", "")), str(found.get("in", ""))] = found
    names = [name for name, _ in merged]
    parameters: list[OperationParameter] = []
    for (name, place), found in merged.items():
        is_required = found.get("required") is True or place == "path"
        if place == "header" and name.lower() in _SENT_BY_CLIENT:
            continue
        if place not in _PLACES or "content" in found or not name:
            if is_required:
                return None  # cookies, and values in media types of their own
            continue
        schema = document.schema(found.get("schema", {}))
        if found.get("description") and "description" not in schema:
            schema["description"] = str(found["description"])
        style = str(found.get("style", "form" if place == "query" else "simple"))
        parameters.append(
            OperationParameter(
                key=name if names.count(name) == 1 else f"{place}_{name}",
                name=name,
                place=cast(Place, place),
                style=style,
                explode=bool(found.get("explode", style == "form")),
                is_required=is_required,
                schema=schema,
            )
        )
    return parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    media_type: str | None
    schema: JsonObject
    is_required: bool


def _read_body(document: Document, content: Mapping[str, Any]) -> _Body | None:
    """Return the body of an operation; its media type is None if there is none for JSON."""
    if "requestBody" not in content:
        return None
    body = document.resolve(content["requestBody"])
    is_required = body.get("required") is True
    types = body.get("content")
    for media_type, found in types.items() if isinstance(types, Mapping) else ():
        kind = str(media_type).partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            schema = document.schema(document.resolve(found).get("schema", {}))
            if body.get("description") and "description" not in schema:
                schema["description"] = str(body["description"])
            return _Body(media_type=str(media_type), schema=schema, is_required=is_required)
    return _Body(media_type=None, schema={}, is_required=is_required)


def _object_schema(properties: JsonObject, required: Sequence[str]) -> JsonObject:
    """Return the schema of all arguments, with the definitions of each at its root."""
    definitions: JsonObject = {}
    plain: JsonObject = {}
    for key, schema in properties.items():
        own = dict(cast(Mapping[str, Any], schema))
        # Equal names are equal definitions: all come from one document by the same rules, but the
        # numbers of different references with one last part may differ, so those are renamed.
        inner = cast(dict[str, Any], own.pop("$defs", {}))
        renamed = {
            name: name if definitions.get(name, one) == one else f"{key}_{name}"
            for name, one in inner.items()
        }
        for name, one in inner.items():
            definitions[renamed[name]] = _with_references(one, renamed)
        plain[key] = _with_references(own, renamed)
    found: JsonObject = {"type": "object", "properties": plain, "additionalProperties": False}
    if required:
        found["required"] = list(required)
    if definitions:
        found["$defs"] = definitions
    return found


def _with_references(schema: Any, renamed: Mapping[str, str]) -> Any:
    """Return a schema with other names in its references."""
    if all(old == new for old, new in renamed.items()):
        return schema
    if isinstance(schema, list):
        return [_with_references(one, renamed) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _with_references(one, renamed) for key, one in schema.items()}
    reference = schema.get("$ref")
    if isinstance(reference, str):
        old = reference.removeprefix("#/$defs/")
        found["$ref"] = f"#/$defs/{renamed.get(old, old)}"
    return found


def _name(text: str, names: set[str]) -> str:
    """Return a name of a tool that no other operation has."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")[:_MAX_NAME] or "operation"
    name, number = plain, 2
    while name in names:
        ending = f"_{number}"
        name, number = plain[: _MAX_NAME - len(ending)] + ending, number + 1
    return name


def _server(*holders: Mapping[str, Any]) -> str:
    """Return the first server of the operation, else of its path, else of the document."""
    for holder in holders:
        servers = holder.get("servers")
        if isinstance(servers, list) and servers and isinstance(servers[0], Mapping):
            url = str(servers[0].get("url", ""))
            variables = servers[0].get("variables")
            for name, one in variables.items() if isinstance(variables, Mapping) else ():
                if isinstance(one, Mapping):
                    url = url.replace(f"{{{name}}}", str(one.get("default", "")))
            return url
    return ""


def _security(raw: Any) -> Sequence[Sequence[str]]:
    """Return the alternatives; an empty one means that no credential is needed."""
    if not isinstance(raw, list):
        return ((),)
    return [[str(name) for name in one] for one in raw if isinstance(one, Mapping)] or ((),)
