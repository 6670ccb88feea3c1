"""Report structured output while it is streamed.

In:  the events of a streamed exchange.
Out: `PartialOutputReceived`, each time the value has grown.

Partial output is not validated; the complete answer is. The text is parsed again only after it has
grown by a fixed share of its length, so that the total cost stays linear.
"""

from pydantic_core import from_json

from agentkit.event import (
    ModelFailedOver,
    ModelRetried,
    PartialOutputReceived,
    RunEvent,
    TextReceived,
    ToolArgumentsReceived,
)
from agentkit.json_schema import JsonObject, JsonValue
from agentkit.tools.schema import RESULT_KEY

PART_OF_ITSELF = 16


class PartialOutput:
    """Parses one answer as far as it was received."""

    def __init__(self, *, in_text: bool, is_wrapped: bool) -> None:
        """Begin with an empty answer.

        Args:
            in_text: the answer is requested as text, not as a call.
            is_wrapped: the value is the property `result` of an object.
        """
        self._in_text = in_text
        self._is_wrapped = is_wrapped
        self._begin()

    def feed(self, event: RunEvent) -> PartialOutputReceived | None:
        """Process an event; return the partial output if it has grown."""
        match event:
            case ModelRetried() | ModelFailedOver():
                self._begin()
            case TextReceived(text) if self._in_text:
                return self._add(text)
            case ToolArgumentsReceived(text=text) if not self._in_text:
                return self._add(text)
            case _:
                pass
        return None

    def _begin(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._next = 1
        self._last: JsonValue = None

    def _add(self, text: str) -> PartialOutputReceived | None:
        self._parts.append(text)
        self._length += len(text)
        if self._length < self._next:
            return None
        self._next = self._length + max(1, self._length // PART_OF_ITSELF)
        value = self._read("".join(self._parts))
        if value is None or value == self._last:
            return None
        self._last = value
        return PartialOutputReceived(value=value)

    def _read(self, text: str) -> JsonValue:
        """Return the value received so far; None if there is none yet."""
        start = text.find("{")
        if start < 0:
            return None
        try:
            value: JsonObject = from_json(text[start:], allow_partial="trailing-strings")
        except ValueError:
            return None
        return value.get(RESULT_KEY) if self._is_wrapped else value
