"""Routes of the chat page: begin a turn, bring a conversation back, explain a run.

In:  requests of a tenant.
Out: a stored run for each turn, whose events are at `/runs/ID/events`.
"""

from functools import partial
from typing import Annotated, ClassVar

import anyio
from pydantic import BaseModel, ConfigDict, Field

from agentkit.dialect.received_request import validate_body
from agentkit.durable.new_run import make_run_id
from agentkit.service.exchange import HttpExchange
from agentkit.service.http_errors import ServiceError, not_found
from agentkit.service.native_bodies import MAX_NAME, MAX_TEXT, ChosenName
from agentkit.service.openapi import ServiceRoute
from agentkit.service.page.turns import NewTurn
from agentkit.service.run_routes import require_no_money_limit
from agentkit.service.service_state import ServiceState
from agentkit.service.session_routes import entry_value, session_value
from agentkit.service.tenant_names import find_named, new_name
from agentkit.telemetry.explain import explain
from agentkit.telemetry.explain.html_view import html_view

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]


class NewTurnBody(BaseModel):
    """What the user says, and where; `run_id` is the idempotency key.

    `after` is the last message that the user has seen, `replaces` a message that the turn becomes
    another branch of; without `prompt` that one is sent again.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    prompt: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)] | None = None
    after: Name | None = None
    replaces: Name | None = None
    run_id: ChosenName | None = None


class TurnRoutes:
    """The turns of one service."""

    def __init__(self, state: ServiceState) -> None:
        self._state = state

    def routes(self) -> list[ServiceRoute]:
        """Return the routes."""
        return [
            ServiceRoute(
                method="POST",
                path="/sessions/{session_id}/turns",
                endpoint=self.start,
                summary="Start a stored run that answers a message.",
                body=NewTurnBody,
            ),
            ServiceRoute(
                method="POST",
                path="/sessions/{session_id}/restore",
                endpoint=self.restore,
                summary="Bring back a conversation that was deleted.",
            ),
            ServiceRoute(
                method="GET",
                path="/runs/{run_id}/explain",
                endpoint=self.explain,
                summary="Explain a stored run, as HTML.",
            ),
        ]

    async def start(self, exchange: HttpExchange) -> None:
        """Store a message, and start the run that answers it."""
        state, caller = self._state, exchange.caller
        state.require_running()
        require_no_money_limit(exchange)
        exchange.extra_headers.update(state.limits.take_request(caller))
        _, values = await exchange.read_json(state.settings.max_body_bytes)
        body: NewTurnBody = validate_body(NewTurnBody, values)
        if body.replaces is None and body.prompt is None:
            raise ServiceError("A turn needs a prompt.", param="prompt")
        turns = state.require_turns()
        tenant, runs = caller.tenant, state.require_runs()
        name = exchange.path_params["session_id"]
        session = await find_named(name, tenant, partial(turns.open, tenant=tenant))
        state.find_agent(session.info.agent, caller)
        turn = NewTurn(
            prompt=body.prompt,
            replaces=body.replaces,
            after=body.after,
            run_id=await new_name(body.run_id, tenant, partial(runs.get, tenant=tenant))
            or make_run_id(),
        )
        entry = await turns.start(session.info, turn)
        await session.refresh()
        await exchange.send_json(
            {
                "session": session_value(session.info),
                "entry": entry_value(entry),
                "run_id": turn.run_id,
            },
            status=201,
        )

    async def restore(self, exchange: HttpExchange) -> None:
        """Bring back a conversation that was deleted a short time ago."""
        sessions, tenant = self._state.sessions, exchange.caller.tenant
        if sessions is None:
            raise ServiceError("The service is not open yet.", status=503)
        name = exchange.path_params["session_id"]
        session = await find_named(name, tenant, partial(sessions.restore, tenant=tenant))
        if not exchange.caller.may_use(session.info.agent):
            await session.delete()
            raise not_found(f"session {name!r}")
        await exchange.send_json(session_value(session.info))

    async def explain(self, exchange: HttpExchange) -> None:
        """Return what happened in a run, as one document without anything from elsewhere."""
        runs, tenant = self._state.require_runs(), exchange.caller.tenant
        name = exchange.path_params["run_id"]
        info = await find_named(name, tenant, partial(runs.get, tenant=tenant))
        if not exchange.caller.may_use(info.agent):
            raise not_found(f"run {name!r}")
        records = [one async for one in runs.events(info.id, tenant=tenant, follow=False)]
        if not records:
            raise not_found(f"event of the run {info.id!r}")

        def render() -> bytes:
            return html_view(explain(records, run_id=info.id)).encode()

        # Seconds for a long run: other requests go on meanwhile.
        content = await anyio.to_thread.run_sync(render)
        headers = {"content-security-policy": "sandbox allow-scripts; frame-ancestors 'self'"}
        await exchange.send_content(content, "text/html; charset=utf-8", headers=headers)
