"""Return what a stored run added to its conversation, also if it was stopped or failed.

In:  a stored run and its records.
Out: messages that can follow those it began with; every call has a result.
"""

from collections.abc import AsyncIterable, Sequence

from agentkit.agent.call_outcome import stopped_result
from agentkit.durable import RunInfo
from agentkit.event import (
    EventRecord,
    ModelResponded,
    RunFinished,
    RunResumed,
    TextReceived,
    TextReclassified,
    ToolCallFinished,
    ToolCallRejected,
    ToolCallStarted,
)
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolResult


async def run_messages(
    info: RunInfo, records: AsyncIterable[EventRecord], *, began_with: int
) -> Sequence[Message]:
    """Return the messages of a run that has ended.

    Args:
        info: the run.
        records: all its records; only read for a run that has no complete history, because it
            failed, or was stopped while no worker did it.
        began_with: how many messages it was started with.
    """
    history = info.history
    if not _is_complete(info, history, began_with=began_with):
        written = _Written(info, history)
        async for record in records:
            written.add(record)
        history = written.complete()
    return history[began_with:]


def _is_complete(info: RunInfo, history: History, *, began_with: int) -> bool:
    """Return whether the stored history has all that the run wrote."""
    if info.status == "cancelled":
        return len(history) > began_with and not history.open_calls
    return info.status == "done"


class _Written:
    """What a run wrote after its last suspension or its start."""

    def __init__(self, info: RunInfo, history: History) -> None:
        self._run = (info.id, info.segment)
        self._history = history
        self._messages: list[AssistantMessage] = []
        self._text = ""
        self._started: set[str] = set()
        self._results: dict[str, ToolResult] = {}

    def add(self, record: EventRecord) -> None:
        """Take in a record."""
        if (record.run_id, record.segment) != self._run:
            return
        match record.event:
            case ModelResponded(message=message):
                self._messages.append(message)
                self._text = ""
            case TextReceived(text=text):
                self._text += text
            case TextReclassified() | RunResumed():
                self._text = ""
            case ToolCallStarted(call=call):
                self._started.add(call.id)
            case ToolCallFinished(result=result) | ToolCallRejected(result=result):
                self._results[result.call_id] = result
            case RunFinished(stop_reason="suspended"):
                # It waited for a decision when it was stopped: all until then is stored.
                self._messages, self._text = [], ""
            case _:
                pass

    def complete(self) -> History:
        """Return the conversation; a text that was cut off is marked."""
        history = self._history
        for message in self._messages:
            history = self._with_results(history) + [message]
        history = self._with_results(history)
        if self._text:
            history += [AssistantMessage(self._text, is_incomplete=True)]
        return history

    def _with_results(self, history: History) -> History:
        """Add the results of the calls that are open."""
        return history + [
            self._results.get(call.id) or stopped_result(call, has_started=call.id in self._started)
            for call in history.open_calls
        ]
