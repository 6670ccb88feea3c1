"""The fakes and the real things keep the same contracts, and the contracts notice what does not."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace

import pytest

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.config.load import resolve_model
from agentkit.config.profile import ModelProfile
from agentkit.errors import TransportError
from agentkit.event import Emit, TextReceived
from agentkit.message import AssistantMessage, ToolCall
from agentkit.model.build import build_model
from agentkit.model.model import ModelConnection
from agentkit.testing import (
    ScriptedExchange,
    ScriptedModel,
    ScriptedTransport,
    check_model,
    check_toolset,
    check_transport,
    serve_exchanges,
    tool_call,
)
from agentkit.tools.tool import Tool, tool
from agentkit.tools.toolset import StaticToolset
from agentkit.transport.base import Transport, WireResponse
from agentkit.transport.open_transport import open_transport
from agentkit.wire import WireHead, WireRequest


@asynccontextmanager
async def _open_scripted(exchanges: Sequence[ScriptedExchange]) -> AsyncIterator[Transport]:
    # What crosses a real wire has lower-case names; the fake is told so.
    lowered = [
        replace(one, headers={name.lower(): value for name, value in one.headers.items()})
        for one in exchanges
    ]
    yield ScriptedTransport(*lowered)


@asynccontextmanager
async def _open_http(exchanges: Sequence[ScriptedExchange]) -> AsyncIterator[Transport]:
    async with serve_exchanges(exchanges) as url:
        transport = open_transport(resolve_model("sandbox:mixtral-8x22b"), base_url=url)
        try:
            yield transport
        finally:
            await transport.aclose()


async def test_the_scripted_transport_keeps_the_contract() -> None:
    """A fake that does not behave like the real thing proves nothing."""
    await check_transport(_open_scripted)


async def test_the_http_transport_keeps_the_contract() -> None:
    """Over real sockets, resets included."""
    await check_transport(_open_http)


class _Broken:
    """A transport that breaks one promise."""

    def __init__(self, inner: Transport, *, fault: str) -> None:
        self._inner = inner
        self._fault = fault

    @asynccontextmanager
    async def exchange(self, request: WireRequest) -> AsyncIterator[WireResponse]:
        """Exchange, and spoil the answer."""
        try:
            async with self._inner.exchange(request) as answer:
                yield self._spoil(answer)
        except TransportError as error:
            if self._fault == "silent":
                yield WireResponse(head=WireHead(status=200), chunks=_nothing())
                return
            error.status = 500 if self._fault == "blamed" else None
            raise

    async def aclose(self) -> None:
        """Close the inner one."""
        await self._inner.aclose()

    def _spoil(self, answer: WireResponse) -> WireResponse:
        match self._fault:
            case "status":
                return replace(answer, head=replace(answer.head, status=201))
            case "headers":
                return replace(answer, head=replace(answer.head, headers={"X-Upper": "1"}))
            case "body":
                return replace(answer, chunks=_nothing())
            case _:
                return answer


async def _nothing(chunks: Sequence[bytes] = ()) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("status", "status 201"),
        ("headers", "lower case"),
        ("body", "the body"),
        ("silent", "raised no TransportError"),
        ("blamed", "has status 500"),
    ],
)
async def test_a_transport_that_breaks_a_promise_is_noticed(fault: str, complaint: str) -> None:
    """Each promise by itself."""

    @asynccontextmanager
    async def open_broken(exchanges: Sequence[ScriptedExchange]) -> AsyncIterator[Transport]:
        async with _open_scripted(exchanges) as inner:
            yield _Broken(inner, fault=fault)

    with pytest.raises((AssertionError, RuntimeError), match=complaint):
        await check_transport(open_broken)


async def test_serving_more_than_was_scripted_is_an_error_of_the_provider() -> None:
    """The script is used up: the provider says so instead of hanging."""
    async with serve_exchanges([]) as url:
        transport = open_transport(resolve_model("sandbox:mixtral-8x22b"), base_url=url)
        async with transport.exchange(WireRequest(path="/x")) as answer:
            body = b"".join([chunk async for chunk in answer.chunks])
        await transport.aclose()

    assert answer.head.status == 500
    assert b"has answers" in body


@tool
def shout(text: str) -> str:
    """Say it loudly."""
    return text.upper()


async def test_a_static_toolset_keeps_the_contract() -> None:
    """Also with no tools at all."""
    await check_toolset(StaticToolset([shout]))
    await check_toolset(StaticToolset())


class _Moody:
    """A toolset that offers something else each time it is asked."""

    def __init__(self, *offers: Sequence[Tool]) -> None:
        self._offers = list(offers)

    def open(self) -> AbstractAsyncContextManager[None]:
        """Open nothing."""
        return nullcontext()

    async def list_tools(self) -> Sequence[Tool]:
        """Return the next offer."""
        return self._offers.pop(0)


@pytest.mark.parametrize(
    ("offers", "complaint"),
    [
        (([shout], [], [shout]), "listing twice"),
        (([shout], [shout], []), "opened again"),
        (([shout, shout],) * 3, "two tools have one name"),
    ],
    ids=["changes", "reopens differently", "same names"],
)
async def test_a_toolset_that_breaks_a_promise_is_noticed(
    offers: Sequence[Sequence[Tool]], complaint: str
) -> None:
    """Each promise by itself."""
    with pytest.raises(AssertionError, match=complaint):
        await check_toolset(_Moody(*offers))


async def test_the_scripted_model_keeps_the_contract() -> None:
    """With text and with calls."""
    await check_model(ScriptedModel(*["sunny"] * 6))
    await check_model(ScriptedModel(*[AssistantMessage.of("", tool_call("get_weather"))] * 6))


async def test_a_model_over_the_sandbox_keeps_the_contract() -> None:
    """The real way: dialect, transport, sockets."""
    await check_model(build_model("sandbox:mixtral-8x22b"))


class _Model:
    """A model that gives one response and shows given texts."""

    name = "broken:model"
    profile = ModelProfile(family="broken", id="model")

    def __init__(self, response: ModelResponse, *, shown: Sequence[str], always: bool) -> None:
        self._response = response
        self._shown = shown
        self._always = always

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        """Open nothing."""
        yield self

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Give the response."""
        for text in self._shown if request.stream or self._always else ():
            await emit(TextReceived(text=text))
        return self._response


def _response(text: str = "", *calls: ToolCall, reason: str = "stop") -> ModelResponse:
    assert reason in {"stop", "tool_calls"}
    return ModelResponse(
        message=AssistantMessage.of(text, *calls),
        finish_reason="tool_calls" if reason == "tool_calls" else "stop",
    )


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (_Model(_response(), shown=(), always=False), "neither text nor calls"),
        (_Model(_response("hi"), shown=("h",), always=False), "was shown of"),
        (_Model(_response("hi"), shown=("hi",), always=True), "only while streaming"),
        (_Model(_response("", tool_call("f")), shown=(), always=False), "1 calls came with 'stop'"),
        (
            _Model(
                _response("", tool_call("f"), tool_call("f"), reason="tool_calls"),
                shown=(),
                always=False,
            ),
            "two calls have one id",
        ),
        (
            _Model(
                _response("", tool_call("f", call_id=""), reason="tool_calls"),
                shown=(),
                always=False,
            ),
            "no id",
        ),
    ],
    ids=["empty", "shows less", "shows always", "wrong reason", "same ids", "no id"],
)
async def test_a_model_that_breaks_a_promise_is_noticed(model: _Model, complaint: str) -> None:
    """Each promise by itself."""
    with pytest.raises(AssertionError, match=complaint):
        await check_model(model)
