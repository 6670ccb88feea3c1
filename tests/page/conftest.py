"""A browser for the session, a served chat page for each module, a tab for each test."""

import inspect
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from agentkit import Agent
from agentkit.service import ServedAgent, build_service
from agentkit.service.service import Service
from agentkit.service.uvicorn_server import open_port
from tests.mcp.npm import NoNpmError, package_file
from tests.page.browser import REQUIRED, BrowserThread, Tab, find_browser
from tests.page.page_model import HOSTILE, TOOLS, PageModel

AXE_VERSION = "4.14.1"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    """Run a test with a tab in the thread of the browser."""
    browser = pyfuncitem.funcargs.get("browser")
    if not isinstance(browser, BrowserThread):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    browser.do(lambda: pyfuncitem.obj(**arguments))
    return True


@pytest.fixture(scope="session")
def browser() -> Iterator[BrowserThread]:
    """Start the browser of the session."""
    path = find_browser()
    if path is None:
        reason = "There is no Chromium or Chrome; install one, or set AGENTKIT_CHROMIUM."
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    thread = BrowserThread()
    try:
        thread.start(path)
        yield thread
    finally:
        thread.stop()


@pytest.fixture(scope="session")
def axe() -> Path:
    """Return the script that checks accessibility."""
    try:
        return package_file("axe-core", AXE_VERSION, "axe.min.js")
    except NoNpmError as error:
        if os.environ.get(REQUIRED):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def model() -> PageModel:
    """Return the model of the agents of a module."""
    return PageModel(hostile=HOSTILE)


def served(model: PageModel, **options: object) -> Service:
    """Return a service with two agents."""
    analyst = Agent(model, tools=TOOLS, name="analyst")
    support = ServedAgent(
        Agent(
            model, tools=[*TOOLS, analyst.as_tool(description="Read the sales.")], name="support"
        ),
        description="Answers questions about orders and sales.",
        examples=("Compare the regions", "Refund order 1187"),
    )
    return build_service({"support": support, "plain": Agent(model)}, **options)  # type: ignore[arg-type]  # of the tests


@pytest.fixture(scope="module")
def url(model: PageModel) -> Iterator[str]:
    """Serve the page of a module, and return its address."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_port(served(model), port=0)) as running,
    ):
        yield f"{running.url}/"


@pytest.fixture
def tab(browser: BrowserThread, url: str) -> Iterator[Tab]:
    """Open the page as in a new profile; it loads nothing from elsewhere, and nothing complains."""
    tab = browser.do(browser.borrow)
    try:
        browser.do(lambda: tab.open(url))
        yield tab
        origin = (url.partition("#")[0], "blob:", "data:")
        assert [one for one in tab.addresses if not one.startswith(origin)] == []
        assert tab.complaints == []
        browser.do(lambda: browser.give_back(tab, url))
    except BaseException:
        browser.do(tab.context.close)
        raise
