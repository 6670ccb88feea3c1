"""The routes of a service.

In:  the method and the path of a request.
Out: the function that answers it.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from starlette.routing import Match, Route
from starlette.types import Scope

from agentkit.dialect.anthropic_messages.server_errors import (
    encode_messages_model,
    encode_messages_models,
)
from agentkit.dialect.openai_chat.server_errors import encode_model, encode_models
from agentkit.service.chat_format import CHAT_FORMAT
from agentkit.service.exchange import HttpExchange
from agentkit.service.generation import CountTokens, Generate
from agentkit.service.http_errors import ServiceError, not_found
from agentkit.service.messages_format import MESSAGES_FORMAT
from agentkit.service.service_state import ServiceState
from agentkit.value import dataclass

Endpoint: TypeAlias = Callable[[HttpExchange], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRoute:
    """One path with one method.

    Attributes:
        summary: what it does, for the OpenAPI document.
        is_open: it needs no token.
    """

    method: str
    path: str
    endpoint: Endpoint
    summary: str
    is_open: bool = False


class Routes:
    """All routes of a service."""

    def __init__(self, routes: Sequence[ServiceRoute]) -> None:
        self.routes: tuple[ServiceRoute, ...] = tuple(routes)
        self._patterns = [
            (Route(one.path, _unused, methods=[one.method]), one) for one in self.routes
        ]

    def find(self, scope: Scope) -> ServiceRoute:
        """Return the route of a request, and put the variable parts of its path into `scope`.

        Raises:
            ServiceError: there is none.
        """
        allowed: set[str] = set()
        for pattern, route in self._patterns:
            match, found = pattern.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                return route
            if match is Match.PARTIAL:
                allowed.add(route.method)
        if allowed:
            raise ServiceError(
                f"The method {scope['method']} is not allowed here.",
                status=405,
                code="method_not_allowed",
                headers={"allow": ", ".join(sorted(allowed))},
            )
        raise not_found("such address")


def build_routes(state: ServiceState) -> Routes:
    """Return the routes of a service."""
    models = Models(state)
    return Routes(
        [
            ServiceRoute(
                method="POST",
                path="/v1/chat/completions",
                endpoint=Generate(state, CHAT_FORMAT),
                summary="ServedAnswer a conversation, in the OpenAI chat format.",
            ),
            ServiceRoute(
                method="POST",
                path="/v1/messages",
                endpoint=Generate(state, MESSAGES_FORMAT),
                summary="ServedAnswer a conversation, in the Anthropic messages format.",
            ),
            ServiceRoute(
                method="POST",
                path="/v1/messages/count_tokens",
                endpoint=CountTokens(state),
                summary="Count the tokens of a conversation.",
            ),
            ServiceRoute(
                method="GET",
                path="/v1/models",
                endpoint=models.list,
                summary="List the agents as models.",
            ),
            ServiceRoute(
                method="GET",
                path="/v1/models/{model:path}",
                endpoint=models.get,
                summary="Return one agent as a model.",
            ),
            ServiceRoute(
                method="GET",
                path="/health",
                endpoint=_health,
                summary="Return whether the process lives.",
                is_open=True,
            ),
            ServiceRoute(
                method="GET",
                path="/ready",
                endpoint=models.ready,
                summary="Return whether new requests are taken.",
                is_open=True,
            ),
        ]
    )


class Models:
    """The agents as models, in the format of the client."""

    def __init__(self, state: ServiceState) -> None:
        self._state = state

    async def list(self, exchange: HttpExchange) -> None:
        """List the agents that the caller may use."""
        names, created = self._state.names_for(exchange.caller), self._state.created
        if _is_messages(exchange):
            moment = datetime.fromtimestamp(created, UTC)
            await exchange.send_json(encode_messages_models(names, created=moment))
        else:
            await exchange.send_json(encode_models(names, created=created))

    async def get(self, exchange: HttpExchange) -> None:
        """Return one agent."""
        name, created = exchange.path_params["model"], self._state.created
        self._state.find_agent(name, exchange.caller)
        if _is_messages(exchange):
            moment = datetime.fromtimestamp(created, UTC)
            await exchange.send_json(encode_messages_model(name, created=moment))
        else:
            await exchange.send_json(encode_model(name, created=created))

    async def ready(self, exchange: HttpExchange) -> None:
        """Return whether new requests are taken."""
        if self._state.is_stopping:
            await exchange.send_json({"status": "stopping"}, status=503)
        else:
            await exchange.send_json({"status": "ready"})


def _is_messages(exchange: HttpExchange) -> bool:
    """Return whether the client speaks the Anthropic format, which always sends its version."""
    return "anthropic-version" in exchange.headers


async def _health(exchange: HttpExchange) -> None:
    await exchange.send_json({"status": "ok"})


async def _unused(request: object) -> None:  # noqa: ARG001  # Starlette's form
    """Stand for an endpoint, since only the patterns of Starlette's routes are used."""
    raise AssertionError
