"""The routes of a service.

In:  the method and the path of a request.
Out: the function that answers it.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime

import anyio
from pydantic import BaseModel
from starlette.routing import Match, Route
from starlette.types import Scope

from agentkit.dialect.anthropic_messages.server_body import CountBody, MessagesBody
from agentkit.dialect.anthropic_messages.server_errors import (
    encode_messages_model,
    encode_messages_models,
)
from agentkit.dialect.openai_chat.server_body import ChatBody
from agentkit.dialect.openai_chat.server_errors import encode_model, encode_models
from agentkit.dialect.openai_responses.server_body import ResponsesBody
from agentkit.errors import AgentKitError
from agentkit.history import History
from agentkit.json_schema import JsonValue
from agentkit.log import Log
from agentkit.service.chat_format import CHAT_FORMAT
from agentkit.service.exchange import HttpExchange
from agentkit.service.generation import CountTokens, Generate
from agentkit.service.http_errors import ServiceError, not_found
from agentkit.service.messages_format import MESSAGES_FORMAT
from agentkit.service.native_bodies import (
    DecideBody,
    EntryBody,
    ForkBody,
    NewSessionBody,
    SayBody,
    StartRunBody,
    TitleBody,
)
from agentkit.service.openapi import Endpoint, ServiceRoute, openapi_document
from agentkit.service.page.page_files import page_routes
from agentkit.service.page.turn_routes import TurnRoutes
from agentkit.service.response_routes import ResponseRoutes
from agentkit.service.responses_format import RESPONSES_FORMAT
from agentkit.service.run_routes import RunRoutes
from agentkit.service.service_settings import MetricsSource
from agentkit.service.service_state import ServiceState
from agentkit.service.session_routes import SessionRoutes
from agentkit.store.base import StoreError
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import Toolset, fixed_tools

log: Log = Log("agentkit.service")

LIST_SECONDS = 5.0
"""How long a description of agents waits for servers of tools."""

OPEN_PATHS = frozenset({"/health", "/ready"})
"""What an orchestrator asks for without a token."""


class Routes:
    """All routes of a service."""

    def __init__(self, routes: Sequence[ServiceRoute]) -> None:
        document = ServiceRoute(
            method="GET",
            path="/openapi.json",
            endpoint=self._document,
            summary="Describe these addresses.",
        )
        self.routes: tuple[ServiceRoute, ...] = (*routes, document)
        self._patterns = [
            (Route(one.path, _unused, methods=[one.method]), one) for one in self.routes
        ]

    async def _document(self, exchange: HttpExchange) -> None:
        await exchange.send_json(openapi_document(self.routes))

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


def build_routes(state: ServiceState, *, mcp: Endpoint | None = None) -> Routes:
    """Return the routes of a service; `mcp` answers MCP clients."""
    models, runs, sessions = Models(state), RunRoutes(state), SessionRoutes(state)
    chat, messages = Generate(state, CHAT_FORMAT), Generate(state, MESSAGES_FORMAT)
    respond, stored = Generate(state, RESPONSES_FORMAT), ResponseRoutes(state)
    return Routes(
        [
            _post("/v1/chat/completions", chat, "Answer, in the OpenAI chat format.", ChatBody),
            _post("/v1/responses", respond, "Answer, in the responses format.", ResponsesBody),
            _get("/v1/responses/{response_id}", stored.get, "Return a stored response."),
            _delete("/v1/responses/{response_id}", stored.delete, "Delete a stored response."),
            _get(
                "/v1/responses/{response_id}/input_items",
                stored.items,
                "List what a stored response answers.",
            ),
            _post("/v1/messages", messages, "Answer, in the Anthropic format.", MessagesBody),
            _post("/v1/messages/count_tokens", CountTokens(state), "Count tokens.", CountBody),
            _get("/v1/models", models.list, "List the agents as models."),
            _get("/v1/models/{model:path}", models.get, "Return one agent as a model."),
            _get("/agents", models.describe, "List the agents with their tools."),
            _post("/runs", runs.start, "Start a stored run.", StartRunBody),
            _get("/runs", runs.list, "List stored runs."),
            _get("/runs/{run_id}", runs.get, "Return a run with its open calls."),
            _get("/runs/{run_id}/events", runs.events, "Stream the events of a run."),
            _post("/runs/{run_id}/decisions", runs.decide, "Decide open calls.", DecideBody),
            _post("/runs/{run_id}/cancel", runs.cancel, "Cancel a run."),
            _post("/runs/{run_id}/retry", runs.retry, "Let a run go on that failed."),
            _post("/sessions", sessions.create, "Create a conversation.", NewSessionBody),
            _get("/sessions", sessions.list, "List conversations."),
            _get("/sessions/search", sessions.search, "Search in conversations."),
            _get("/sessions/{session_id}", sessions.get, "Return a conversation."),
            ServiceRoute(
                method="PATCH",
                path="/sessions/{session_id}",
                endpoint=sessions.rename,
                summary="Change the title.",
                body=TitleBody,
            ),
            _delete("/sessions/{session_id}", sessions.delete, "Delete a conversation."),
            _get("/sessions/{session_id}/tree", sessions.tree, "Return all branches."),
            _post("/sessions/{session_id}/messages", sessions.say, "Say something.", SayBody),
            _post("/sessions/{session_id}/select", sessions.select, "Go to a branch.", EntryBody),
            _post("/sessions/{session_id}/fork", sessions.fork, "Fork a conversation.", ForkBody),
            *TurnRoutes(state).routes(),
            *(page_routes() if state.settings.has_page else []),
            *_mcp_routes(mcp),
            *([] if state.settings.metrics is None else [_metrics(state, state.settings.metrics)]),
            _get("/health", _health, "Return whether the process lives."),
            _get("/ready", models.ready, "Return whether new requests are taken."),
        ]
    )


def _get(path: str, endpoint: Endpoint, summary: str) -> ServiceRoute:
    return ServiceRoute(
        method="GET", path=path, endpoint=endpoint, summary=summary, is_open=path in OPEN_PATHS
    )


def _mcp_routes(mcp: Endpoint | None) -> list[ServiceRoute]:
    if mcp is None:
        return []
    return [
        _post("/mcp", mcp, "Answer an MCP client."),
        _get("/mcp", mcp, "Stream notifications to an MCP client."),
        _delete("/mcp", mcp, "End the session of an MCP client."),
    ]


def _delete(path: str, endpoint: Endpoint, summary: str) -> ServiceRoute:
    return ServiceRoute(method="DELETE", path=path, endpoint=endpoint, summary=summary)


def _post(
    path: str, endpoint: Endpoint, summary: str, body: type[BaseModel] | None = None
) -> ServiceRoute:
    return ServiceRoute(method="POST", path=path, endpoint=endpoint, summary=summary, body=body)


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

    async def describe(self, exchange: HttpExchange) -> None:
        """List the agents that the caller may use, for people."""
        found: list[JsonValue] = []
        for name in self._state.names_for(exchange.caller):
            served = self._state.agents[name]
            agent, examples = served.agent, list[JsonValue](served.examples)
            listed = await _listed_tools(agent.toolset)
            tools: list[JsonValue] = [
                {
                    "name": tool.name,
                    "title": tool.title,
                    "description": tool.description,
                    "annotations": asdict(tool.annotations),
                    "input_schema": dict(tool.input_schema),
                }
                for tool in listed
            ]
            found.append(
                {
                    "name": name,
                    "model": agent.model.name,
                    "description": served.description,
                    "examples": examples,
                    "tools": tools,
                }
            )
        await exchange.send_json({"agents": found})

    async def ready(self, exchange: HttpExchange) -> None:
        """Return whether new requests are taken."""
        if self._state.is_stopping:
            await exchange.send_json({"status": "stopping"}, status=503)
        else:
            await exchange.send_json({"status": "ready"})


async def _listed_tools(toolset: Toolset) -> Sequence[Tool]:
    """Return all tools of an agent; only those that are fixed while a server of tools is away."""
    try:
        with anyio.fail_after(LIST_SECONDS):
            return await toolset.list_tools(History())
    except (AgentKitError, TimeoutError) as error:
        log.warning("tools_not_listed", error=type(error).__name__)
        return tuple(fixed_tools(toolset))


def _is_messages(exchange: HttpExchange) -> bool:
    """Return whether the client speaks the Anthropic format, which always sends its version."""
    return "anthropic-version" in exchange.headers


def _metrics(state: ServiceState, source: MetricsSource) -> ServiceRoute:
    async def send(exchange: HttpExchange) -> None:
        with suppress(StoreError):  # the queue is as it was; the errors of the database are counted
            source.set_queue(await state.require_runs().queue())
        await exchange.send_content(*source.render())

    return _get("/metrics", send, "Return metrics, in the form of Prometheus.")


async def _health(exchange: HttpExchange) -> None:
    await exchange.send_json({"status": "ok"})


async def _unused(request: object) -> None:  # noqa: ARG001  # Starlette's form
    """Stand for an endpoint, since only the patterns of Starlette's routes are used."""
    raise AssertionError
