"""A run whose events are read while it goes on.

In:  a coroutine that runs with an `Emit`.
Out: `AgentStream`, to be iterated inside its context.

The reader sets the pace; see `channel`. Leaving the context stops the run.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Generic, Protocol

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from agentkit.agent.event_queue import Channel
from agentkit.agent.options import RunHandle
from agentkit.agent.result import RunResult
from agentkit.errors import AgentKitError
from agentkit.event import Emit, RunEvent
from agentkit.exception_groups import ungrouped
from agentkit.history import History
from agentkit.message import UserMessage
from agentkit.output.output_type import OutputError, OutputT


class Start(Protocol):
    """A run that is ready to go."""

    async def __call__(self, *, emit: Emit) -> RunResult[Any]:
        """Run, and tell `emit` of all that happens."""


class AgentStream(Generic[OutputT]):
    """The events of one run, in order; each is given once."""

    def __init__(self, events: Channel, handle: RunHandle) -> None:
        self._events = events
        self._handle = handle
        self._result: RunResult[OutputT] | None = None
        self._error: Exception | None = None

    @property
    def result(self) -> RunResult[OutputT]:
        """Return the outcome.

        Raises:
            AgentKitError: the run has not come to its end.
        """
        if self._result is None:
            raise AgentKitError(
                "The run has no result yet; iterate over its events to the end first."
            )
        return self._result

    @property
    def history(self) -> History:
        """Return the conversation so far; whole at any time, also after the run was stopped."""
        if self._result is not None:
            return self._result.history
        if isinstance(self._error, OutputError) and self._error.history is not None:
            return self._error.history
        return self._handle.history

    def send(self, message: str | UserMessage) -> None:
        """Say something to the running agent; it is taken in at the next turn."""
        self._handle.inbox.put(UserMessage.of(message) if isinstance(message, str) else message)

    def __aiter__(self) -> "AgentStream[OutputT]":
        return self

    async def __anext__(self) -> RunEvent:
        """Return the next event; raise what the run raised, after its last event."""
        try:
            return await self._events.receive()
        except anyio.EndOfStream:
            if self._result is None and self._error is None:
                # The run was cancelled, and so is its reader, who may just not know it yet.
                await checkpoint_if_cancelled()
            if self._error is not None:
                raise self._error from None
            raise StopAsyncIteration from None

    async def _drive(self, start: Start) -> None:
        """Run to the end and keep the outcome for the reader."""
        try:
            self._result = await start(emit=self._events.send)
        except Exception as error:  # noqa: BLE001 - carried to the reader, who raises it
            self._error = error
        finally:
            self._events.end()


@asynccontextmanager
async def open_stream(start: Start, handle: RunHandle) -> AsyncIterator[AgentStream[Any]]:
    """Start a run and yield its events; leaving the context cancels what still runs."""
    events = Channel()
    stream = AgentStream[Any](events, handle)
    with ungrouped():
        async with anyio.create_task_group() as group:
            group.start_soon(stream._drive, start)
            try:
                yield stream
            finally:
                events.leave()
            group.cancel_scope.cancel()
