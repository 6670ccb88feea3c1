"""One Chromium for all tests of a session, in a thread of its own.

In:  a Chromium or Chrome of this machine; `AGENTKIT_CHROMIUM` names another one.
Out: `BrowserThread`, and `Tab`, a page that knows what it loaded and what the browser reported.

Playwright's synchronous interface keeps an event loop running in its thread, and tests that start
one of their own could not follow in the same thread.
"""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

T = TypeVar("T")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
REQUIRED = "AGENTKIT_BROWSER_REQUIRED"
"""If this variable is set, a missing browser is a failure and not a reason to skip."""

TIMEOUT_MILLISECONDS = 60_000


def find_browser() -> str | None:
    """Return the path of a Chromium or Chrome; None if there is none."""
    named = os.environ.get("AGENTKIT_CHROMIUM")
    if named:
        return named
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class BrowserThread:
    """A browser, and the one thread that may use it."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="browser")
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._kept: Tab | None = None

    def do(self, work: Callable[[], T]) -> T:
        """Do something in the thread, and return its result."""
        return self._executor.submit(work).result()

    def start(self, path: str) -> None:
        """Start the browser."""

        def start() -> None:
            self._playwright = sync_playwright().start()
            # The sandbox of Chromium does not work for root, which tests in a container are.
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            self._browser = self._playwright.chromium.launch(executable_path=path, args=arguments)

        self.do(start)

    def stop(self) -> None:
        """End the browser and the thread."""

        def stop() -> None:
            if self._browser is not None:
                self._browser.close()
            if self._playwright is not None:
                self._playwright.stop()

        self.do(stop)
        self._executor.shutdown()

    def open(self, *, width: int = 1280, is_dark: bool = False) -> "Tab":
        """Open a tab of a new profile; in the browser's thread."""
        assert self._browser is not None
        context = self._browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if is_dark else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(TIMEOUT_MILLISECONDS)
        return Tab(context)

    def borrow(self) -> "Tab":
        """Return a tab as a new profile has it, the one given back if there is one.

        A new profile starts a process of Chromium, which compiles the page's scripts again.
        """
        tab, self._kept = self._kept, None
        return tab or self.open()

    def give_back(self, tab: "Tab", address: str) -> None:
        """Keep a tab for the next test, without anything that the page at `address` stored."""
        tab.forget(address)
        self._kept = tab


class Tab:
    """One page.

    Attributes:
        page: the page.
        complaints: messages of its console, and errors of its scripts.
        addresses: what it has asked for.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.addresses: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.addresses.append(request.url))

    def open(self, address: str) -> None:
        """Open the chat page, and wait until it can be used."""
        self.page.goto(address)
        self.page.wait_for_selector("#message, #token")

    def forget(self, address: str) -> None:
        """Leave the page at `address`, and become like a tab of a new profile."""
        page = self.page
        page.unroute_all()
        # No script of the page runs here, so nothing is stored again; storage is by origin.
        page.goto(urljoin(address, "/no-such-page"))
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
        page.goto("about:blank")
        self.context.clear_cookies()
        tools = self.context.new_cdp_session(page)
        tools.send("Network.clearBrowserCache")
        tools.detach()
        page.set_viewport_size({"width": 1280, "height": 900})
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        self.complaints.clear()
        self.addresses.clear()

    def send(self, text: str) -> None:
        """Write a message, and send it."""
        self.page.fill("#message", text)
        self.page.keyboard.press("Enter")

    def ask(self, text: str) -> None:
        """Send a message, and wait for the end of its answer."""
        count = self.page.locator(".answer > .tools").count()
        self.send(text)
        self.page.locator(".answer > .tools").nth(count).wait_for()

    def sees(self, text: str) -> None:
        """Wait until a text is visible."""
        self.page.get_by_text(text).last.wait_for()

    def sees_answer(self, text: str) -> None:
        """Wait until a text is visible, and the answer that it is part of is complete."""
        self.sees(text)
        self.page.locator(".answer.is-live").wait_for(state="detached")

    def reload(self) -> None:
        """Load the page again."""
        self.page.reload()
        self.page.wait_for_selector("#message")

    @property
    def scrolls_sideways(self) -> bool:
        """Return whether the page is wider than its window."""
        script = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        found: bool = self.page.evaluate(script)
        return found

    def violations(self, axe: Path, *, rules: Sequence[str] = ()) -> list[str]:
        """Return what axe finds, by all of its rules or some.

        Its script is evaluated: the page's policy blocks a tag.
        """
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(axe.read_text(encoding="utf-8"))
        found: list[str] = self.page.evaluate(
            "(rules) => axe.run(document, {iframes: false, resultTypes: ['violations'],"
            " ...(rules.length && {runOnly: rules})})"
            ".then((found) => found.violations.map((one) =>"
            " `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`))",
            list(rules),
        )
        return found


if __name__ == "__main__" and find_browser() is None:
    sys.stderr.write("There is no Chromium or Chrome: the tests of the chat page skip.\n")
