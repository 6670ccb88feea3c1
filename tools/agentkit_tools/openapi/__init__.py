"""Tools made from an OpenAPI document, version 3.0 or 3.1.

In:  a document in JSON or YAML; the variables that hold its credentials.
Out: `openapi`: a tool for each operation; those that only read may run, the others ask.

Only the servers of the document are called, or the one that the user names in their place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from agentkit import ConfigError, Tool, ToolResult
from agentkit.tools.schema import derive_output
from agentkit.transport.guarded.guarded_connection import Connect, connect_to
from agentkit.transport.guarded.web_address import WebAddressError, parse_web_address
from agentkit_tools.http.allowed_origins import (
    DEFAULT_CHARACTERS,
    MAX_CHARACTERS,
    AllowedOrigins,
    ApiAnswer,
    ApiCall,
    Origin,
    is_named_private,
)
from agentkit_tools.openapi.credential import Credentials
from agentkit_tools.openapi.document import Document, load_document
from agentkit_tools.openapi.operation import Operation, read_operations
from agentkit_tools.openapi.operation_call import encode_call

__all__ = ["OpenApiOptions", "build_tools", "openapi"]

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_IDEMPOTENT = frozenset({"PUT", "DELETE"})
_OFFSET = "offset"
_OFFSET_SCHEMA = {
    "type": "integer",
    "minimum": 0,
    "description": "characters of the answer to skip, to go on with a long one",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenApiOptions:
    """What the user decides about a document.

    Attributes:
        server: the base URL to call in place of the document's servers; it may be private.
        variables: the environment variable that holds the credential, by security scheme.
        only: ids of operations, or tags; empty for all.
        connect: opens a connection to an address; for tests.
    """

    server: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    only: Sequence[str] = ()
    connect: Connect = connect_to


def openapi(setting: str | None = None) -> tuple[Tool, ...]:
    """Return the tools of a document.

    Args:
        setting: the file, and after it, separated by spaces: `SCHEME:VARIABLE` for the credential
            of a security scheme, `server:URL`, `only:ID` or `only:TAG`.

    Raises:
        ConfigError: the document or a word cannot be used.
    """
    if not (setting or "").strip():
        raise ConfigError("Name the file of the OpenAPI document: openapi=FILE.")
    path, *words = (setting or "").split()
    server: str | None = None
    variables: dict[str, str] = {}
    only: list[str] = []
    for word in words:
        key, separator, value = word.partition(":")
        if not separator or not value:
            raise ConfigError(f"{word!r} is not SCHEME:VARIABLE, server:URL or only:ID.")
        if key == "server":
            server = value
        elif key == "only":
            only.append(value)
        else:
            variables[key] = value
    options = OpenApiOptions(server=server, variables=variables, only=only)
    return build_tools(load_document(Path(path)), options)


def build_tools(document: Document, options: OpenApiOptions | None = None) -> tuple[Tool, ...]:
    """Return a tool for each operation that can be called.

    Raises:
        ConfigError: the document has no server, or something that it must not have.
    """
    options = options or OpenApiOptions()
    credentials = Credentials.of(document, options.variables)
    operations = read_operations(document, only=options.only)
    bases = {one.name: _base_url(one, options) for one in operations}
    origins = _origins(bases.values(), options)
    return tuple(
        _tool(one, base=bases[one.name], origins=origins, credentials=credentials)
        for one in operations
    )


def _base_url(operation: Operation, options: OpenApiOptions) -> str:
    """Return the URL that the path of an operation is appended to."""
    url = options.server or operation.server
    try:
        address = parse_web_address(url)
    except WebAddressError as error:
        raise ConfigError(
            f"The server {url!r} of the OpenAPI document cannot be called: {error} "
            "Name one with server:URL."
        ) from error
    if "?" in address.target:
        raise ConfigError(f"The server {url!r} has a query.")
    return address.url.rstrip("/")


def _origins(bases: Any, options: OpenApiOptions) -> AllowedOrigins:
    """Return the origins of the servers.

    A document may come from a third party, so a private address in it is not called: only the user
    may name one.
    """
    addresses = [parse_web_address(base) for base in dict.fromkeys(bases)]
    found = [Origin(address=parse_web_address(one.origin)) for one in addresses]
    if options.server is None and any(is_named_private(one.address) for one in found):
        raise ConfigError(
            "The OpenAPI document names this machine or an IP address as its server; "
            "confirm it with server:URL."
        )
    return AllowedOrigins(found, connect=options.connect, may_be_private=options.server is not None)


def _tool(
    operation: Operation, *, base: str, origins: AllowedOrigins, credentials: Credentials
) -> Tool:
    """Return the tool of an operation."""
    is_reading = operation.method in _READING
    schema: dict[str, Any] = dict(operation.input_schema)
    # A parameter of this name is the operation's own way to get the rest.
    has_parts = is_reading and _OFFSET not in schema["properties"]
    if has_parts:
        schema["properties"] = {**schema["properties"], _OFFSET: _OFFSET_SCHEMA}

    async def call(arguments: Mapping[str, Any]) -> ToolResult:
        offset = int(arguments.get(_OFFSET, 0)) if has_parts else 0
        encoded = encode_call(operation, arguments)
        sent = credentials.for_call(operation.security)
        encoded.query += sent.query
        hidden = [quote(secret) for secret in sent.secrets]
        return await origins.call(
            ApiCall(
                method=operation.method,
                url=base + encoded.target,
                headers={"accept": "application/json", **encoded.headers, **sent.headers},
                content=encoded.content,
                secrets=[*sent.secrets, *hidden],
            ),
            offset=offset,
            max_characters=MAX_CHARACTERS if offset else DEFAULT_CHARACTERS,
        )

    return Tool.from_schema(
        name=operation.name,
        description=operation.description,
        input_schema=schema,
        handler=call,
        output_schema=derive_output(ApiAnswer).schema,
        read_only=is_reading,
        destructive=operation.method != "POST",
        idempotent=is_reading or operation.method in _IDEMPOTENT,
        open_world=True,
        approval="allow" if is_reading else "ask",
        timeout_seconds=60,
        tags=("openapi", *operation.tags),
    )
