"""Fetch pages as a model reads them.

In:  a URL that a model wrote.
Out: a `FetchedPage`, or a `ToolError` whose message the model can act on.

The last pages are kept for some minutes, so that the rest of a long page comes from the same text
and needs no second request.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial

import anyio.to_thread

from agentkit import ToolError
from agentkit.clock import Clock, SystemClock
from agentkit.transport.guarded.guarded_client import (
    GuardedClient,
    GuardedRequestError,
    OutgoingRequest,
    RequestLimits,
)
from agentkit.transport.guarded.web_address import WebAddress, WebAddressError, parse_web_address
from agentkit_tools.web.page_text import PageText, decode_body, render_page
from agentkit_tools.web.robots import ALLOW_ALL, DENY_ALL, MAX_BYTES, Robots, parse_robots
from agentkit_tools.web.site_limits import SiteLimits

PRODUCT = "agentkit"
"""The name under which `robots.txt` addresses this program."""

_ACCEPT = "text/html,application/xhtml+xml,text/plain;q=0.9,text/markdown;q=0.9,*/*;q=0.1"
_KEPT_PAGES = 16
_KEPT_ROBOTS = 200
_KEPT_SECONDS = 600.0
_ROBOTS_LIMITS = RequestLimits(max_bytes=MAX_BYTES, seconds=10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPage:
    """A page.

    Attributes:
        url: where it came from, after redirects.
        is_cut: the page is longer than what was read of it.
    """

    url: str
    page: PageText
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSettings:
    """How pages are read.

    Attributes:
        limits: of one page with its redirects.
        respects_robots: whether a page that `robots.txt` excludes is left alone.
    """

    limits: RequestLimits = field(default_factory=RequestLimits)
    respects_robots: bool = True


class PageReader:
    """Fetches pages within the limits of each site."""

    def __init__(
        self,
        client: GuardedClient | None = None,
        *,
        settings: ReaderSettings | None = None,
        clock: Clock | None = None,
        limits: SiteLimits | None = None,
    ) -> None:
        """Take the parts that tests replace."""
        self._client = client or GuardedClient()
        self._settings = settings or ReaderSettings()
        self._clock = clock or SystemClock()
        self._sites = limits or SiteLimits(self._clock)
        self._pages: OrderedDict[str, tuple[float, FetchedPage]] = OrderedDict()
        self._robots: OrderedDict[str, tuple[float, Robots]] = OrderedDict()

    async def fetch(self, url: str) -> FetchedPage:
        """Return a page.

        Raises:
            ToolError: it cannot be had, for a reason the model can act on.
        """
        try:
            address = parse_web_address(url)
        except WebAddressError as error:
            raise ToolError(str(error)) from error
        kept = self._pages.get(address.url)
        if kept is not None and self._clock.monotonic() - kept[0] < _KEPT_SECONDS:
            return kept[1]
        try:
            page = await self._fetch(address)
        except GuardedRequestError as error:
            raise ToolError(f"{address.url} was not fetched. {error}") from error
        self._pages[address.url] = (self._clock.monotonic(), page)
        while len(self._pages) > _KEPT_PAGES:
            self._pages.popitem(last=False)
        return page

    async def _fetch(self, address: WebAddress) -> FetchedPage:
        request = OutgoingRequest(url=address.url, headers={"accept": _ACCEPT})
        async with self._sites.turn(address.host):
            response = await self._client.send(
                request, limits=self._settings.limits, before=self._check
            )
        found = response.address.url
        content_type = response.headers.get("content-type", "")
        if response.status >= 400:
            raise ToolError(
                f"{found} answered with the HTTP status {response.status}; "
                "check the URL, or look for another source."
            )
        render = partial(render_page, response.body, content_type=content_type, url=found)
        page = await anyio.to_thread.run_sync(render)
        return FetchedPage(url=found, page=page, is_cut=response.is_cut)

    async def _check(self, address: WebAddress) -> None:
        """Check the limits of a site and its `robots.txt`, before each request."""
        self._sites.count(address.host)
        if not self._settings.respects_robots:
            return
        robots = await self._robots_of(address)
        if not robots.allows(address.target):
            raise ToolError(
                f"{address.url} was not fetched: robots.txt of {address.host} excludes it. "
                "Use another source."
            )

    async def _robots_of(self, address: WebAddress) -> Robots:
        kept = self._robots.get(address.origin)
        if kept is not None and self._clock.monotonic() - kept[0] < _KEPT_SECONDS:
            return kept[1]
        response = await self._client.send(
            OutgoingRequest(url=f"{address.origin}/robots.txt"), limits=_ROBOTS_LIMITS
        )
        # RFC 9309, 2.3.1: a file that does not exist allows all, a server in trouble nothing.
        robots = ALLOW_ALL if response.status < 500 else DENY_ALL
        if response.status < 300:
            text = decode_body(response.body, content_type="text/plain; charset=utf-8")
            robots = parse_robots(text, product=PRODUCT)
        self._robots[address.origin] = (self._clock.monotonic(), robots)
        while len(self._robots) > _KEPT_ROBOTS:
            self._robots.popitem(last=False)
        return robots
