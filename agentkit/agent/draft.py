"""The step of a run that is under way, for readers of the conversation meanwhile.

In:  where a step began, and its results so far.
Out: the conversation so far, complete at any time, also after the run was stopped.

Nothing of a run is decided by it.
"""

from collections.abc import Sequence

from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult, UserMessage


class Draft:
    """What is known of a step before it ends.

    Attributes:
        history: the conversation where the step began.
        new: the messages that the step has added so far.
        received: the pieces of an answer that is arriving.
        started: the calls whose tool was started, by id.
        finished: the results that exist, by call id.
    """

    __slots__ = ("finished", "history", "new", "received", "started")

    def __init__(self, history: History) -> None:
        self.begin(history)

    def begin(self, history: History) -> None:
        """Begin a step."""
        self.history: History = history
        self.new: Sequence[Message] = ()
        self.received: Sequence[str] = ()
        self.started: dict[str, ToolCall] = {}
        self.finished: dict[str, ToolResult] = {}

    def take(self, messages: Sequence[UserMessage], received: Sequence[str]) -> None:
        """Note what the user said before a request, and where its answer will arrive."""
        self.new, self.received = messages, received

    def complete(self) -> History:
        """Return the conversation so far: each call has a result, a partial answer is marked."""
        history = self.history + self.new
        text = "".join(self.received)
        if text and not history.open_calls:
            history += [AssistantMessage(text, is_incomplete=True)]
        return history + map(self.result_of, history.open_calls)

    def result_of(self, call: ToolCall) -> ToolResult:
        """Return the result of a call; of one that was stopped, what is known of it."""
        return self.finished.get(call.id) or stopped_result(
            call, has_started=call.id in self.started
        )


def stopped_result(call: ToolCall, *, has_started: bool) -> ToolResult:
    """Return the result of a call that was stopped with its run."""
    known = (
        "was stopped before it ended. Whether it had an effect is not known."
        if has_started
        else "was not run: the run was stopped first."
    )
    return ToolResult(call.id, f"The call of {call.name!r} {known}", is_error=True)
