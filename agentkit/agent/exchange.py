"""One model exchange within the limits of a run.

In:  the state, the step, the tools on offer.
Out: an `Exchange`: a response, or the limit that came first.

A request that could go beyond the budget is not sent. An answer that takes longer than the run has
left, or that grows beyond what it may, is cut off and dropped.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, TypeAlias, cast

import anyio

from agentkit.agent.budget import Forecast, Meter, Spent
from agentkit.agent.inbox import Inbox
from agentkit.agent.output_partial import PartialOutput
from agentkit.agent.output_plan import PLAIN_TEXT, OutputPlan
from agentkit.agent.step import CallModel, Exchange, Judgement, RunState
from agentkit.chat import Failure, ModelRequest, ModelResponse, ModelSettings, ToolSpec
from agentkit.config.profile import ModelProfile
from agentkit.errors import ErrorKind, ProviderError
from agentkit.event import (
    ContextFitted,
    Emit,
    ModelFailedOver,
    ModelRetried,
    RunEvent,
    StopReason,
    TextReceived,
    ToolArgumentsReceived,
)
from agentkit.lazy import load_object
from agentkit.log import Log
from agentkit.message import UserMessage
from agentkit.model.model import ModelConnection
from agentkit.usage import Usage

CLOSING_INSTRUCTIONS = (
    "You have reached the limit of this task ({reason}) and can call no more tools. "
    "Give the best answer you can from what you have, and say what is missing."
)
BILLED_KINDS: frozenset[ErrorKind] = frozenset(
    {"bad_response", "empty_response", "stream_interrupted", "truncated"}
)
"""Failures of answers that were made, and that a host will bill."""

CHARACTERS_PER_TOKEN = 3
MOST_CHARACTERS = 8
"""Characters of one token of text at the most, long words aside; beyond it no limit was kept."""

log = Log("agentkit.agent")

_Outcome: TypeAlias = tuple[ModelResponse | None, StopReason | None]


class Fit(Protocol):
    """Fits a request to a model's window."""

    async def __call__(self, request: ModelRequest, *, emit: Emit) -> ModelRequest:
        """Return the request, shortened where it would not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInput:
    """What stays the same for all exchanges of a run.

    Attributes:
        profile: the model's window, price and rules.
        instructions: what stands above the conversation.
        settings: how the model should answer.
        stream: answers are shown as they arrive.
        output: what type of answer is asked for.
    """

    profile: ModelProfile
    instructions: str = ""
    settings: ModelSettings = field(default_factory=ModelSettings)
    stream: bool = False
    output: OutputPlan[Any] = PLAIN_TEXT


class Exchanger:
    """Makes the exchanges of one run."""

    def __init__(
        self,
        connection: ModelConnection,
        *,
        given: ModelInput,
        meter: Meter,
        inbox: Inbox,
        fit: Fit,
    ) -> None:
        self._connection = connection
        self._given = given
        self._meter = meter
        self._inbox = inbox
        self._fit = fit
        self.taken: tuple[UserMessage, ...] = ()

    async def make(
        self, state: RunState, step: CallModel, *, tools: tuple[ToolSpec, ...], emit: Emit
    ) -> Exchange:
        """Make one exchange, without a plan for its calls.

        Raises:
            ProviderError: the exchange failed, and not at a limit.
        """
        self.taken = taken = self._inbox.take()
        history = state.history.add(*taken)
        output = self._given.output
        offer = output.offer(tools, step, stream=self._given.stream)
        watch = _Watch(emit, output.partial())
        request = ModelRequest(
            history=history,
            instructions=_instructions(self._given, step),
            tools=offer.tools,
            tool_choice=offer.choice,
            settings=self._given.settings,
            stream=self._given.stream,
            response_format=offer.response_format,
            shown_arguments=offer.shown_arguments,
        )
        response, over = await self._within_time(request, watch, closing=step.closing)
        used = watch.used
        judged = None
        if response is not None:
            judged = output.judge(response, is_closing=step.closing is not None)
            used += Spent.of_usage(response.usage)
        return Exchange(
            response=response,
            over=over,
            taken=taken,
            late=_late(response, judged, self._inbox),
            judged=judged,
            used=used,
            besides=watch.besides,
        )

    async def _within_time(
        self, request: ModelRequest, watch: "_Watch", *, closing: StopReason | None
    ) -> _Outcome:
        """Fit the request and ask the model, for as long as the run has time and room."""
        outcome: _Outcome | None = None
        seconds = self._meter.seconds_left(closing=closing is not None)
        with anyio.move_on_after(seconds) as watch.scope:
            fitted = await self._fit(request, emit=watch.emit)
            outcome = await self._ask(fitted, watch, closing=closing)
        if outcome is None:
            return None, "max_tokens" if watch.is_over else "deadline"
        return outcome

    async def _ask(
        self, request: ModelRequest, watch: "_Watch", *, closing: StopReason | None
    ) -> _Outcome:
        """Ask the model, unless the answer could go beyond what the run may use."""
        if self._meter.needs_forecast:
            forecast = self._forecast(request)
            room = self._meter.answer_room(forecast)
            if isinstance(room, str):
                return None, room
            if room is not None:
                request = replace(request, settings=_shorten(request.settings, room))
            watch.input_tokens, watch.room = forecast.input_tokens, room
        try:
            return await self._connection.chat(request, emit=watch.emit), None
        except ProviderError as error:
            over = self._limit_behind(error, watch, closing=closing)
            if over is None:
                raise
            return None, over

    def _limit_behind(
        self, error: ProviderError, watch: "_Watch", *, closing: StopReason | None
    ) -> StopReason | None:
        """Return the limit that made an exchange fail; None if it failed by itself.

        The last answer at a limit is a courtesy: where it fails, the run ends without it.
        """
        if watch.room is not None and error.kind == "truncated":
            watch.bill()
            return "max_tokens"
        if closing is not None:
            log.warning("closing_answer_failed", kind=error.kind, error=str(error))
        return closing

    def _forecast(self, request: ModelRequest) -> Forecast:
        """Return what the request will use."""
        profile = self._given.profile
        return Forecast(
            input_tokens=self._counter.count(request),
            input_usd_per_million=profile.input_usd_per_million,
            output_usd_per_million=profile.output_usd_per_million,
        )

    @cached_property
    def _counter(self) -> "TokenCounter":
        """Return the counter of this run; few runs need one, so its module is loaded late."""
        build = cast("BuildCounter", load_object("agentkit.model.tokens:build_counter"))
        return build(self._given.profile.rules, family=self._given.profile.family)


class TokenCounter(Protocol):
    """Counts the tokens of requests; see `agentkit.model.tokens`."""

    def count(self, request: ModelRequest) -> int:
        """Return the tokens of the prompt that `request` becomes."""


class BuildCounter(Protocol):
    """Makes the counter for a family of models."""

    def __call__(self, rules: str, *, family: str) -> "TokenCounter":
        """Return a counter."""


class _Watch:
    """Looks at an answer on its way: how long it grows, and what failed attempts used."""

    def __init__(self, emit: Emit, partial: PartialOutput | None) -> None:
        self._emit = emit
        self._partial = partial
        self._characters = 0
        self.scope: anyio.CancelScope | None = None
        self.room: int | None = None
        self.input_tokens = 0
        self.is_over = False
        self.used = Spent()
        self.besides = Usage()

    async def emit(self, event: RunEvent) -> None:
        """Pass an event on; cut the answer off where a host does not keep to its limit."""
        await self._emit(event)
        more = None if self._partial is None else self._partial.feed(event)
        if more is not None:
            await self._emit(more)
        match event:
            case ModelRetried(kind=kind) | ModelFailedOver(failure=Failure(kind=kind)):
                if kind in BILLED_KINDS:
                    self.bill()
            case ContextFitted(usage=usage):
                self.used += replace(Spent.of_usage(usage), turns=0)
                self.besides += usage
            case TextReceived(text=text) | ToolArgumentsReceived(text=text):
                self._characters += len(text)
                if self.room is not None and self._characters > self.room * MOST_CHARACTERS:
                    self.is_over = True
                    self.bill()
                    if self.scope is not None:
                        self.scope.cancel()
            case _:
                pass

    def bill(self) -> None:
        """Count an attempt that failed after its answer was made, as far as it is known."""
        tokens = self.input_tokens + self._characters // CHARACTERS_PER_TOKEN
        self.used += Spent(tokens=tokens)


def _instructions(given: ModelInput, step: CallModel) -> str:
    """Return the instructions of one turn; what is added stays out of the conversation."""
    added = step.hint
    if step.closing is not None:
        added = CLOSING_INSTRUCTIONS.format(reason=step.closing.removeprefix("max_"))
    parts = (given.instructions, added, given.output.instructions)
    return "\n\n".join(part for part in parts if part)


def _shorten(settings: ModelSettings, room: int) -> ModelSettings:
    """Return settings whose answer is at most `room` tokens long."""
    return replace(settings, max_tokens=min(settings.max_tokens or room, room))


def _late(
    response: ModelResponse | None, judged: Judgement | None, inbox: Inbox
) -> tuple[UserMessage, ...]:
    """Take what came in beside a final answer: without it, the run would end unheard."""
    is_answer = judged is not None and judged.is_accepted
    if response is None or (response.message.tool_calls and not is_answer):
        return ()
    return inbox.take()
