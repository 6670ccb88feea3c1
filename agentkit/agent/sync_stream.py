"""A stream for code that is not async.

In:  an agent's stream.
Out: `SyncAgentStream`: the same events, read without `await`.

The run goes on in an event loop of its own, in another thread, for as long as the context is open.
"""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from typing import Any, Generic

from anyio.from_thread import BlockingPortal, start_blocking_portal

from agentkit.agent.result import RunResult
from agentkit.agent.stream import AgentStream
from agentkit.event import EventRecord, RunEvent, TextReceived
from agentkit.history import History
from agentkit.message import UserMessage
from agentkit.output.output_type import OutputT


class SyncAgentStream(Generic[OutputT]):
    """The events of one run, in order; see `AgentStream`."""

    def __init__(self, stream: AgentStream[OutputT], portal: BlockingPortal) -> None:
        self._stream = stream
        self._portal = portal

    def __iter__(self) -> Iterator[RunEvent]:
        """Yield the events of this run; raise what the run raised, after the last."""
        for record in self.records():
            if record.run_id == self._stream.run_id:
                yield record.event

    def records(self) -> Iterator[EventRecord]:
        """Yield all records, those of runs inside its tools included."""
        while (record := self._portal.call(self._stream._next)) is not None:
            yield record

    def text_stream(self) -> Iterator[str]:
        """Yield the pieces of this run's text."""
        for event in self:
            if isinstance(event, TextReceived):
                yield event.text

    def finish(self) -> RunResult[OutputT]:
        """Skip the remaining events, and return the outcome; raise what the run raised."""
        return self._portal.call(self._stream.finish)

    def send(self, message: str | UserMessage) -> None:
        """Say something to the running agent; it is taken in at the next turn."""
        self._portal.call(self._stream.send, message)

    @property
    def result(self) -> RunResult[OutputT]:
        """Return the outcome; see `AgentStream.result`."""
        return self._stream.result

    @property
    def history(self) -> History:
        """Return the conversation so far; see `AgentStream.history`."""
        return self._stream.history

    @property
    def run_id(self) -> str:
        """Return the run's id; see `AgentStream.run_id`."""
        return self._stream.run_id


@contextmanager
def open_sync_stream(
    opened: AbstractAsyncContextManager[AgentStream[Any]],
) -> Iterator[SyncAgentStream[Any]]:
    """Open a stream in an event loop of its own; leaving the context cancels the run."""
    with start_blocking_portal() as portal:
        wrapped: AbstractContextManager[AgentStream[Any]] = portal.wrap_async_context_manager(
            opened
        )
        with wrapped as stream:
            yield SyncAgentStream(stream, portal)
