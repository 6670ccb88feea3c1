"""Pass the records of a run to the code that iterates over them.

In:  records, from any task of the run.
Out: the same records, each once, in order.

The reader sets the pace: a task that reports a step of the run waits until the reader has taken it.
Only pieces of an answer are not waited for one by one, which would cost three turns of the event
loop each: so many of them may wait that a fast provider is read in one go, and not one more.
"""

from collections import deque

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from agentkit.event import EventRecord, ReasoningReceived, TextReceived, ToolArgumentsReceived

ROOM = 64
"""How many pieces of an answer may wait for their reader."""

_PIECES = (TextReceived, ReasoningReceived, ToolArgumentsReceived)


class EventQueue:
    """A bounded queue between a run and its reader; a `Listener` of the run.

    Attributes:
        wants_requests: the reader gets requests, so that the numbers of its records have no gaps.
    """

    wants_deltas = True

    def __init__(self, *, wants_requests: bool = False) -> None:
        self.wants_requests = wants_requests
        self._waiting: deque[EventRecord] = deque()
        self._put = 0
        self._taken = 0
        self._has_come: anyio.Event | None = None
        self._has_gone: anyio.Event | None = None
        self._is_ended = False
        self._is_left = False

    async def __call__(self, record: EventRecord) -> None:
        """Add a record: for a step, return when it was taken; for a piece, when there is room."""
        if self._is_left:
            await checkpoint_if_cancelled()  # nothing else may wait before the run does more
            return
        self._waiting.append(record)
        self._put = mine = self._put + 1
        if self._has_come is not None:
            self._has_come.set()
            self._has_come = None
        target = mine - ROOM if isinstance(record.event, _PIECES) else mine
        while self._taken < target and not self._is_left:
            if self._has_gone is None:
                self._has_gone = anyio.Event()
            await self._has_gone.wait()

    def take(self) -> EventRecord | None:
        """Return the next record if there is one."""
        if not self._waiting:
            return None
        self._taken += 1
        if self._has_gone is not None:
            self._wake_writers()
        return self._waiting.popleft()

    async def receive(self) -> EventRecord:
        """Return the next record, or wait for it.

        Raises:
            EndOfStream: there was the last.
            ClosedResourceError: the reader has left.
        """
        while (record := self.take()) is None:
            if self._is_left:
                raise anyio.ClosedResourceError
            if self._is_ended:
                raise anyio.EndOfStream
            if self._has_come is None:
                self._has_come = anyio.Event()
            await self._has_come.wait()
        return record

    def end(self) -> None:
        """Note that nothing more will come."""
        self._is_ended = True
        if self._has_come is not None:
            self._has_come.set()
            self._has_come = None

    def leave(self) -> None:
        """Take nothing more, and let no task wait."""
        self._is_left = True
        self._waiting.clear()
        self._wake_writers()

    def _wake_writers(self) -> None:
        if self._has_gone is not None:
            self._has_gone.set()
            self._has_gone = None
