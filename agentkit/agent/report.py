"""Where a run reports what happens.

In:  events from everything that works for a run.
Out: `EventRecord`s, made here and nowhere else, for each listener in order.

A listener that raises is logged once and gets no more records of this run: it cannot end the run.
"""

from collections.abc import Awaitable, Iterable

import anyio

from agentkit.clock import Clock
from agentkit.event import (
    Emit,
    Listener,
    ReasoningReceived,
    RunEvent,
    TextReceived,
    ToolArgumentsReceived,
    ignore,
)
from agentkit.event.record import process_listeners, record_of
from agentkit.log import Log

_DELTAS = (TextReceived, ReasoningReceived, ToolArgumentsReceived)

log: Log = Log("agentkit.agent")


class Report:
    """The records of one run, for its own listeners and those of the runs above it.

    Attributes:
        run_id: see `EventRecord`; set when the run knows it.
        segment: see `EventRecord`.
        is_active: there is a listener.
        wants_deltas: a listener wants the pieces of answers.
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
        self._listeners = (*listeners, *(() if parent is not None else process_listeners()))
        self._delta_listeners = tuple(filter(_wants_deltas, self._listeners))
        self._clock = clock
        self._parent = parent
        self._call_id = call_id
        self._seq = 0
        self._lock: anyio.Lock | None = None
        self._root: Report | None = None if parent is None else parent._root or parent
        self.is_active: bool = bool(self._listeners) or (parent is not None and parent.is_active)
        self.wants_deltas: bool = bool(self._delta_listeners) or (
            parent is not None and parent.wants_deltas
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
        if root._lock is None:
            root._lock = anyio.Lock(fast_acquire=True)
        if root._lock.locked():  # tasks side by side report too, and order is kept
            await root._lock.acquire()
        else:
            root._lock.acquire_nowait()  # it takes a fifth of the time of `async with`
        try:
            seq = None
            if not is_replay:
                root._seq += 1
                seq = root._seq
            record = record_of(
                event,
                run_id=self.run_id,
                at=self._clock.now(),
                segment=self.segment,
                seq=seq,
                parent_id=None if self._parent is None else self._parent.run_id,
                call_id=self._call_id,
            )
            is_delta = isinstance(event, _DELTAS)
            report: Report | None = self
            while report is not None:
                for listener in report._delta_listeners if is_delta else report._listeners:
                    try:
                        await listener(record)
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
            root._lock.release()

    def _remove(self, failed: Listener) -> None:
        """Give nothing more to a listener."""
        self._listeners = tuple(one for one in self._listeners if one is not failed)
        self._delta_listeners = tuple(filter(_wants_deltas, self._listeners))


def _wants_deltas(listener: Listener) -> bool:
    return bool(getattr(listener, "wants_deltas", False))
