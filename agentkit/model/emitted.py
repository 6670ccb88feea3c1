"""Remember whether an answer was already shown.

In:  events on their way to a listener.
Out: the same events; and whether some of them held text.
"""

from collections.abc import Awaitable

from agentkit.event import Emit, RunEvent, TextReceived


class Shown:
    """Passes events on; an attempt whose text was seen must not be made again silently."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.has_text = False

    def emit(self, event: RunEvent) -> Awaitable[None]:
        """Pass `event` on."""
        self.has_text = self.has_text or isinstance(event, TextReceived)
        return self._emit(event)
