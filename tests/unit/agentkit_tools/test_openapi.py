"""Tools made from an OpenAPI document."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, ConfigError, Tool, ToolError
from agentkit.testing import ScriptedModel, tool_call
from agentkit_tools.openapi import OpenApiOptions, build_tools, openapi
from agentkit_tools.openapi.document import load_document, parse_document
from tests.unit.transport.web_server import WebServer

SHOP = Path(__file__).parent / "openapi" / "shop.json"
KEYS = {"key": "SHOP_KEY"}


@pytest.fixture
def server(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """Return the server of the shop; set its key."""
    monkeypatch.setenv("SHOP_KEY", "s3cret-key")
    return server


def tools_of(
    server: WebServer, *, variables: Mapping[str, str] | None = None, **changes: Any
) -> dict[str, Tool]:
    """Return the tools of the shop at the server, by name."""
    options = OpenApiOptions(
        server=f"http://127.0.0.1:{server.port}/v1",
        variables=KEYS if variables is None else variables,
    )
    content = json.loads(SHOP.read_text()) | changes
    return {one.name: one for one in build_tools(parse_document(json.dumps(content)), options)}


def document(**parts: Any) -> str:
    """Return a document with one operation."""
    operation = {"operationId": "act", "responses": {}, **parts.pop("operation", {})}
    content = {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "servers": [{"url": "https://api.example"}],
        "paths": {"/act": {"post": operation}},
    }
    return json.dumps(content | parts)


def one_tool(**parts: Any) -> Tool:
    """Return the tool of a document with one operation."""
    (found,) = build_tools(parse_document(document(**parts)))
    return found


def test_each_operation_is_a_tool_with_its_name_and_effects(server: WebServer) -> None:
    """The one whose body is not JSON is left out."""
    tools = tools_of(server)

    assert {
        name: (one.annotations.read_only_hint, one.annotations.idempotent_hint, one.approval)
        for name, one in tools.items()
    } == {
        "getProduct": (True, True, "allow"),
        "delete_product": (False, True, "ask"),
        "get_orders": (True, True, "allow"),
        "createOrder": (False, False, "ask"),
    }
    assert tools["getProduct"].description == "Read a product."


def test_the_schema_is_that_of_the_document(server: WebServer) -> None:
    """In JSON Schema, with what it refers to; only what a request may set."""
    assert tools_of(server)["createOrder"].input_schema == {
        "type": "object",
        "properties": {"body": {"$ref": "#/$defs/Order"}},
        "required": ["body"],
        "additionalProperties": False,
        "$defs": {
            "Order": {
                "type": "object",
                "required": ["items"],
                "properties": {
                    "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
                    "note": {"type": ["string", "null"]},
                    "discount": {"type": "number", "exclusiveMinimum": 0},
                },
            },
            "Item": {
                "type": "object",
                "required": ["product"],
                "properties": {
                    "product": {"type": "string"},
                    "parts": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
                },
            },
        },
    }
    properties: Any = tools_of(server)["getProduct"].input_schema["properties"]
    assert list(properties) == ["id", "fields", "x-trace", "filter", "offset"]
    assert properties["id"] == {"type": "string", "maxLength": 40}


async def run_call(tool: Tool, **arguments: Any) -> str:
    """Call a tool through an agent, as a model does, and return the result's text."""
    model = ScriptedModel(tool_call(tool.name, **arguments), "Done.")
    result = await Agent(model, tools=[tool], approve=lambda _: "allow").run("Go.")
    return result.history[2].text


async def test_arguments_arrive_where_the_document_wants_them(server: WebServer) -> None:
    """In the path, the query and the headers; no argument can leave its place."""
    tools = tools_of(server)

    await run_call(
        tools["getProduct"],
        id="a/../b?c#d ü",
        fields=["x", "y&z"],
        filter={"color": "red"},
        **{"x-trace": "t1"},
    )
    await run_call(tools["get_orders"], ids=[1, 2])

    first, second = server.received
    assert first.path == (
        "/v1/products/a%2F..%2Fb%3Fc%23d%20%C3%BC?fields=x&fields=y%26z&filter%5Bcolor%5D=red"
    )
    assert first.headers["x-trace"] == "t1"
    assert "x-key" not in first.headers
    assert (second.path, second.headers["x-key"]) == ("/v1/orders?ids=1%2C2", "s3cret-key")


async def test_a_body_is_sent_as_json_after_a_person_agreed(server: WebServer) -> None:
    """And validated before."""
    server.add("/v1/orders", '{"id": 7, "key": "s3cret-key"}', kind="application/json")
    tool = tools_of(server)["createOrder"]
    order = {"items": [{"product": "p", "parts": [{"product": "q"}]}], "note": None}

    asking = await Agent(ScriptedModel(tool_call("createOrder", body=order)), tools=[tool]).run(
        "Go."
    )
    found = await run_call(tool, body=order)
    wrong = await run_call(tool, body={"items": [{}]})

    assert asking.stop_reason == "suspended"
    (request,) = server.received
    assert json.loads(request.body) == order
    assert request.headers["content-type"] == "application/json"
    assert '{"id": 7, "key": "[credential]"}' in found
    assert tool.output_schema is not None
    assert tool.output_schema["required"] == [
        *("status", "content_type", "location", "body", "next_offset")
    ]
    assert "product" in wrong


@pytest.mark.parametrize("value", [".", "..", ""])
async def test_a_part_of_a_path_cannot_be_removed(server: WebServer, value: str) -> None:
    """`/products/..` would be another operation."""
    assert "must not be" in await run_call(tools_of(server)["getProduct"], id=value)
    assert server.received == []


@pytest.mark.parametrize(
    ("scheme", "place", "value"),
    [
        ("key", "x-key", "s3cret-key"),
        ("query_key", "", "k=s3cret-key"),
        ("token", "authorization", "Bearer s3cret-key"),
        ("login", "authorization", "Basic czNjcmV0LWtleQ=="),
    ],
)
async def test_a_credential_is_sent_as_its_scheme_wants(
    server: WebServer, scheme: str, place: str, value: str
) -> None:
    """By reference to a variable; no text for the model holds it."""
    tools = tools_of(server, variables={scheme: "SHOP_KEY"}, security=[{scheme: []}])

    found = await run_call(tools["get_orders"])

    (request,) = server.received
    sent = request.headers[place] if place else request.path.partition("?")[2]
    assert sent == value
    shown = found + repr(tools["get_orders"].spec)
    assert "s3cret" not in shown
    assert "SHOP_KEY" not in shown


@pytest.mark.usefixtures("server")
async def test_a_credential_is_not_in_the_message_of_a_failed_call() -> None:
    """Although it is in the URL."""
    options = OpenApiOptions(server="http://127.0.0.1:1", variables={"query_key": "SHOP_KEY"})
    content = json.loads(SHOP.read_text()) | {"security": [{"query_key": []}]}
    tools = {one.name: one for one in build_tools(parse_document(json.dumps(content)), options)}

    found = await run_call(tools["get_orders"])

    assert "has no answer" in found
    assert "s3cret" not in found


async def test_a_missing_credential_is_reported(server: WebServer) -> None:
    """With the scheme; nothing is sent."""
    without = tools_of(server, variables={})
    unset = tools_of(server, variables={"key": "NOT_SET"})

    assert "(key)" in await run_call(without["get_orders"])
    assert "'NOT_SET'" in await run_call(unset["get_orders"])
    assert server.received == []


async def test_only_the_servers_of_the_document_are_called(server: WebServer) -> None:
    """With the values of their variables; a private address needs the user's own word."""
    shop = load_document(SHOP)
    tools = build_tools(shop, OpenApiOptions(connect=server.connect))

    with pytest.raises(ToolError, match=r"https://eu\.shop\.example/v1/products/1"):
        await tools[0].function({"id": "1"})

    assert server.received == []
    for url in ("http://127.0.0.1/", "http://[::1]/", "http://localhost:8/", "/v1", "file:///"):
        with pytest.raises(ConfigError, match="server:URL"):
            build_tools(parse_document(document(servers=[{"url": url}])))


BOMB = {f"s{n}": {"allOf": [{"$ref": f"#/components/schemas/s{n + 1}"}] * 9} for n in range(30)}
DEEP: dict[str, Any] = {}
for _ in range(200):
    DEEP = {"items": DEEP}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/components/schemas/missing"},
        {"$ref": "https://evil.example/schema.json"},
        {"$ref": "other.json#/a"},
        DEEP,
    ],
    ids=["nowhere", "out of the document", "another file", "too deep"],
)
def test_a_schema_that_cannot_be_used_is_an_error(schema: Any) -> None:
    """When the document is loaded; nothing is fetched."""
    body = {"required": True, "content": {"application/json": {"schema": schema}}}

    with pytest.raises(ConfigError):
        one_tool(operation={"requestBody": body})


def test_references_that_multiply_are_kept_as_references() -> None:
    """Written out, these would be 9 ** 30 schemas."""
    schemas = BOMB | {"s30": {"type": "string"}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/s0"}}}}

    tool = one_tool(operation={"requestBody": body}, components={"schemas": schemas})

    assert len(tool.input_schema["$defs"]) == 31  # type: ignore[arg-type]  # JSON


def test_equal_names_are_kept_apart() -> None:
    """Of parameters in two places, of operations, and of definitions."""
    schema = {"$ref": "#/components/schemas/A"}
    other = {"$ref": "#/components/other/A"}
    parameters = [
        {"name": "id", "in": "query", "schema": schema},
        {"name": "id", "in": "header", "schema": {"type": "string"}},
        {"name": "b", "in": "query", "schema": other},
    ]
    text = document(
        operation={"parameters": parameters},
        components={"schemas": {"A": {"type": "string"}}, "other": {"A": {"type": "integer"}}},
    )
    content = json.loads(text)
    content["paths"]["/again"] = content["paths"]["/act"]

    first, second = build_tools(parse_document(json.dumps(content)))

    assert (first.name, second.name) == ("act", "act_2")
    assert first.input_schema["properties"] == {
        "query_id": {"$ref": "#/$defs/A"},
        "header_id": {"type": "string"},
        "b": {"$ref": "#/$defs/b_A"},
    }
    assert first.input_schema["$defs"] == {"A": {"type": "string"}, "b_A": {"type": "integer"}}


def test_a_document_may_be_yaml(tmp_path: Path) -> None:
    """A date stays text, and a setting chooses operations."""
    file = tmp_path / "api.yaml"
    file.write_text(
        "openapi: 3.1.0\ninfo: {title: T, version: '1'}\nservers: [{url: https://api.example}]\n"
        "paths:\n  /a:\n    get:\n      operationId: a\n      tags: [x]\n"
        "      parameters:\n      - {name: day, in: query, schema: {default: 2026-01-02}}\n"
        "  /b:\n    get: {operationId: b}\n"
    )

    both = openapi(str(file))
    chosen = openapi(f"{file} only:x")

    assert [one.name for one in both] == ["a", "b"]
    assert [one.name for one in chosen] == ["a"]
    assert chosen[0].input_schema["properties"]["day"] == {"default": "2026-01-02"}  # type: ignore[call-overload,index]  # JSON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "a: [",
        "openapi: 2.0",
        '{"swagger": "2.0"}',
        '{"openapi": "3.1.0", "paths": []}',
        '{"openapi": "3.1.0", "paths": {"/a": {"$ref": "#/paths/~1a"}}}',
        "!!python/object/apply:os.system ['echo no']",
        "a: &a [*a, *a]",
    ],
)
def test_a_document_that_cannot_be_used_is_an_error(text: str) -> None:
    """In one sentence."""
    with pytest.raises(ConfigError):
        build_tools(parse_document(text))


@pytest.mark.parametrize(
    "words",
    ["", "missing.json", "{shop} word", "{shop} key:", "{shop} nokey:VAR", "{shop} only:no"],
)
def test_a_setting_that_cannot_be_used_is_an_error(words: str) -> None:
    """At once."""
    with pytest.raises(ConfigError):
        openapi(words.format(shop=SHOP))
