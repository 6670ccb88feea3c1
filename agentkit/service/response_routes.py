"""Routes about stored answers in the OpenAI responses format.

In:  requests of a tenant.
Out: answers of this tenant, and what they answer.
"""

from agentkit.dialect.openai_responses.server_response import encode_deleted, encode_item_list
from agentkit.json_schema import JsonValue
from agentkit.service.exchange import HttpExchange
from agentkit.service.http_errors import ServiceError
from agentkit.service.service_state import ServiceState
from agentkit.service.stored_responses import StoredResponses

MAX_PAGE = 100


class ResponseRoutes:
    """The stored answers of one service."""

    def __init__(self, state: ServiceState) -> None:
        self._state = state

    async def get(self, exchange: HttpExchange) -> None:
        """Return an answer as it was sent."""
        if exchange.query("stream") in ("true", "1"):
            raise ServiceError(
                "A stored response is returned complete.", code="unsupported_value", param="stream"
            )
        await exchange.send_json(await self._stored().get(_name(exchange), exchange.caller))

    async def delete(self, exchange: HttpExchange) -> None:
        """Delete an answer."""
        name = _name(exchange)
        await self._stored().delete(name, exchange.caller)
        await exchange.send_json(encode_deleted(name))

    async def items(self, exchange: HttpExchange) -> None:
        """List what an answer answers, the last item first unless `order=asc`."""
        items = await self._stored().items(_name(exchange), exchange.caller)
        order = exchange.query("order") or "desc"
        if order not in ("asc", "desc"):
            raise ServiceError("order is asc or desc.", param="order")
        if order == "desc":
            items.reverse()
        limit = exchange.query("limit") or "20"
        if not limit.isascii() or not limit.isdecimal() or not 1 <= int(limit) <= MAX_PAGE:
            raise ServiceError(f"limit is a number from 1 to {MAX_PAGE}.", param="limit")
        start = _place_after(items, exchange.query("after"))
        page = items[start : start + int(limit)]
        has_more = len(items) > start + int(limit)
        await exchange.send_json(encode_item_list(page, has_more=has_more))

    def _stored(self) -> StoredResponses:
        return self._state.require_responses()


def _name(exchange: HttpExchange) -> str:
    return exchange.path_params["response_id"]


def _place_after(items: list[JsonValue], after: str | None) -> int:
    """Return the place of the first item of a page.

    Raises:
        ServiceError: no item has the id `after`.
    """
    if after is None:
        return 0
    for place, item in enumerate(items):
        if isinstance(item, dict) and item.get("id") == after:
            return place + 1
    raise ServiceError(f"There is no item {after[:200]!r}.", param="after")
