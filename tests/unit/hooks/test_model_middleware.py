"""Middleware around models."""

from dataclasses import replace

import pytest

from agentkit import Agent, History, TextReceived, UserMessage
from agentkit.chat import ModelRequest, ModelResponse
from agentkit.content import ReasoningContent, TextContent
from agentkit.errors import TransportError
from agentkit.event import Emit, ModelRetried, ReasoningReceived, RunEvent, ToolArgumentsReceived
from agentkit.hooks import CallNext, wrapped_model
from agentkit.message import AssistantMessage
from agentkit.model import RouteModel
from agentkit.model.model import Model, ModelConnection, SupportsRetry
from agentkit.testing.scripted import ScriptedModel
from agentkit.transport.retry import RetrySettings
from tests.unit.tools.running import Listener

HI = ModelRequest(history=History([UserMessage("hi")]))
STREAMED = replace(HI, stream=True)


async def ask(model: Model, request: ModelRequest = HI, *, emit: Emit | None = None) -> str:
    """Make one exchange and return the text of the response."""
    async with model.open() as connection:
        response = await connection.chat(request, emit=emit or Listener())
    return response.message.text


async def louder(request: ModelRequest, call_next: CallNext, *, emit: Emit) -> ModelResponse:
    """Call the next model with other instructions, and change the response."""
    response = await call_next(replace(request, instructions="Shout."), emit=emit)
    return replace(response, message=AssistantMessage(response.message.text.upper()))


async def test_middleware_changes_requests_and_responses() -> None:
    """The wrapped model keeps its name and profile."""
    inner = ScriptedModel("hello")
    model = wrapped_model(inner, louder)

    assert await ask(model) == "HELLO"
    assert inner.requests == [replace(HI, instructions="Shout.")]
    assert (model.name, model.profile) == (inner.name, inner.profile)


async def test_functions_before_and_after_may_be_sync_or_async() -> None:
    """Their return value replaces the request or the response."""
    inner = ScriptedModel("one", "two")
    seen: list[tuple[str, str]] = []

    async def before(request: ModelRequest) -> ModelRequest:
        return replace(request, instructions="Be brief.")

    def after(request: ModelRequest, response: ModelResponse) -> ModelResponse:
        seen.append((request.instructions, response.message.text))
        return replace(response, message=AssistantMessage("changed"))

    assert await ask(wrapped_model(inner, before=before)) == "one"
    assert await ask(wrapped_model(inner, before=before, after=after)) == "changed"
    assert seen == [("Be brief.", "two")]


async def test_middleware_composes_with_the_last_outermost() -> None:
    """`middleware` is outside of `before` and `after` of the same call."""
    order: list[str] = []

    def named(name: str) -> object:
        async def hook(request: ModelRequest, call_next: CallNext, *, emit: Emit) -> ModelResponse:
            order.append(name)
            return await call_next(request, emit=emit)

        return hook

    def before(request: ModelRequest) -> ModelRequest:
        order.append("before")
        return request

    inner = wrapped_model(ScriptedModel("x"), named("around"), before=before)  # type: ignore[arg-type]  # a hook
    await ask(wrapped_model(inner, named("outer")))  # type: ignore[arg-type]  # a hook

    assert order == ["outer", "around", "before"]


async def test_middleware_may_answer_itself_or_call_the_model_again() -> None:
    """It controls the exchange."""
    inner = ScriptedModel("first", "second")

    async def twice(request: ModelRequest, call_next: CallNext, *, emit: Emit) -> ModelResponse:
        await call_next(request, emit=emit)
        return await call_next(request, emit=emit)

    async def never(request: ModelRequest, call_next: CallNext, *, emit: Emit) -> ModelResponse:  # noqa: ARG001
        return ModelResponse(message=AssistantMessage("in place"), finish_reason="stop")

    assert await ask(wrapped_model(inner, twice)) == "second"
    assert await ask(wrapped_model(inner, never)) == "in place"
    assert len(inner.requests) == 2


class Streaming:
    """A model that always emits its text and other events."""

    name = "streaming:model"
    profile = ScriptedModel().profile
    answer = AssistantMessage(content=(ReasoningContent("hm"), TextContent("hello")))

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []

    def open(self) -> "Streaming":
        """Open it."""
        return self

    async def __aenter__(self) -> ModelConnection:
        return self

    async def __aexit__(self, *details: object) -> None:
        pass

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Answer."""
        self.requests.append(request)
        for event in (
            ReasoningReceived("hm"),
            ModelRetried(attempt=1, kind="server", error="500", wait_seconds=0),
            ToolArgumentsReceived(tool_name="f", text="{"),
            TextReceived("hello"),
        ):
            await emit(event)
        return ModelResponse(message=self.answer, finish_reason="stop")


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
async def test_text_that_may_be_changed_is_emitted_after_the_change(is_streamed: bool) -> None:
    """Emitted text cannot be withdrawn; other events are emitted at once."""
    inner, listener = Streaming(), Listener()

    def after(_: ModelRequest, response: ModelResponse) -> ModelResponse:
        listener.events.append(TextReceived("<after>"))
        content = (*response.message.content, TextContent("!"))
        return replace(response, message=replace(response.message, content=content))

    request = replace(HI, stream=is_streamed)
    assert await ask(wrapped_model(inner, after=after), request, emit=listener) == "hello!"

    shown: list[RunEvent] = [
        ReasoningReceived("hm"),
        TextReceived("hello"),
        TextReceived("!"),
    ]
    assert listener.events == [
        ModelRetried(attempt=1, kind="server", error="500", wait_seconds=0),
        TextReceived("<after>"),
        *(shown if is_streamed else []),
    ]
    assert inner.requests == [HI]


async def test_middleware_that_only_reads_passes_text_on_as_it_arrives() -> None:
    """Delta by delta."""
    listener = Listener()

    async def look(request: ModelRequest, call_next: CallNext, *, emit: Emit) -> ModelResponse:
        listener.events.append(TextReceived("<asked>"))
        response = await call_next(request, emit=emit)
        listener.events.append(TextReceived("<answered>"))
        return response

    await ask(wrapped_model(ScriptedModel("hello"), look), STREAMED, emit=listener)

    assert [event.text for event in listener.events if isinstance(event, TextReceived)] == [
        "<asked>",
        "hello",
        "<answered>",
    ]


async def test_a_wrapped_model_works_in_a_route() -> None:
    """And a route may be wrapped."""
    broken = ScriptedModel(TransportError("no way", kind="connection"), name="broken:model")
    route = RouteModel([wrapped_model(broken, louder), wrapped_model(ScriptedModel("hi"), louder)])
    agent: Agent[None] = Agent(wrapped_model(route, louder))

    result = await agent.run("hello")

    assert result.output == "HI"
    assert len(broken.requests) == 1


class Retrying(ScriptedModel):
    """A model that retries exchanges."""

    attempts = 4

    def with_retry(self, retry: RetrySettings) -> "Retrying":
        """Return one with other retry settings."""
        other = Retrying()
        other.attempts = retry.attempts
        return other


def test_a_wrapped_model_has_the_retry_settings_of_its_model() -> None:
    """A route calls each of its models once per round."""
    once = RetrySettings(attempts=1)
    wrapped, plain = wrapped_model(Retrying(), louder), wrapped_model(ScriptedModel(), louder)
    assert isinstance(wrapped, SupportsRetry)
    assert isinstance(plain, SupportsRetry)

    once_only = wrapped.with_retry(once)

    assert once_only._model.attempts == 1  # type: ignore[attr-defined]  # a wrapper of ours
    assert plain.with_retry(once) is plain


def test_without_middleware_the_model_is_returned_unchanged() -> None:
    """There is no wrapper."""
    model = ScriptedModel()

    assert wrapped_model(model) is model
