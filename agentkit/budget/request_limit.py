"""Keep one model exchange within the budget of a run, and count its usage.

In:  the forecast of each request; the events of the exchange.
Out: the maximum length of the next answer, the limit that ends the exchange, the usage.

Providers bill failed attempts after which an answer was generated, so they count, and the next
attempt has less left.
"""

from collections.abc import Callable
from dataclasses import replace

import anyio

from agentkit.budget.meter import NOTHING, Forecast, Meter, Spent
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

BILLED_KINDS: frozenset[ErrorKind] = frozenset(
    {"bad_response", "empty_response", "stream_interrupted", "truncated"}
)
"""Kinds of failures after which an answer was generated, which the provider bills."""

CHARACTERS_PER_TOKEN = 3
MOST_CHARACTERS = 8
"""The maximum of characters per token of ordinary text; with more, the limit was ignored."""

_SPARE = 16  # a fraction of the window, 1/n, for tokens that the provider adds to a prompt

_UNKNOWN = Forecast(input_tokens=0)


class RequestLimit:
    """Measures an exchange in flight.

    Attributes:
        scope: cancelled if the exchange reaches a limit.
        over: the limit that it reached.
        used: its usage, without its response.
        additional_usage: the same, as providers report it.
        attempts: how often the request was sent so far.
        received: the pieces of the answer's text that arrived, while streaming.
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
        self.received: list[str] = []
        self.attempts: int = 1
        self.scope: anyio.CancelScope | None = None
        self.over: StopReason | None = None
        self.used: Spent = NOTHING
        self.additional_usage: Usage = NO_USAGE

    async def admit(self, forecast: Forecast, *, asked: int | None) -> StopReason | None:
        """Begin a request; return the limit that forbids it, or None.

        Args:
            forecast: the usage that it may have.
            asked: the maximum length of its answer in tokens, as the caller set it; None for any.
        """
        self._forecast, self._asked, self._characters = forecast, asked, 0
        return await self._reserve()

    def close(self) -> None:
        """Release the reservation of this exchange, which is charged by now."""
        self._meter.release(self)

    def max_answer_tokens(self) -> int | None:
        """Return the maximum length of the next answer in tokens; None for no limit."""
        if self._room is None or self._window is None:
            return self._room
        left = self._window - self._forecast.input_tokens
        if self._room >= left:
            return None  # the window is the lower limit, and providers reject a higher one
        return max(1, min(self._room, left - self._window // _SPARE))

    async def emit(self, event: RunEvent) -> None:
        """Pass an event on; cancel the exchange if the provider exceeds the request's limit."""
        await self._emit(event)
        more = None if self._partial is None else self._partial(event)
        if more is not None:
            await self._emit(more)
        has_failed_over, self._has_failed_over = self._has_failed_over, False
        match event:
            case TextReceived() | ToolArgumentsReceived():  # the most frequent
                self._characters += len(event.text)
                if isinstance(event, TextReceived):
                    self.received.append(event.text)
                if self._room is not None and self._characters > self._room * MOST_CHARACTERS:
                    self._bill(Usage())
                    self._stop(self.over or "max_tokens")
            case ModelRetried():
                self.attempts += 1
                self.received.clear()
                if not has_failed_over:  # otherwise it reports a new round of a route
                    await self._attempt_failed(event.kind, event.usage)
            case ModelFailedOver(failure=failure):
                self._has_failed_over = True
                self.received.clear()
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
        max_answer_tokens, asked = self.max_answer_tokens(), self._asked
        is_cut_by_budget = max_answer_tokens is not None and (
            asked is None or max_answer_tokens < asked
        )
        self._bill(error.usage)
        self.over = self._measure()
        if error.kind == "truncated" and is_cut_by_budget:
            self.over = self.over or "max_tokens"

    def cancelled(self) -> None:
        """Count an attempt that was cancelled."""
        if self.over is None:
            self._bill(Usage())

    async def _attempt_failed(self, kind: ErrorKind, usage: Usage) -> None:
        """Count a failed attempt, and stop if the budget does not allow another one."""
        if kind in BILLED_KINDS:
            self._bill(usage)
            over = await self._reserve()
            if over is not None:
                self._stop(over)

    def _bill(self, usage: Usage) -> None:
        """Count an attempt without a response, as far as its usage is known."""
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

    async def _reserve(self) -> StopReason | None:
        """Reserve tokens for an answer; return the limit that forbids it.

        If other requests have reserved the rest of the budget, wait until their usage is known.
        """
        while True:
            over = self._measure()
            if over is None or not self._meter.is_held:
                return over
            freed = anyio.Event()
            self._meter.call_when_released(freed.set)
            await freed.wait()

    def _measure(self) -> StopReason | None:
        """Compute and reserve the limit of the answer; return the limit that forbids it."""
        if not self._meter.needs_forecast:
            return None
        self._meter.release(self)
        max_answer_tokens = self._meter.answer_limit(self._forecast, pending=self.used)
        if isinstance(max_answer_tokens, str):
            self._meter.reserve(self, self.used, is_over=True)
            return max_answer_tokens
        self._room = max_answer_tokens
        if max_answer_tokens is not None:
            inputs = self._forecast.input_tokens
            window = None if self._window is None else max(0, self._window - inputs)
            most = min(one for one in (max_answer_tokens, self._asked, window) if one is not None)
            cost = self._forecast.price(inputs, most)
            held = self.used + Spent(tokens=inputs + most, cost_usd=cost)
            self._meter.reserve(self, held)
        return None

    def _stop(self, over: StopReason) -> None:
        self.over = over
        if self.scope is not None:
            self.scope.cancel()
