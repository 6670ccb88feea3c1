"""Keep one model exchange within what a run may use, and count what it uses.

In:  what each request will use; the events of the exchange.
Out: how long the next answer may be, the limit that ends the exchange, what was used.

Attempts that failed after an answer was made are billed by providers, so they count, and the next
attempt has less room.
"""

from collections.abc import Callable

import anyio

from agentkit.budget.budget import NOTHING, Forecast, Meter, Spent
from agentkit.errors import ErrorKind, ProviderError
from agentkit.event import (
    ContextTrimmed,
    Emit,
    ModelFailedOver,
    ModelRetried,
    RunEvent,
    StopReason,
    TextReceived,
    ToolArgumentsReceived,
)
from agentkit.usage import NO_USAGE, Usage
from agentkit.value import replace

BILLED_KINDS: frozenset[ErrorKind] = frozenset(
    {"bad_response", "empty_response", "stream_interrupted", "truncated"}
)
"""Failures of answers that were made, and that a provider will bill."""

CHARACTERS_PER_TOKEN = 3
MOST_CHARACTERS = 8
"""Characters of one token of text at the most, long words aside; beyond it no limit was kept."""

_SPARE = 16  # one part in that many of the window, for what a provider adds to a prompt

_UNKNOWN = Forecast(input_tokens=0)


class ExchangeWatch:
    """Looks at an exchange on its way.

    Attributes:
        scope: cancelled where the exchange comes to a limit.
        over: the limit that it came to.
        used: what it used, its response left out.
        additional_usage: the same, as providers have it.
    """

    def __init__(
        self,
        emit: Emit,
        *,
        partial: Callable[[RunEvent], RunEvent | None] | None,
        meter: Meter,
        window: int | None,
    ) -> None:
        self._emit = emit
        self._partial = partial
        self._meter = meter
        self._window = window
        self._forecast = _UNKNOWN
        self._asked: int | None = None
        self._room: int | None = None
        self._characters = 0
        self._has_failed_over = False
        self.scope: anyio.CancelScope | None = None
        self.over: StopReason | None = None
        self.used = NOTHING
        self.additional_usage = NO_USAGE

    async def admit(self, forecast: Forecast, *, asked: int | None) -> StopReason | None:
        """Begin a request; return the limit that forbids it.

        Args:
            forecast: what it will use.
            asked: the most tokens that its answer should have; None for any.
        """
        self._forecast, self._asked, self._characters = forecast, asked, 0
        return await self._take_room()

    def close(self) -> None:
        """Let others have what was kept for this exchange; what it used is charged by now."""
        self._meter.free(self)

    def room(self) -> int | None:
        """Return the most tokens that the next answer may have; None where any fits."""
        if self._room is None or self._window is None:
            return self._room
        left = self._window - self._forecast.input_tokens
        if self._room >= left:
            return None  # the window is the tighter limit, and providers refuse a wider one
        return max(1, min(self._room, left - self._window // _SPARE))

    async def emit(self, event: RunEvent) -> None:
        """Pass an event on; cut the answer off where a provider does not keep to its limit."""
        await self._emit(event)
        more = None if self._partial is None else self._partial(event)
        if more is not None:
            await self._emit(more)
        has_failed_over, self._has_failed_over = self._has_failed_over, False
        match event:
            case TextReceived(text=text) | ToolArgumentsReceived(text=text):  # nearly all are
                self._characters += len(text)
                if self._room is not None and self._characters > self._room * MOST_CHARACTERS:
                    self._bill(Usage())
                    self._stop(self.over or "max_tokens")
            case ModelRetried():
                if not has_failed_over:  # else it tells of a new round of a route
                    await self._attempt_failed(event.kind, event.usage)
            case ModelFailedOver(failure=failure):
                self._has_failed_over = True
                await self._attempt_failed(failure.kind, failure.usage)
            case ContextTrimmed(usage=usage):
                self.used += replace(Spent.of_usage(usage), turns=0)
                self.additional_usage += usage
            case _:
                pass

    def failed(self, error: ProviderError) -> None:
        """Count the last attempt, which failed with `error`."""
        if self._has_failed_over or error.kind not in BILLED_KINDS:
            return
        room, asked = self.room(), self._asked
        is_cut_by_budget = room is not None and (asked is None or room < asked)
        self._bill(error.usage)
        self.over = self._measure()
        if error.kind == "truncated" and is_cut_by_budget:
            self.over = self.over or "max_tokens"

    def cancelled(self) -> None:
        """Count an attempt that was cut off on its way."""
        if self.over is None:
            self._bill(Usage())

    async def _attempt_failed(self, kind: ErrorKind, usage: Usage) -> None:
        """Count an attempt, and stop where there is no room for another."""
        if kind in BILLED_KINDS:
            self._bill(usage)
            over = await self._take_room()
            if over is not None:
                self._stop(over)

    def _bill(self, usage: Usage) -> None:
        """Count an attempt that has no response, as far as it is known."""
        forecast = self._forecast
        inputs = usage.input_tokens or forecast.input_tokens
        outputs = usage.output_tokens or self._characters // CHARACTERS_PER_TOKEN
        cost = usage.cost_usd if usage.output_tokens else None
        self.used += Spent(
            tokens=inputs + outputs,
            cost_usd=forecast.price(inputs, outputs) if cost is None else cost,
        )
        self.additional_usage += usage
        self._characters = 0

    async def _take_room(self) -> StopReason | None:
        """Keep room for an answer from others; return the limit that leaves none.

        Where they hold what is left, it is known what they used when they are done.
        """
        while True:
            over = self._measure()
            if over is None or not self._meter.is_held:
                return over
            freed = anyio.Event()
            self._meter.call_when_freed(freed.set)
            await freed.wait()

    def _measure(self) -> StopReason | None:
        """Keep room for an answer; return the limit that leaves none."""
        if not self._meter.needs_forecast:
            return None
        self._meter.free(self)
        room = self._meter.answer_room(self._forecast, pending=self.used)
        if isinstance(room, str):
            self._meter.hold(self, self.used, is_over=True)
            return room
        self._room = room
        if room is not None:
            inputs = self._forecast.input_tokens
            window = None if self._window is None else max(0, self._window - inputs)
            most = min(one for one in (room, self._asked, window) if one is not None)
            cost = self._forecast.price(inputs, most)
            held = self.used + Spent(tokens=inputs + most, cost_usd=cost)
            self._meter.hold(self, held)
        return None

    def _stop(self, over: StopReason) -> None:
        self.over = over
        if self.scope is not None:
            self.scope.cancel()
