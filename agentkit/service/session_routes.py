"""Routes about stored conversations: talk, edit, retry, fork, search.

In:  requests of a tenant.
Out: conversations of this tenant as JSON, the events of a turn as a stream.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from agentkit.agent.result import RunResult
from agentkit.agent.stream import AgentStream
from agentkit.dialect.received_request import validate_body
from agentkit.event import EventRecord
from agentkit.json_schema import JsonValue
from agentkit.message import ToolCall
from agentkit.service.exchange import HttpExchange
from agentkit.service.http_errors import ServiceError, not_found
from agentkit.service.native_bodies import (
    EntryBody,
    ForkBody,
    NewSessionBody,
    SayBody,
    TitleBody,
    read_decisions,
)
from agentkit.service.native_stream import EventSender
from agentkit.service.page.path_pages import PathPage
from agentkit.service.run_routes import moment, page_size
from agentkit.service.service_state import ServiceState
from agentkit.service.spending import Reservation
from agentkit.service.tenant_names import find_named, new_name, shown_name
from agentkit.session import (
    Session,
    SessionConflictError,
    SessionEntry,
    SessionInfo,
    Sessions,
)
from agentkit.session.message_codec import message_value

MAX_ATTEMPTS = 5


class SessionRoutes:
    """The stored conversations of one service."""

    def __init__(self, state: ServiceState) -> None:
        self._state = state

    async def create(self, exchange: HttpExchange) -> None:
        """Create an empty conversation."""
        body: NewSessionBody = await self._read(exchange, NewSessionBody)
        self._state.find_agent(body.agent, exchange.caller)
        sessions, tenant = self._sessions(), exchange.caller.tenant
        session = await sessions.create(
            agent=body.agent,
            tenant=tenant,
            title=body.title,
            session_id=await new_name(
                body.session_id, tenant, partial(sessions.get, tenant=tenant)
            ),
        )
        await exchange.send_json(session_value(session.info), status=201)

    async def list(self, exchange: HttpExchange) -> None:
        """List conversations, last used first."""
        page = await self._sessions().list(
            tenant=exchange.caller.tenant,
            agent=exchange.query("agent"),
            limit=page_size(exchange),
            after=exchange.query("after"),
        )
        found: list[JsonValue] = [
            session_value(info) for info in page.sessions if exchange.caller.may_use(info.agent)
        ]
        await exchange.send_json({"sessions": found, "next": page.next})

    async def search(self, exchange: HttpExchange) -> None:
        """Find messages that hold all words of a query."""
        hits = await self._sessions().search(
            exchange.query("q") or "", tenant=exchange.caller.tenant, limit=page_size(exchange)
        )
        found: list[JsonValue] = [
            {
                "session_id": shown_name(hit.session_id, exchange.caller.tenant),
                "title": hit.title,
                "entry_id": hit.entry_id,
                "role": hit.role,
                "excerpt": hit.excerpt,
                "created_at": moment(hit.created_at),
            }
            for hit in hits
            if await self._is_visible(exchange, hit.session_id)
        ]
        await exchange.send_json({"hits": found})

    async def get(self, exchange: HttpExchange) -> None:
        """Return a conversation with its messages up to the head, or a page of them."""
        session = await self._find(exchange)
        await exchange.send_json(
            await self._messages(exchange, session, before=exchange.query("before"))
        )

    async def tree(self, exchange: HttpExchange) -> None:
        """Return a conversation with the messages of all branches, and its stored runs."""
        session = await self._find(exchange)
        entries: list[JsonValue] = [entry_value(one) for one in await session.tree()]
        statuses = await self._state.require_turns().run_statuses(session.info)
        runs: list[JsonValue] = [{"id": one, "status": status} for one, status in statuses]
        await exchange.send_json({**session_value(session.info), "entries": entries, "runs": runs})

    async def rename(self, exchange: HttpExchange) -> None:
        """Change the title."""
        body: TitleBody = await self._read(exchange, TitleBody)
        session = await self._find(exchange)
        await session.rename(body.title)
        await exchange.send_json(session_value(session.info))

    async def delete(self, exchange: HttpExchange) -> None:
        """Delete a conversation."""
        await (await self._find(exchange)).delete()
        await exchange.send_nothing()

    async def select(self, exchange: HttpExchange) -> None:
        """Go to the branch of a message."""
        body: EntryBody = await self._read(exchange, EntryBody)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            session = await self._find(exchange)
            try:
                await session.select(body.entry_id)
            except SessionConflictError:  # an answer was added meanwhile; the request names none
                if attempt == MAX_ATTEMPTS:
                    raise
            else:
                break
        await exchange.send_json(await self._messages(exchange, session))

    async def fork(self, exchange: HttpExchange) -> None:
        """Begin another conversation at a message of this one."""
        body: ForkBody = await self._read(exchange, ForkBody)
        session = await self._find(exchange)
        forked = await session.fork(body.entry_id, title=body.title)
        await exchange.send_json(session_value(forked.info), status=201)

    async def say(self, exchange: HttpExchange) -> None:
        """Run the agent on a conversation, and store the turn, also if the client leaves."""
        state, caller = self._state, exchange.caller
        state.require_running()
        exchange.extra_headers.update(state.limits.take_request(caller))
        body: SayBody = await self._read(exchange, SayBody)
        session = await self._find(exchange)
        served = state.find_agent(session.info.agent, caller)
        options: dict[str, Any] = {"labels": {"tenant": caller.tenant}}
        if served.deps is not None:
            options["deps"] = await served.deps_for(caller)
        if body.decisions:
            calls = (await session.history()).open_calls
            options["approvals"] = read_decisions(body.decisions, calls)
        async with AsyncExitStack() as stack:
            stack.enter_context(state.limits.running_request(caller))
            money = await stack.enter_async_context(state.spending.reserved(caller))
            if money.budget is not None:
                options["budget"] = money.budget
            scope = stack.enter_context(state.stoppable())
            sender = EventSender(exchange, settings=state.settings)
            with scope:
                await self._run_turn(exchange, session, body, options, money, sender)
            if scope.cancelled_caught:
                if not exchange.is_started:
                    raise state.stopping_error()
                await sender.fail(state.stopping_error())

    async def _run_turn(
        self,
        exchange: HttpExchange,
        session: Session,
        body: SayBody,
        options: dict[str, Any],
        money: Reservation,
        sender: EventSender,
    ) -> None:
        agent = self._state.agents[session.info.agent].agent
        result: RunResult[Any] | None = None
        try:
            async with session.stream(agent, body.prompt, replaces=body.replaces, **options) as run:
                if body.stream:
                    await sender.send(_records(run))
                else:
                    await run.finish()
                result = run.result
                money.spend(result.usage)
        except Exception as error:
            if not exchange.is_started:
                raise
            await sender.fail(error)
            return
        value = {**await _with_entries(session), **_result_value(result)}
        if body.stream:
            await sender.end("done", value)
        else:
            await exchange.send_json(value)

    async def _messages(
        self, exchange: HttpExchange, session: Session, *, before: str | None = None
    ) -> dict[str, JsonValue]:
        """Return all messages up to the head, or as many as `limit` of the request asks for."""
        if before is None and exchange.query("limit") is None:
            return await _with_entries(session)
        page = await self._state.require_turns().page(
            session.info, limit=page_size(exchange), before=before
        )
        return _page_value(session.info, page)

    async def _is_visible(self, exchange: HttpExchange, session_id: str) -> bool:
        """Return whether a conversation is with an agent that the caller may use."""
        caller = exchange.caller
        if caller.agents is None:
            return True
        session = await self._sessions().get(session_id, tenant=caller.tenant)
        return caller.may_use(session.info.agent)

    async def _read(self, exchange: HttpExchange, model: Any) -> Any:
        _, values = await exchange.read_json(self._state.settings.max_body_bytes)
        return validate_body(model, values)

    async def _find(self, exchange: HttpExchange) -> Session:
        """Return the conversation that the path names."""
        name, tenant = exchange.path_params["session_id"], exchange.caller.tenant
        open_session = partial(self._state.require_turns().open, tenant=tenant)
        session = await find_named(name, tenant, open_session)
        if not exchange.caller.may_use(session.info.agent):
            raise not_found(f"session {name!r}")
        return session

    def _sessions(self) -> Sessions:
        found = self._state.sessions
        if found is None:
            raise ServiceError("The service is not open yet.", status=503)
        return found


async def _records(run: AgentStream[Any]) -> AsyncIterator[EventRecord]:
    async for record in run.records():
        yield record


async def _with_entries(session: Session) -> dict[str, JsonValue]:
    entries: list[JsonValue] = [entry_value(one) for one in await session.entries()]
    calls: list[JsonValue] = [_call_value(call) for call in (await session.history()).open_calls]
    return {**session_value(session.info), "entries": entries, "open_calls": calls}


def session_value(info: SessionInfo) -> dict[str, JsonValue]:
    """Return a conversation as JSON."""
    return {
        "id": shown_name(info.id, info.tenant),
        "agent": info.agent,
        "title": info.title,
        "head": info.head,
        "version": info.version,
        "created_at": moment(info.created_at),
        "updated_at": moment(info.updated_at),
    }


def entry_value(entry: SessionEntry) -> dict[str, JsonValue]:
    """Return a message with its place as JSON."""
    return {
        "id": entry.id,
        "parent_id": entry.parent_id,
        "created_at": moment(entry.created_at),
        "run_id": entry.run_id,
        "message": dict(message_value(entry.message)),
    }


def _page_value(info: SessionInfo, page: PathPage) -> dict[str, JsonValue]:
    entries: list[JsonValue] = []
    for one in page.entries:
        versions = page.versions.get(one.id)
        more: dict[str, JsonValue] = {} if versions is None else {"versions": list(versions)}
        entries.append({**entry_value(one), **more})
    runs: list[JsonValue] = [{"id": one, "status": status} for one, status in page.statuses.items()]
    calls: list[JsonValue] = [_call_value(call) for call in page.open_calls]
    return {**session_value(info), "entries": entries, "open_calls": calls, "runs": runs}


def _result_value(result: RunResult[Any]) -> dict[str, JsonValue]:
    return {"text": result.text, "stop_reason": result.stop_reason, "run_id": result.run_id}


def _call_value(call: ToolCall) -> dict[str, JsonValue]:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}
