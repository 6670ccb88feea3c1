"""Put what a tool raised into words for the model.

In:  a call, the exception its tool raised.
Out: `ToolFailure`; a line with traceback in the log.
"""

from collections.abc import Iterator

from agentkit.errors import ToolError
from agentkit.json_schema.violation import shorten
from agentkit.log import Log
from agentkit.tools.validate import ReadyCall
from agentkit.value import dataclass

MAX_ERROR_CHARACTERS = 2_000

log = Log("agentkit.tools")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFailure:
    """Why a tool gave nothing."""

    text: str


def describe_failure(call: ReadyCall, error: Exception) -> ToolFailure:
    """Log what a tool raised, and put it into words for the model."""
    log.warning("tool_call_failed", tool_name=call.tool.name, call_id=call.call.id, exc_info=error)
    return ToolFailure(text=shorten("; ".join(_messages(error)), MAX_ERROR_CHARACTERS))


def _messages(error: BaseException) -> Iterator[str]:
    """Yield the messages of an error, or of all in a group."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _messages(inner)
        return
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # a stranger's `__str__`
        text = ""
    name = type(error).__name__
    yield (text or name) if isinstance(error, ToolError) else f"{name}: {text}" if text else name
