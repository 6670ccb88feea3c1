"""A service: agents over HTTP, in the formats that clients of model providers use.

In:  agents by name, who may use them, where conversations are kept.
Out: `Service`, an ASGI application, to be served or mounted.

There is no middleware between a route and the server: those that buffer a response hide that the
client has left, and its run would go on.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Protocol, Unpack, cast

import anyio
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from agentkit.agent.agent import Agent
from agentkit.clock import Clock, SystemClock
from agentkit.durable import RunInfo, open_runs
from agentkit.errors import ConfigError
from agentkit.exception_groups import ungrouped
from agentkit.lazy_import import load_object
from agentkit.log import add_log_facts, restore_log_facts
from agentkit.service.access_tokens import Authenticator, StoredTokens, Tokens
from agentkit.service.chat_format import CHAT_FORMAT
from agentkit.service.exchange import HttpExchange
from agentkit.service.http_errors import ServiceError, as_service_error
from agentkit.service.messages_format import MESSAGES_FORMAT
from agentkit.service.openapi import ServiceRoute
from agentkit.service.origin_check import OriginCheck
from agentkit.service.page.turns import StoredTurns
from agentkit.service.routes import build_routes
from agentkit.service.served import Caller, ServedAgent, as_served
from agentkit.service.service_settings import ServiceOptions, read_service_options
from agentkit.service.service_state import ServiceState
from agentkit.service.spending import CHARGE_SECONDS, Spending, StoredLedger
from agentkit.service.stored_responses import StoredResponses
from agentkit.session import Sessions
from agentkit.store.open_store import open_store
from agentkit.telemetry.request_context import request_context


class MountedMcp(Protocol):
    """Answers MCP clients while it is open."""

    def open(self) -> AbstractAsyncContextManager[None]:
        """Return the context in which it is open."""

    async def __call__(self, exchange: HttpExchange) -> None:
        """Answer one request."""


class DatabaseTokens:
    """Stands for the tokens in the service's own database; see `build_service`."""


class Service:
    """Agents over HTTP; an ASGI application.

    Under a server that speaks ASGI's lifespan it opens its agents and its database itself. Mounted
    in another application, it is opened by that: `async with service.open(): …` in its lifespan.

    Attributes:
        state: what its routes share.
    """

    def __init__(
        self,
        state: ServiceState,
        *,
        database: str | None,
        reads_tokens: bool,
        mcp: MountedMcp | None = None,
    ) -> None:
        """Use `build_service`."""
        self.state = state
        self._database = database
        self._reads_tokens = reads_tokens
        self._mcp = mcp
        self._routes = build_routes(state, mcp=mcp)
        self._check = OriginCheck(
            hosts=state.settings.allowed_hosts, origins=state.settings.allowed_origins
        )
        self._is_open = False

    @property
    def database(self) -> str | None:
        """Return the address of the database; None for memory."""
        return self._database

    @property
    def routes(self) -> Sequence[ServiceRoute]:
        """Return what is served."""
        return self._routes.routes

    @property
    def has_tokens(self) -> bool:
        """Return whether clients need a token."""
        return self.state.auth is not None or self._reads_tokens

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open the agents and the database while the context is open.

        Raises:
            ConfigError: the service is open already, or the database cannot be used.
            StoreError: the database cannot be reached.
        """
        if self._is_open:
            raise ConfigError("The service is open already.")
        state = self.state
        with ungrouped():
            async with AsyncExitStack() as stack:
                for agent in {id(one.agent): one.agent for one in state.agents.values()}.values():
                    if agent.is_open:
                        continue
                    await stack.enter_async_context(agent)
                await self._open_database(stack)
                if self._mcp is not None:
                    await stack.enter_async_context(self._mcp.open())
                state.refresh_agents()
                if state.settings.metrics is not None:
                    state.settings.metrics.watch_agents(one.agent for one in state.agents.values())
                self._is_open = True
                try:
                    yield
                finally:
                    self._is_open = False
                    state.sessions = state.runs = state.responses = state.turns = None
                    state.watch = None

    async def _open_database(self, stack: AsyncExitStack) -> None:
        """Open the database, or a temporary one that is gone with the service."""
        state, url = self.state, self._database
        if url is None:
            folder = await stack.enter_async_context(
                anyio.TemporaryDirectory(prefix="agentkit-service-")
            )
            url = f"sqlite:{folder}/service.db"
        store = await stack.enter_async_context(open_store(url))
        state.sessions = Sessions(store)
        state.responses = StoredResponses(store, state.sessions, clock=state.clock)
        state.spending = Spending(StoredLedger(store), clock=state.clock)
        if self._reads_tokens:
            state.auth = Tokens(StoredTokens(store), clock=state.clock)
        state.runs = await stack.enter_async_context(
            open_runs(
                url,
                agents={name: one.agent for name, one in state.agents.items()},
                deps=self._deps_of,
                text_deltas=True,
            )
        )
        state.turns = StoredTurns(store, state.runs, clock=state.clock)
        state.watch = state.runs.new_watch()
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        tasks.start_soon(state.watch.run)
        tasks.start_soon(state.spending.run)
        stack.push_async_callback(_flush, state.spending)
        await stack.enter_async_context(state.turns.watching())

    async def _deps_of(self, info: RunInfo) -> Any:
        """Return the deps of a stored run."""
        return await self.state.agents[info.agent].deps_for(Caller(tenant=info.tenant))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection, as ASGI has it."""
        match scope["type"]:
            case "http":
                await self._handle(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await send({"type": "websocket.close", "code": 1000})
            case _:
                pass

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = HttpExchange(
            scope, receive, send, caller=Caller(), request_id=f"req_{secrets.token_hex(12)}"
        )
        before = add_log_facts({"request_id": exchange.request_id})
        try:
            route = self._routes.find(scope)
            exchange.caller = await self._admit(exchange, is_open=route.is_open)
            with request_context(exchange.headers):
                await route.endpoint(exchange)
        except Exception as error:  # each becomes a response in the format of the route
            if not exchange.is_started:
                await self._send_error(exchange, as_service_error(error))
            elif not isinstance(error, ServiceError):
                raise
        finally:
            restore_log_facts(before)

    async def _admit(self, exchange: HttpExchange, *, is_open: bool) -> Caller:
        """Return who sends a request.

        Raises:
            ServiceError: the `Host`, the `Origin` or the token is not allowed.
        """
        auth = self.state.auth
        self._check.check(exchange.headers, has_tokens=self.has_tokens)
        if is_open or not self.has_tokens:
            return Caller()
        if auth is None:
            raise ServiceError("The service is not open yet.", status=503)
        found = await auth.find(read_token(exchange.headers))
        if found is None:
            raise ServiceError(
                "The token is missing or not valid; send it as 'Authorization: Bearer …'.",
                status=401,
                code="invalid_api_key",
                headers={"www-authenticate": 'Bearer realm="agentkit"'},
            )
        return found

    async def _send_error(self, exchange: HttpExchange, error: ServiceError) -> None:
        if error.status == 499:  # the client left; no one reads an answer
            return
        is_messages = (
            "/v1/messages" in exchange.scope["path"] or "anthropic-version" in exchange.headers
        )
        form = MESSAGES_FORMAT if is_messages else CHAT_FORMAT
        await exchange.send_json(form.error(error), status=error.status, headers=error.headers)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Open with the server, and close with it."""
        await receive()
        try:
            async with self.open():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:  # reported to the server, which ends with it
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})


async def _flush(spending: Spending) -> None:
    """Write what is not written yet, also if the service is cancelled."""
    with anyio.move_on_after(CHARGE_SECONDS, shield=True):
        await spending.flush()


def build_service(
    agents: Mapping[str, Agent[Any, Any] | ServedAgent],
    *,
    database: str | None = None,
    auth: Authenticator | type[DatabaseTokens] | None = None,
    clock: Clock | None = None,
    **options: Unpack[ServiceOptions],
) -> Service:
    """Build a service; nothing is opened or sent.

    Args:
        agents: by the name that clients use as the model.
        database: `sqlite:FILE` or `postgresql://…`, for conversations, money and tokens; without
            one they are in memory, and gone with the process.
        auth: who may use it, e.g. `Tokens.from_file(…)`, or `DatabaseTokens` for those in the
            database. Without tokens, only clients on this machine are served.
        clock: where time comes from.
        options: see `ServiceOptions`.

    Raises:
        ConfigError: there is no agent, one lacks deps, or an allowed name is not well formed.
        MissingExtraError: the extra of an option is not installed.
    """
    clock = clock or SystemClock()
    reads_tokens = isinstance(auth, type)
    if reads_tokens and database is None:
        raise ConfigError("Tokens in the database need a database; give database='sqlite:…'.")
    state = ServiceState(
        as_served(agents),
        settings=read_service_options(options),
        auth=None if isinstance(auth, type) else auth,
        clock=clock,
    )
    mcp: MountedMcp | None = None
    if state.settings.mcp:
        build = load_object("agentkit.service.mcp_route:McpRoute", extra="mcp")
        mcp = cast(Callable[[ServiceState], MountedMcp], build)(state)
    return Service(state, database=database, reads_tokens=reads_tokens, mcp=mcp)


def read_token(headers: Headers) -> str:
    """Return the token of a request, as clients of OpenAI or of Anthropic send it; "" for none."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer":
        return given.strip()
    return headers.get("x-api-key", "")
