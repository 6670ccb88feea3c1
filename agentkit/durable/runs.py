"""Runs that survive the process they began in.

In:  the address of a database; agents by name.
Out: `Runs`: start, find, read, decide, cancel, retry; a worker in this process, if it has agents.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from types import MappingProxyType
from typing import Any

import anyio
from typing_extensions import Unpack

from agentkit.agent.agent import Agent
from agentkit.agent.options import start_history
from agentkit.clock import Clock, SystemClock
from agentkit.durable.decisions import decide_calls, find_run, run_not_found
from agentkit.durable.event_reader import StoredEvents
from agentkit.durable.liveness import Liveness
from agentkit.durable.new_run import NewRun, check_name, insert_run, new_run
from agentkit.durable.queue_length import QueueLength, queue_lengths
from agentkit.durable.run_errors import RunExistsError, RunNotFoundError, RunStatusError
from agentkit.durable.run_info import (
    COLUMNS,
    RunInfo,
    RunPage,
    RunStatus,
    from_moment,
    read_run,
)
from agentkit.durable.run_list import list_runs
from agentkit.durable.run_queue import QUEUE_TOPIC, close_run, run_topic
from agentkit.durable.run_watch import RunWatch
from agentkit.durable.schedules import (
    ScheduleInfo,
    list_schedules,
    put_schedule,
    remove_schedule,
)
from agentkit.durable.worker import Worker
from agentkit.durable.worker_options import WorkerOptions, read_worker_options
from agentkit.errors import ConfigError
from agentkit.exception_groups import ungrouped
from agentkit.history import History
from agentkit.message import Message, UserMessage
from agentkit.store.base import Store, Transaction
from agentkit.store.open_store import open_store
from agentkit.tools.approval import Approval

_GET = f"SELECT {COLUMNS} FROM ak_runs WHERE id = ? AND tenant = ?"  # noqa: S608 - constants
_RETRY = (
    "UPDATE ak_runs SET status = 'queued', attempts = 0, cancel_requested = 0, error = NULL, "
    "stop_reason = NULL, ended_at = NULL, due_at = 0 WHERE id = ?"
)


class Runs:
    """The stored runs of one database. Safe to use from many tasks at once.

    Each call is for one tenant; what belongs to another one is not found. Without tenants, leave
    it out.
    """

    def __init__(
        self,
        store: Store,
        *,
        agents: Iterable[str] | None = None,
        worker: Worker | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Use a store that is open and has current tables; see `open_runs`."""
        self._store = store
        self._agents = None if agents is None else frozenset(agents)
        self._worker = worker
        self._clock = clock or SystemClock()

    async def start(
        self,
        agent: str,
        prompt: str | UserMessage | None = None,
        *,
        run_id: str | None = None,
        history: History | Iterable[Message] | None = None,
        tenant: str = "",
        labels: Mapping[str, str] = MappingProxyType({}),
        at: datetime | None = None,
    ) -> RunInfo:
        """Store a run, which a worker begins as soon as it can; return it.

        Args:
            agent: the name that workers know the agent by.
            prompt: what to ask.
            run_id: the idempotency key of the run: a second start with it returns the first run.
            history: the conversation to continue.
            tenant: whose it is.
            labels: text to find the run by.
            at: when it may begin, with a time zone; at once if not given.

        Raises:
            ConfigError: this process has agents, and none of that name.
            HistoryError: there is nothing to answer.
            RunExistsError: the id is in use by a run with another agent or input.
        """
        self._check_agent(agent)
        run = new_run(
            agent,
            start_history(prompt, history)[1],
            run_id=run_id,
            tenant=tenant,
            labels=labels,
            due_at=at,
            now=self._now(),
        )
        if not await self._store.transaction(lambda transaction: insert_run(transaction, run)):
            return await self._existing(run)
        return await self.get(run.id, tenant=tenant)

    async def schedule(
        self,
        name: str,
        agent: str,
        prompt: str | UserMessage,
        *,
        cron: str,
        tenant: str = "",
        labels: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Start a run at each time of a cron expression, in UTC, as `NAME@TIME`.

        Args:
            name: of the schedule; one that exists is changed.
            agent: the name that workers know the agent by.
            prompt: what to ask each time.
            cron: minute, hour, day of the month, month, day of the week, e.g. `0 7 * * 1-5`.
            tenant: whose the runs are.
            labels: of each run.

        Raises:
            ConfigError: the expression is not one, or this process has no agent of that name.
            RunExistsError: another tenant has a schedule of this name.
        """
        self._check_agent(agent)
        history = start_history(prompt, None)[1]
        now = self._clock.now()
        run = new_run(
            agent,
            history,
            run_id=check_name("name", name),
            tenant=tenant,
            labels=labels,
            due_at=None,
            now=from_moment(now),
        )
        if not await put_schedule(self._store, name, run=run, cron=cron, now=now):
            raise RunExistsError(f"There is already a schedule {name!r}.")

    async def schedules(self, *, tenant: str = "") -> Sequence[ScheduleInfo]:
        """Return the schedules of a tenant, by name."""
        return await list_schedules(self._store, tenant=tenant)

    async def unschedule(self, name: str, *, tenant: str = "") -> None:
        """Remove a schedule; its runs stay.

        Raises:
            RunNotFoundError: there is none of this name for the tenant.
        """
        if not await remove_schedule(self._store, name, tenant=tenant):
            raise RunNotFoundError(f"There is no schedule {name!r}.")

    def _check_agent(self, agent: str) -> None:
        if self._agents is not None and agent not in self._agents:
            raise ConfigError(
                f"There is no agent {agent!r}; there is {', '.join(sorted(self._agents))}."
            )

    async def _existing(self, run: NewRun) -> RunInfo:
        sql = "SELECT agent, input FROM ak_runs WHERE id = ? AND tenant = ?"
        if await self._store.run(sql, (run.id, run.tenant)) != [(run.agent, run.input)]:
            raise RunExistsError(
                f"There is already a run {run.id!r}, with another agent or another input."
            )
        return await self.get(run.id, tenant=run.tenant)

    async def get(self, run_id: str, *, tenant: str = "") -> RunInfo:
        """Return a run as it is stored now.

        Raises:
            RunNotFoundError: there is none with this id for the tenant.
        """
        rows = await self._store.run(_GET, (run_id, tenant))
        if not rows:
            raise run_not_found(run_id)
        return read_run(rows[0])

    async def list(
        self,
        *,
        tenant: str = "",
        status: RunStatus | None = None,
        agent: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> RunPage:
        """Return the runs of a tenant, newest first.

        Args:
            tenant: whose.
            status: only those with it.
            agent: only those of this agent.
            limit: how many at most, 1 or more.
            after: `next` of the page before.

        Raises:
            ValueError: `after` is not the `next` of a page, or `limit` is less than 1.
        """
        return await list_runs(
            self._store, tenant=tenant, status=status, agent=agent, limit=limit, after=after
        )

    async def queue(self) -> Sequence[QueueLength]:
        """Return how many runs wait or are done now, by agent, for all tenants and workers."""
        return await queue_lengths(self._store, now=self._now())

    def events(
        self, run_id: str, *, after: str | None = None, tenant: str = "", follow: bool = True
    ) -> StoredEvents:
        """Return the events of a run, for `async for`; they end with it or at a suspension.

        Args:
            run_id: the run.
            after: the place `SEGMENT:SEQ` of the last event that the reader has; None for all.
            tenant: whose it is.
            follow: wait for those that come, too.

        Raises:
            ValueError: `after` has another form.
        """
        return StoredEvents(self._store, run_id, tenant=tenant, after=after, is_followed=follow)

    def new_watch(self) -> RunWatch:
        """Return what wakes many readers of runs, for a server of them."""
        return RunWatch(self._store)

    async def wait(self, run_id: str, *, tenant: str = "") -> RunInfo:
        """Return a run when it has ended or is suspended.

        Raises:
            RunNotFoundError: there is none with this id for the tenant.
        """
        while True:
            async with self._store.listen(run_topic(run_id)) as subscription:
                info = await self.get(run_id, tenant=tenant)
                if info.has_ended or info.status == "suspended":
                    return info
                with anyio.move_on_after(1):  # a notification is only a hint
                    await subscription.wait()

    async def decide(
        self,
        run_id: str,
        approvals: Sequence[Approval],
        *,
        decided_by: str | None = None,
        tenant: str = "",
    ) -> RunInfo:
        """Decide open calls of a suspended run; it goes on when all are decided.

        Args:
            run_id: the run.
            approvals: made from its `open_calls`.
            decided_by: who decided, for its events.
            tenant: whose it is.

        Raises:
            RunNotFoundError: there is none with this id for the tenant.
            RunStatusError: it does not wait for decisions.
            DecisionError: a call does not wait for a decision, or was decided before; nothing of
                `approvals` counts then.
        """

        def work(transaction: Transaction) -> None:
            run = find_run(transaction, run_id, tenant=tenant, kind=self._store.kind)
            decide_calls(transaction, run, approvals, decided_by=decided_by, now=self._now())

        await self._store.transaction(work)
        return await self.get(run_id, tenant=tenant)

    async def cancel(self, run_id: str, *, tenant: str = "") -> RunInfo:
        """Cancel a run: at once, or as soon as its worker notices.

        Raises:
            RunNotFoundError: there is none with this id for the tenant.
            RunStatusError: it has ended.
        """

        def work(transaction: Transaction) -> None:
            info, _ = find_run(transaction, run_id, tenant=tenant, kind=self._store.kind)
            if info.has_ended:
                raise RunStatusError(f"The run {run_id!r} is {info.status}; it has ended.")
            if info.status == "running":
                sql = "UPDATE ak_runs SET cancel_requested = 1 WHERE id = ?"
                transaction.run(sql, (run_id,))
                transaction.notify(QUEUE_TOPIC)
            else:
                status, now = info.status, self._now()
                close_run(transaction, run_id, life=info.life, status=status, now=now)

        await self._store.transaction(work)
        return await self.get(run_id, tenant=tenant)

    async def retry(self, run_id: str, *, tenant: str = "") -> RunInfo:
        """Let a run that is dead, failed or cancelled go on from where it was.

        Raises:
            RunNotFoundError: there is none with this id for the tenant.
            RunStatusError: it has another status.
        """

        def work(transaction: Transaction) -> None:
            info, _ = find_run(transaction, run_id, tenant=tenant, kind=self._store.kind)
            if not info.has_ended or info.status == "done":
                raise RunStatusError(
                    f"The run {run_id!r} is {info.status}; only runs that are dead, failed or "
                    "cancelled can be retried."
                )
            transaction.run(_RETRY, (run_id,))
            transaction.notify(QUEUE_TOPIC)

        await self._store.transaction(work)
        return await self.get(run_id, tenant=tenant)

    async def stop(self, grace_seconds: float = 0.0) -> None:
        """Take no more runs here, wait for those under way, and put back what is left.

        Args:
            grace_seconds: how long to wait for their ends.
        """
        if self._worker is not None:
            await self._worker.stop(grace_seconds)

    def stop_taking(self) -> None:
        """Take no more runs here; those under way go on."""
        if self._worker is not None:
            self._worker.stop_taking()

    def _now(self) -> int:
        return from_moment(self._clock.now())


@asynccontextmanager
async def open_runs(
    url: str,
    *,
    agents: Mapping[str, Agent[Any, Any]] | None = None,
    migrate: bool = True,
    clock: Clock | None = None,
    **options: Unpack[WorkerOptions],
) -> AsyncIterator[Runs]:
    """Open the stored runs of a database; with `agents`, this process also does them.

    At the end, runs that are under way are put back, and go on when the next worker comes.

    Args:
        url: `sqlite:FILE` for one process that does runs, or `postgresql://…` for many (needs the
            extra `postgres`).
        agents: by the name that runs are started with; None to start and read runs only.
        migrate: create or update the tables if they are missing or older.
        clock: where time comes from.
        options: see `WorkerOptions`.

    Raises:
        ConfigError: the address or the database cannot be used; an agent needs `deps`; another
            process does the runs of the SQLite file.
        StoreError: the database cannot be reached.
    """
    clock = clock or SystemClock()
    settings = read_worker_options(options, agents or {})
    async with open_store(url, migrate=migrate) as store:
        if agents is None:
            yield Runs(store, clock=clock)
            return
        worker = Worker(store, agents, settings=settings, clock=clock)
        liveness = Liveness(store, worker, settings=settings, clock=clock)
        with ungrouped():
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(store.hold(settings.name))
                await liveness.take_over_all()
                tasks = await stack.enter_async_context(anyio.create_task_group())
                tasks.start_soon(liveness.sweep)
                tasks.start_soon(worker.work)
                yield Runs(store, agents=agents, worker=worker, clock=clock)
                await worker.stop(0)
                tasks.cancel_scope.cancel()
