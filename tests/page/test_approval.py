"""Calls that need approval, in a browser: decided with changes, with a reason, in two tabs."""

import json

import httpx
from playwright.sync_api import Route

from tests.page.browser import BrowserThread, Tab


def test_a_call_is_approved_with_changes(tab: Tab) -> None:
    """All arguments and the repair are shown before it; wrong values cannot be approved."""
    page = tab.page
    tab.ask("Refund order 1187")
    card = page.locator(".approval")
    shown = card.inner_text()
    card.get_by_role("button", name="Edit arguments").click()
    card.get_by_label("amount").fill("600")
    approve = card.get_by_role("button", name="Approve with changes")
    assert approve.is_disabled()
    assert "At most 500." in card.inner_text()
    card.get_by_label("amount").fill("50")
    page.wait_for_timeout(400)  # the first moments of a card count for nothing
    approve.click()
    tab.sees_answer("Done:")

    for text in ("Refund a payment", "1187", "89.9", "EUR", "Arrived broken.", "Repaired."):
        assert text in shown
    assert "cannot be undone" in shown
    assert "You approved this with changes" in page.locator(".answer").inner_text()
    assert "50.0 EUR refunded for order 1187" in page.locator(".answer").inner_text()


def test_a_refusal_gives_the_model_its_reason(tab: Tab) -> None:
    """And two calls are two cards."""
    page = tab.page
    tab.ask("Refund two orders")
    cards = page.locator(".approval")
    cards.nth(1).wait_for()
    assert cards.count() == 2
    page.wait_for_timeout(400)
    cards.first.get_by_role("button", name="Refuse…").click()
    cards.first.get_by_label("Reason, sent to the model").fill("Ask for a photo first")
    cards.first.get_by_role("button", name="Refuse", exact=True).click()
    page.locator(".note", has_text="You refused this").wait_for()
    page.locator(".approval").nth(1).wait_for(state="detached")
    page.locator(".approval").get_by_role("button", name="Approve").click()
    tab.sees_answer("Done:")

    assert "Ask for a photo first" in page.locator(".answer").inner_text()
    assert page.locator(".call.is-refused").count() == 1


def test_a_decision_in_one_tab_is_seen_in_the_other(tab: Tab, browser: BrowserThread) -> None:
    """Without a reload; the list shows that someone is waited for, until then."""
    tab.ask("Refund order 1187")
    tab.page.locator(".list .dot.is-suspended").first.wait_for()
    other = browser.open()
    other.open(tab.page.url)
    other.page.locator(".approval").wait_for()
    tab.page.wait_for_timeout(400)
    tab.page.locator(".approval").get_by_role("button", name="Approve").click()
    other.sees("Someone approved this")
    other.sees("Done:")
    other.context.close()

    assert tab.page.locator(".note", has_text="You approved this").count() == 1


def test_a_decision_that_comes_second_does_not_count(tab: Tab) -> None:
    """The card says so; what was decided first is shown."""
    page = tab.page
    tab.ask("Refund order 1187")

    def decide_first(route: Route) -> None:
        [decision] = json.loads(route.request.post_data or "")["decisions"]
        first = {"call_id": decision["call_id"], "verdict": "deny", "reason": "Not today"}
        address = route.request.url
        httpx.post(address, json={"decisions": [first]}, timeout=30).raise_for_status()
        route.continue_()

    page.route("**/decisions", decide_first)
    page.wait_for_timeout(400)
    page.locator(".approval").get_by_role("button", name="Approve").click()
    tab.sees("refused this")
    tab.sees_answer("Done:")
    tab.complaints.clear()

    assert "Not today" in page.locator(".answer").inner_text()
    assert page.locator(".approval").count() == 0


def test_something_else_can_be_written_in_place_of_a_decision(tab: Tab) -> None:
    """The call is not run then."""
    page = tab.page
    tab.ask("Refund order 1187")
    page.locator(".approval").wait_for()
    assert page.get_attribute("#message", "placeholder") == "Decide above, or write something else"
    tab.send("Never mind")
    tab.sees("You wrote: Never mind")
    page.locator(".approval").wait_for(state="detached")

    assert page.locator(".answer").count() == 2


def test_calls_of_a_turn_outside_of_stored_runs_are_decided(tab: Tab) -> None:
    """A program has said something by `/messages`; the turn goes on when all are decided."""
    page = tab.page
    base = page.url.partition("#")[0]
    chat = httpx.post(f"{base}sessions", json={"agent": "support"}).raise_for_status().json()
    path = f"{base}sessions/{chat['id']}"
    prompt = {"prompt": "Refund two orders"}
    httpx.post(f"{path}/messages", json=prompt, timeout=30).raise_for_status()
    page.goto(f"{base}#/c/{chat['id']}")
    cards = page.locator(".approval")
    cards.nth(1).wait_for()
    placeholder = page.get_attribute("#message", "placeholder")
    page.wait_for_timeout(400)  # the first moments of a card count for nothing
    cards.first.get_by_role("button", name="Refuse…").click()
    cards.first.get_by_label("Reason, sent to the model").fill("Ask for a photo first")
    cards.first.get_by_role("button", name="Refuse", exact=True).click()
    waits = httpx.get(path).json()["open_calls"]
    cards.nth(1).get_by_role("button", name="Approve").click()
    tab.sees_answer("Done:")
    cards.first.wait_for(state="detached")
    results = [one["message"] for one in httpx.get(path).json()["entries"][2:4]]
    tab.ask("Hello")

    assert placeholder == "Decide above, or write something else"
    assert len(waits) == 2
    assert [one.get("is_error", False) for one in results] == [True, False]
    assert "Ask for a photo first" in results[0]["content"][0]["text"]
    assert page.locator(".answer").count() == 2


def test_a_text_in_place_of_such_decisions_ends_the_calls(tab: Tab) -> None:
    """Each of them has a result then: that it was not run."""
    page = tab.page
    base = page.url.partition("#")[0]
    chat = httpx.post(f"{base}sessions", json={"agent": "support"}).raise_for_status().json()
    path = f"{base}sessions/{chat['id']}"
    prompt = {"prompt": "Refund order 1187"}
    httpx.post(f"{path}/messages", json=prompt, timeout=30).raise_for_status()
    page.goto(f"{base}#/c/{chat['id']}")
    page.locator(".approval").wait_for()
    tab.ask("Never mind")
    page.locator(".approval").wait_for(state="detached")
    page.locator(".call").first.wait_for()

    assert page.locator(".call-time").first.inner_text() in ("stopped", "failed")
    assert page.locator(".answer").count() == 2


def test_a_question_is_answered_and_a_plan_is_a_list(tab: Tab) -> None:
    """The card of a question has a field for the answer at once."""
    page = tab.page
    tab.ask("Plan the trip")
    card = page.locator(".approval")
    card.get_by_label("answer").fill("blue")
    page.wait_for_timeout(400)  # the first moments of a card count for nothing
    shown = card.inner_text()
    card.get_by_role("button", name="Approve with changes").click()
    tab.sees_answer("Done:")
    page.locator(".call summary").first.click()
    page.locator(".call .data").nth(1).wait_for()

    assert "Ask the user" in shown
    assert "Done: [The user answered] blue" in " ".join(
        page.locator(".answer").inner_text().split()
    )
    assert "☑ book\n☐ pack" in page.locator(".call .data").nth(1).inner_text()
