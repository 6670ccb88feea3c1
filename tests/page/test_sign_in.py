"""The page of a service that asks for a token."""

from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import anyio
import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from agentkit.service import TokenLimits, Tokens
from agentkit.service.access_tokens import FileTokens
from agentkit.service.uvicorn_server import open_port
from tests.page.browser import Tab
from tests.page.conftest import served
from tests.page.page_model import PageModel

T = TypeVar("T")


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """Return the tokens of the service."""
    folder: Path = tmp_path_factory.mktemp("tokens")
    return Tokens(FileTokens(folder / "tokens.toml"))


@pytest.fixture(scope="module")
def token(tokens: Tokens) -> str:
    """Return a token that is valid."""
    return anyio.run(lambda: tokens.add(tenant="acme"))


@pytest.fixture(scope="module")
def url(model: PageModel, tokens: Tokens, token: str) -> Iterator[str]:
    """Serve the page for those who have a token."""
    assert token
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_port(served(model, auth=tokens), port=0)) as running,
    ):
        yield f"{running.url}/"


def elsewhere(work: Callable[[], Awaitable[T]]) -> T:
    """Do something in another thread than the browser's, which has an event loop already."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(anyio.run, work).result()


def test_the_page_asks_for_a_token_and_keeps_it_in_its_tab(tab: Tab, token: str, axe: Path) -> None:
    """A wrong one is refused with a sentence; it is in no address and in no lasting storage."""
    page = tab.page
    tab.sees("This server asks for a token.")
    page.get_by_label("Token").fill("ak_wrong")
    page.keyboard.press("Enter")
    tab.sees("This token is not valid, or it has expired.")
    assert tab.violations(axe) == []
    page.get_by_label("Token").fill(token)
    page.keyboard.press("Enter")
    page.wait_for_selector("#message")
    tab.ask("Hello")
    tab.reload()
    tab.sees("You wrote: Hello")
    tab.complaints.clear()  # the browser reports each 401

    assert not any(token in address for address in tab.addresses)
    assert page.evaluate("JSON.stringify(localStorage)").count(token) == 0
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("sessionStorage.getItem('agentkit.token')") == token
    page.get_by_role("link", name="Explain", exact=True).click()
    frame = page.frame_locator("iframe.explained")
    frame.get_by_role("heading", name="What happened").wait_for()


def test_a_token_that_is_revoked_is_asked_for_again(tab: Tab, tokens: Tokens) -> None:
    """At the next thing that the page asks for."""
    page = tab.page
    second = elsewhere(lambda: tokens.add(tenant="globex"))
    page.get_by_label("Token").fill(second)
    page.keyboard.press("Enter")
    page.wait_for_selector("#message")
    assert page.locator(".list a").count() == 0  # those of acme are not there
    [found] = [one for one in elsewhere(tokens.list) if one.tenant == "globex"]
    elsewhere(lambda: tokens.revoke(found.id))
    tab.send("Hello")
    tab.sees("This token is not valid, or it has expired.")
    tab.complaints.clear()


def test_a_token_with_a_limit_of_money_reads_and_decides(
    tab: Tab, url: str, tokens: Tokens
) -> None:
    """A message is refused with a sentence; so is a decision once the money is used up."""
    page = tab.page
    limits = TokenLimits(cost_usd_per_day=Decimal("0.002"), cost_usd_per_request=Decimal("0.002"))
    token = elsewhere(lambda: tokens.add(tenant="initech", limits=limits))
    with httpx.Client(
        base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=30
    ) as client:
        chat = client.post("/sessions", json={"agent": "support"}).json()
        said = client.post(f"/sessions/{chat['id']}/messages", json={"prompt": "Refund order 1187"})
    page.get_by_label("Token").fill(token)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Refund order 1187").click()
    page.locator(".approval").wait_for()
    page.wait_for_timeout(400)  # the first moments of a card count for nothing
    page.locator(".approval").get_by_role("button", name="Approve").click()
    tab.sees("The budget for today is spent.")
    tab.send("Hello")
    tab.sees("This token has a limit of money, which does not cover stored runs.")
    tab.complaints.clear()  # the browser reports each refusal

    assert said.status_code == 200
    assert page.locator(".approval").get_by_role("button", name="Approve").is_enabled()
    assert page.input_value("#message") == "Hello"
