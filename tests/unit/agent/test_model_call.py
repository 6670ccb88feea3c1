"""One model exchange at the limits of a run."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from agentkit import Agent
from agentkit.agent.model_call import _exchange
from agentkit.agent.run import Inbox
from agentkit.agent.step import CallModel, Exchange, RunState
from agentkit.budget.budget import Budget
from agentkit.budget.meter import Meter, Spent
from agentkit.budget.request_limit import BILLED_KINDS
from agentkit.chat import FailedExchange, ModelRequest, ModelResponse, ModelSettings, ToolChoice
from agentkit.config.profile import ModelProfile
from agentkit.context.window import Window
from agentkit.errors import ErrorKind, ProviderError, UnsupportedError
from agentkit.event import (
    ContextTrimmed,
    Emit,
    ModelFailedOver,
    ModelRetried,
    RunEvent,
    StopReason,
    TextReceived,
)
from agentkit.history import History
from agentkit.message import AssistantMessage, UserMessage
from agentkit.testing.clock import ManualClock
from agentkit.testing.scripted import ScriptedModel, tool_call
from agentkit.usage import Usage
from tests.unit.agent.running import running

HI = UserMessage("hi")
STATE = RunState(history=History([HI]))
PRICED = ModelProfile(
    family="mixtral-8x22b",
    id="model",
    input_usd_per_million=Decimal(1),
    output_usd_per_million=Decimal(1),
)
OK = ModelResponse(
    message=AssistantMessage("ok"),
    finish_reason="stop",
    usage=Usage(input_tokens=5, output_tokens=2),
)


class _EmittingModel(ScriptedModel):
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


async def _fit(request: ModelRequest, *, ask: Any, emit: Emit) -> ModelRequest:  # noqa: ARG001 - the interface
    return request


async def _make(
    model: ScriptedModel,
    *,
    budget: Budget | None = None,
    meter: Meter | None = None,
    profile: ModelProfile = PRICED,
    settings: ModelSettings | None = None,
    closing: StopReason | None = None,
    inbox: Inbox | None = None,
    fit: Any = _fit,
) -> Exchange:
    model.profile = profile
    agent: Agent[Any] = Agent(model, budget=budget, settings=settings, clock=ManualClock())
    agent.window = cast(Window, SimpleNamespace(profile=profile, fit=fit))
    step = CallModel(choice=ToolChoice(), closing=closing)
    async with running(agent, STATE.history) as (run, member):
        run.meter = meter or run.meter
        run.inbox = inbox or run.inbox
        with anyio.fail_after(60):
            return await _exchange(run, member, STATE, step, {})


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


async def test_without_limits_nothing_is_counted_or_cut() -> None:
    """The request is sent as it is."""
    model = ScriptedModel(OK)

    await _make(model)

    assert model.requests[0].settings.max_tokens is None


@pytest.mark.parametrize("place", ["answer", "fit"])
async def test_the_deadline_cuts_an_exchange(place: str) -> None:
    """Also the summary that has to be made before it."""

    async def slow_fit(request: ModelRequest, **_: object) -> ModelRequest:
        await anyio.sleep_forever()
        return request

    model = _EmittingModel(waits=True)
    fit = slow_fit if place == "fit" else _fit

    exchange = await _make(model, budget=Budget(seconds=0.01), fit=fit)

    assert exchange == Exchange(over="deadline")


@pytest.mark.parametrize("kind", ["bad_response", "connection", "truncated", "rate_limit"])
@pytest.mark.parametrize("how", ["retried", "failed over"])
async def test_failed_attempts_with_an_answer_are_charged(kind: ErrorKind, how: str) -> None:
    """One that never reached the model is free."""
    event: RunEvent = ModelRetried(attempt=1, kind=kind, error="x", wait_seconds=0)
    if how == "failed over":
        failure = FailedExchange(model="m", kind=kind, error="x")
        event = ModelFailedOver(failure=failure)
    plain = await _make(_EmittingModel(), budget=Budget(tokens=1000))

    exchange = await _make(
        _EmittingModel(TextReceived("x" * 30), event), budget=Budget(tokens=1000)
    )

    more = exchange.used.tokens - plain.used.tokens
    assert plain.used == Spent(turns=1, tokens=7)
    assert (more > 10) == (kind in BILLED_KINDS)
    assert exchange.used.turns == 1


class _Failing(ScriptedModel):
    """Fails in one way, attempt after attempt, each with as much room as there is then."""

    def __init__(self, *failed: RunEvent) -> None:
        super().__init__(OK)
        self.failed = failed
        self.limits: list[int | None] = []

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        for event in self.failed:
            self.limits.append(request.limited().settings.max_tokens)
            await emit(event)
            await anyio.lowlevel.checkpoint()
        return await super().chat(request.limited(), emit=emit)


BROKEN = Usage(input_tokens=100, output_tokens=300, cost_usd=Decimal("0.0004"))
RETRIED = ModelRetried(attempt=1, kind="bad_response", error="x", wait_seconds=0, usage=BROKEN)
FAILED_OVER = ModelFailedOver(
    failure=FailedExchange(model="m", kind="bad_response", error="x", usage=BROKEN)
)


@pytest.mark.parametrize("failed", [RETRIED, FAILED_OVER], ids=["retried", "failed over"])
@pytest.mark.parametrize(
    ("budget", "over"),
    [(Budget(tokens=1000), "max_tokens"), (Budget(cost_usd=Decimal("0.001")), "max_cost")],
)
async def test_each_attempt_has_a_lower_limit_until_none_is_left(
    budget: Budget, over: StopReason, failed: RunEvent
) -> None:
    """The reported usage of a failed answer is counted, in tokens and in money."""
    model = _Failing(*[failed] * 5)

    exchange = await _make(model, budget=budget)

    first, second, third = [limit or 0 for limit in model.limits]
    assert (first - second, second - third) == (400, 400)
    assert (exchange.response, exchange.over) == (None, over)
    assert exchange.used == Spent(tokens=1200, cost_usd=Decimal("0.0012"))
    assert exchange.additional_usage.total_tokens == 1200


async def test_a_new_round_of_a_route_is_not_a_further_attempt() -> None:
    """The failure of its last model was counted when the next one was to be tried."""
    exchange = await _make(_Failing(FAILED_OVER, RETRIED), budget=Budget(tokens=1000))

    assert exchange.used == Spent(turns=1, tokens=407, cost_usd=Decimal("0.0004"))


@pytest.mark.parametrize("has_failed_over", [False, True])
async def test_the_usage_of_an_exchange_that_fails_is_charged(has_failed_over: bool) -> None:
    """An outer run goes on, with less."""
    error = ProviderError("no", kind="bad_response")
    error.usage = BROKEN
    meter = Meter(Budget(tokens=10_000), clock=ManualClock())
    events = [FAILED_OVER] if has_failed_over else []

    with pytest.raises(ProviderError, match="no"):
        await _make(_EmittingModel(*events, then=error), meter=meter)

    assert meter.spent == Spent(tokens=400, cost_usd=Decimal("0.0004"))
    assert meter.usage == BROKEN


async def test_an_answer_that_the_deadline_cuts_is_charged() -> None:
    """For the part that arrived."""
    model = _EmittingModel(TextReceived("x" * 300), waits=True)

    exchange = await _make(model, budget=Budget(seconds=0.01, tokens=1000))

    assert exchange.over == "deadline"
    assert 100 < exchange.used.tokens < 150
    assert exchange.used.cost_usd == Decimal(exchange.used.tokens) / 1_000_000


@pytest.mark.parametrize(
    ("tokens", "sent"),
    [
        pytest.param(100_000, None, id="the window is tighter"),
        pytest.param(1_000, 986, id="the budget is tighter"),
        pytest.param(8_190, 7_666, id="nearly the same: what a provider adds is kept free"),
    ],
)
async def test_a_request_never_exceeds_the_models_window(tokens: int, sent: int | None) -> None:
    """The provider would refuse it."""
    model = ScriptedModel(OK)

    await _make(
        model, budget=Budget(tokens=tokens), profile=replace(PRICED, context_window_tokens=8_192)
    )

    assert model.requests[0].settings.max_tokens == sent


async def test_a_summary_is_kept_within_the_budget_too() -> None:
    """It has the limit of an answer, or is not requested."""

    async def fit(request: ModelRequest, *, ask: Any, emit: Emit) -> ModelRequest:  # noqa: ARG001 - the interface
        await ask(replace(request, settings=ModelSettings(max_tokens=600)))
        return request

    model = ScriptedModel(OK, OK)

    await _make(model, budget=Budget(tokens=200), fit=fit)

    assert 100 < (model.requests[0].settings.max_tokens or 0) < 200
    broken = ProviderError("no", kind="bad_response")
    meter = Meter(Budget(tokens=200), clock=ManualClock())
    with pytest.raises(ProviderError, match="no"):
        await _make(ScriptedModel(broken), meter=meter, fit=fit)
    assert meter.spent.tokens > 0
    with pytest.raises(UnsupportedError, match="leaves no room"):
        await _make(ScriptedModel(), budget=Budget(tokens=20), fit=fit)


async def test_an_answer_that_exceeds_its_limit_is_cut_and_charged() -> None:
    """A provider that ignores `max_tokens` cannot spend more than the budget."""
    endless = _EmittingModel(*[TextReceived("x" * 1000)] * 20, waits=True)

    exchange = await _make(endless, budget=Budget(tokens=1000))

    assert (exchange.response, exchange.over) == (None, "max_tokens")
    assert exchange.used.tokens > 1000
    assert (await _make(_EmittingModel(*endless.events))).response == OK


async def test_an_answer_cut_by_the_limit_of_the_budget_ends_the_run_at_that_limit() -> None:
    """Without such a limit it is an error."""
    cut = ProviderError("cut", kind="truncated")

    exchange = await _make(ScriptedModel(cut), budget=Budget(tokens=1000))

    assert exchange.over == "max_tokens"
    assert exchange.used.tokens > 0
    with pytest.raises(ProviderError, match="cut"):
        await _make(ScriptedModel(cut))
    with pytest.raises(ProviderError, match="cut"):
        settings = ModelSettings(max_tokens=20)
        await _make(ScriptedModel(cut), budget=Budget(tokens=1000), settings=settings)


async def test_a_closing_answer_that_fails_leaves_the_run_without_one() -> None:
    """The limit is reported; any other answer that fails is an error."""
    down = ProviderError("down")

    assert (await _make(ScriptedModel(down), closing="max_turns")).over == "max_turns"
    with pytest.raises(ProviderError, match="down"):
        await _make(ScriptedModel(down))


async def test_the_usage_of_a_summary_is_counted() -> None:
    """In the budget and in the result, but not as a turn."""
    used = Usage(input_tokens=100, output_tokens=10)

    async def fit(request: ModelRequest, *, ask: Any, emit: Emit) -> ModelRequest:  # noqa: ARG001 - the interface
        await emit(
            ContextTrimmed(
                dropped_messages=1,
                shortened_results=0,
                tokens_before=9,
                tokens_after=5,
                window_tokens=8,
                usage=used,
            )
        )
        return request

    meter = Meter(Budget(), clock=ManualClock())

    exchange = await _make(ScriptedModel(OK), fit=fit, meter=meter)

    assert exchange.additional_usage == used
    assert exchange.used == Spent(turns=1, tokens=117)
    assert meter.usage == used + OK.usage


async def test_messages_are_taken_before_the_request_and_late_ones_after_an_answer() -> None:
    """After an answer with calls they wait for the next turn."""
    first, second = UserMessage("first"), UserMessage("second")

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
    calling = Chatty(AssistantMessage(tool_calls=[tool_call("add")]))
    assert (await _make(calling, inbox=inbox)).late == ()
    assert inbox.take() == (second,)
    assert inbox.take() == ()
