"""Conversations in a browser, against the real server: ask, stop, try again, edit, find, delete."""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import APIResponse, Route, expect

from tests.page.browser import BrowserThread, Tab
from tests.page.page_model import PageModel

TWO_STATES = """
async (runId) => {
  const { applyRecord, newAnswer } = await import("/page/records.js");
  const text = await (await fetch(`/runs/${runId}/events`)).text();
  const records = text.split("\\n").filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)));
  const state = (lists) => {
    const answer = newAnswer(runId, "support");
    for (const record of lists.flat()) applyRecord(answer, record);
    const { version, ...kept } = answer;
    return JSON.stringify({ ...kept, calls: [...kept.calls], repairs: [...kept.repairs] });
  };
  const complete = state([records]);
  return records.map((_, at) => state([records.slice(0, at), records.slice(Math.max(0, at - 3))]))
    .map((found) => found === complete);
}
"""


def run_id_of(tab: Tab) -> str:
    """Return the id of the run of the last answer."""
    link = tab.page.get_by_role("link", name="Explain this run").last.get_attribute("href") or ""
    return link.rpartition("/")[2]


def test_an_answer_arrives_with_its_calls_and_is_the_same_after_a_reload(tab: Tab) -> None:
    """Text, reasoning, a repaired call, a table, code, time, tokens and money."""
    page = tab.page
    tab.ask("Compare the regions")
    page.locator(".receipt").wait_for()
    page.locator(".call summary").click()
    page.locator(".call .data").nth(1).wait_for()
    shown = page.locator("main").inner_text()
    tab.reload()
    page.locator(".receipt").wait_for()
    page.locator(".call summary").click()
    page.locator(".call .data").nth(1).wait_for()

    assert page.locator("main").inner_text() == shown
    for text in ("run_query", "repaired", "Sales by region", "2,560 tokens", "$0.0025"):
        assert text in shown
    assert "As written" in shown
    assert page.locator("td").first.inner_text() == "North"
    assert page.title() == "Compare the regions · agentkit"
    page.locator(".receipt summary").click()
    assert page.locator(".receipt tbody tr").count() == 2


def test_a_stopped_answer_keeps_what_was_written_and_the_next_goes_on(
    tab: Tab, model: PageModel
) -> None:
    """Then it is answered again, as another version."""
    model.release.clear()
    page = tab.page
    tab.send("Write slowly")
    tab.sees("The first half.")
    page.get_by_role("button", name="Stop (Esc)").click()
    tab.sees("Stopped by you. What was written is kept.")
    model.release.set()
    tab.ask("Hello")
    texts = page.locator(".answer").all_inner_texts()
    page.get_by_role("button", name="Answer again").first.click()
    tab.sees("The second half.")
    page.locator(".branches", has_text="2 / 2").wait_for()

    assert "The first half." in texts[0]
    assert "The second half." not in texts[0]
    assert "You wrote: Hello" in texts[1]


def test_an_edit_is_a_branch_and_both_stay(tab: Tab) -> None:
    """The switcher goes back, also after a reload."""
    page = tab.page
    tab.ask("One")
    page.keyboard.press("ArrowUp")
    page.get_by_label("Edit your message").fill("Two")
    page.get_by_role("button", name="Send as new branch").click()
    tab.sees("You wrote: Two")
    page.get_by_role("button", name="Previous version").click()
    tab.sees("You wrote: One")
    page.get_by_role("button", name="Next version").click()
    page.get_by_role("button", name="Previous version").click()
    page.locator(".branches", has_text="1 / 2").wait_for()
    tab.reload()
    tab.sees("You wrote: One")

    assert page.locator(".branches").inner_text() == "1 / 2"


def test_a_failed_answer_says_so_and_can_be_tried_again(tab: Tab) -> None:
    """What was written stays; the error can be copied."""
    page = tab.page
    tab.ask("Fail")
    tab.sees("The answer is not complete")
    shown = page.locator(".answer").inner_text()
    page.get_by_role("button", name="Try again").click()
    page.locator(".branches", has_text="2 / 2").wait_for()
    tab.sees("The answer is not complete")

    assert "It begins well," in shown
    assert "The provider failed." in shown
    assert "nothing was run twice" in shown


def test_a_failed_call_shows_what_the_model_was_told(tab: Tab) -> None:
    """In its details; the answer goes on."""
    tab.ask("Break the tool")
    tab.page.locator(".call.is-failed summary").click()
    tab.sees("Error, as the model was told")

    assert "Only select is allowed." in tab.page.locator(".call .data.bad").inner_text()


def test_an_agent_inside_a_tool_shows_all_that_it_does(tab: Tab) -> None:
    """Its calls are inside the call, and its tokens are in the sum, also after a reload."""
    page = tab.page
    tab.ask("Ask the analyst")
    tab.reload()
    page.locator(".receipt").wait_for()
    page.locator(".call.is-agent > summary").click()
    nested = page.locator(".nested")
    nested.locator(".call-name", has_text="run_query").wait_for()
    page.locator(".receipt summary").click()

    assert "Sales by region" in nested.inner_text()
    assert "5,120 tokens" in page.locator(".receipt").inner_text()
    assert page.locator(".receipt tbody td", has_text="analyst, 1").count() == 1


def test_the_page_is_ready_from_its_own_files(
    tab: Tab, record_property: Callable[[str, object], None]
) -> None:
    """Within 60 kilobytes over the network; how long it took is a property of the test."""
    found = tab.page.evaluate(
        """async () => {
          const paint = await new Promise((found) => {
            const named = (entries) => entries.find((one) => one.name === "first-contentful-paint");
            const seen = (list) => named(list.getEntries()) && found(named(list.getEntries()));
            new PerformanceObserver(seen).observe({ type: "paint", buffered: true });
          });
          const files = performance.getEntriesByType("resource")
            .filter((one) => one.name.includes("/page/"));
          const size = files.reduce((sum, one) => sum + one.encodedBodySize, 0);
          const [page] = performance.getEntriesByType("navigation");
          return { size: size + page.encodedBodySize, paint: paint.startTime };
        }"""
    )
    record_property("first_paint_milliseconds", round(found["paint"]))

    assert 30_000 < found["size"] <= 60_000


def test_an_answer_is_shown_in_a_tab_that_draws_no_frames(tab: Tab) -> None:
    """As one in the background: what waits for a frame is never done there."""
    tab.page.evaluate("() => { window.requestAnimationFrame = () => 0; }")
    tab.ask("Compare the regions")

    assert "answered" in tab.page.locator(".answer").inner_text()


def test_a_reload_in_mid_answer_shows_it_and_goes_on(tab: Tab, model: PageModel) -> None:
    """Each piece of the text once; a second tab shows the same."""
    model.release.clear()
    page = tab.page
    tab.send("Write slowly")
    tab.sees("The first half.")
    tab.reload()
    tab.sees("The first half.")
    assert page.get_by_role("button", name="Stop (Esc)").is_visible()
    model.release.set()
    tab.sees("The second half.")
    page.locator(".answer > .tools").wait_for()

    assert page.locator(".answer .prose").inner_text() == "The first half. The second half."


def test_records_give_the_same_answer_after_any_break(tab: Tab) -> None:
    """Cut at each record and read again from before it; doubles change nothing."""
    tab.ask("Compare the regions")
    same = tab.page.evaluate(TWO_STATES, run_id_of(tab))

    assert len(same) > 10
    assert all(same)


def test_a_draft_stays_with_its_conversation(tab: Tab) -> None:
    """Through a reload; an example fills the box."""
    page = tab.page
    page.get_by_role("button", name="Refund order 1187").click()
    assert page.input_value("#message") == "Refund order 1187"
    tab.reload()
    assert page.input_value("#message") == "Refund order 1187"
    page.fill("#message", "")
    tab.ask("First")
    page.fill("#message", "not sent yet")
    page.get_by_role("link", name="New conversation").first.click()
    tab.sees("Ask support")
    assert page.input_value("#message") == ""
    page.go_back()
    tab.sees("You wrote: First")

    expect(page.locator("#message")).to_have_value("not sent yet")


def test_conversations_are_found_renamed_deleted_and_brought_back(tab: Tab) -> None:
    """By words of their messages; the list shows if there are none."""
    page = tab.page
    tab.ask("A word like zebra here")
    page.get_by_label("Search conversations").fill("zebr")
    page.locator(".snippet mark").wait_for()
    page.get_by_label("Search conversations").fill("xylophone")
    tab.sees("Nothing found for “xylophone”.")
    page.get_by_label("Search conversations").fill("")
    page.get_by_role("button", name="Rename A word like zebra here").click()
    page.get_by_label("New title").fill("Animals")
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Animals").wait_for()
    page.get_by_role("button", name="Delete Animals").click()
    tab.sees("“Animals” was deleted.")
    tab.sees("Ask support")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("link", name="Animals").click()
    tab.sees("You wrote: A word like zebra here")


def test_a_message_in_a_conversation_that_went_on_elsewhere_is_kept(
    tab: Tab, browser: BrowserThread
) -> None:
    """The page says so, and shows the newest when asked."""
    tab.ask("One")
    other = browser.open()
    other.open(tab.page.url)
    other.sees("You wrote: One")
    other.ask("Two, elsewhere")
    other.context.close()
    tab.send("Two, here")
    tab.sees("This conversation was continued elsewhere. Your text is kept below.")
    assert tab.page.input_value("#message") == "Two, here"
    tab.page.get_by_role("button", name="Show the newest").click()
    tab.sees("You wrote: Two, elsewhere")
    tab.ask("Two, here")
    tab.complaints.clear()  # the browser reports each 409

    assert tab.page.locator(".bubble").all_inner_texts() == ["One", "Two, elsewhere", "Two, here"]


def test_a_tree_that_arrives_late_drops_no_message(tab: Tab) -> None:
    """A message was sent while it was on its way."""
    held: list[tuple[Route, APIResponse]] = []

    def hold_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    tab.ask("One")
    tab.page.route("**/sessions/*?limit=60", hold_first)
    tab.ask("Two")
    tab.ask("Three")
    [(route, response)] = held
    route.fulfill(response=response)
    tab.page.wait_for_timeout(300)

    assert tab.page.locator(".bubble").all_inner_texts() == ["One", "Two", "Three"]


def test_refusals_of_the_server_are_sentences(tab: Tab) -> None:
    """The text stays in the box."""
    answers = [(429, "rate_limit"), (503, "unavailable"), (429, "insufficient_quota")]
    shown: list[str] = []

    def refuse(route: Route) -> None:
        status, code = answers[len(shown)]
        body = json.dumps({"error": {"message": "No.", "code": code}})
        route.fulfill(status=status, body=body, headers={"retry-after": "7"})

    tab.page.route("**/turns", refuse)
    for _ in answers:
        tab.send("Hello")
        tab.page.get_by_role("button", name="Close").wait_for()
        shown.append(tab.page.locator(".banner span").inner_text())
        tab.page.get_by_role("button", name="Close").click()
    tab.complaints.clear()

    assert shown == [
        "Too many requests. Try again in 7 s.",
        "The server is busy. Try again in 7 s.",
        "The budget for today is spent.",
    ]
    assert tab.page.input_value("#message") == "Hello"


def test_settings_stay_in_the_browser(tab: Tab) -> None:
    """A theme that was chosen by hand is there before the first paint."""
    page = tab.page
    page.get_by_role("button", name="Settings").click()
    page.get_by_text("Dark", exact=True).click()
    page.get_by_label("Open tool calls at once").check()
    page.keyboard.press("Escape")
    tab.reload()
    tab.ask("Compare the regions")

    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 23, 21)"
    assert page.locator(".call .data").first.is_visible()


def test_an_explained_run_is_a_view_of_the_page(tab: Tab) -> None:
    """In a frame without an origin, whose own script works."""
    page = tab.page
    tab.ask("Compare the regions")
    page.get_by_role("link", name="Explain", exact=True).click()
    frame = page.frame_locator("iframe.explained")
    frame.get_by_role("heading", name="What happened").wait_for()
    frame.get_by_role("button", name="Tools").click()
    count = frame.locator("#count").inner_text()
    sandbox = page.locator("iframe.explained").get_attribute("sandbox")
    page.get_by_role("link", name="Chat", exact=True).click()
    tab.sees("Sales by region")

    assert count.startswith("1 of ")
    assert sandbox == "allow-scripts"


def test_hostile_markdown_is_text(tab: Tab, url: str) -> None:
    """No script, no foreign picture, no other scheme, while it arrives and afterwards."""
    page = tab.page
    tab.ask("Hostile")
    found: dict[str, Any] = page.evaluate(
        """() => {
          const answer = document.querySelector(".answer");
          const all = (query) => [...answer.querySelectorAll(query)];
          return {
            elements: all("script, iframe, style, object, embed, img, form").length,
            handlers: all("*").filter((one) => [...one.attributes].some(
              (attribute) => /^on|^style$/.test(attribute.name))).length,
            links: all(".prose a").map((one) => one.getAttribute("href")),
            relations: [...new Set(all(".prose a").map((one) => one.rel + one.target))],
            broken: window.broken ?? null,
            text: answer.querySelector(".prose").innerText,
          };
        }"""
    )

    assert found["elements"] == 0
    assert found["handlers"] == 0
    assert found["broken"] is None
    assert found["relations"] == ["noopener noreferrer nofollow_blank"]
    assert {link.split(":")[0] for link in found["links"]} == {"https", "mailto"}
    assert "<script>window.broken = 1</script>" in found["text"]
    assert "Image not loaded: pixel https://evil.example/pixel.png?q=secret" in found["text"]
    assert all(one.startswith(url) for one in tab.addresses)
