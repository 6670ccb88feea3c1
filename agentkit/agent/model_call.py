"""One model exchange within the limits of a run.

In:  the state, the step, the tools on offer.
Out: an `Exchange`: a response, or the limit that came first.

A request that could go beyond the budget is not sent. An answer that takes longer than the run has
left, or that grows beyond what it may, is cut off and dropped.
"""

from dataclasses import field
from functools import cached_property
from typing import Any, Protocol, TypeAlias, cast

import anyio

from agentkit.agent.run import Inbox
from agentkit.agent.step import CallModel, Exchange, RunState
from agentkit.budget.budget import Forecast, Meter, Spent
from agentkit.budget.request_limit import ExchangeMeter
from agentkit.chat import ModelRequest, ModelResponse, ModelSettings, ToolSpec
from agentkit.config.profile import ModelProfile
from agentkit.errors import ProviderError, UnsupportedError
from agentkit.event import Emit, StopReason
from agentkit.lazy_import import load_object
from agentkit.log import Log
from agentkit.message import UserMessage
from agentkit.model.model import ModelConnection
from agentkit.output.output_plan import PLAIN_TEXT, OutputPlan
from agentkit.output.output_type import Judgement
from agentkit.surrogates import replace_surrogates
from agentkit.value import dataclass, maker, replace

_new_exchange = maker(Exchange)
_new_request = maker(ModelRequest)

CLOSING_INSTRUCTIONS = (
    "You have reached the limit of this task ({reason}) and can call no more tools. "
    "Give the best answer you can from what you have, and say what is missing."
)
log = Log("agentkit.agent")

_Outcome: TypeAlias = tuple[ModelResponse | None, StopReason | None]


class Fit(Protocol):
    """Fits a request to a model's window."""

    async def __call__(
        self, request: ModelRequest, *, connection: ModelConnection, emit: Emit
    ) -> ModelRequest:
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
    """Makes the exchanges of one run; for what is asked beside an answer, it is a connection."""

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
        self._watch: ExchangeMeter | None = None
        self._has_turn = False

    async def make(
        self, state: RunState, step: CallModel, *, tools: tuple[ToolSpec, ...], emit: Emit
    ) -> Exchange:
        """Make one exchange, without a plan for its calls.

        Raises:
            ProviderError: the exchange failed, and not at a limit.
        """
        self.taken = taken = self._inbox.take()
        if step.closing is None:  # the last answer at a limit is not counted in it
            self._has_turn = self._meter.begin_turn()
            if not self._has_turn:
                return _new_exchange(response=None, over="max_turns", taken=taken)
        history = state.history.add(*taken) if taken else state.history
        output = self._given.output
        offer = output.offer(tools, step.choice, closing=step.closing, stream=self._given.stream)
        partial = output.partial()
        self._watch = watch = ExchangeMeter(
            emit,
            partial=None if partial is None else partial.feed,
            meter=self._meter,
            window=self._given.profile.context_window_tokens,
        )
        request = _new_request(
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
        return _new_exchange(
            response=response,
            over=over,
            taken=taken,
            late=_late(response, judged, self._inbox),
            judged=judged,
            used=used,
            additional_usage=watch.additional_usage,
        )

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:  # noqa: ARG002 - the exchange listens
        """Ask for something beside the answer, within the same limits; see `ModelConnection`."""
        if self._watch is None:
            raise RuntimeError("No exchange is under way.")
        sent = await self._send(request, self._watch)
        if isinstance(sent, str):
            raise UnsupportedError(f"The budget leaves no room for it ({sent}).")
        return sent

    def close(self) -> None:
        """Let others have what the last exchange did not use; what it used is charged by now."""
        if self._has_turn:
            self._has_turn = False
            self._meter.end_turn()
        if self._watch is not None:
            self._watch.close()

    async def _within_time(
        self, request: ModelRequest, watch: ExchangeMeter, *, closing: StopReason | None
    ) -> _Outcome:
        """Fit the request and ask the model, for as long as the run has time and room."""
        sent: ModelResponse | StopReason | None = None
        seconds = self._meter.seconds_left(closing=closing is not None)
        try:
            with anyio.move_on_after(seconds) as watch.scope:
                fitted = await self._fit(request, connection=self, emit=watch.emit)
                sent = await self._send(fitted, watch)
        except BaseException as error:
            sent = _limit_behind(error, over=watch.over, closing=closing)
            if sent is None:  # whatever ends it, what it used is used
                self._meter.charge(watch.used, watch.additional_usage)
                raise
        if sent is None:
            return None, watch.over or "deadline"
        return (None, sent) if isinstance(sent, str) else (sent, None)

    async def _send(
        self, request: ModelRequest, watch: ExchangeMeter
    ) -> ModelResponse | StopReason:
        """Send a request that keeps within what is left; else return the limit that forbids it."""
        if self._meter.needs_forecast:
            forecast = self._forecast(request)
            over = await watch.admit(forecast, asked=request.settings.max_tokens)
            if over is not None:
                return over
            request = replace(request, room=watch.max_answer_tokens).limited()
        try:
            response = await self._connection.chat(request, emit=watch.emit)
        except ProviderError as error:
            watch.failed(error)
            raise
        except anyio.get_cancelled_exc_class():
            watch.cancelled()
            raise
        message = replace_surrogates(response.message)
        return response if message is response.message else replace(response, message=message)

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


def _instructions(given: ModelInput, step: CallModel) -> str:
    """Return the instructions of one turn; what is added stays out of the conversation."""
    added = step.hint
    if step.closing is not None:
        added = CLOSING_INSTRUCTIONS.format(reason=step.closing.removeprefix("max_"))
    parts = (given.instructions, added, given.output.instructions)
    return "\n\n".join(part for part in parts if part)


def _limit_behind(
    error: BaseException, *, over: StopReason | None, closing: StopReason | None
) -> StopReason | None:
    """Return the limit at which a provider failed; None if it failed for another reason."""
    limit = over or closing
    if limit is None or not isinstance(error, ProviderError):
        return None
    if limit == closing:  # the last answer at a limit is a courtesy
        log.warning("closing_answer_failed", kind=error.kind, error=str(error))
    return limit


def _late(
    response: ModelResponse | None, judged: Judgement | None, inbox: Inbox
) -> tuple[UserMessage, ...]:
    """Take what came in beside a final answer: without it, the run would end unheard."""
    is_answer = judged is not None and judged.is_accepted
    if response is None or (response.message.tool_calls and not is_answer):
        return ()
    return inbox.take()
