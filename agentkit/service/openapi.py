"""Describe the addresses of a service as an OpenAPI document.

In:  its routes.
Out: the document, https://spec.openapis.org/oas/v3.1.0.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from agentkit.json_schema import JsonValue
from agentkit.service.exchange import HttpExchange
from agentkit.value import dataclass
from agentkit.version import __version__

Endpoint: TypeAlias = Callable[[HttpExchange], Awaitable[None]]

_VARIABLE = re.compile(r"\{(\w+)(?::path)?\}")
_PLACE = "#/components/schemas/{model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRoute:
    """One path with one method.

    Attributes:
        summary: what it does, for the OpenAPI document.
        is_open: it needs no token.
        body: the form of its JSON body, if it takes one.
    """

    method: str
    path: str
    endpoint: Endpoint
    summary: str
    is_open: bool = False
    body: type[BaseModel] | None = None


def openapi_document(routes: Sequence[ServiceRoute]) -> dict[str, JsonValue]:
    """Return the document."""
    bodies = {route.body for route in routes if route.body is not None}
    ordered = sorted(bodies, key=lambda body: body.__name__)
    _, schemas = models_json_schema([(body, "validation") for body in ordered], ref_template=_PLACE)
    paths: dict[str, JsonValue] = {}
    for route in routes:
        operations = paths.setdefault(_VARIABLE.sub(r"{\1}", route.path), {})
        assert isinstance(operations, dict)  # noqa: S101  # made in the line above
        operations[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "agentkit", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: ServiceRoute) -> dict[str, JsonValue]:
    names: list[JsonValue] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _VARIABLE.findall(route.path)
    ]
    operation: dict[str, JsonValue] = {
        "summary": route.summary,
        "parameters": names,
        "responses": {"default": {"description": "As the guide describes it."}},
        "security": [] if route.is_open else [{"token": []}],
    }
    if route.body is not None:
        schema: JsonValue = {"$ref": _PLACE.format(model=route.body.__name__)}
        content: JsonValue = {"application/json": {"schema": schema}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation
