"""The HTML of an explained run, opened from disk without a network."""

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from agentkit import Agent
from agentkit.event import EventRecord
from agentkit.telemetry.explain import explain
from agentkit.telemetry.explain.html_view import html_view
from tests.page.browser import BrowserThread, Tab
from tests.page.page_model import HOSTILE, TOOLS, PageModel

SIZES = ((1280, "light"), (390, "dark"), (390, "light"))


async def _records(prompt: str) -> list[EventRecord]:
    agent = Agent(PageModel(hostile=HOSTILE), tools=TOOLS, name="<b>support</b>")
    async with agent.stream(prompt) as run:
        return [record async for record in run.records()]


@pytest.fixture(scope="module", params=["Compare the regions", "Hostile"])
def explained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the explanation of a run, and return its file."""
    path: Path = tmp_path_factory.mktemp("explained") / "run.html"
    page = html_view(explain(anyio.run(_records, request.param)))
    path.write_text(page, encoding="utf-8")
    return path


@pytest.fixture
def file_tab(browser: BrowserThread, explained: Path) -> Iterator[Tab]:
    """Open the file with the network off; it asks for nothing, and nothing complains."""
    tab = browser.do(browser.open)

    def open_file() -> None:
        tab.context.set_offline(True)
        tab.page.goto(explained.as_uri())

    browser.do(open_file)
    try:
        yield tab
        assert tab.complaints == []
        assert set(tab.addresses) == {explained.as_uri()}
    finally:
        browser.do(tab.context.close)


def test_the_file_is_accessible_at_each_size(file_tab: Tab, axe: Path) -> None:
    """Closed and with all steps open; nothing scrolls sideways."""
    page = file_tab.page
    for width, scheme in SIZES:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two texts
        page.get_by_role("button", name="Open all").click()
        assert file_tab.violations(axe) == [], (width, scheme)
        assert not file_tab.scrolls_sideways, width
        page.get_by_role("button", name="Close all").click()


def test_the_file_is_read_by_keyboard(file_tab: Tab) -> None:
    """A filter, the search, a link to a step, the theme."""
    page, keys = file_tab.page, file_tab.page.keyboard
    page.get_by_role("button", name="Model", exact=True).focus()
    keys.press("Enter")
    assert (
        page.get_by_role("button", name="Model", exact=True).get_attribute("aria-pressed") == "true"
    )
    page.get_by_role("button", name="All", exact=True).focus()
    keys.press("Enter")
    page.locator("#find").focus()
    keys.type("no such step")
    assert page.locator("#count").inner_text().startswith("0 of ")
    keys.press("Control+A")
    keys.press("Delete")
    page.locator("main ol a, main a[href^='#']").first.focus()
    keys.press("Enter")
    page.locator("details[open] > summary:focus").wait_for()


def test_hostile_content_of_the_file_is_text(file_tab: Tab) -> None:
    """No element, no handler, no script but its own."""
    page = file_tab.page
    page.get_by_role("button", name="Open all").click()
    page.wait_for_timeout(50)

    assert page.evaluate("window.broken ?? null") is None
    assert page.locator("script").count() == 1
    assert page.locator("iframe, img, object, form, h1 b").count() == 0
    assert page.evaluate(
        "[...document.querySelectorAll('*')].every("
        "(one) => [...one.attributes].every((attribute) => !attribute.name.startsWith('on')))"
    )
    assert page.evaluate(
        "[...document.links].every((one) => one.getAttribute('href').startsWith('#'))"
    )
