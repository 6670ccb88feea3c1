"""Pages of the web as a model reads them."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import anyio
import pytest
import trafilatura

from agentkit import ConfigError, Tool, ToolError
from agentkit.testing.clock import ManualClock
from agentkit.transport.guarded.guarded_client import RequestLimits
from agentkit_tools.web import build_tools, web
from agentkit_tools.web.html_outline import read_outline
from agentkit_tools.web.page_reader import PageReader, ReaderSettings
from agentkit_tools.web.page_text import PageFormatError, decode_body, render_page
from agentkit_tools.web.site_limits import SiteLimits
from tests.unit.transport.web_server import WebServer

ARTICLE = """<!doctype html><html><head><title>Mixtral &amp; friends</title>
<script>var hidden = "<p>not text</p>";</script></head><body>
<nav><a href="/home">Home</a></nav>
<article><h1>Mixtral 8x22B</h1>
<p>Mixtral is a <a href="moe.html">mixture of experts</a>; of its parameters only some are used
for each token, which makes it quick for its size, and this paragraph is long enough.</p>
<ul><li>quick</li><li>open</li></ul></article>
<a href="javascript:alert(1)">no link</a><a href="http://user@127.0.0.1/">no link</a>
<footer>Imprint</footer></body></html>"""


def reader_of(server: WebServer, **options: Any) -> PageReader:
    """Return a reader whose names lead to the server."""
    names: Mapping[str, Sequence[str]] = options.pop("names", {})
    return PageReader(server.client(names), **options)


def fetch_of(server: WebServer, **options: Any) -> Tool:
    """Return the tool `fetch_page` of such a reader."""
    return build_tools(reader_of(server, **options))[0]


async def test_a_page_is_its_main_text_and_then_its_links(server: WebServer) -> None:
    """As Markdown, with complete addresses; only those of the web."""
    server.add("/wiki/mixtral", ARTICLE)

    found = await fetch_of(server)("http://site.example/wiki/mixtral")

    head, _, text = found.partition("\n\n")
    main, _, links = text.partition("\n\n## Links on the page\n\n")
    assert head.splitlines()[:2] == [
        "Page: http://site.example/wiki/mixtral",
        "Title: Mixtral & friends",
    ]
    assert main.startswith("# Mixtral 8x22B\n\nMixtral is a [mixture of experts](")
    assert main.endswith("- quick\n- open")
    assert links.splitlines() == [
        "- [Home](http://site.example/home)",
        "- [mixture of experts](http://site.example/wiki/moe.html)",
    ]


async def test_a_long_page_is_read_in_parts_and_fetched_once(server: WebServer) -> None:
    """The parts together are the page."""
    text = "".join(f"line {number}\n" for number in range(300))
    server.add("/long.txt", text, kind="text/plain")
    fetch = fetch_of(server)

    first = await fetch("http://site.example/long.txt", max_characters=1_500)
    rest = await fetch("http://site.example/long.txt", offset=1_500, max_characters=30_000)

    assert "; the rest: offset=1500" in first
    assert "the rest" not in rest
    assert first.partition("\n\n")[2] + rest.partition("\n\n")[2] == text.strip()
    assert server.paths == ["/long.txt"]


async def test_a_page_that_is_too_large_says_so(server: WebServer) -> None:
    """What was read of it is returned."""
    server.add("/large.txt", "x" * 50_000, kind="text/plain")
    settings = ReaderSettings(limits=RequestLimits(max_bytes=40_000))

    found = await fetch_of(server, settings=settings)(
        "http://site.example/large.txt", offset=30_000, max_characters=30_000
    )

    assert "no more of it can be read" in found


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://private.example/",
        "http://site.example/away",
        "file:///etc/passwd",
        "gopher://site.example/",
        "http://name@site.example/",
    ],
)
async def test_a_private_address_is_an_error_for_the_model(server: WebServer, url: str) -> None:
    """Whatever the way to it; it is not asked for `robots.txt` either."""
    server.redirect("/away", f"http://private.example:{server.port}/secret")
    names = {"127.0.0.1": ["127.0.0.1"], "private.example": ["127.0.0.1"]}

    with pytest.raises(ToolError):
        await fetch_of(server, names=names)(url)

    assert {one.host for one in server.received} <= {"site.example"}
    assert "/secret" not in server.paths


async def test_an_error_status_is_an_error_for_the_model(server: WebServer) -> None:
    """With the status."""
    with pytest.raises(ToolError, match="HTTP status 404"):
        await fetch_of(server)("http://site.example/missing")


async def test_what_is_not_text_is_an_error_for_the_model(server: WebServer) -> None:
    """With its type."""
    server.add("/paper", b"%PDF-1.7", kind="application/pdf")

    with pytest.raises(ToolError, match="application/pdf, which is not text"):
        await fetch_of(server)("http://site.example/paper")


async def test_robots_txt_is_respected_unless_it_is_turned_off(server: WebServer) -> None:
    """Also for the target of a redirect; the file is fetched once for a site."""
    server.add("/robots.txt", "User-agent: *\nDisallow: /private", kind="text/plain")
    server.add("/private/page", "secret", kind="text/plain")
    server.add("/open", "public", kind="text/plain")
    server.redirect("/way", "/private/page")
    fetch = fetch_of(server)

    assert "public" in await fetch("http://site.example/open")
    for path in ("/private/page", "/way"):
        with pytest.raises(ToolError, match=r"robots\.txt of site\.example excludes it"):
            await fetch(f"http://site.example{path}")

    assert server.paths == ["/open", "/way"]
    assert [one.path for one in server.received].count("/robots.txt") == 1
    ignoring = fetch_of(server, settings=ReaderSettings(respects_robots=False))
    assert "secret" in await ignoring("http://site.example/private/page")


@pytest.mark.parametrize(("status", "is_allowed"), [(404, True), (403, True), (500, False)])
async def test_a_missing_robots_txt_allows_all_and_a_broken_one_nothing(
    server: WebServer, status: int, is_allowed: bool
) -> None:
    """RFC 9309, 2.3.1."""
    server.add("/page", "text", kind="text/plain")
    server.pages["/robots.txt"] = type(server.pages["/page"])(status=status)
    fetch = fetch_of(server)

    if is_allowed:
        assert "text" in await fetch("http://site.example/page")
        return
    with pytest.raises(ToolError, match=r"robots\.txt"):
        await fetch("http://site.example/page")


async def test_one_site_is_asked_so_often_and_no_more(server: WebServer) -> None:
    """Others are not affected, and a minute later it may be asked again."""
    clock = ManualClock()
    limits = SiteLimits(clock, per_minute=2)
    settings = ReaderSettings(respects_robots=False)
    fetch = fetch_of(server, clock=clock, limits=limits, settings=settings)
    for number in range(5):
        server.add(f"/{number}", "text", kind="text/plain")

    await fetch("http://site.example/0")
    await fetch("http://site.example/1")
    with pytest.raises(ToolError, match="wait 60 seconds, or use another site"):
        await fetch("http://site.example/2")
    await fetch("http://other.example/3")
    clock.advance(60)
    await fetch("http://site.example/4")

    assert server.paths == ["/0", "/1", "/3", "/4"]


async def test_two_pages_of_a_site_are_fetched_at_the_same_time_and_no_more() -> None:
    """A third one waits; another site does not."""
    limits = SiteLimits(ManualClock(), at_once=2)
    running: list[str] = []
    release = anyio.Event()

    async def fetch(site: str) -> None:
        async with limits.turn(site):
            running.append(site)
            await release.wait()

    async with anyio.create_task_group() as group:
        for site in ("a", "a", "a", "b"):
            group.start_soon(fetch, site)
        await anyio.wait_all_tasks_blocked()
        before = sorted(running)
        release.set()

    assert before == ["a", "a", "b"]
    assert sorted(running) == ["a", "a", "a", "b"]


HOSTILE = {
    "comments": "<!--" * 60_000,
    "deep": "<div>" * 50_000,
    "unclosed": "<" * 150_000,
    "attributes": "<a " + 'href="' * 50_000,
    "scripts": "<script></scrip" * 60_000,
    "titles": "<title>" * 40_000,
    "lists": "<ul><li>" * 40_000,
    "entities": "&amp" * 60_000,
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_page_takes_no_more_time_than_its_length(html: str) -> None:
    """Twice the page takes about twice the time, not four times."""

    def seconds(text: str) -> float:
        best = 60.0
        for _ in range(2):
            start = time.process_time()
            render_page(text.encode(), content_type="text/html", url="https://site.example/")
            best = min(best, time.process_time() - start)
        return best

    half, full = seconds(html[: len(html) // 2]), seconds(html)

    assert full < max(3.2 * half, 0.1)


def test_a_page_that_would_take_too_long_is_rendered_from_its_outline() -> None:
    """The text stays, in a time that grows with its length only."""
    text = "some words of a sentence, which is long enough. "
    page = "<iframe src=x></iframe>" + text
    start = time.process_time()

    found = render_page(
        (page * 13_000).encode(), content_type="text/html", url="https://site.example/"
    )

    assert found.text.count("sentence") > 8_000
    assert time.process_time() - start < 3


def test_a_page_that_breaks_its_parser_is_rendered_from_its_outline(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason is logged, in one line of bounded length."""

    def fail(*_: object, **__: object) -> str:
        raise RecursionError("too deep\n" + "x" * 1_000)

    monkeypatch.setattr(trafilatura, "extract", fail)

    page = render_page(b"<p>text", content_type="text/html", url="https://site.example/")

    assert page.text == "text"
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("main_text_not_extracted error='RecursionError: too deep\\nxxx")
    assert len(line) < 300


def test_the_outline_of_a_page_has_no_hidden_text() -> None:
    """Neither of scripts and styles, nor of comments and templates."""
    outline = read_outline(
        "<head><title>T</title></head><style>a{}</style>a<!-- b --><template><p>c</p></template>"
        "<SCRIPT>d</SCRIPT>e &lt;f&gt; 1 < 2<h2>g</h2>"
    )

    assert outline.title == "T"
    assert outline.text.splitlines() == ["ae <f> 1 < 2", "## g"]


BODIES = {
    "the header": (b"caf\xe9", "text/plain; charset=latin-1"),
    "the page": (b'<meta charset="latin-1">caf\xe9', "text/html"),
    "the mark": ("café".encode("utf-16"), "text/plain; charset=utf-8"),
    "UTF-8": ("café".encode(), "text/plain"),
    "neither": (b"caf\xe9", "text/plain; charset=unknown"),
    "no text encoding": (b"caf\xe9", "text/plain; charset=zip"),
}


@pytest.mark.parametrize(("body", "kind"), BODIES.values(), ids=BODIES.keys())
def test_the_encoding_of_a_body_is_found(body: bytes, kind: str) -> None:
    """By its mark, its header, the page, or a guess."""
    assert decode_body(body, content_type=kind).endswith("café")


def test_a_page_without_a_type_is_read_as_what_it_looks_like() -> None:
    """Some servers send none."""
    page = render_page(b"<title>A</title><p>text", content_type="", url="https://site.example/")
    plain = render_page(b"a < b", content_type="", url="https://site.example/")

    assert (page.title, page.text) == ("A", "text")
    assert plain.text == "a < b"
    with pytest.raises(PageFormatError):
        render_page(b"\x89PNG", content_type="image/png", url="https://site.example/")


def test_searching_needs_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the setting, or from the variable; a wrong one is an error at once."""
    monkeypatch.delenv("AGENTKIT_SEARCH", raising=False)
    assert [tool.name for tool in web()] == ["fetch_page"]
    assert [tool.name for tool in web("brave:KEY")] == ["fetch_page", "search_web"]
    monkeypatch.setenv("AGENTKIT_SEARCH", "searxng:http://127.0.0.1:8888")
    assert [tool.name for tool in web()] == ["fetch_page", "search_web"]
    assert [tool.name for tool in web("robots:ignore")] == ["fetch_page", "search_web"]
    for wrong in ("brave:A tavily:B", "bing:KEY", "brave", "searxng:", "searxng:file:///x"):
        with pytest.raises(ConfigError):
            web(wrong)


def test_the_tools_only_read() -> None:
    """They reach the open world, and their schemas are exact."""
    fetch, search = web("brave:KEY")

    assert {tool.annotations.read_only_hint for tool in (fetch, search)} == {True}
    assert fetch.input_schema["required"] == ["url"]
    assert fetch.input_schema["additionalProperties"] is False
    assert set(search.input_schema["properties"]) == {"query", "count"}  # type: ignore[arg-type]  # JSON
