"""Make the pictures of the chat page in docs/images: `python -m scripts.page_images`.

In:  a service with the model of the page's tests, and a Chromium of this machine.
Out: PNG files: an answer, an approval in the dark, a phone, an explained run.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from agentkit.service.uvicorn_server import open_port
from tests.page.browser import BrowserThread, Tab, find_browser
from tests.page.conftest import served
from tests.page.page_model import PageModel

FOLDER = Path(__file__).resolve().parents[1] / "docs/images"
MAX_BYTES = 150_000


def answer(tab: Tab) -> None:
    """Show an answer with its call open."""
    for prompt in ("How many orders were late?", "Letter to a supplier", "Warranty of batteries"):
        tab.ask(prompt)
        tab.page.get_by_role("link", name="New conversation").first.click()
        tab.sees("Ask support")
    tab.ask("Refund order 1187")
    tab.page.get_by_role("link", name="New conversation").first.click()
    tab.sees("Ask support")
    tab.ask("Compare the regions")
    tab.page.locator(".call summary").click()
    to_top(tab)


def approval(tab: Tab) -> None:
    """Show an approval."""
    tab.ask("Refund order 1187")
    tab.page.locator(".list .dot.is-suspended").first.wait_for()


def phone(tab: Tab) -> None:
    """Show an answer on a narrow screen."""
    tab.page.set_viewport_size({"width": 390, "height": 844})
    tab.ask("Compare the regions")
    to_top(tab)


def explained(tab: Tab) -> None:
    """Show the second view of a conversation."""
    tab.ask("Compare the regions")
    tab.page.get_by_role("link", name="Explain", exact=True).click()
    tab.page.frame_locator("iframe.explained").get_by_role("heading", name="Timeline").wait_for()


def to_top(tab: Tab) -> None:
    """Scroll to the first message, with nothing under the pointer."""
    tab.page.mouse.move(1, 1)
    tab.page.evaluate("document.querySelector('.scroller').scrollTop = 0")
    tab.page.wait_for_timeout(300)


PICTURES: dict[str, tuple[Callable[[Tab], None], bool]] = {
    "page-light.png": (answer, False),
    "page-approval-dark.png": (approval, True),
    "page-phone.png": (phone, False),
    "page-explain.png": (explained, False),
}


def main() -> None:
    """Make all pictures."""
    path = find_browser()
    if path is None:
        sys.exit("There is no Chromium or Chrome.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    browser = BrowserThread()
    browser.start(path)
    try:
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(open_port(served(PageModel()), port=0)) as running,
        ):
            for name in PICTURES:
                browser.do(partial(_take, browser, f"{running.url}/", name))
    finally:
        browser.stop()


def _take(browser: BrowserThread, address: str, name: str) -> None:
    show, is_dark = PICTURES[name]
    tab = browser.open(is_dark=is_dark)
    tab.open(address)
    show(tab)
    tab.page.wait_for_timeout(500)
    picture = tab.page.screenshot(path=FOLDER / name)
    tab.context.close()
    if len(picture) > MAX_BYTES:
        sys.exit(f"{name} has {len(picture):,} bytes; at most {MAX_BYTES:,} are kept.")
    sys.stdout.write(f"{name}: {len(picture):,} bytes\n")


if __name__ == "__main__":
    main()
