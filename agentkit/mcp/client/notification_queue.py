"""Queue a server's notifications, within a bound, until the run can emit them.

In:  events from the tasks that read a connection.
Out: the same events, in order, in the task of the consumer.

A server that sends more than is consumed fills no memory and slows no connection: the excess is
dropped, and the number of dropped events is reported.
"""

from collections import deque
from collections.abc import Callable

import anyio

from agentkit.event import Emit, RunEvent, ToolsetReported

MAX_NOTIFICATIONS = 256


class NotificationQueue:
    """A bounded queue of events."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: deque[RunEvent] = deque()
        self._dropped = 0
        self._is_closed = False
        self._more = anyio.Event()
        self._begin: Callable[[], object] | None = None

    def begin_with(self, begin: Callable[[], object]) -> None:
        """Call `begin` at the first event; it starts `forward`, which most calls do not need."""
        self._begin = begin

    def add(self, event: RunEvent) -> None:
        """Queue an event; drop it if the queue is full."""
        if self._begin is not None:
            begin, self._begin = self._begin, None
            begin()
        if len(self._waiting) >= MAX_NOTIFICATIONS:
            self._dropped += 1
            return
        self._waiting.append(event)
        self._more.set()

    def take(self) -> list[RunEvent]:
        """Remove and return all queued events."""
        taken = list(self._waiting)
        self._waiting.clear()
        if not self._is_closed:
            self._more = anyio.Event()
        if self._dropped:
            message = f"It sent too many notifications: {self._dropped} were dropped."
            taken.append(ToolsetReported(toolset=self._name, level="warning", message=message))
            self._dropped = 0
        return taken

    def close(self) -> None:
        """Let `forward` return once the queue is empty."""
        self._is_closed = True
        self._begin = None
        self._more.set()

    async def forward(self, emit: Emit) -> None:
        """Emit each event as it comes, until closed."""
        while self._waiting or not self._is_closed:
            await self._more.wait()
            for event in self.take():
                await emit(event)
