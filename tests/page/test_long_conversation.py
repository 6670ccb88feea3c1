"""A conversation of 2,000 messages in the browser."""

from collections.abc import Callable, Iterator

import pytest
from anyio.from_thread import start_blocking_portal

from agentkit import AssistantMessage, UserMessage
from agentkit.service.service import Service
from agentkit.service.uvicorn_server import open_port
from tests.page.browser import Tab
from tests.page.conftest import served
from tests.page.page_model import TABLE, PageModel

MESSAGES = 2_000
SCROLL = """
async () => {
  const box = document.querySelector(".scroller");
  const frame = () => new Promise(requestAnimationFrame);
  for (let frames = 0; document.querySelector(".more") && frames < 5000; frames += 1) {
    box.scrollTop = 0;
    await frame();
  }
  box.scrollTop = box.scrollHeight;
  const times = [];
  let last = await frame();
  for (let at = 0; at < 120; at += 1) {
    box.scrollTop -= 400;
    const now = await frame();
    times.push(now - last);
    last = now;
  }
  times.sort((one, other) => one - other);
  return { p50: times[60], p99: times[118], longest: times[119] };
}
"""


FIRST_SHOWN = """
[...document.querySelectorAll(".bubble")]
  .find((one) => one.getBoundingClientRect().top > 50).innerText
"""


async def store_messages(service: Service) -> str:
    """Store a conversation, and return its id."""
    assert service.state.sessions is not None
    session = await service.state.sessions.create(agent="support", title="A long day")
    for at in range(0, MESSAGES, 2):
        text = TABLE if at % 20 == 0 else f"The answer {at}, with **bold** text and `code`."
        await session.append([UserMessage(f"Question {at}"), AssistantMessage(text)])
    return session.id


@pytest.fixture(scope="module")
def url(model: PageModel) -> Iterator[str]:
    """Serve a long conversation, and return its address."""
    service = served(model)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_port(service, port=0)) as running,
    ):
        session_id = portal.call(store_messages, service)
        yield f"{running.url}/#/c/{session_id}"


def test_2000_messages_are_loaded_as_the_reader_scrolls_up(
    tab: Tab, record_property: Callable[[str, object], None]
) -> None:
    """Sixty at first, and all at the end; how long frames took is a property of the test."""
    page = tab.page
    page.locator(".message").first.wait_for()
    at_first = page.locator(".message").count()
    times = page.evaluate(SCROLL)
    for name, milliseconds in times.items():
        record_property(f"frame_{name}_milliseconds", round(milliseconds, 1))
    record_property("nodes", page.evaluate("document.querySelectorAll('*').length"))

    assert at_first == 60
    assert page.locator(".message").count() == MESSAGES
    assert page.locator(".bubble").first.inner_text() == "Question 0"


def test_a_reader_who_scrolled_away_is_not_pulled_back(tab: Tab, model: PageModel) -> None:
    """A button leads back to the answer."""
    page = tab.page
    model.release.clear()
    page.locator(".message").first.wait_for()
    tab.send("Write slowly")
    tab.sees("The first half.")
    page.evaluate("document.querySelector('.scroller').scrollTop -= 2000")
    page.get_by_role("button", name="Follow the answer").wait_for()
    page.wait_for_timeout(300)  # until the sizes of what has come into view are known
    before = page.evaluate(FIRST_SHOWN)
    model.release.set()
    page.get_by_role("button", name="Latest").wait_for()
    after = page.evaluate(FIRST_SHOWN)
    page.get_by_role("button", name="Latest").click()
    tab.sees("The second half.")

    assert after == before
    assert page.get_by_role("button", name="Latest").count() == 0
