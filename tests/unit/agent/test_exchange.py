"""One model exchange at the limits of a run."""

from decimal import Decimal
from typing import Any

import anyio
import pytest

from agentkit.agent.budget import Budget, Meter, Spent
from agentkit.agent.exchange import BILLED_KINDS, Exchanger, ModelInput
from agentkit.agent.inbox import Inbox
from agentkit.agent.step import CallModel, Exchange, RunState
from agentkit.chat import Failure, ModelRequest, ModelResponse, ModelSettings, ToolChoice
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
    ignore,
)
from agentkit.history import History
from agentkit.message import AssistantMessage, UserMessage
from agentkit.testing.clock import ManualClock
from agentkit.testing.scripted import ScriptedModel, tool_call
from agentkit.usage import Usage

HI = UserMessage.of("hi")
STATE = RunState(history=History([HI]))
PRICED = ModelProfile(
    family="mixtral-8x22b",
    id="model",
    input_usd_per_million=Decimal(1),
    output_usd_per_million=Decimal(1),
)
OK = ModelResponse(
    message=AssistantMessage.of("ok"),
    finish_reason="stop",
    usage=Usage(input_tokens=5, output_tokens=2),
)


class _Telling(ScriptedModel):
    """Emits events, then waits or answers."""

    def __init__(self, *events: RunEvent, then: Any = OK, waits: bool = False) -> None:
        super().__init__(then)
        self.events = events
        self.waits = waits

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        for event in self.events:
            await emit(event)
        if self.waits:
            await anyio.sleep_forever()
        return await super().chat(request, emit=emit)


async def _fit(request: ModelRequest, *, emit: Emit) -> ModelRequest:  # noqa: ARG001 - the interface
    return request


async def _make(
    model: ScriptedModel,
    *,
    budget: Budget | None = None,
    settings: ModelSettings | None = None,
    closing: StopReason | None = None,
    inbox: Inbox | None = None,
    fit: Any = _fit,
) -> Exchange:
    exchanger = Exchanger(
        model,
        given=ModelInput(profile=PRICED, settings=settings or ModelSettings()),
        meter=Meter(budget or Budget(), clock=ManualClock()),
        inbox=inbox or Inbox(),
        fit=fit,
    )
    step = CallModel(choice=ToolChoice(), closing=closing)
    with anyio.fail_after(5):
        return await exchanger.make(STATE, step, tools=(), emit=ignore)


@pytest.mark.parametrize(
    ("budget", "reason"),
    [(Budget(tokens=20), "max_tokens"), (Budget(cost_usd=Decimal("0.00002")), "max_cost")],
)
async def test_a_request_beyond_the_budget_is_not_sent(budget: Budget, reason: str) -> None:
    """The limit is named, and nothing was used."""
    model = ScriptedModel(OK)

    assert await _make(model, budget=budget) == Exchange(over=reason)  # type: ignore[arg-type]  # a limit
    assert model.requests == []


@pytest.mark.parametrize(("asked", "least"), [(None, 900), (50, 50)])
async def test_the_answer_is_kept_within_what_is_left(asked: int | None, least: int) -> None:
    """A shorter limit of the caller stays."""
    model = ScriptedModel(OK)

    await _make(model, budget=Budget(tokens=1000), settings=ModelSettings(max_tokens=asked))

    sent = model.requests[0].settings.max_tokens
    assert sent is not None
    assert least <= sent < 1000
    assert asked in (None, sent)


async def test_without_such_limits_nothing_is_counted_or_cut() -> None:
    """The request goes as it is."""
    model = ScriptedModel(OK)

    await _make(model)

    assert model.requests[0].settings.max_tokens is None


@pytest.mark.parametrize("place", ["answer", "fit"])
async def test_the_deadline_cuts_an_exchange(place: str) -> None:
    """Also the summary that has to be made before it."""

    async def slow_fit(request: ModelRequest, *, emit: Emit) -> ModelRequest:  # noqa: ARG001 - the interface
        await anyio.sleep_forever()
        return request

    model = _Telling(waits=True)
    fit = slow_fit if place == "fit" else _fit

    exchange = await _make(model, budget=Budget(seconds=0.01), fit=fit)

    assert exchange == Exchange(over="deadline")


@pytest.mark.parametrize("kind", ["bad_response", "connection", "truncated", "rate_limit"])
@pytest.mark.parametrize("how", ["retried", "failed over"])
async def test_failed_attempts_that_made_an_answer_are_paid_for(kind: ErrorKind, how: str) -> None:
    """One that never reached the model is free."""
    event: RunEvent = ModelRetried(attempt=1, kind=kind, error="x", wait_seconds=0)
    if how == "failed over":
        failure = Failure(model="m", kind=kind, error="x")
        event = ModelFailedOver(failure=failure)
    plain = await _make(_Telling(), budget=Budget(tokens=1000))

    exchange = await _make(_Telling(TextReceived(text="x" * 30), event), budget=Budget(tokens=1000))

    more = exchange.used.tokens - plain.used.tokens
    assert plain.used == Spent(turns=1, tokens=7)
    assert (more > 10) == (kind in BILLED_KINDS)
    assert exchange.used.turns == 1


async def test_an_answer_that_grows_beyond_its_limit_is_cut_off_and_paid_for() -> None:
    """A host that does not keep to `max_tokens` cannot spend more than there is."""
    endless = _Telling(*[TextReceived(text="x" * 1000)] * 20, waits=True)

    exchange = await _make(endless, budget=Budget(tokens=1000))

    assert (exchange.response, exchange.over) == (None, "max_tokens")
    assert exchange.used.tokens > 1000
    assert (await _make(_Telling(*endless.events))).response == OK


async def test_an_answer_cut_by_the_limit_of_the_budget_ends_the_run_at_that_limit() -> None:
    """Without such a limit it is an error."""
    cut = ProviderError("cut", kind="truncated")

    exchange = await _make(ScriptedModel(cut), budget=Budget(tokens=1000))

    assert exchange.over == "max_tokens"
    assert exchange.used.tokens > 0
    with pytest.raises(ProviderError, match="cut"):
        await _make(ScriptedModel(cut))


async def test_a_closing_answer_that_fails_leaves_the_run_without_one() -> None:
    """The limit is what is told; any other answer that fails is an error."""
    down = ProviderError("down")

    assert (await _make(ScriptedModel(down), closing="max_turns")).over == "max_turns"
    with pytest.raises(ProviderError, match="down"):
        await _make(ScriptedModel(down))


async def test_what_a_summary_used_is_counted_beside_the_answer() -> None:
    """In the budget and in the result, but not as a turn."""
    used = Usage(input_tokens=100, output_tokens=10)

    async def fit(request: ModelRequest, *, emit: Emit) -> ModelRequest:
        await emit(
            ContextFitted(
                dropped_messages=1,
                shortened_results=0,
                tokens_before=9,
                tokens_after=5,
                window_tokens=8,
                usage=used,
            )
        )
        return request

    exchange = await _make(ScriptedModel(OK), fit=fit)

    assert exchange.besides == used
    assert exchange.used == Spent(turns=1, tokens=117)
    assert STATE.add_exchange(exchange).usage == used + OK.usage
    assert STATE.add_exchange(Exchange(besides=used)).usage == used


async def test_messages_are_taken_before_the_request_and_late_ones_after_an_answer() -> None:
    """Beside calls they wait for the next turn."""
    first, second = UserMessage.of("first"), UserMessage.of("second")

    class Chatty(ScriptedModel):
        async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
            inbox.put(second)
            return await super().chat(request, emit=emit)

    inbox = Inbox()
    inbox.put(first)
    answer = Chatty(OK)

    exchange = await _make(answer, inbox=inbox)

    assert (exchange.taken, exchange.late) == ((first,), (second,))
    assert list(answer.requests[0].history) == [HI, first]
    calling = Chatty(AssistantMessage.of("", tool_call("add")))
    assert (await _make(calling, inbox=inbox)).late == ()
    assert inbox.take() == (second,)
    assert inbox.take() == ()
