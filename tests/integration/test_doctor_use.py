"""Written profiles are used; other dialects; cancellation."""

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from agentkit import Agent, ProviderError, UnsupportedError, tool
from agentkit.chat import ModelSettings
from agentkit.config.load import ResolvedModel, read_catalog, resolve_model
from agentkit.config.profile import ModelProfile
from agentkit.config.user_catalog import edit_catalog, save_catalog
from agentkit.doctor.profile_diff import changed_table
from agentkit.doctor.run_probes import diagnose
from agentkit.model.build import DIALECTS
from agentkit.model.provider_model import ProviderModel
from agentkit.sandbox import sandbox
from agentkit.sandbox.http_server import RawReply, Reply
from tests.integration.doctor_run import MISTRAL, QUICK, diagnosed, resolve
from tests.integration.doctor_server import OddProvider, Traits, as_json, running


@tool
def weather(city: str) -> str:
    """Return the weather in a city."""
    return f"Sunny in {city}."


FAILING_RUNS = {
    "tools that are refused in no clear words": (
        Traits(tools="refused", refusal="Bad Request"),
        MISTRAL,
        ModelSettings(),
        "prompted",
    ),
    "the limit's name": (
        Traits(limit="max_completion_tokens"),
        MISTRAL,
        ModelSettings(max_tokens=50),
        "openai_chat",
    ),
}


@pytest.mark.parametrize(
    ("traits", "name", "settings", "dialect"), FAILING_RUNS.values(), ids=FAILING_RUNS
)
async def test_a_run_that_failed_works_with_the_profile_that_doctor_wrote(
    traits: Traits, name: str, settings: ModelSettings, dialect: str, tmp_path: Path
) -> None:
    """The complete path: fail, diagnose, write, read, run."""
    path = tmp_path / "catalog.toml"
    environ = {"AGENTKIT_CATALOG": str(path)}
    async with AsyncExitStack() as stack:
        stack.enter_context(anyio.fail_after(60))
        url = await stack.enter_async_context(running(OddProvider(traits)))
        resolved = resolve(url, name)

        async def run(of: ResolvedModel) -> str:
            model = ProviderModel(of, dialects=DIALECTS)
            agent = Agent(model, tools=[weather], settings=settings)
            result = await agent.run("What is the weather in Oslo?")
            return result.output

        with pytest.raises((ProviderError, UnsupportedError)):
            await run(resolved)
        report = await diagnose(resolved, settings=QUICK)
        table = changed_table(
            (read_catalog({})[resolved.provider.name], resolved.model), report.profiles
        )
        save_catalog(path, edit_catalog(path, provider=resolved.provider.name, table=table))
        again = resolve_model(name, environ=environ)
        answer = await run(again)

    assert answer == "Hello"
    assert again.provider.dialect == dialect
    assert again.model == report.profiles[1]
    assert again.provider.accepts == report.profiles[0].accepts
    assert again.provider.base_url == url


async def test_an_anthropic_provider_is_probed_in_its_own_dialect() -> None:
    """Choices are objects there, and only fields of that dialect are sent."""
    seen: list[dict[str, Any]] = []

    class Provider(OddProvider):
        async def answer(self, request: Any) -> Reply:
            self.requests.append(request)
            if request.method == "GET":
                data = [{"id": "mixtral-8x22b", "max_input_tokens": 5000, "type": "model"}]
                return as_json({"data": data, "has_more": False})
            assert request.path.endswith("/v1/messages")
            body = json.loads(request.body)
            seen.append(body)
            return _anthropic(body)

    report, findings, _ = await diagnosed(Provider(), provider={"dialect": "anthropic_messages"})

    assert report.stopped == ""
    assert report.profiles[0].dialect == "anthropic_messages"
    assert report.profiles[1].context_window_tokens == 5000
    assert [body["tool_choice"] for body in seen if "tool_choice" in body] == [
        {"type": "auto", "disable_parallel_tool_use": False},
        {"type": "any"},
        {"type": "tool", "name": "clock"},
        {"type": "none"},
    ]
    assert not any("response_format" in body or "stream_options" in body for body in seen)
    assert findings["tools"].verdict == "yes"
    assert findings["tool_choice named"].verdict == "yes"
    assert "usage in a stream" not in findings


def _anthropic(body: dict[str, Any]) -> Reply:
    """Answer in that dialect."""
    if not isinstance(body["messages"], list):
        error = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}
        return as_json(error, status=400)
    choice = body.get("tool_choice", {})
    wants = "tools" in body and choice.get("type") != "none"
    has_result = "tool_result" in str(body["messages"])
    blocks: list[dict[str, Any]] = [{"type": "text", "text": "Hello"}]
    if wants and not has_result:
        name = choice.get("name", "weather")
        blocks = [{"type": "tool_use", "id": "toolu_01", "name": name, "input": {"city": "Oslo"}}]
    return as_json(
        {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "content": blocks,
            "stop_reason": "tool_use" if wants and not has_result else "end_turn",
            "usage": {"input_tokens": 10, "output_tokens": 5},
        }
    )


async def test_a_cancelled_diagnosis_leaves_nothing_open() -> None:
    """Ctrl-C cancels it in the middle of a request."""
    server = OddProvider(instead=[RawReply(then="stall")])
    async with running(server) as url:
        with anyio.move_on_after(0.2) as scope:
            await diagnose(resolve(url), settings=QUICK)

    assert scope.cancelled_caught


async def test_a_sandbox_at_a_base_url_is_probed_like_any_provider() -> None:
    """Another provider name changes what is sent, not what is found."""
    with anyio.fail_after(60):
        async with sandbox() as running_sandbox:
            report = await diagnose(resolve(running_sandbox.base_url), settings=QUICK)

    provider, model = report.profiles
    assert provider.accepts.is_strict
    assert provider.accepts.stream_usage == "always"
    assert model == ModelProfile(
        family="mixtral-8x22b", id="mixtral-8x22b", rules="mistral", context_window_tokens=65536
    )
