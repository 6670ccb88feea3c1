"""The contracts of transports, toolsets and models, as checks that anyone can run on their own.

In:  a way to open what is checked.
Out: nothing, or an `AssertionError` that names the broken promise.
"""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import anyio

from agentkit.chat import ModelRequest, ModelResponse, ToolSpec
from agentkit.errors import TransportError
from agentkit.event import RunEvent, TextReceived
from agentkit.exception_groups import ungrouped
from agentkit.history import History
from agentkit.message import UserMessage
from agentkit.model.model import Model, ModelConnection
from agentkit.sandbox.http_server import HttpRequest, RawReply, Reply, serve
from agentkit.testing.scripted import ScriptedExchange
from agentkit.tools.toolset import Toolset
from agentkit.transport.base import Transport
from agentkit.wire import WireRequest

OpenTransport = Callable[[Sequence[ScriptedExchange]], AbstractAsyncContextManager[Transport]]
"""Opens a transport to a provider that sends these responses in order; see `serve_exchanges`."""

_DEADLINE_SECONDS = 10.0
_TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_WEATHER = ToolSpec(
    name="get_weather",
    description="Get the weather for a city.",
    input_schema={
        "type": "object",
        "properties": {"city": {"type": "string", "description": "name of the city"}},
        "required": ["city"],
    },
)
_PING = WireRequest(path="/ping", body=b'{"ping":1}')


@asynccontextmanager
async def serve_exchanges(exchanges: Sequence[ScriptedExchange]) -> AsyncIterator[str]:
    """Serve scripted answers over real HTTP, one per request, and yield the base URL.

    An exception in place of a chunk, or of the answer, becomes a reset connection.
    """
    left = list(exchanges)

    async def answer(_: HttpRequest) -> Reply | RawReply:
        _require(left, "The provider was asked more often than it has answers.")
        return _as_reply(left.pop(0))

    async with serve(answer) as url:
        yield url


def _as_reply(exchange: ScriptedExchange) -> Reply | RawReply:
    if exchange.error is not None:
        return RawReply(then="reset")
    chunks = [chunk for chunk in exchange.chunks if isinstance(chunk, bytes)]
    if len(chunks) == len(exchange.chunks):
        return Reply(
            status=exchange.status,
            headers=exchange.headers,
            chunks=chunks,
            is_stream=len(chunks) > 1,
        )
    fields = "".join(f"{name}: {value}\r\n" for name, value in exchange.headers.items())
    head = f"HTTP/1.1 {exchange.status} OK\r\n{fields}transfer-encoding: chunked\r\n\r\n"
    parts = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
    return RawReply(chunks=(head.encode(), *parts), then="reset")


async def check_transport(open_transport: OpenTransport) -> None:
    """Check that a transport carries complete responses and raises failures as `TransportError`.

    Raises:
        AssertionError: it does not.
    """
    with anyio.fail_after(_DEADLINE_SECONDS):
        await _check_answers(open_transport)
        await _check_side_by_side(open_transport)
        await _check_half_read(open_transport)
        await _check_failures(open_transport)


async def _check_answers(open_transport: OpenTransport) -> None:
    exchanges = [
        ScriptedExchange(chunks=(b"one",), headers={"X-Request-Id": "r1"}),
        ScriptedExchange(status=429, chunks=(b"slow down",)),
        ScriptedExchange.of_events(b"data: a\n\n", b"data: b\n\n"),
        ScriptedExchange(chunks=()),
    ]
    wanted = [(200, b"one"), (429, b"slow down"), (200, b"data: a\n\ndata: b\n\n"), (200, b"")]
    async with open_transport(exchanges) as transport:
        for status, body in wanted:
            async with transport.exchange(_PING) as answer:
                got = b"".join([chunk async for chunk in answer.chunks])
                _require(answer.head.status == status, f"status {answer.head.status}, not {status}")
                _require(got == body, f"the body {got!r} arrived, not {body!r}")
                upper = [name for name in answer.head.headers if name != name.lower()]
                _require(not upper, f"header names are lower case, not {upper}")
        await transport.aclose()
        await transport.aclose()


async def _check_side_by_side(open_transport: OpenTransport) -> None:
    exchanges = [ScriptedExchange(chunks=(b"x",)), ScriptedExchange(chunks=(b"y",))]
    async with (
        open_transport(exchanges) as transport,
        transport.exchange(_PING) as first,
        transport.exchange(_PING) as second,
    ):
        bodies = [b"".join([c async for c in one.chunks]) for one in (second, first)]
        _require(sorted(bodies) == [b"x", b"y"], f"two exchanges at once gave {bodies}")


async def _check_half_read(open_transport: OpenTransport) -> None:
    exchanges = [
        ScriptedExchange.of_events(*[b"data: %d\n\n" % i for i in range(50)]),
        ScriptedExchange(chunks=(b"next",)),
    ]
    async with open_transport(exchanges) as transport:
        async with transport.exchange(_PING) as answer:
            _require(await anext(aiter(answer.chunks)), "the first chunk is empty")
        async with transport.exchange(_PING) as answer:
            got = b"".join([chunk async for chunk in answer.chunks])
        _require(got == b"next", f"after a half-read answer came {got!r}")


async def _check_failures(open_transport: OpenTransport) -> None:
    broken = TransportError("reset", kind="stream_interrupted", retry="same")
    exchanges = [
        ScriptedExchange(error=TransportError("reset", kind="connection", retry="same")),
        ScriptedExchange(chunks=(b"half", broken)),
    ]
    async with open_transport(exchanges) as transport:
        for when in ("before", "inside"):
            error = await _fail(transport)
            if error is None:
                raise AssertionError(f"a reset {when} the answer raised no TransportError")
            _require(error.status is None, f"a reset {when} the answer has status {error.status}")


async def _fail(transport: Transport) -> TransportError | None:
    try:
        async with transport.exchange(_PING) as answer:
            async for _ in answer.chunks:
                pass
    except TransportError as error:
        return error
    return None


async def check_toolset(toolset: Toolset) -> None:
    """Check that a toolset can be opened repeatedly and offers tools that can be sent to a model.

    Raises:
        AssertionError: it does not.
    """
    with anyio.fail_after(_DEADLINE_SECONDS):
        async with toolset.open():
            tools = list(await toolset.list_tools(History()))
            again = list(await toolset.list_tools(History()))
        async with toolset.open():
            reopened = list(await toolset.list_tools(History()))
    names = [tool.name for tool in tools]
    _require(
        [tool.name for tool in again] == names, "listing twice gives other tools or another order"
    )
    _require([tool.name for tool in reopened] == names, "opened again, it offers other tools")
    _require(len(set(names)) == len(names), f"two tools have one name: {sorted(names)}")
    for tool in tools:
        _require(_TOOL_NAME.fullmatch(tool.name), f"{tool.name!r} is not a valid name for a tool")
        _require(
            tool.spec.name == tool.name, f"the spec of {tool.name!r} is for {tool.spec.name!r}"
        )
        kind = tool.input_schema.get("type")
        _require(kind == "object", f"the arguments of {tool.name!r} are {kind!r}, not an object")


async def check_model(model: Model) -> None:
    """Check that a model answers, complete and streamed, over several connections.

    It is called six times; a scripted model needs as many answers.

    Raises:
        AssertionError: it does not.
    """
    _require(model.name, "a model has a name")
    request = ModelRequest(
        history=History((UserMessage("Say something about the weather in Paris."),)),
        tools=(_WEATHER,),
    )
    with anyio.fail_after(_DEADLINE_SECONDS):
        async with model.open() as first, model.open() as second:
            for connection in (first, second):
                complete, silent = await _ask(connection, request)
                _require(not silent, "events of text come only while streaming")
                _check_response(complete)
            streamed, shown = await _ask(first, replace(request, stream=True))
            _check_response(streamed)
            emitted = "".join(event.text for event in shown if isinstance(event, TextReceived))
            _require(
                emitted == streamed.message.text,
                f"{emitted!r} was emitted of {streamed.message.text!r}",
            )
            responses: list[ModelResponse] = []

            async def ask() -> None:
                response, _ = await _ask(second, request)
                responses.append(response)

            with ungrouped():
                async with anyio.create_task_group() as tasks:
                    for _ in range(3):
                        tasks.start_soon(ask)
            _require(len(responses) == 3, "three exchanges at once gave fewer answers")


async def _ask(
    connection: ModelConnection, request: ModelRequest
) -> tuple[ModelResponse, list[RunEvent]]:
    events: list[RunEvent] = []

    async def keep(event: RunEvent) -> None:
        events.append(event)

    response = await connection.chat(request, emit=keep)
    return response, [event for event in events if isinstance(event, TextReceived)]


def _require(is_kept: object, complaint: str) -> None:
    """Raise unless a promise is kept; `assert` would do nothing under `python -O`."""
    if not is_kept:
        raise AssertionError(complaint)


def _check_response(response: ModelResponse) -> None:
    message = response.message
    _require(message.text or message.tool_calls, "the response has neither text nor calls")
    ids = [call.id for call in message.tool_calls]
    _require(all(ids), "a call has no id")
    _require(len(set(ids)) == len(ids), f"two calls have one id: {ids}")
    is_call_turn = response.finish_reason == "tool_calls"
    _require(is_call_turn == bool(ids), f"{len(ids)} calls came with {response.finish_reason!r}")
