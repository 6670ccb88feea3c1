"""Pieces and pings come from two tasks, and reach the server one after the other."""

from collections.abc import MutableMapping
from typing import Any

import anyio
from anyio.lowlevel import checkpoint

from agentkit import History
from agentkit.chat import ModelResponse
from agentkit.message import AssistantMessage
from agentkit.service.answer import ServedAnswer, Sink, TextPiece
from agentkit.service.chat_format import CHAT_FORMAT
from agentkit.service.exchange import HttpExchange
from agentkit.service.served import Caller
from agentkit.service.service_settings import ServiceSettings
from agentkit.service.stream_sender import StreamSender
from agentkit.service.wire_format import AnswerHead
from agentkit.usage import Usage
from tests.service.test_streams import body

PING_SECONDS = 0.001
END = ServedAnswer(
    response=ModelResponse(message=AssistantMessage("ab"), finish_reason="stop", usage=Usage()),
    stop_reason="answered",
    history=History(),
    run_id="r",
)


class SlowServer:
    """An ASGI server that takes each message only once it may."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.at_once = 0
        self.most_at_once = 0
        self.may_take = anyio.Event()
        self.waits = anyio.Event()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Take a message."""
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        self.waits.set()
        try:
            await self.may_take.wait()
        finally:  # the end of an answer cancels a ping
            self.at_once -= 1
        self.taken.append(message.get("body", b""))

    async def receive(self) -> MutableMapping[str, Any]:
        """Wait for the end."""
        raise NotImplementedError


def sender_to(server: SlowServer) -> StreamSender:
    """Return a sender whose pings come as fast as they can."""
    scope: dict[str, Any] = {"type": "http", "headers": [], "path": "/"}
    exchange = HttpExchange(scope, server.receive, server.send, caller=Caller(), request_id="r")
    encoder = CHAT_FORMAT.encoder(AnswerHead(id="1", model="m", created=1), _request())
    settings = ServiceSettings(first_byte_seconds=PING_SECONDS, ping_seconds=PING_SECONDS)
    return StreamSender(exchange, encoder, settings=settings)


def _request() -> Any:
    return CHAT_FORMAT.read(body("hi", stream=True), ignore_fields=())


async def test_a_piece_waits_for_a_ping_that_is_being_sent() -> None:
    """The ping sends the head of the response; a piece before it would be out of order."""
    server = SlowServer()
    sender = sender_to(server)

    async def work(_: Sink) -> ServedAnswer:
        await server.waits.wait()  # the ping has begun

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sender.take, TextPiece(text="ab"))
            for _turn in range(5):
                await checkpoint()
            assert server.at_once == 1
            server.may_take.set()
        return END

    await sender.send(work)

    sent = b"".join(server.taken)
    assert server.most_at_once == 1
    assert sent.index(b": ping") < sent.index(b'"ab"') < sent.index(b"[DONE]")


async def test_no_ping_is_sent_into_a_piece() -> None:
    """While the server takes its time for a piece, the connection is not quiet."""
    server = SlowServer()
    sender = sender_to(server)

    async def work(_: Sink) -> ServedAnswer:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sender.take, TextPiece(text="ab"))
            await server.waits.wait()
            await anyio.sleep(10 * PING_SECONDS)
            assert server.at_once == 1
            server.may_take.set()
        return END

    await sender.send(work)

    sent = b"".join(server.taken)
    assert server.most_at_once == 1
    assert sent.index(b'"ab"') < sent.index(b"[DONE]")
