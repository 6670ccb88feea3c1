"""Search the web through a service that the user chose.

In:  `searxng:URL`, `brave:VARIABLE` or `tavily:VARIABLE`; a query.
Out: `WebHit`s, or a `ToolError`.

A key is named by its variable and read when a search is made. It is sent to the provider's own
address only, and is in no text that a model sees.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from agentkit import ConfigError, ToolError
from agentkit.config.load import expand_variables
from agentkit.transport.guarded.guarded_client import (
    GuardedClient,
    GuardedRequestError,
    OutgoingRequest,
    RequestLimits,
)
from agentkit.transport.guarded.guarded_connection import GuardedBackend
from agentkit.transport.guarded.web_address import WebAddressError, parse_web_address

_LIMITS = RequestLimits(max_bytes=2_000_000, seconds=20.0, max_redirects=0)
_MAX_SNIPPET = 400
_MAX_QUERY = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class WebHit:
    """One result; all of it is third-party text."""

    title: str
    url: str
    snippet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchProvider:
    """A service that searches.

    Attributes:
        name: for messages.
        request: makes the request for a query and a number of results.
        hits: finds the results in the decoded answer.
    """

    name: str
    client: GuardedClient
    request: Callable[[str, int], OutgoingRequest]
    hits: Callable[[Mapping[str, Any]], Sequence[WebHit]]

    async def search(self, query: str, *, count: int) -> Sequence[WebHit]:
        """Return up to `count` results.

        Raises:
            ToolError: the provider does not answer, or not with results.
        """
        try:
            request = self.request(query[:_MAX_QUERY], count)
            response = await self.client.send(request, limits=_LIMITS)
        except (GuardedRequestError, ConfigError) as error:
            raise ToolError(f"The search at {self.name} failed. {error}") from error
        if response.status != 200:
            raise ToolError(
                f"The search at {self.name} failed with the HTTP status {response.status}"
                f"{_ADVICE.get(response.status, '')}."
            )
        try:
            content: Any = json.loads(response.body)
            hits = self.hits(content)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise ToolError(f"The answer of {self.name} is not the JSON it documents.") from error
        return list(hits)[:count]


_ADVICE = {
    401: ": its key is not valid",
    403: ": it does not permit this; SearXNG must allow the format json in its settings",
    429: ": too many searches; wait a minute",
}


def open_search(setting: str) -> SearchProvider:
    """Return the provider that a setting names.

    Raises:
        ConfigError: the setting has another form.
    """
    kind, _, value = setting.partition(":")
    if kind not in _PROVIDERS or not value:
        raise ConfigError(
            f"{setting!r} names no search provider; write searxng:URL, or brave:VARIABLE or "
            "tavily:VARIABLE with the environment variable that holds the key."
        )
    return _PROVIDERS[kind](value)


def _searxng(base_url: str) -> SearchProvider:
    """Return the provider at a URL; https://docs.searxng.org/dev/search_api."""
    try:
        address = parse_web_address(base_url)
    except WebAddressError as error:
        raise ConfigError(f"The URL of SearXNG cannot be used: {error}") from error
    # Most instances are on the user's own machine or network. The user named it, not a model.
    backend = GuardedBackend(private_hosts=[(address.host, address.port)])
    start = address.origin + address.target.partition("?")[0].rstrip("/")

    def request(query: str, _: int) -> OutgoingRequest:
        words = urlencode({"q": query, "format": "json"})
        return OutgoingRequest(url=f"{start}/search?{words}")

    return SearchProvider(
        name="SearXNG",
        client=GuardedClient(backend),
        request=request,
        hits=lambda content: _read(content["results"], snippet="content"),
    )


def _brave(variable: str) -> SearchProvider:
    """Return Brave's search; https://api-dashboard.search.brave.com/app/documentation."""

    def request(query: str, count: int) -> OutgoingRequest:
        words = urlencode({"q": query, "count": count})
        return OutgoingRequest(
            url=f"https://api.search.brave.com/res/v1/web/search?{words}",
            headers={"accept": "application/json", "x-subscription-token": _key(variable)},
        )

    return SearchProvider(
        name="Brave",
        client=GuardedClient(),
        request=request,
        # Without any result, the answer has no `web`.
        hits=lambda content: _read(
            content.get("web", {}).get("results", []), snippet="description"
        ),
    )


def _tavily(variable: str) -> SearchProvider:
    """Return Tavily's search; https://docs.tavily.com/documentation/api-reference."""

    def request(query: str, count: int) -> OutgoingRequest:
        return OutgoingRequest(
            method="POST",
            url="https://api.tavily.com/search",
            headers={
                "authorization": f"Bearer {_key(variable)}",
                "content-type": "application/json",
            },
            content=json.dumps({"query": query, "max_results": count}).encode(),
        )

    return SearchProvider(
        name="Tavily",
        client=GuardedClient(),
        request=request,
        hits=lambda content: _read(content["results"], snippet="content"),
    )


_PROVIDERS = {"searxng": _searxng, "brave": _brave, "tavily": _tavily}


def _key(variable: str) -> str:
    return expand_variables(f"${{{variable}}}")


def _read(results: Sequence[Mapping[str, Any]], *, snippet: str) -> list[WebHit]:
    return [
        WebHit(
            title=_line(one.get("title")),
            url=_line(one.get("url")),
            snippet=_line(one.get(snippet))[:_MAX_SNIPPET],
        )
        for one in results
        if one.get("url")
    ]


def _line(value: object) -> str:
    return " ".join(str(value or "").split())
