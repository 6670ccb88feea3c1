"""Where a run reports what happens.

In:  events from everything that works for a run.
Out: `EventRecord`s, made here and nowhere else, for each listener in order.

A listener that raises is logged once and gets no more records of this run: it cannot end the run.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

import anyio

from agentkit.clock import Clock
from agentkit.event import (
    Emit,
    EventRecord,
    Listener,
    ModelRequested,
    ReasoningReceived,
    RunEvent,
    TextReceived,
    ToolArgumentsReceived,
    ignore,
)
from agentkit.event.record import ImmediateListener, process_listeners
from agentkit.history import History
from agentkit.log import Log

_DELTAS = (TextReceived, ReasoningReceived, ToolArgumentsReceived)

_Call: TypeAlias = tuple[Listener, Callable[[EventRecord], Awaitable[None] | None]]
"""A listener, and the function that gives it a record: itself, or `take` if it never waits."""

log: Log = Log("agentkit.agent")


class Report:
    """The records of one run, for its own listeners and those of the runs above it.

    Attributes:
        run_id: see `EventRecord`; set when the run knows it.
        segment: see `EventRecord`.
        is_active: there is a listener.
        wants_deltas: a listener wants the pieces of answers.
        wants_requests: a listener wants what is sent.
        requested: the history of the last request, if a listener wants requests.
    """

    def __init__(
        self,
        listeners: Iterable[Listener],
        *,
        clock: Clock,
        parent: "Report | None" = None,
        call_id: str | None = None,
    ) -> None:
        self.run_id = ""
        self.segment = 1
        all_listeners = (*listeners, *(() if parent is not None else process_listeners()))
        self._calls = tuple([_call_of(one) for one in all_listeners])
        self.requested: History | None = None
        self._select_calls()
        waits = [one for one, call in self._calls if call is one]
        self._never_waits: bool = not waits and (parent is None or parent._never_waits)
        self._clock = clock
        self._parent = parent
        self._call_id = call_id
        self._seq = 0
        self._lock: anyio.Lock | None = None
        self._root: Report | None = None if parent is None else parent._root or parent
        self.is_active: bool = bool(self._calls) or (parent is not None and parent.is_active)
        self.wants_deltas: bool = bool(self._delta_calls) or (
            parent is not None and parent.wants_deltas
        )
        self.wants_requests: bool = bool(self._request_calls) or (
            parent is not None and parent.wants_requests
        )

    @property
    def emitter(self) -> Emit:
        """Return the function that reports an event; `ignore` without a listener."""
        return self.emit if self.is_active else ignore

    def replay(self, event: RunEvent) -> Awaitable[None]:
        """Report what the journal remembers of an earlier life."""
        return self.emit(event, is_replay=True)

    async def emit(self, event: RunEvent, *, is_replay: bool = False) -> None:
        """Report one event; return when every listener has taken it."""
        if not self.is_active:
            return
        root = self._root or self  # not a reference to itself, which only the collector frees
        lock = root._lock
        if self._never_waits and (lock is None or not lock.locked()):
            lock = None  # no other task runs before this event is reported
        else:
            if lock is None:
                lock = root._lock = anyio.Lock(fast_acquire=True)
            if lock.locked():  # tasks side by side report too, and order is kept
                await lock.acquire()
            else:
                lock.acquire_nowait()  # it takes a fifth of the time of `async with`
        try:
            record = self._next_record(event, root, is_replay=is_replay)
            report: Report | None = self
            while report is not None:
                for listener, call in report._calls_for(event):
                    try:
                        waiting = call(record)
                        if waiting is not None:
                            await waiting
                    except Exception as error:  # code of a third party; the run goes on
                        report._remove(listener)
                        log.warning(
                            "listener_failed",
                            run_id=report.run_id,
                            listener=repr(listener),
                            exc_info=error,
                        )
                report = report._parent
        finally:
            if lock is not None:
                lock.release()

    def _next_record(self, event: RunEvent, root: "Report", *, is_replay: bool) -> EventRecord:
        """Return the record of an event, with the next number of its outermost run."""
        seq = None
        if not is_replay:
            root._seq += 1
            seq = root._seq
        return EventRecord(
            run_id=self.run_id,
            event=event,
            at=self._clock.now(),
            segment=self.segment,
            seq=seq,
            parent_id=None if self._parent is None else self._parent.run_id,
            call_id=self._call_id,
            is_replay=is_replay,
        )

    def _remove(self, failed: Listener) -> None:
        """Give nothing more to a listener."""
        self._calls = tuple(call for call in self._calls if call[0] is not failed)
        self._select_calls()

    def _select_calls(self) -> None:
        """Find the listeners that want more than the usual events."""
        self._delta_calls = tuple([one for one in self._calls if _wants(one, "wants_deltas")])
        self._request_calls = tuple([one for one in self._calls if _wants(one, "wants_requests")])

    def _calls_for(self, event: RunEvent) -> tuple[_Call, ...]:
        """Return the listeners that get an event."""
        if isinstance(event, _DELTAS):
            return self._delta_calls
        return self._request_calls if isinstance(event, ModelRequested) else self._calls


def _call_of(listener: Listener) -> _Call:
    if not isinstance(listener, ImmediateListener):
        return listener, listener
    # A subclass of a user may have a `__call__` of its own.
    is_own = type(listener).__call__ is not ImmediateListener.__call__
    return listener, listener if is_own else listener.take


def _wants(call: _Call, name: str) -> bool:
    return bool(getattr(call[0], name, False))
