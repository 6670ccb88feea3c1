"""What to do about calls that wait for an approval, if the conversation is to go on.

In:  a history.
Out: the messages that must follow it.
"""

from collections.abc import Sequence

from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolResult

_NOT_APPROVED = "Not run: there was no one to approve it."


def closing_messages(history: History) -> Sequence[Message]:
    """Return what denies all open calls; nothing if there are none."""
    if not history.open_calls:
        return ()
    denied = [ToolResult(call.id, _NOT_APPROVED, is_error=True) for call in history.open_calls]
    return [*denied, AssistantMessage("[waited for the approval of a call]")]
