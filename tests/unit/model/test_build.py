"""Models are built with the settings that the caller gives."""

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx

from agentkit import Agent, build_model
from agentkit.model import HttpSettings, RateLimit, RetrySettings, RouteModel
from agentkit.model.provider_model import ProviderModel
from agentkit.testing import ScriptedModel

NAME = "openai-compatible:m"
AT: dict[str, Any] = {"api_key": "none", "base_url": "http://127.0.0.1:9/v1"}


async def _arriving(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _answering(asked: list[httpx.Request], *statuses: int) -> httpx.AsyncClient:
    """Return a client that answers without a network, with these statuses."""
    left = list(statuses)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        message = {"role": "assistant", "content": "Hello"}
        body = {"choices": [{"message": message, "finish_reason": "stop"}]}
        return httpx.Response(left.pop(0), content=_arriving(json.dumps(body).encode()))

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


async def test_failed_exchanges_are_repeated_as_the_caller_wishes() -> None:
    """Over the caller's own client."""
    asked: list[httpx.Request] = []
    retry = RetrySettings(attempts=4, base_seconds=0.0)

    async with _answering(asked, 503, 503, 503, 200) as client:
        model = build_model(NAME, retry=retry, client=client, **AT)
        result = await Agent(model).run("hi")

    assert result.output == "Hello"
    assert len(asked) == 4


async def test_settings_count_for_each_model_of_a_list() -> None:
    """Each is asked as often."""
    asked: list[httpx.Request] = []
    retry = RetrySettings(attempts=2, base_seconds=0.0)

    async with _answering(asked, 503, 503, 503, 200) as client:
        model = build_model([NAME, "openai-compatible:n"], retry=retry, client=client, **AT)
        result = await Agent(model).run("hi")

    assert isinstance(model, RouteModel)
    assert result.output == "Hello"
    assert [json.loads(request.content)["model"] for request in asked] == ["m", "n", "m", "n"]


def test_limits_are_those_of_the_model() -> None:
    """A model of one's own stays as it is."""
    limit, own = RateLimit(requests_per_minute=60), ScriptedModel()

    model = cast(ProviderModel, build_model(NAME, rate_limit=limit, http=HttpSettings(), **AT))

    assert not model.rate_limiter.is_unlimited
    assert model.transport is not None
    assert cast(ProviderModel, build_model(NAME, **AT)).transport is None
    assert build_model(own, retry=RetrySettings()) is own
