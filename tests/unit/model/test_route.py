"""Several models as one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from agentkit import Agent, AssistantMessage
from agentkit.chat import FailedExchange, ModelRequest, ModelResponse
from agentkit.config.load import resolve_model
from agentkit.config.profile import ModelProfile
from agentkit.errors import ConfigError, ProviderError, StatusError, UnsupportedError
from agentkit.event import (
    Emit,
    ModelFailedOver,
    ModelRetried,
    RunEvent,
    TextReceived,
    ignore,
)
from agentkit.history import History
from agentkit.message import UserMessage
from agentkit.model import ModelExchange
from agentkit.model.build import DIALECTS
from agentkit.model.model import ModelConnection
from agentkit.model.provider_model import ProviderModel
from agentkit.model.route import CircuitBreakerSettings, RouteModel, RouteOrder
from agentkit.testing.clock import ManualClock
from agentkit.testing.scripted import ScriptedModel
from agentkit.transport.retry import RetrySettings
from agentkit.usage import Usage

REQUEST = ModelRequest(history=History([UserMessage("hi")]))
AT_ONCE = RetrySettings(attempts=2, base_seconds=0.0)


def _busy(**facts: object) -> StatusError:
    return StatusError("busy", **{"kind": "server", "retry": "same", **facts})  # type: ignore[arg-type]  # test facts


def _named(name: str, *answers: str | Exception, price: int | None = None) -> ScriptedModel:
    cost = None if price is None else Decimal(price)
    profile = ModelProfile(
        family="f",
        id=name,
        context_window_tokens=price,
        input_usd_per_million=cost,
        output_usd_per_million=cost,
    )
    return ScriptedModel(*answers, name=name, profile=profile)


async def _ask(route: RouteModel, emit: Emit = ignore) -> ModelResponse:
    async with route.open() as connection:
        return await connection.chat(REQUEST, emit=emit)


async def test_the_first_model_that_answers_is_used() -> None:
    """The models that failed before, and why, are in the response and in the events."""
    events: list[RunEvent] = []

    async def keep(event: RunEvent) -> None:
        events.append(event)

    route = RouteModel(
        [
            _named("a", _busy()),
            _named("b", UnsupportedError("no tools here")),
            _named("c", "hello"),
            _named("d"),
        ]
    )

    response = await _ask(route, keep)

    failures = (
        FailedExchange(model="a", kind="server", error="busy"),
        FailedExchange(model="b", kind="invalid_request", error="no tools here"),
    )
    assert response.message.text == "hello"
    assert response.failures == failures
    assert events == [ModelFailedOver(failure=failure) for failure in failures]
    assert route.name == "a | b | c | d"


async def test_if_all_models_fail_they_are_tried_again() -> None:
    """As often as the settings allow, and only if waiting may help."""
    events: list[RunEvent] = []

    async def keep(event: RunEvent) -> None:
        events.append(event)

    first = _named("a", _busy(), "late")

    response = await _ask(RouteModel([first, _named("b", _busy())], retry=AT_ONCE), keep)

    assert response.message.text == "late"
    assert [type(event) for event in events] == [ModelFailedOver, ModelFailedOver, ModelRetried]


@pytest.mark.parametrize(
    ("errors", "kind", "retry"),
    [
        pytest.param(
            [_busy(), StatusError("no key", kind="auth")] * 2, "server", "same", id="used up"
        ),
        pytest.param(
            [StatusError("no key", kind="auth"), StatusError("no money", kind="auth")],
            "auth",
            "never",
            id="waiting would not help",
        ),
        pytest.param(
            [UnsupportedError("x"), UnsupportedError("y")],
            "invalid_request",
            "change",
            id="no one can",
        ),
    ],
)
async def test_a_route_without_an_answer_is_one_error(
    errors: list[Exception], kind: str, retry: str
) -> None:
    """It lists the error of each model."""
    route = RouteModel([_named("a", *errors[::2]), _named("b", *errors[1::2])], retry=AT_ONCE)

    with pytest.raises(ProviderError, match=r"a: .*; b: ") as caught:
        await _ask(route)

    assert (caught.value.kind, caught.value.retry) == (kind, retry)


@pytest.mark.parametrize("kind", ["truncated", "content_filter"])
async def test_a_failure_caused_by_the_request_is_raised_at_once(kind: str) -> None:
    """Another provider would give the same."""
    error = _busy(kind=kind, retry="change")

    with pytest.raises(StatusError) as caught:
        await _ask(RouteModel([_named("a", error), _named("b", "never asked")]))

    assert caught.value is error


async def test_no_other_model_is_tried_after_text_was_shown() -> None:
    """The failure is raised."""

    class Cut(ScriptedModel):
        @asynccontextmanager
        async def open(self) -> AsyncIterator[ModelConnection]:
            yield self

        async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
            self.requests.append(request)
            await emit(TextReceived("Hel"))
            raise _busy()

    with pytest.raises(StatusError, match="busy"):
        await _ask(RouteModel([Cut(), _named("b", "never asked")]))


@pytest.mark.parametrize(
    ("order", "asked"),
    [("listed", "dear"), ("cheapest", "cheap"), ("fastest", "dear")],
)
async def test_the_order_decides_which_model_is_tried_first(order: RouteOrder, asked: str) -> None:
    """Unknown prices come last; without a measurement the order given holds."""
    models = [
        _named("dear", "dear", price=9),
        _named("unknown", "unknown"),
        _named("cheap", "cheap", price=1),
    ]

    assert (await _ask(RouteModel(models, order=order))).message.text == asked


async def test_the_fastest_model_is_found_by_measuring() -> None:
    """Each is tried once, then the quickest is preferred until it slows down."""
    clock = ManualClock()

    class Timed(ScriptedModel):
        seconds = 1.0

        @asynccontextmanager
        async def open(self) -> AsyncIterator[ModelConnection]:
            yield self

        async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
            clock.advance(self.seconds)
            return await super().chat(request, emit=emit)

    slow = Timed(*["slow"] * 3, name="slow")
    quick = Timed(*["quick"] * 3, name="quick")
    slow.seconds, quick.seconds = 5.0, 1.0
    route = RouteModel([slow, quick], order="fastest", clock=clock)

    texts = [(await _ask(route)).message.text for _ in range(3)]
    quick.seconds = 60.0
    texts += [(await _ask(route)).message.text for _ in range(2)]

    assert texts == ["slow", "quick", "quick", "quick", "slow"]


async def test_a_model_that_keeps_failing_is_skipped_for_a_while() -> None:
    """Then it is tried again; if all are skipped, the one whose time ends first is tried."""
    clock = ManualClock()
    bad = _named("bad", _busy(), _busy(), "well again")
    good = _named("good", "1", "2", "3", _busy(), _busy())
    route = RouteModel(
        [bad, good],
        circuit_breaker=CircuitBreakerSettings(failures=2, open_seconds=10.0),
        retry=RetrySettings(attempts=1),
        clock=clock,
    )

    texts = [(await _ask(route)).message.text for _ in range(3)]
    assert texts == ["1", "2", "3"]
    assert len(bad.requests) == 2

    for _ in range(2):
        with pytest.raises(ProviderError):
            await _ask(route)
    assert len(bad.requests) == 2

    assert (await _ask(route)).message.text == "well again"


async def test_a_model_that_cannot_be_opened_counts_as_failed() -> None:
    """As long as another one can be."""

    class Closed(ScriptedModel):
        @asynccontextmanager
        async def open(self) -> AsyncIterator[ModelConnection]:
            raise ConfigError("no such file")
            yield self

    response = await _ask(RouteModel([Closed(name="a"), _named("b", "hello")]))

    assert response.failures == (
        FailedExchange(model="a", kind="invalid_request", error="no such file"),
    )
    with pytest.raises(ConfigError, match="a: no such file"):
        await _ask(RouteModel([Closed(name="a")]))


def test_a_route_needs_a_model_and_has_the_smallest_window() -> None:
    """A conversation that fits the smallest fits all."""
    with pytest.raises(ConfigError, match="at least one model"):
        RouteModel([])

    route = RouteModel([_named("a", price=9), _named("b"), _named("c", price=4)])

    assert route.profile.id == "c"


@pytest.mark.parametrize(("prices", "highest"), [((4, 9), 9), ((4, None), None), ((None, 4), None)])
def test_a_route_has_the_highest_price(prices: tuple[int | None, ...], highest: int | None) -> None:
    """Whichever model answers, it costs no more; if one price is unknown, the route's is."""
    route = RouteModel([_named(str(at), price=price) for at, price in enumerate(prices)])

    assert route.profile.input_usd_per_million == highest
    assert route.profile.output_usd_per_million == highest


async def test_models_of_a_route_do_not_retry_by_themselves() -> None:
    """The route does the waiting, or the retries of one provider would delay trying the others."""
    resolved = resolve_model("openrouter:mixtral-8x22b", environ={}, api_key="k")
    provider = ProviderModel(
        replace(resolved, provider=replace(resolved.provider, base_url="http://127.0.0.1:9")),
        dialects=DIALECTS,
    )

    response = await _ask(RouteModel([provider, _named("b", "hello")]))

    assert response.message.text == "hello"
    assert [failure.kind for failure in response.failures] == ["connection"]


async def test_the_result_of_a_run_lists_which_models_answered_and_which_failed() -> None:
    """With the cost."""
    usage = Usage(input_tokens=3, cost_usd=Decimal("0.01"))
    response = ModelResponse(
        message=AssistantMessage("hello"), finish_reason="stop", usage=usage, provider="b"
    )
    agent: Agent[None] = Agent([_named("a", _busy()), ScriptedModel(response, name="b")])

    result = await agent.run("hi")

    failure = FailedExchange(model="a", kind="server", error="busy")
    assert result.exchanges == (
        ModelExchange(turn=1, provider="b", model=None, usage=usage, failures=(failure,)),
    )
    assert result.usage == usage


@pytest.mark.parametrize("wrong", [None, 5, [None], ["sandbox:mixtral-8x22b", 5]])
def test_a_value_that_is_not_a_model_is_refused_when_an_agent_is_made(wrong: Any) -> None:
    """With a message that names what to pass."""
    with pytest.raises(ConfigError, match=r"(None|5) is not a model; give 'provider:family-or-id'"):
        Agent(wrong)
