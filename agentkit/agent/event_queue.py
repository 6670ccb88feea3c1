"""Hand the events of a run to the one who reads them.

In:  events, from any task of the run.
Out: the same events, each once, in order.

The reader sets the pace: whoever reports a step of the run waits until it is heard. Only pieces of
an answer need not be taken one by one, which would cost three turns of the event loop each: so
many of them may wait that a fast provider is read in one go, and not one more.
"""

from collections import deque

import anyio

from agentkit.event import ReasoningReceived, RunEvent, TextReceived, ToolArgumentsReceived

ROOM = 64
"""How many pieces of an answer may wait for their reader."""

_PIECES = (TextReceived, ReasoningReceived, ToolArgumentsReceived)


class Channel:
    """The way from a run to its reader."""

    def __init__(self) -> None:
        self._waiting: deque[RunEvent] = deque()
        self._put = 0
        self._taken = 0
        self._has_come: anyio.Event | None = None
        self._has_gone: anyio.Event | None = None
        self._is_ended = False
        self._is_left = False

    async def send(self, event: RunEvent) -> None:
        """Report `event`: a step waits until it is heard, a piece until there is room for it."""
        self._waiting.append(event)
        self._put = mine = self._put + 1
        if self._has_come is not None:
            self._has_come.set()
            self._has_come = None
        most = mine - ROOM if isinstance(event, _PIECES) else mine
        while self._taken < most:
            if self._has_gone is None:
                self._has_gone = anyio.Event()
            await self._has_gone.wait()

    async def receive(self) -> RunEvent:
        """Return the next event, or wait for it.

        Raises:
            EndOfStream: there was the last.
            ClosedResourceError: the reader has left.
        """
        while not self._waiting:
            if self._is_left:
                raise anyio.ClosedResourceError
            if self._is_ended:
                raise anyio.EndOfStream
            if self._has_come is None:
                self._has_come = anyio.Event()
            await self._has_come.wait()
        self._taken += 1
        if self._has_gone is not None:
            self._has_gone.set()
            self._has_gone = None
        return self._waiting.popleft()

    def end(self) -> None:
        """Say that nothing more will come."""
        self._is_ended = True
        if self._has_come is not None:
            self._has_come.set()
            self._has_come = None

    def leave(self) -> None:
        """Take nothing more."""
        self._is_left = True
        self._waiting.clear()
