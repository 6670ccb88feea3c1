"""Searches through the provider that the user chose."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from agentkit import ToolError
from agentkit_tools.web import build_tools
from agentkit_tools.web.page_reader import PageReader
from agentkit_tools.web.search_provider import SearchProvider, open_search
from tests.tool_results import structured
from tests.unit.transport.web_server import WebServer


def reader_of(server: WebServer) -> PageReader:
    """Return a reader whose names lead to the server."""
    return PageReader(server.client())


def provider(server: WebServer, setting: str) -> SearchProvider:
    """Return a provider whose requests reach the server."""
    chosen = open_search(setting)
    return SearchProvider(
        name=chosen.name,
        client=server.client(),
        request=lambda query, count: _plain(chosen, query, count),
        hits=chosen.hits,
    )


def _plain(chosen: SearchProvider, query: str, count: int) -> Any:
    """Return a request without TLS, which the server does not have."""
    request = chosen.request(query, count)
    return type(request)(
        method=request.method,
        url=request.url.replace("https://", "http://"),
        headers=request.headers,
        content=request.content,
    )


RESULT = {"title": "Mixtral", "url": "https://site.example/m"}
SEARCHES: Mapping[str, tuple[str, Any]] = {
    "searxng:http://search.example/base/": (
        "/base/search?q=a+b&format=json",
        {"results": [RESULT | {"content": "a  model"}]},
    ),
    "brave:SEARCH_KEY": (
        "/res/v1/web/search?q=a+b&count=8",
        {"web": {"results": [RESULT | {"description": "a  model"}]}},
    ),
    "tavily:SEARCH_KEY": ("/search", {"results": [RESULT | {"content": "a  model"}]}),
}


@pytest.mark.parametrize("setting", SEARCHES)
async def test_the_web_is_searched_through_the_chosen_provider(
    server: WebServer, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """The key is in the header that the provider documents, and nowhere else."""
    monkeypatch.setenv("SEARCH_KEY", "s3cret")
    path, answer = SEARCHES[setting]
    server.add(path, json.dumps(answer), kind="application/json")
    search = build_tools(reader_of(server), search=provider(server, setting))[1]

    found = await search("a b")

    assert found.text == "1. Mixtral\nhttps://site.example/m\na model"
    assert structured(found) == {"hits": [RESULT | {"snippet": "a model"}]}
    (request,) = server.received
    keys = [name for name, value in request.headers.items() if "s3cret" in value]
    expected = {"searxng": [], "brave": ["x-subscription-token"], "tavily": ["authorization"]}
    assert keys == expected[setting.partition(":")[0]]
    assert "s3cret" not in request.path + request.body.decode() + repr(search)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{}", 403, "SearXNG must allow the format json"),
        (b"{}", 429, "too many searches"),
        (b"<html>", 200, "not the JSON"),
        (b"[]", 200, "not the JSON"),
        (b'{"results": 5}', 200, "not the JSON"),
        (b"[" * 100_000, 200, "not the JSON"),
    ],
)
async def test_a_search_that_fails_is_an_error_for_the_model(
    server: WebServer, body: bytes, status: int, message: str
) -> None:
    """With what can be done about it."""
    server.add("/search?q=a&format=json", body)
    page = server.pages["/search?q=a&format=json"]
    server.pages["/search?q=a&format=json"] = type(page)(body=body, status=status)
    search = build_tools(reader_of(server), search=provider(server, "searxng:http://s.example"))[1]

    with pytest.raises(ToolError, match=message):
        await search("a")


async def test_a_search_without_results_says_so(server: WebServer) -> None:
    """Without an error."""
    server.add("/search?q=a&format=json", '{"results": []}')
    search = build_tools(reader_of(server), search=provider(server, "searxng:http://s.example"))[1]

    assert (await search("a")).text.startswith("Nothing was found")


async def test_a_missing_key_is_named_by_its_variable(server: WebServer) -> None:
    """The variable is read when a search is made."""
    search = build_tools(reader_of(server), search=open_search("brave:NO_SUCH_KEY"))[1]

    with pytest.raises(ToolError, match="'NO_SUCH_KEY'"):
        await search("a")
