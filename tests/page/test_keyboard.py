"""The page without a mouse."""

from tests.page.browser import Tab
from tests.page.page_model import PageModel

FOCUSED = """() => {
  const one = document.activeElement;
  return one.getAttribute("aria-label") || one.labels?.[0]?.innerText || one.innerText || "";
}"""


def tab_to(tab: Tab, name: str, *, key: str = "Tab") -> None:
    """Press Tab until the element with a name has the focus."""
    seen = []
    for _ in range(80):
        tab.page.keyboard.press(key)
        seen.append(str(tab.page.evaluate(FOCUSED)).strip())
        if seen[-1] == name:
            return
    raise AssertionError(f"{name!r} is not reached: {seen}")


def test_messages_are_written_edited_and_stopped(tab: Tab, model: PageModel) -> None:
    """Enter, arrow up, Escape; the versions are reached by Tab."""
    model.release.clear()
    keys = tab.page.keyboard
    keys.type("One")
    keys.press("Shift+Enter")
    keys.type("two lines")
    keys.press("Enter")
    tab.sees("You wrote: One")
    tab.page.locator(".answer > .tools").wait_for()
    keys.press("ArrowUp")
    tab.page.locator(".edit-box").wait_for()
    keys.press("Control+A")
    keys.type("Write slowly")
    keys.press("Enter")
    tab.sees("The first half.")
    keys.press("Escape")
    tab.sees("Stopped by you.")
    model.release.set()
    tab_to(tab, "Previous version", key="Shift+Tab")
    keys.press("Enter")
    tab.sees("You wrote: One")

    assert tab.page.locator(".bubble").inner_text() == "One\ntwo lines"


def test_an_approval_is_decided(tab: Tab) -> None:
    """With a change by Ctrl + Enter; Enter alone approves nothing."""
    keys = tab.page.keyboard
    keys.type("Refund order 1187")
    keys.press("Enter")
    tab.page.locator(".approval").wait_for()
    tab.page.wait_for_timeout(400)
    tab_to(tab, "Edit arguments", key="Shift+Tab")
    keys.press("Enter")
    tab_to(tab, "amount", key="Shift+Tab")
    keys.press("Control+A")
    keys.type("12.5")
    keys.press("Enter")
    assert tab.page.locator(".approval").count() == 1
    keys.press("Control+Enter")
    tab.sees_answer("Done:")

    assert "12.5 EUR refunded" in tab.page.locator(".answer").inner_text()
    assert tab.page.evaluate("document.activeElement.id") == "message"


def test_an_approval_is_refused_with_a_reason(tab: Tab) -> None:
    """Enter on the button opens the field, which has the focus; Enter in it is a new line."""
    keys = tab.page.keyboard
    keys.type("Refund order 1187")
    keys.press("Enter")
    tab.page.locator(".approval").wait_for()
    tab.page.wait_for_timeout(400)  # the first moments of a card count for nothing
    tab_to(tab, "Refuse…", key="Shift+Tab")
    keys.press("Enter")
    reason = tab.page.get_by_label("Reason, sent to the model")
    reason.and_(tab.page.locator(":focus")).wait_for()  # a function would need `eval` in the page
    keys.type("Ask for a photo")
    keys.press("Enter")
    keys.type("first")
    keys.press("Control+Enter")  # approves, but not while a refusal is written
    assert tab.page.locator(".approval").count() == 1
    tab_to(tab, "Refuse")
    keys.press("Enter")
    tab.sees_answer("Done:")

    answer = tab.page.locator(".answer").inner_text()
    assert "You refused this" in answer
    assert "Ask for a photo first" in answer  # the line break is in the model's text
    assert tab.page.locator(".call.is-refused").count() == 1
    assert tab.page.evaluate("document.activeElement.id") == "message"


def test_conversations_are_found_and_deleted(tab: Tab) -> None:
    """Search by Ctrl + K; the list of keys by Ctrl + /; a new one by Ctrl + Shift + O."""
    keys = tab.page.keyboard
    keys.type("Something about giraffes")
    keys.press("Enter")
    tab.sees("You wrote: Something about giraffes")
    keys.press("Control+k")
    keys.type("giraf")
    tab.page.locator(".snippet mark").wait_for()
    keys.press("Escape")
    keys.press("Control+/")
    tab.sees("Close what is open, else stop the answer")
    keys.press("Escape")
    tab.page.locator("dialog").wait_for(state="detached")
    keys.press("Control+k")
    tab_to(tab, "Delete Something about giraffes")
    keys.press("Enter")
    tab.sees("was deleted.")
    tab_to(tab, "Undo")
    keys.press("Enter")
    tab.page.get_by_role("link", name="Something about giraffes").wait_for()
    keys.press("Control+Shift+O")

    assert tab.page.url.endswith("#/new")


def test_the_reader_goes_from_message_to_message(tab: Tab) -> None:
    """By Alt and the arrows; a link at the top leads to the message box."""
    tab.ask("Show Markdown")
    tab.ask("Two")
    tab.page.keyboard.press("Alt+ArrowUp")
    focused = "document.activeElement.querySelector('h2')?.innerText"
    assert tab.page.evaluate(focused) in ("You wrote", "support answered")
    tab.reload()
    tab_to(tab, "Go to the message box", key="Shift+Tab")
    tab.page.keyboard.press("Enter")

    assert tab.page.evaluate("document.activeElement.id") == "message"
