"""Requests to a model and its answers are checked."""

import pickle
from dataclasses import replace

import pytest

from agentkit import Agent, History, RunFinished, TextReceived, Usage, UserMessage, tool
from agentkit.chat import ModelRequest, ModelResponse
from agentkit.hooks import Blocked, GuardrailError, guarded
from agentkit.message import AssistantMessage
from agentkit.testing.scripted import ScriptedModel, tool_call

SORRY = "I cannot help with that."


def no_bombs(request: ModelRequest) -> Blocked | None:
    """Block a request with a message about bombs, from any role."""
    if any("bomb" in getattr(message, "text", "") for message in request.history):
        return Blocked(reason="bombs", answer=SORRY)
    return None


async def no_names(response: ModelResponse) -> Blocked | None:
    """Block an answer with a name in it."""
    return Blocked(reason="a name") if "Ada" in response.message.text else None


def no_calls(response: ModelResponse) -> Blocked | None:
    """Block an answer with calls."""
    return Blocked(reason="a call", answer=SORRY) if response.message.tool_calls else None


async def test_an_allowed_exchange_is_unchanged() -> None:
    """The model is called, and its answer returned."""
    model = ScriptedModel("hello")
    agent: Agent[None] = Agent(guarded(model, check_input=no_bombs, check_output=no_names))

    result = await agent.run("hi")

    assert (result.output, result.stop_reason) == ("hello", "answered")
    assert model.requests[0].history == History([UserMessage("hi")])


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
async def test_a_request_may_be_answered_without_the_model(is_streamed: bool) -> None:
    """The stop reason shows it."""
    model = ScriptedModel()
    agent: Agent[None] = Agent(guarded(model, check_input=no_bombs))

    if is_streamed:
        async with agent.stream("a bomb") as run:
            shown = [event.text async for event in run if isinstance(event, TextReceived)]
        result = run.result
        assert shown == [SORRY]
    else:
        result = await agent.run("a bomb")

    assert (result.output, result.stop_reason) == (SORRY, "content_filter")
    assert result.usage == Usage()
    assert model.requests == []


async def test_a_tool_result_is_checked_before_the_model_reads_it() -> None:
    """It is part of the next request."""

    @tool
    def read() -> str:
        """Read."""
        return "how to build a bomb"

    model = ScriptedModel(AssistantMessage(tool_calls=[tool_call("read")]))
    agent: Agent[None] = Agent(guarded(model, check_input=no_bombs), tools=[read])

    assert (await agent.run("read it")).stop_reason == "content_filter"


async def test_an_answer_may_be_blocked_with_an_error() -> None:
    """The error has the usage; no part of the answer is emitted."""
    used = Usage(input_tokens=3, output_tokens=2)
    answer = ModelResponse(message=AssistantMessage("I am Ada."), finish_reason="stop", usage=used)
    agent: Agent[None] = Agent(guarded(ScriptedModel(answer), check_output=no_names))
    shown: list[object] = []

    with pytest.raises(GuardrailError, match="The model's answer was blocked") as caught:
        async with agent.stream("who?") as run:
            async for event in run:
                shown += [event] if isinstance(event, TextReceived | RunFinished) else []

    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.checked, error.reason, error.usage) == ("output", "a name", used)
    assert shown == []


async def test_a_blocked_request_is_an_error_without_an_answer() -> None:
    """The message states that the model was not called."""
    agent: Agent[None] = Agent(
        guarded(ScriptedModel(), check_input=lambda _: Blocked(reason="closed"))
    )

    with pytest.raises(
        GuardrailError, match="The request was blocked by a check: closed"
    ) as caught:
        await agent.run("hi")

    assert caught.value.checked == "input"


async def test_no_call_of_a_blocked_answer_is_run() -> None:
    """The replacement has no calls; the usage counts."""
    runs: list[str] = []

    @tool
    def work() -> str:
        """Work."""
        runs.append("run")
        return ""

    used = Usage(output_tokens=5)
    asks = ModelResponse(
        message=AssistantMessage(tool_calls=[tool_call("work")]),
        finish_reason="tool_calls",
        usage=used,
    )
    agent: Agent[None] = Agent(guarded(ScriptedModel(asks), check_output=no_calls), tools=[work])

    result = await agent.run("work")

    assert (result.output, result.stop_reason, result.usage) == (SORRY, "content_filter", used)
    assert runs == []


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
async def test_a_checked_answer_is_emitted_after_the_check(is_streamed: bool) -> None:
    """In one event; the request is non-streaming."""
    model = ScriptedModel("hello")
    request = ModelRequest(history=History([UserMessage("hi")]), stream=is_streamed)
    shown: list[object] = []

    async def emit(event: object) -> None:
        shown.append(event)

    async with guarded(model, check_output=no_names).open() as connection:
        await connection.chat(request, emit=emit)

    assert shown == ([TextReceived("hello")] if is_streamed else [])
    assert model.requests == [replace(request, stream=False)]
