"""Make the request of an operation.

In:  an `Operation`, arguments that fit its schema.
Out: path, query, headers and body, encoded as OpenAPI describes.

A value is percent-encoded completely: no argument can leave its place in the URL.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from agentkit import ToolError
from agentkit_tools.openapi.operation import Operation, OperationParameter

_DELIMITERS = {"spaceDelimited": " ", "pipeDelimited": "|"}


@dataclass(slots=True, kw_only=True)
class EncodedCall:
    """The parts of a request that arguments give."""

    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def target(self) -> str:
        """Return path and query."""
        return f"{self.path}?{urlencode(self.query, quote_via=quote)}" if self.query else self.path


def encode_call(operation: Operation, arguments: Mapping[str, Any]) -> EncodedCall:
    """Encode the arguments of an operation.

    Raises:
        ToolError: a value cannot stand in its place.
    """
    call = EncodedCall(path=operation.path)
    for parameter in operation.parameters:
        if parameter.key not in arguments:
            continue
        value = arguments[parameter.key]
        match parameter.place:
            case "path":
                text = _joined(value, explode=parameter.explode)
                if text in ("", ".", ".."):
                    # A server would remove these parts of a path, and find another operation.
                    raise ToolError(f"{parameter.key} must not be {text!r}.")
                call.path = call.path.replace(f"{{{parameter.name}}}", quote(text, safe=""))
            case "query":
                call.query += _query(parameter, value)
            case "header":
                text = _joined(value, explode=parameter.explode)
                if not text.isascii() or not text.isprintable():
                    raise ToolError(f"{parameter.key} must be printable ASCII, as a header is.")
                call.headers[parameter.name.lower()] = text
    if operation.body_type is not None and operation.body_key in arguments:
        body = json.dumps(arguments[operation.body_key], ensure_ascii=False)
        call.content = body.encode("utf-8", "replace")
        call.headers["content-type"] = operation.body_type
    return call


def _query(parameter: OperationParameter, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a query parameter."""
    name = parameter.name
    if isinstance(value, Mapping):
        if parameter.style == "deepObject":
            yield from ((f"{name}[{key}]", _plain(one)) for key, one in value.items())
        elif parameter.explode:
            yield from ((str(key), _plain(one)) for key, one in value.items())
        else:
            yield name, _joined(value, explode=False)
    elif isinstance(value, list) and parameter.explode:
        yield from ((name, _plain(one)) for one in value)
    elif isinstance(value, list):
        yield name, _DELIMITERS.get(parameter.style, ",").join(map(_plain, value))
    else:
        yield name, _plain(value)


def _joined(value: Any, *, explode: bool) -> str:
    """Return a value in the style `simple`: with commas."""
    if isinstance(value, Mapping):
        between = "=" if explode else ","
        return ",".join(f"{key}{between}{_plain(one)}" for key, one in value.items())
    return ",".join(map(_plain, value)) if isinstance(value, list) else _plain(value)


def _plain(value: Any) -> str:
    """Return one value as text."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
