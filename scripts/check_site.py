"""Open every page of the built site in Chromium, narrow and wide, light and dark.

In:  `.cache/site`, made by `scripts/docs`; Chromium; axe-core from npm.
Out: what is wrong, a line each; with a folder as argument, also a picture of each page.

    .cache/environments/test/bin/python scripts/check_site.py [FOLDER]

Checked are the rules of axe for accessibility, that no page scrolls sideways, that no script fails,
that nothing is requested from another machine, and that the search finds something.
"""

import functools
import http.server
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.mcp.npm import package_file  # noqa: E402 - needs the path
from tests.page.browser import find_browser  # noqa: E402
from tests.page.conftest import AXE_VERSION  # noqa: E402

SITE = ROOT / ".cache" / "site"
SIZES = ((390, "light"), (1280, "dark"))
AXE = """axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations.map(
    (one) => `${one.id}: ${one.nodes.length} times, ${one.nodes[0].html.slice(0, 120)}`))"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files and writes no log."""

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@contextmanager
def served() -> Iterator[str]:
    """Serve the site on loopback, and yield its address."""
    handler = functools.partial(QuietHandler, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def faults_of(page: Page, axe: str) -> Iterator[str]:
    """Yield what is wrong with the page that is open."""
    if page.evaluate(SIDEWAYS) > 0:
        yield "it scrolls sideways"
    page.evaluate(axe)
    yield from page.evaluate(AXE)


def check(browser: Browser, address: str, folder: Path | None) -> Iterator[str]:
    """Yield what is wrong with all pages."""
    axe = package_file("axe-core", AXE_VERSION, "axe.min.js").read_text(encoding="utf-8")
    for width, scheme in SIZES:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        events: list[str] = []
        page.on("request", lambda request, seen=events: seen.append(request.url))
        page.on("pageerror", lambda error, seen=events: seen.append(f"a script failed: {error}"))
        for path in sorted(SITE.rglob("*.html")):
            name = path.relative_to(SITE).as_posix()
            page.goto(f"{address}/{name}")
            yield from (f"{name}, {width}, {scheme}: {one}" for one in faults_of(page, axe))
            if folder:
                page.screenshot(path=folder / f"{name.replace('/', '-')}-{width}-{scheme}.png")
        yield from (one for one in events if not one.startswith((address, "data:")))
        page.close()
    page = browser.new_page()
    page.goto(f"{address}/index.html?q=budget")
    page.wait_for_selector(".md-search-result__item")


def main() -> int:
    """Check the site, and return 1 if something is wrong."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    count = 0
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses it to root
    with sync_playwright() as playwright, served() as address:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=arguments)
        for one in check(browser, address, folder):
            count += 1
            sys.stdout.write(f"{one}\n")
            sys.stdout.flush()
        browser.close()
    sys.stdout.write(f"{count} faults\n")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
