"""Fakes and real implementations pass the same contracts, and contracts find violations."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace

import pytest

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.config.load import resolve_model
from agentkit.config.profile import ModelProfile
from agentkit.errors import TransportError
from agentkit.event import Emit, TextReceived
from agentkit.history import History
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
    # Header names from the network are lower case, so those of the fake are too.
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


async def test_the_scripted_transport_passes_the_contract() -> None:
    """A fake that differs from the real transport proves nothing."""
    await check_transport(_open_scripted)


async def test_the_http_transport_passes_the_contract() -> None:
    """Over real sockets, including resets."""
    await check_transport(_open_http)


class _Broken:
    """A transport that violates one rule."""

    def __init__(self, inner: Transport, *, fault: str) -> None:
        self._inner = inner
        self._fault = fault

    @asynccontextmanager
    async def exchange(self, request: WireRequest) -> AsyncIterator[WireResponse]:
        """Make an exchange, and change the response."""
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
        """Close the inner transport."""
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
async def test_a_transport_that_violates_a_rule_fails_the_contract(
    fault: str, complaint: str
) -> None:
    """Each rule by itself."""

    @asynccontextmanager
    async def open_broken(exchanges: Sequence[ScriptedExchange]) -> AsyncIterator[Transport]:
        async with _open_scripted(exchanges) as inner:
            yield _Broken(inner, fault=fault)

    with pytest.raises((AssertionError, RuntimeError), match=complaint):
        await check_transport(open_broken)


async def test_a_request_beyond_the_script_is_an_error() -> None:
    """It does not hang."""
    async with serve_exchanges([]) as url:
        transport = open_transport(resolve_model("sandbox:mixtral-8x22b"), base_url=url)
        async with transport.exchange(WireRequest(path="/x")) as answer:
            body = b"".join([chunk async for chunk in answer.chunks])
        await transport.aclose()

    assert answer.head.status == 500
    assert b"has answers" in body


@tool
def shout(text: str) -> str:
    """Return the text in upper case."""
    return text.upper()


async def test_a_static_toolset_passes_the_contract() -> None:
    """Also without tools."""
    await check_toolset(StaticToolset([shout]))
    await check_toolset(StaticToolset())


class _Unstable:
    """A toolset that offers other tools each time it is asked."""

    def __init__(self, *offers: Sequence[Tool]) -> None:
        self._offers = list(offers)

    def open(self) -> AbstractAsyncContextManager[None]:
        """Open nothing."""
        return nullcontext()

    async def list_tools(self, _history: History, /) -> Sequence[Tool]:
        """Return the next list of tools."""
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
async def test_a_toolset_that_violates_a_rule_fails_the_contract(
    offers: Sequence[Sequence[Tool]], complaint: str
) -> None:
    """Each rule by itself."""
    with pytest.raises(AssertionError, match=complaint):
        await check_toolset(_Unstable(*offers))


async def test_the_scripted_model_passes_the_contract() -> None:
    """With text and with calls."""
    await check_model(ScriptedModel(*["sunny"] * 6))
    await check_model(ScriptedModel(*[AssistantMessage(tool_calls=[tool_call("get_weather")])] * 6))


async def test_a_model_of_the_sandbox_passes_the_contract() -> None:
    """With a real dialect, transport and sockets."""
    await check_model(build_model("sandbox:mixtral-8x22b"))


class _Model:
    """A model with one response that emits the given texts."""

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
        """Return the response."""
        for text in self._shown if request.stream or self._always else ():
            await emit(TextReceived(text))
        return self._response


def _response(text: str = "", *calls: ToolCall, reason: str = "stop") -> ModelResponse:
    assert reason in {"stop", "tool_calls"}
    return ModelResponse(
        message=AssistantMessage(text, tool_calls=calls),
        finish_reason="tool_calls" if reason == "tool_calls" else "stop",
    )


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (_Model(_response(), shown=(), always=False), "neither text nor calls"),
        (_Model(_response("hi"), shown=("h",), always=False), "was emitted of"),
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
                _response("", ToolCall(id="", name="f"), reason="tool_calls"),
                shown=(),
                always=False,
            ),
            "no id",
        ),
    ],
    ids=["empty", "shows less", "shows always", "wrong reason", "same ids", "no id"],
)
async def test_a_model_that_violates_a_rule_fails_the_contract(
    model: _Model, complaint: str
) -> None:
    """Each rule by itself."""
    with pytest.raises(AssertionError, match=complaint):
        await check_model(model)
