"""The ready-made researcher, over the real tools and a server on loopback."""

import json
from typing import Any

import pytest

from agentkit import Agent, AssistantMessage, History, UserMessage
from agentkit.message import ToolResult
from agentkit.testing import ScriptedModel, tool_call
from agentkit_agents import load_agent
from agentkit_agents.researcher import BUDGET, INSTRUCTIONS, build, unread_sources
from agentkit_tools import load_tools
from agentkit_tools.web import build_tools
from agentkit_tools.web.page_reader import PageReader
from agentkit_tools.web.search_provider import SearchProvider, open_search
from tests.unit.transport.web_server import WebServer

PAGE = "http://site.example/moe"
ANSWER = f"Mixtral 8x22B has 141B parameters [1].\n\nSources:\n1. Mixtral, {PAGE}"


def researcher(server: WebServer, *script: Any) -> Agent[Any]:
    """Return a researcher whose pages and searches come from the server."""
    chosen = open_search("searxng:http://search.example")
    search = SearchProvider(
        name=chosen.name, client=server.client(), request=chosen.request, hits=chosen.hits
    )
    tools = build_tools(PageReader(server.client()), search=search)
    return build(ScriptedModel(*script), tools=[*tools, *load_tools("calculator")])


def add_results(server: WebServer, query: str, *urls: str) -> None:
    """Let a search find pages."""
    results = [{"title": "Mixtral", "url": url, "content": "An excerpt."} for url in urls]
    server.add(f"/search?q={query}&format=json", json.dumps({"results": results}))


async def test_it_searches_reads_and_cites(server: WebServer) -> None:
    """The page that it cites is one that it read."""
    add_results(server, "mixtral+parameters", PAGE)
    server.add("/moe", "<title>Mixtral</title><p>It has 141B parameters, 39B of them active.")
    agent = researcher(
        server,
        tool_call("search_web", query="mixtral parameters"),
        tool_call("fetch_page", url=PAGE),
        ANSWER,
    )

    result = await agent.run("How many parameters has Mixtral 8x22B?")

    assert PAGE in result.history[2].text
    assert "141B parameters" in result.history[4].text
    assert unread_sources(result.history) == []


async def test_it_reads_on_until_it_finds_the_fact(server: WebServer) -> None:
    """A long page in parts; then it calculates."""
    server.add("/moe", "word " * 2_000 + "39B of 141B are active.", kind="text/plain")
    agent = researcher(
        server,
        tool_call("fetch_page", url=PAGE),
        tool_call("fetch_page", url=PAGE, offset=8_000),
        tool_call("calculate", expression="39 / 141 * 100"),
        f"28 % [1].\n\nSources:\n1. {PAGE}.",
    )

    result = await agent.run("Which share of its parameters is active?")

    assert "the rest: offset=8000" in result.history[2].text
    assert "39B of 141B" in result.history[4].text
    assert result.history[6].text.startswith("≈ 27.6")
    assert unread_sources(result.history) == []


async def test_it_names_what_it_did_not_find(server: WebServer) -> None:
    """After a search without results, and a page that robots.txt excludes."""
    add_results(server, "mixtral+weight+in+kg")
    add_results(server, "mixtral+weight", PAGE)
    server.add("/robots.txt", "User-agent: *\nDisallow: /", kind="text/plain")
    agent = researcher(
        server,
        tool_call("search_web", query="mixtral weight in kg"),
        tool_call("search_web", query="mixtral weight"),
        tool_call("fetch_page", url=PAGE),
        f"Not found: the weight of Mixtral. {PAGE} could not be read.",
    )

    result = await agent.run("What does Mixtral weigh?")

    assert "Nothing was found" in result.history[2].text
    assert "robots.txt" in result.history[6].text
    assert "Not found" in result.output
    assert unread_sources(result.history) == [PAGE]


def test_a_source_that_was_not_read_is_found() -> None:
    """Neither a search result nor a page that quotes an address counts as read."""
    history = History(
        [
            UserMessage("Go."),
            AssistantMessage(tool_calls=[tool_call("fetch_page", url="https://a.example/")]),
            ToolResult("call00001", "Page: https://a.example/\n\nPage: https://b.example/"),
            AssistantMessage(
                "So it is [1], [2].\n(https://a.example#part) and https://b.example/."
            ),
        ]
    )

    assert unread_sources(history) == ["https://b.example/"]


def test_its_tools_read_only_and_its_budget_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """It searches if a provider is chosen."""
    monkeypatch.delenv("AGENTKIT_SEARCH", raising=False)
    plain = load_agent("researcher", ScriptedModel())
    searching = build(ScriptedModel(), search="brave:SEARCH_KEY")

    assert plain.budget == BUDGET
    names = [tool.name for tool in searching.toolset.tools]  # type: ignore[attr-defined]  # a fixed set
    assert names[:2] == ["fetch_page", "search_web"]
    assert all(tool.annotations.read_only_hint for tool in searching.toolset.tools)  # type: ignore[attr-defined]  # a fixed set


def test_its_instructions_leave_the_window_to_the_pages() -> None:
    """They take less than a hundredth of Mixtral's window."""
    assert len(INSTRUCTIONS) / 3 < 65_536 / 100


async def test_it_works_with_the_stand_in() -> None:
    """For what the stand-in understands."""
    result = await load_agent("researcher", "sandbox:mixtral-8x22b").run("What is 15% of 80?")

    assert "12" in result.output
