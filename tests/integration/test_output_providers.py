"""Structured output over the wire: the requests, the events, and the sandbox."""

import json
from dataclasses import dataclass, replace
from typing import Any

import anyio
import pytest

from agentkit import Agent, OutputSettings, UserMessage
from agentkit.agent import AgentOptions
from agentkit.config.load import ResolvedModel, resolve_model
from agentkit.config.profile import ResponseFormatForm
from agentkit.event import PartialOutputReceived, RequestDowngraded, ToolArgumentsReceived
from agentkit.json_schema import JsonValue
from agentkit.model.build import DIALECTS
from agentkit.model.downgrade import LearnedProfiles
from agentkit.model.provider_model import ProviderModel
from agentkit.sandbox import sandbox
from agentkit.testing.scripted import ScriptedExchange, ScriptedTransport
from agentkit.transport.base import Transport

BY_FORMAT = AgentOptions(output=OutputSettings(mode="response_format"))
QUESTION = "The contact is Anna Smith, her email is anna@example.com."


@dataclass
class Contact:
    """A person to write to."""

    name: str
    email: str


ANNA = Contact(name="Anna Smith", email="anna@example.com")
WRITTEN = '{"name": "Anna Smith", "email": "anna@example.com"}'
AS_TEXT = ScriptedExchange.of_json(
    {"choices": [{"message": {"role": "assistant", "content": WRITTEN}, "finish_reason": "stop"}]}
)


def _model(
    transport: ScriptedTransport, *forms: ResponseFormatForm, output_mode: Any = "tool"
) -> ProviderModel:
    resolved = resolve_model("openrouter:mixtral-8x22b", environ={}, api_key="test-key")
    accepts = replace(resolved.provider.accepts, response_format=frozenset(forms))
    provider = replace(
        resolved,
        provider=replace(resolved.provider, accepts=accepts),
        model=replace(resolved.model, output_mode=output_mode),
    )

    def open_scripted(resolved: ResolvedModel, *, base_url: str | None = None) -> Transport:
        assert resolved is provider
        assert base_url
        return transport

    return ProviderModel(
        provider, dialects=DIALECTS, learned=LearnedProfiles(), transport=open_scripted
    )


@pytest.mark.parametrize(
    ("forms", "kind"),
    [
        (("json_object", "json_schema"), "json_schema"),
        (("json_object",), "json_object"),
        ((), None),
    ],
    ids=["schema", "object", "neither"],
)
async def test_the_most_exact_supported_response_format_is_sent(
    forms: tuple[ResponseFormatForm, ...], kind: str | None
) -> None:
    """The schema is in the instructions in any case."""
    transport = ScriptedTransport(AS_TEXT)
    agent = Agent(_model(transport, *forms), output_type=Contact, **BY_FORMAT)

    result = await agent.run("go")

    body = json.loads(transport.requests[0].body)
    asked = body.get("response_format")
    assert result.output == ANNA
    assert (asked or {}).get("type") == kind
    if kind == "json_schema":
        assert asked["json_schema"]["schema"]["required"] == ["name", "email"]
    assert '"required"' in json.dumps(body["messages"]).replace('\\"', '"')


async def test_the_models_profile_sets_the_output_mode() -> None:
    """Unless the caller does."""
    transport = ScriptedTransport(AS_TEXT)

    await Agent(_model(transport, output_mode="prompt"), output_type=Contact).run("go")

    assert "tools" not in json.loads(transport.requests[0].body)


async def test_a_response_format_that_the_provider_rejects_is_omitted() -> None:
    """The instructions suffice."""
    refusal: JsonValue = {"error": {"message": "response_format: Extra inputs are not permitted"}}
    transport = ScriptedTransport(ScriptedExchange.of_json(refusal, status=422), AS_TEXT)
    agent = Agent(_model(transport, "json_object"), output_type=Contact, **BY_FORMAT)

    async with agent.stream("go") as run:
        events = [event async for event in run]

    assert run.result.output == ANNA
    assert any(isinstance(event, RequestDowngraded) for event in events)
    assert "response_format" not in json.loads(transport.requests[1].body)


async def test_the_sandbox_answers_with_structured_output_streamed_or_not() -> None:
    """Partial output is reported; the arguments of other tools are not."""
    with anyio.fail_after(60):
        async with sandbox() as running:
            agent = Agent("sandbox:mixtral-8x22b", output_type=Contact, base_url=running.base_url)
            complete = await agent.run(QUESTION)
            async with agent.stream(QUESTION) as run:
                events = [event async for event in run]

    assert complete.output == run.result.output == ANNA
    assert run.result.history == complete.history
    pieces = [event.text for event in events if isinstance(event, ToolArgumentsReceived)]
    assert json.loads("".join(pieces)) == json.loads(WRITTEN)
    values = [event.value for event in events if isinstance(event, PartialOutputReceived)]
    assert len(values) > 2
    assert values[-1] == json.loads(WRITTEN)


async def test_a_conversation_with_the_sandbox_continues_after_structured_output() -> None:
    """With another type for the next question."""
    with anyio.fail_after(60):
        async with sandbox() as running:
            agent = Agent("sandbox:mixtral-8x22b", base_url=running.base_url)
            first = await agent.run(QUESTION, output_type=Contact)
            second = await agent.run(
                history=first.history + [UserMessage("Take 3 and 4.")], output_type=list[int]
            )

    assert first.output == ANNA
    assert second.output == [3, 4]
