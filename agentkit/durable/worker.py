"""Do runs that are queued in a database.

In:  a store, agents by name.
Out: runs that go on to their end, to their next suspension, or to another worker.

The worker that took the present life of a run does it. A worker that stops puts its runs back; one
that ends without doing so leaves them to `liveness`.
"""

from collections.abc import Mapping
from inspect import isawaitable
from typing import Any

import anyio
from anyio.abc import TaskGroup
from pydantic_core import to_jsonable_python

from agentkit.agent.agent import Agent
from agentkit.agent.kept_run import KeptRun
from agentkit.agent.loop import describe_error
from agentkit.agent.options import RunOptions
from agentkit.agent.result import RunResult
from agentkit.clock import Clock
from agentkit.durable.decisions import READ_DECISIONS, read_approval
from agentkit.durable.event_log import EventLog
from agentkit.durable.persistence import persist
from agentkit.durable.run_info import RunInfo, TakenRun, error_codec, from_moment, usage_codec
from agentkit.durable.run_queue import (
    HAS_WORK,
    QUEUE_TOPIC,
    TO_CANCEL,
    LifeEnding,
    end_life,
    store_events,
    take_runs,
)
from agentkit.durable.schedules import HAS_DUE, start_due
from agentkit.durable.sql_journal import SqlJournal
from agentkit.durable.trace_rows import link_earlier_lives, store_trace
from agentkit.durable.worker_options import WorkerSettings
from agentkit.errors import AgentKitError, ConfigError, JournalError, RunLost
from agentkit.event import RunFailed, RunFinished
from agentkit.exception_groups import ungrouped
from agentkit.log import Log, log_facts
from agentkit.output.output_type import OutputError
from agentkit.session.message_codec import encode_json
from agentkit.store.base import Store, StoreError, Transaction
from agentkit.surrogates import dump_json
from agentkit.tools.approval import Approval
from agentkit.usage import Usage

POLL_SECONDS = 1.0
"""How often the queue is looked at without a notification; those are only hints."""

REPLAY_SECONDS = 60.0
"""How long the last life of a run that is to be cancelled may read what the lives before it did."""

STOP_RETRY_SECONDS = 5.0
"""How long the end of a run waits for the database while the worker stops."""

log: Log = Log("agentkit.durable")


class _Life:
    """A life of a run that is under way here."""

    def __init__(self, taken: TakenRun) -> None:
        self.scope = anyio.CancelScope()
        if taken.is_cancelled:
            self.scope.deadline = anyio.current_time() + REPLAY_SECONDS
        self.log: EventLog | None = None
        self.run: KeptRun | None = None
        self.is_cancelled = taken.is_cancelled


class Worker:
    """Takes runs that are due, and does them."""

    def __init__(
        self,
        store: Store,
        agents: Mapping[str, Agent[Any, Any]],
        *,
        settings: WorkerSettings,
        clock: Clock,
    ) -> None:
        self._store = store
        self._agents = agents
        self._settings = settings
        self._clock = clock
        # A run may be here twice: a life that was taken over and the one that took it over.
        self._lives: dict[tuple[str, int], _Life] = {}
        self._is_stopping = False
        self._wake = anyio.Event()
        self._idle = anyio.Event()
        self._idle.set()

    @property
    def under_way(self) -> tuple[str, ...]:
        """Return the ids of the runs that are done now."""
        return tuple(run_id for run_id, _ in self._lives)

    async def work(self) -> None:
        """Take and do runs until this is cancelled."""
        with ungrouped():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen)
                while True:
                    self._wake = anyio.Event()
                    try:
                        await self._look(tasks)
                    except StoreError as error:
                        log.warning("queue_away", worker=self._settings.name, error=str(error))
                    with anyio.move_on_after(POLL_SECONDS):
                        await self._wake.wait()

    def stop_taking(self) -> None:
        """Take no more runs; those under way go on."""
        self._is_stopping = True

    async def stop(self, grace_seconds: float) -> None:
        """Take no more runs, wait for those under way, and put back what is left.

        Args:
            grace_seconds: how long to wait for their ends.
        """
        self.stop_taking()
        with anyio.move_on_after(grace_seconds):
            await self._idle.wait()
        for life in self._lives.values():
            if not life.is_cancelled and life.log is not None:
                life.log.give_up()
            life.scope.cancel()
        await self._idle.wait()

    async def _listen(self) -> None:
        """Look at the queue as soon as something changed there."""
        while True:
            try:
                async with self._store.listen(QUEUE_TOPIC) as subscription:
                    while True:
                        self._wake.set()  # also at first: what came before was not notified
                        await subscription.wait()
            except StoreError:
                await anyio.sleep(POLL_SECONDS)

    async def _look(self, tasks: TaskGroup) -> None:
        """Start what is due, and stop what is to be cancelled."""
        if not self._is_stopping:
            await self._start_schedules()
        name, now = self._settings.name, self._now()
        [[count]] = await self._store.run(HAS_WORK, (now, name))
        if not count:
            return
        for [run_id] in await self._store.run(TO_CANCEL, (name,)):
            for (one_id, _), life in self._lives.items():
                if one_id == run_id and not life.is_cancelled:
                    life.is_cancelled = True
                    life.scope.cancel()
        free = self._settings.concurrency - len(self._lives)
        if self._is_stopping or free < 1:
            return
        with anyio.CancelScope(shield=True):  # what was taken must be known here
            taken = await self._store.transaction(
                lambda transaction: take_runs(
                    transaction, kind=self._store.kind, worker=name, now=now, limit=free
                )
            )
            for one in taken:
                self._lives[one.info.id, one.info.life] = _Life(one)
                self._idle = anyio.Event()
        for one in taken:
            tasks.start_soon(self._do, one)

    async def _start_schedules(self) -> None:
        """Queue the runs whose scheduled time has come."""
        now = self._clock.now()
        [[count]] = await self._store.run(HAS_DUE, (from_moment(now),))
        if count:
            await self._store.transaction(
                lambda transaction: start_due(transaction, kind=self._store.kind, now=now)
            )

    async def _do(self, taken: TakenRun) -> None:
        """Do one life of a run, and store how it ended."""
        place = taken.info.id, taken.info.life
        life = self._lives[place]
        facts = {"run_id": taken.info.id, "agent": taken.info.agent, "life": taken.info.life}
        with log_facts(facts):
            try:
                await self._live(taken, life)
            except RunLost as error:
                log.warning("run_lost", error=str(error))
            except JournalError as error:
                log.warning("run_not_recorded", error=str(error))
            finally:
                del self._lives[place]
                self._wake.set()
                if not self._lives:
                    self._idle.set()

    async def _live(self, taken: TakenRun, life: _Life) -> None:
        life.log = event_log = EventLog(
            self._store,
            taken,
            wants_deltas=self._settings.text_deltas,
            stop=life.scope.cancel if taken.is_cancelled else None,
        )
        put_back = LifeEnding(status="queued", attempts=taken.attempts - 1)
        ending = put_back
        try:
            with life.scope:
                ending = await self._run(taken, event_log, life)
        except anyio.get_cancelled_exc_class():
            self._is_stopping = True
            event_log.give_up()
            with anyio.CancelScope(shield=True):
                await self._end(taken, event_log, put_back)
            raise
        if life.scope.cancelled_caught:
            ending = self._cancelled(event_log, life.run) if life.is_cancelled else put_back
        with anyio.CancelScope(shield=True):
            await self._end(taken, event_log, ending)

    async def _run(self, taken: TakenRun, event_log: EventLog, life: _Life) -> LifeEnding:
        """Run the agent, and return how that ended.

        Raises:
            RunLost: another process took the run over, or the database is away.
            JournalError: the database refused what the run did.
        """
        try:
            agent, options = await self._prepare(taken, event_log)
            with ungrouped():
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(event_log.keep_writing)
                    life.run = KeptRun(agent, options)
                    result = await life.run.result()
                    tasks.cancel_scope.cancel()
        except OutputError as error:
            history = None if error.history is None else error.history.to_json()
            return self._failed(taken, event_log, error, history=history)
        except Exception as error:  # noqa: BLE001 - whatever the agent's code raises ends this run only
            return self._failed(taken, event_log, error)
        return _ended(result)

    async def _prepare(
        self, taken: TakenRun, event_log: EventLog
    ) -> tuple[Agent[Any, Any], RunOptions[Any]]:
        """Return the agent of a run, and the options that its present segment runs with.

        Raises:
            ConfigError: this worker has no agent of that name.
        """
        info = taken.info
        agent = self._agents.get(info.agent)
        if agent is None:
            known = ", ".join(sorted(self._agents)) or "none"
            raise ConfigError(
                f"The run {info.id!r} is for the agent {info.agent!r}, which this worker does not "
                f"have; it has {known}. Add it and retry the run."
            )
        options: RunOptions[Any] = {
            "history": info.history,
            "journal": SqlJournal(
                self._store, info.id, life=info.life, before_outer=event_log.write
            ),
            "run_id": info.id,
            "listener": event_log,
            "labels": info.labels,
        }
        await link_earlier_lives(self._store, info.id)
        if info.segment > 1:
            options["approvals"] = await read_decisions(self._store, info)
        if agent.deps_type is not None and self._settings.deps is not None:
            deps = self._settings.deps(info)
            options["deps"] = await deps if isawaitable(deps) else deps
        return agent, options

    def _failed(
        self, taken: TakenRun, event_log: EventLog, error: Exception, *, history: str | None = None
    ) -> LifeEnding:
        """Return the ending of a run that failed; its event is there already if it had begun."""
        if taken.is_cancelled:  # it is to end, whatever its agent is now
            return self._cancelled(event_log, None)
        described = describe_error(error)
        if not isinstance(error, AgentKitError):
            log.warning("run_failed", run_id=taken.info.id, exc_info=error)
        if not event_log.has_failure:
            event_log.add(RunFailed(error=described), clock=self._clock)
        return LifeEnding(
            status="failed",
            error=dump_json(error_codec(), described),
            history=history,
            attempts=taken.attempts,
        )

    def _cancelled(self, event_log: EventLog, run: KeptRun | None) -> LifeEnding:
        """Return the ending of a run that was cancelled here, with its conversation so far.

        It is part of the result: if the run is retried, it goes on from the beginning of its
        segment, by what its journal remembers.
        """
        usage, turns = (Usage(), 0) if run is None else (run.usage, run.turns)
        if not event_log.has_end:
            event = RunFinished(text="", stop_reason="cancelled", usage=usage, turns=turns)
            event_log.add(event, clock=self._clock)
        if run is None:
            return LifeEnding(status="cancelled", stop_reason="cancelled")
        stored = {"text": "", "output": None, "turns": turns, "history": run.history.to_json()}
        return LifeEnding(
            status="cancelled",
            stop_reason="cancelled",
            result=encode_json(stored),
            usage=dump_json(usage_codec(), usage),
            cost_usd=None if usage.cost_usd is None else float(usage.cost_usd),
        )

    async def _end(self, taken: TakenRun, event_log: EventLog, ending: LifeEnding) -> None:
        """Store the last events of a life, and how it ended, together."""
        info = taken.info
        limit = STOP_RETRY_SECONDS if self._is_stopping else None
        now = self._now()
        async with event_log.last_records() as (last, records):
            trace = event_log.new_trace()

            def work(transaction: Transaction) -> None:
                store_events(transaction, info.id, life=info.life, last=last, records=records)
                store_trace(transaction, info.id, life=info.life, trace=trace)
                end_life(transaction, info.id, life=info.life, ending=ending, now=now)

            await persist(
                lambda: self._store.transaction(work),
                run_id=info.id,
                retry_seconds=limit,
            )

    def _now(self) -> int:
        return from_moment(self._clock.now())


async def read_decisions(store: Store, info: RunInfo) -> list[Approval]:
    """Return the decisions that let the present segment of a run go on."""
    rows = await store.run(READ_DECISIONS, (info.id, info.segment - 1))
    found = {row[0]: row[1:] for row in rows}
    return [read_approval(call, found[call.id]) for call in info.history.open_calls]


def _ended(result: RunResult[Any]) -> LifeEnding:
    """Return the ending of a run that came to its end or was suspended."""
    cost = result.usage.cost_usd
    output = to_jsonable_python(result.output, fallback=str) if result.has_output else None
    stored = {"text": result.text, "output": output, "turns": result.turns}
    return LifeEnding(
        status="suspended" if result.stop_reason == "suspended" else "done",
        stop_reason=result.stop_reason,
        result=encode_json(stored),
        usage=dump_json(usage_codec(), result.usage),
        cost_usd=None if cost is None else float(cost),
        history=result.history.to_json(),
    )
