"""Calls to listed origins, and to no others."""

import json
from typing import Any

import pytest

from agentkit import Agent, ConfigError, Tool, ToolError
from agentkit.testing import ScriptedModel, tool_call
from agentkit_tools.http import build_tools, http
from agentkit_tools.http.allowed_origins import AllowedOrigins, parse_origins
from tests.tool_results import structured
from tests.unit.transport.web_server import Page, WebServer


def tools_of(server: WebServer, words: str = "") -> dict[str, Tool]:
    """Return the tools for the server, by name."""
    origins = AllowedOrigins(parse_origins(f"http://127.0.0.1:{server.port} {words}"))
    return {tool.name: tool for tool in build_tools(origins)}


async def test_a_long_answer_is_read_in_parts(server: WebServer) -> None:
    """Each part says how to get the next."""
    server.add("/a?b=c", "x" * 600 + "y" * 600, kind="text/plain")
    get = tools_of(server)["http_get"]
    url = f"http://127.0.0.1:{server.port}/a?b=c"

    first = await get(url, max_characters=600)
    rest = await get(url, offset=600)

    assert first.text.splitlines()[0] == "HTTP status 200"
    assert "Characters 0 to 600 of 1,200; the rest: offset=600" in first.text
    assert first.text.endswith("x" * 600)
    assert rest.text.endswith("\n" + "y" * 600)
    assert structured(first) == {
        "status": 200,
        "content_type": "text/plain",
        "location": "",
        "body": "x" * 600,
        "next_offset": 600,
    }
    assert structured(rest)["next_offset"] is None


OTHERS = (
    "http://127.0.0.1:{other}/",
    "https://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://127.0.0.1.:{other}/",
    "http://2130706433:{port}/",
    "http://example.com/",
    "http://user@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@example.com/",
    "file:///etc/passwd",
)


@pytest.mark.parametrize("url", OTHERS)
@pytest.mark.parametrize("name", ["http_get", "http_delete"])
async def test_other_origins_are_not_called(server: WebServer, url: str, name: str) -> None:
    """The model is told which may be."""
    call = tool_call(name, url=url.format(port=server.port, other=server.port + 1))
    agent = Agent(ScriptedModel(call, "Done."), tools=tools_of(server).values())
    agent.approve = lambda _: "allow"

    result = await agent.run("Go.")

    assert result.history[2].is_error  # type: ignore[union-attr]  # a tool result
    assert server.received == []


async def test_a_redirect_is_shown_and_not_followed(server: WebServer) -> None:
    """It could lead to another origin."""
    server.redirect("/", "http://127.0.0.1:1/")

    found = await tools_of(server)["http_get"](f"http://127.0.0.1:{server.port}/")

    assert "Location: http://127.0.0.1:1/ (not followed)" in found.text


METHODS = {
    "http_post": ("POST", {"a": ["ü", None]}, "application/json"),
    "http_put": ("PUT", [1, 2], "application/json"),
    "http_patch": ("PATCH", "plain", "text/plain; charset=utf-8"),
    "http_delete": ("DELETE", None, None),
}


@pytest.mark.parametrize("name", METHODS)
async def test_methods_with_effects_are_sent_after_approval(server: WebServer, name: str) -> None:
    """The body is JSON, or text as it is."""
    method, body, kind = METHODS[name]
    server.add("/item", '{"ok": true}', kind="application/json")
    tools = tools_of(server)
    url = f"http://127.0.0.1:{server.port}/item"
    call = tool_call(name, url=url) if body is None else tool_call(name, url=url, body=body)

    waiting = await Agent(ScriptedModel(call), tools=tools.values()).run("Go.")
    assert waiting.stop_reason == "suspended"
    assert server.received == []
    agent = Agent(ScriptedModel(call, "Done."), tools=tools.values(), approve=lambda _: "allow")
    result = await agent.run("Go.")

    (request,) = server.received
    assert (request.method, request.headers.get("content-type")) == (method, kind)
    if body is not None:
        sent = request.body.decode()
        assert (sent if isinstance(body, str) else json.loads(sent)) == body
    assert ("idempotency-key" in request.headers) == (method in ("POST", "PATCH"))
    assert '{"ok": true}' in result.history[2].text


async def test_a_token_is_sent_and_never_shown(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even if the answer repeats it."""
    monkeypatch.setenv("SHOP_TOKEN", "s3cret-token")
    server.pages["/me"] = Page(
        body=b"you are s3cret-token", status=302, headers={"location": "/x?t=s3cret-token"}
    )
    tools = tools_of(server, "bearer:SHOP_TOKEN")

    found = await tools["http_get"](f"http://127.0.0.1:{server.port}/me")

    assert server.received[0].headers["authorization"] == "Bearer s3cret-token"
    shown = repr(structured(found)) + "".join(tool.description for tool in tools.values())
    assert "s3cret" not in found.text + shown
    assert found.text.endswith("you are [credential]")


def test_the_methods_have_the_right_effects() -> None:
    """GET reads, PUT and DELETE can be repeated, POST and PATCH cannot."""
    tools: dict[str, Any] = {tool.name: tool for tool in http("https://api.example.com")}

    effects = {
        name: (one.annotations.read_only_hint, one.annotations.idempotent_hint, one.approval)
        for name, one in tools.items()
    }
    assert effects == {
        "http_get": (True, False, "allow"),
        "http_post": (False, False, "ask"),
        "http_put": (False, True, "ask"),
        "http_patch": (False, False, "ask"),
        "http_delete": (False, True, "ask"),
    }
    assert tools["http_post"].input_schema["required"] == ["url"]


@pytest.mark.parametrize(
    "setting", ["", "bearer:X https://a.example", "https://a.example/path", "ftp://a.example", "a"]
)
def test_a_setting_that_cannot_be_used_is_an_error(setting: str) -> None:
    """At once."""
    with pytest.raises(ConfigError):
        http(setting)


async def test_a_listed_name_on_a_private_address_is_not_called(server: WebServer) -> None:
    """Only this machine and addresses that the user wrote as such are."""
    origins = AllowedOrigins(parse_origins("http://private.example"), connect=server.connect)

    with pytest.raises(ToolError, match="no answer"):
        await build_tools(origins)[0]("http://private.example/")
