"""The page at three widths, light and dark: axe finds nothing, and nothing scrolls sideways."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.page.browser import Tab

WIDTHS = (1280, 390, 320)
SCHEMES = ("light", "dark")
COLOUR_RULES = ("color-contrast", "link-in-text-block")
"""The rules of axe that colours can break; no other depends on the scheme."""


def answered(tab: Tab) -> None:
    """Show an answer with all its details open."""
    tab.ask("Compare the regions")
    tab.page.locator(".call summary").click()
    tab.page.locator(".reasoning summary").click()
    tab.page.locator(".receipt summary").click()


def edited(tab: Tab) -> None:
    """Show the edit of a message, and versions."""
    tab.ask("One")
    tab.page.get_by_role("button", name="Answer again").click()
    tab.page.locator(".branches").wait_for()
    tab.page.locator(".answer > .tools").wait_for()
    tab.page.get_by_role("button", name="Edit message").click()


def asked(tab: Tab) -> None:
    """Show an approval while its arguments are edited, one of them wrong."""
    tab.ask("Refund order 1187")
    tab.page.get_by_role("button", name="Edit arguments").click()
    tab.page.get_by_label("amount").fill("600")


def refused(tab: Tab) -> None:
    """Show an approval while a reason is written."""
    tab.ask("Refund order 1187")
    tab.page.get_by_role("button", name="Refuse…").click()


def failed(tab: Tab) -> None:
    """Show an answer that failed, and the banner of a request that was refused."""
    tab.ask("Fail")
    tab.page.route("**/turns", lambda route: route.fulfill(status=503, body="{}"))
    tab.send("Hello")
    tab.page.locator(".banner").wait_for()
    tab.complaints.clear()


def running(tab: Tab) -> None:
    """Show an answer under way."""
    tab.send("Look up slowly")
    tab.page.locator(".call.is-running").wait_for()


def searched(tab: Tab) -> None:
    """Show what a search found, in the drawer on a narrow screen."""
    tab.ask("A word like okapi")
    tab.page.get_by_label("Search conversations").fill("okapi")
    tab.page.locator(".snippet mark").wait_for()


def deleted(tab: Tab) -> None:
    """Show the offer to bring a conversation back."""
    tab.ask("To be deleted")
    tab.page.get_by_role("button", name="Delete To be deleted").click()
    tab.sees("was deleted.")


STATES: Mapping[str, Callable[[Tab], None]] = {
    "empty": lambda tab: tab.sees("Ask support"),
    "answered": answered,
    "edited": edited,
    "asked": asked,
    "refused": refused,
    "failed": failed,
    "running": running,
    "searched": searched,
    "deleted": deleted,
    "settings": lambda tab: tab.page.get_by_role("button", name="Settings").click(),
    "keys": lambda tab: tab.page.get_by_role("button", name="Keyboard").click(),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_is_accessible_at_each_size(tab: Tab, axe: Path, name: str) -> None:
    """By the rules of axe for WCAG 2.2 A and AA and its best practices."""
    page = tab.page
    STATES[name](tab)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if name == "searched" and width == 390:
            page.locator("#open-list").click()
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two texts
            rules = COLOUR_RULES if scheme == "dark" else ()

            assert tab.violations(axe, rules=rules) == [], (width, scheme)
        assert not tab.scrolls_sideways, width


def test_the_list_is_a_drawer_on_a_narrow_screen(tab: Tab) -> None:
    """Opened by a button, closed by Escape, with the focus back on the button."""
    page = tab.page
    page.set_viewport_size({"width": 390, "height": 800})
    assert not page.locator(".side").is_visible()
    page.get_by_role("button", name="Conversations", exact=True).click()
    assert page.evaluate("document.activeElement.id") == "search"
    assert page.evaluate("document.querySelector('main').inert") is True
    page.keyboard.press("Escape")

    assert page.evaluate("document.activeElement.id") == "open-list"
    assert page.evaluate("document.querySelector('main').inert") is False
