"""Routes about stored runs: start, follow, decide, cancel.

In:  requests of a tenant.
Out: runs of this tenant as JSON, their events as a stream.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial

from agentkit.dialect.received_request import validate_body
from agentkit.durable import RunInfo, Runs
from agentkit.durable.event_reader import StoredEvents
from agentkit.durable.run_info import RunStatus
from agentkit.event import EventRecord
from agentkit.json_schema import JsonValue
from agentkit.service.exchange import HttpExchange
from agentkit.service.http_errors import ServiceError, not_found
from agentkit.service.native_bodies import DecideBody, StartRunBody, read_decisions
from agentkit.service.native_stream import EventSender
from agentkit.service.service_state import ServiceState
from agentkit.service.tenant_names import find_named, new_name, shown_name
from agentkit.store.base import Subscription

MAX_PAGE = 200
STATUSES: tuple[RunStatus, ...] = (
    "queued", "running", "suspended", "done", "failed", "cancelled", "dead",
)  # fmt: skip


class RunRoutes:
    """The stored runs of one service."""

    def __init__(self, state: ServiceState) -> None:
        self._state = state

    async def start(self, exchange: HttpExchange) -> None:
        """Start a run; the same id and input again give the same run."""
        state = self._state
        state.require_running()
        require_no_money_limit(exchange)
        exchange.extra_headers.update(state.limits.take_request(exchange.caller))
        _, values = await exchange.read_json(state.settings.max_body_bytes)
        body: StartRunBody = validate_body(StartRunBody, values)
        state.find_agent(body.agent, exchange.caller)
        runs, tenant = self._runs(), exchange.caller.tenant
        info = await runs.start(
            body.agent,
            body.prompt,
            run_id=await new_name(body.run_id, tenant, partial(runs.get, tenant=tenant)),
            tenant=tenant,
            labels=body.labels,
            at=body.at,
        )
        await exchange.send_json(run_value(info), status=201)

    async def list(self, exchange: HttpExchange) -> None:
        """List runs, newest first."""
        status = exchange.query("status")
        known = next((one for one in STATUSES if one == status), None)
        if status is not None and known is None:
            raise ServiceError(f"status is one of {', '.join(STATUSES)}.", param="status")
        page = await self._runs().list(
            tenant=exchange.caller.tenant,
            status=known,
            agent=exchange.query("agent"),
            limit=page_size(exchange),
            after=exchange.query("after"),
        )
        runs: list[JsonValue] = [
            run_value(info) for info in page.runs if exchange.caller.may_use(info.agent)
        ]
        await exchange.send_json({"runs": runs, "next": page.next})

    async def get(self, exchange: HttpExchange) -> None:
        """Return a run with its open calls."""
        await exchange.send_json(run_value(await self._find(exchange)))

    async def decide(self, exchange: HttpExchange) -> None:
        """Decide open calls; the run goes on when all are decided."""
        _, values = await exchange.read_json(self._state.settings.max_body_bytes)
        body: DecideBody = validate_body(DecideBody, values)
        info = await self._find(exchange)
        if info.status != "suspended":
            raise ServiceError(
                f"The run is {info.status} and waits for no decision.", status=409, code="conflict"
            )
        approvals = read_decisions(body.decisions, info.open_calls)
        caller = exchange.caller
        changed = await self._runs().decide(
            info.id, approvals, decided_by=caller.token_id or None, tenant=caller.tenant
        )
        self._state.require_turns().watch(changed)
        await exchange.send_json(run_value(changed))

    async def cancel(self, exchange: HttpExchange) -> None:
        """Cancel a run."""
        info = await self._find(exchange)
        changed = await self._runs().cancel(info.id, tenant=exchange.caller.tenant)
        await exchange.send_json(run_value(changed))

    async def retry(self, exchange: HttpExchange) -> None:
        """Let a run that failed or was cancelled go on."""
        self._state.require_running()
        require_no_money_limit(exchange)
        info = await self._find(exchange)
        changed = await self._runs().retry(info.id, tenant=exchange.caller.tenant)
        await exchange.send_json(run_value(changed))

    async def events(self, exchange: HttpExchange) -> None:
        """Stream the events of a run, also those of its next segments, to its end."""
        info = await self._find(exchange)
        after = exchange.headers.get("last-event-id") or exchange.query("after")
        try:
            follower = _Follower(self._runs(), info, after=after)
        except ValueError as error:
            raise ServiceError(str(error), param="after") from error
        if info.has_ended and not await follower.has_more():
            await exchange.send_nothing()
            return
        sender = EventSender(exchange, settings=self._state.settings)

        async def send() -> None:
            async with self._state.require_watch().changes(info.id) as changes:
                await sender.send(follower.records(changes))

        with (
            self._state.limits.reading(),
            self._state.stoppable(is_reader=True) as scope,
        ):
            with scope:
                await exchange.while_connected(send)
            await sender.close()

    async def _find(self, exchange: HttpExchange) -> RunInfo:
        """Return the run that the path names."""
        name, tenant = exchange.path_params["run_id"], exchange.caller.tenant
        info = await find_named(name, tenant, partial(self._runs().get, tenant=tenant))
        if not exchange.caller.may_use(info.agent):
            raise not_found(f"run {name!r}")
        return info

    def _runs(self) -> Runs:
        return self._state.require_runs()


class _Follower:
    """The records of a run after a place, over all its segments."""

    def __init__(self, runs: Runs, info: RunInfo, *, after: str | None) -> None:
        self._runs = runs
        self._info = info
        self._after = after
        self._stored()  # raises if `after` has another form

    async def has_more(self) -> bool:
        """Return whether a record is stored after the place."""
        async for _ in self._stored():
            return True
        return False

    async def records(self, changes: Subscription) -> AsyncIterator[EventRecord]:
        """Yield records until the run has ended; `changes` is woken when there may be more."""
        while True:
            # The state is read first: what was stored before it changed is read after it.
            info = await self._runs.get(self._info.id, tenant=self._info.tenant)
            async for record in self._stored():
                self._after = f"{record.segment}:{record.seq}"
                yield record
            if info.has_ended:
                return
            await changes.wait()

    def _stored(self) -> StoredEvents:
        info = self._info
        return self._runs.events(info.id, after=self._after, tenant=info.tenant, follow=False)


def require_no_money_limit(exchange: HttpExchange) -> None:
    """Refuse a caller whose money is limited: nothing is reserved for stored runs.

    Raises:
        ServiceError: it is.
    """
    if exchange.caller.limits.cost_usd_per_day is not None:
        raise ServiceError(
            "This token has a limit of money, which does not cover stored runs. Use another token, "
            "or send messages to /sessions/ID/messages.",
            status=403,
            code="limit_not_supported",
        )


def page_size(exchange: HttpExchange) -> int:
    """Return how many entries a page has.

    Raises:
        ServiceError: it is not a number from 1 to `MAX_PAGE`.
    """
    text = exchange.query("limit") or "50"
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= MAX_PAGE:
        raise ServiceError(f"limit is a number from 1 to {MAX_PAGE}.", param="limit")
    return int(text)


def run_value(info: RunInfo) -> dict[str, JsonValue]:
    """Return a run as JSON."""
    error = info.error
    shown: JsonValue = None if error is None else {"kind": error.kind, "message": error.message}
    calls: list[JsonValue] = [
        {"id": call.id, "name": call.name, "arguments": call.arguments} for call in info.open_calls
    ]
    usage: JsonValue = {
        "input_tokens": info.usage.input_tokens,
        "output_tokens": info.usage.output_tokens,
        "cost_usd": None if info.usage.cost_usd is None else str(info.usage.cost_usd),
    }
    return {
        "id": shown_name(info.id, info.tenant),
        "agent": info.agent,
        "status": info.status,
        "segment": info.segment,
        "labels": dict(info.labels),
        "stop_reason": info.stop_reason,
        "text": info.text,
        "output": info.output,
        "error": shown,
        "open_calls": calls,
        "usage": usage,
        "due_at": moment(info.due_at),
        "created_at": moment(info.created_at),
        "started_at": moment(info.started_at),
        "ended_at": moment(info.ended_at),
    }


def moment(value: datetime | None) -> str | None:
    """Return a moment as text."""
    return None if value is None else value.isoformat()
