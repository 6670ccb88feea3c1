"""What a model does when the provider's headers report an exhausted rate limit."""

import time

import anyio
import pytest

from agentkit.chat import ModelRequest
from agentkit.config.load import ResolvedModel, resolve_model
from agentkit.errors import ProviderError
from agentkit.event import Emit, RequestDelayed, RunEvent
from agentkit.history import History
from agentkit.message import UserMessage
from agentkit.model.build import DIALECTS
from agentkit.model.downgrade import LearnedProfiles
from agentkit.model.model import ModelConnection
from agentkit.model.provider_model import ProviderModel
from agentkit.model.rate_limit import RateLimit
from agentkit.model.route import RouteModel
from agentkit.testing.scripted import ScriptedExchange, ScriptedModel, ScriptedTransport
from agentkit.transport.base import Transport
from agentkit.transport.retry import RetrySettings

RESOLVED = resolve_model("openrouter:mixtral-8x22b", environ={}, api_key="test-key")
REQUEST = ModelRequest(history=History([UserMessage("hi")]))
ANSWER = ScriptedExchange.of_json(
    {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}
)


def exhausted(reset: str) -> ScriptedExchange:
    """Return an answer whose headers report that no request is left."""
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": reset}
    return ScriptedExchange(headers=headers, chunks=ANSWER.chunks)


def model_over(
    *exchanges: ScriptedExchange, max_wait_seconds: float = 30.0, limit: RateLimit | None = None
) -> ProviderModel:
    """Return a model over a scripted transport."""
    transport = ScriptedTransport(*exchanges)

    def open_scripted(resolved: ResolvedModel, *, base_url: str | None = None) -> Transport:
        assert (resolved, base_url) == (RESOLVED, RESOLVED.provider.base_url)
        return transport

    return ProviderModel(
        RESOLVED,
        dialects=DIALECTS,
        retry=RetrySettings(attempts=3, base_seconds=0.0, max_wait_seconds=max_wait_seconds),
        rate_limit=limit,
        learned=LearnedProfiles(),
        transport=open_scripted,
    )


async def test_a_limit_that_is_reset_in_an_hour_is_an_error_at_once_and_in_every_run() -> None:
    """Waiting would block this and every other run of the model without an event."""
    started = time.monotonic()
    async with model_over(exhausted("1h")).open() as connection:
        await connection.chat(REQUEST, emit=_ignore)
        for _ in range(3):
            with pytest.raises(ProviderError, match="x-ratelimit-remaining-requests") as caught:
                await connection.chat(REQUEST, emit=_ignore)

    assert (caught.value.kind, caught.value.retryable) == ("rate_limit", True)
    assert caught.value.retry_after_seconds == pytest.approx(3600, abs=60)
    assert (caught.value.provider, caught.value.model) == ("openrouter", RESOLVED.model.id)
    assert time.monotonic() - started < 30


async def test_a_short_wait_for_a_limit_is_an_event_with_its_length_and_reason() -> None:
    """A user sees why nothing happens."""
    events: list[RunEvent] = []

    async def emit(event: RunEvent) -> None:
        events.append(event)

    async with model_over(exhausted("200ms"), ANSWER).open() as model:
        await model.chat(REQUEST, emit=emit)
        await model.chat(REQUEST, emit=emit)

    (delayed,) = [event for event in events if isinstance(event, RequestDelayed)]
    assert 0 < delayed.wait_seconds <= 0.2
    assert delayed.reason == "x-ratelimit-remaining-requests: 0"


async def test_the_bound_is_the_longest_wait_of_the_retry_settings() -> None:
    """One setting bounds both kinds of waiting."""
    async with model_over(exhausted("5s"), max_wait_seconds=1.0).open() as connection:
        await connection.chat(REQUEST, emit=_ignore)
        with pytest.raises(ProviderError, match=r"max_wait_seconds \(1 s\)"):
            await connection.chat(REQUEST, emit=_ignore)


async def test_a_limit_from_the_settings_is_waited_for_and_reported() -> None:
    """The user set it, so the user wants the wait, however long."""
    reported = anyio.Event()
    waits: list[RequestDelayed] = []

    async def emit(event: RunEvent) -> None:
        if isinstance(event, RequestDelayed):
            waits.append(event)
            reported.set()

    limited = model_over(ANSWER, limit=RateLimit(requests_per_minute=1))
    async with limited.open() as connection, anyio.create_task_group() as tasks:
        await connection.chat(REQUEST, emit=emit)
        tasks.start_soon(_chat, connection, emit)
        with anyio.fail_after(60):
            await reported.wait()
        tasks.cancel_scope.cancel()

    assert waits[0].wait_seconds == pytest.approx(60, abs=30)
    assert "settings" in waits[0].reason


async def test_a_route_calls_the_next_model_when_a_limit_is_exhausted() -> None:
    """The error comes at once, so nothing is lost by it."""
    route = RouteModel([model_over(exhausted("1h")), ScriptedModel("from the other")])

    async with route.open() as connection:
        first = await connection.chat(REQUEST, emit=_ignore)
        second = await connection.chat(REQUEST, emit=_ignore)

    assert (first.message.text, second.message.text) == ("Hello", "from the other")
    assert [failure.kind for failure in second.failures] == ["rate_limit"]


async def _chat(connection: ModelConnection, emit: Emit) -> None:
    await connection.chat(REQUEST, emit=emit)


async def _ignore(event: RunEvent) -> None:
    pass
