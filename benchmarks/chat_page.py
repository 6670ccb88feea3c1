"""Measure the chat page of a service in a browser.

In:  nothing; a Chromium or Chrome of this machine.
Out: how long it takes until the page can be used; how long frames take while a reader scrolls
     through 2,000 messages.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from statistics import median
from typing import TypeVar

import anyio.to_thread

from agentkit.errors import ConfigError
from agentkit.service import open_port
from benchmarks.rounds import Figures
from tests.page.browser import BrowserThread, find_browser
from tests.page.conftest import served
from tests.page.page_model import PageModel
from tests.page.test_long_conversation import SCROLL, store_messages

T = TypeVar("T")

LOADS = 7


async def page_ready(_: int) -> Figures:
    """Load the page in new profiles, until its message box is there."""
    async with _browser() as browser, open_port(served(PageModel()), port=0) as running:

        def load() -> float:
            tab = browser.open()
            try:
                start = time.perf_counter()
                tab.open(f"{running.url}/")
                return time.perf_counter() - start
            finally:
                tab.context.close()

        times = [await _in_thread(browser, load) for _load in range(LOADS + 1)]
    return {"ready ms": median(times[1:]) * 1000}


async def scrolling(_: int) -> Figures:
    """Scroll through a conversation of 2,000 messages, all of them loaded."""
    service = served(PageModel())
    async with _browser() as browser, open_port(service, port=0) as running:
        session_id = await store_messages(service)

        def scroll() -> Figures:
            tab = browser.open()
            try:
                tab.open(f"{running.url}/#/c/{session_id}")
                tab.page.locator(".message").first.wait_for()
                times: Figures = tab.page.evaluate(SCROLL)
                return times
            finally:
                tab.context.close()

        found = await _in_thread(browser, scroll)
    return {f"frame {name} ms": milliseconds for name, milliseconds in found.items()}


async def _in_thread(browser: BrowserThread, work: Callable[[], T]) -> T:
    """Do something in the thread of the browser, while the service answers."""
    return await anyio.to_thread.run_sync(browser.do, work)


@asynccontextmanager
async def _browser() -> AsyncIterator[BrowserThread]:
    path = find_browser()
    if path is None:
        raise ConfigError("There is no Chromium or Chrome; install one, or set AGENTKIT_CHROMIUM.")
    thread = BrowserThread()
    try:
        await anyio.to_thread.run_sync(thread.start, path)
        yield thread
    finally:
        await anyio.to_thread.run_sync(thread.stop)
