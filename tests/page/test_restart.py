"""The page while its server stops and another one takes the database over."""

from pathlib import Path

from anyio.from_thread import BlockingPortal, start_blocking_portal

from agentkit.service.uvicorn_server import open_port
from tests.page.browser import BrowserThread, Tab
from tests.page.conftest import served
from tests.page.page_model import PageModel
from tests.service.test_command_line import start


def test_an_answer_goes_on_at_the_next_server(browser: BrowserThread, tmp_path: Path) -> None:
    """The page says that the connection is lost, and connects again; no text is there twice."""
    model = PageModel()
    service = f"sqlite:{tmp_path / 'page.db'}"
    with start_blocking_portal() as portal:
        with portal.wrap_async_context_manager(
            open_port(served(model, database=service), port=0)
        ) as running:
            port = int(running.url.rpartition(":")[2])
            tab = browser.open()
            tab.open(f"{running.url}/")
            tab.send("Write slowly")
            tab.sees("The first half.")
        tab.sees("Connection lost.")
        model.release.set()
        _go_on(portal, tab, port=port, database=service)
    tab.context.close()


def _go_on(portal: BlockingPortal, tab: Tab, *, port: int, database: str) -> None:
    """Serve the database again at the same port, and see the answer to its end."""
    again = served(PageModel(), database=database)
    with portal.wrap_async_context_manager(open_port(again, port=port)):
        agent = again.state.agents["support"].agent
        agent.model.release.set()  # type: ignore[attr-defined]  # the model of the test
        tab.page.get_by_role("button", name="Try now").click()
        tab.sees("The second half.")
        tab.page.locator(".answer > .tools").wait_for()
        tab.sees("Another worker took over. The unfinished turn was made again.")
        text = "".join(tab.page.locator(".answer .prose").all_inner_texts())
        assert text == "The first half. The second half."
        assert tab.page.locator(".banner").count() == 0
        tab.reload()
        tab.page.locator(".receipt").wait_for()
        text = "".join(tab.page.locator(".answer .prose").all_inner_texts())
        assert text == "The first half. The second half."


def test_an_answer_goes_on_after_the_server_was_killed(
    browser: BrowserThread, tmp_path: Path
) -> None:
    """By SIGKILL in the middle of it: `agentkit serve` is started again, and nothing is clicked."""
    words = ("talker.py", "--db", "sqlite:t.db")
    process, url = start(tmp_path, *words)
    tab = browser.open()
    try:
        tab.open(f"{url}/")
        tab.send("Hello")
        tab.sees("It is")
        process.kill()
        process.communicate()
        tab.sees("Connection lost.")
        (tmp_path / "again").touch()
        process, _ = start(tmp_path, *words, "--port", url.rpartition(":")[2])
        tab.sees("It is done.")
        tab.page.locator(".answer > .tools").wait_for()
        tab.sees("Another worker took over. The unfinished turn was made again.")
        answers = tab.page.locator(".answer .prose").all_inner_texts()
        tab.page.locator(".banner").wait_for(state="detached")
    finally:
        tab.context.close()
        process.kill()
        process.communicate()

    assert answers == ["It is done."]
