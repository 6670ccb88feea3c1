"""Models and transports that answer from a script.

In:  what to answer, one entry per exchange.
Out: `ScriptedModel` and `ScriptedTransport`; both keep what they were asked.

A script that is used up raises `AssertionError`: the code under test asked once too often.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import field

from agentkit.chat import FinishReason, ModelRequest, ModelResponse
from agentkit.config.profile import ModelProfile
from agentkit.content import ReasoningContent, TextContent
from agentkit.event import Emit, ReasoningReceived, TextReceived
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, ToolCall
from agentkit.model.model import ModelConnection
from agentkit.transport.base import WireResponse
from agentkit.value import dataclass
from agentkit.wire import WireHead, WireRequest

ScriptedAnswer = AssistantMessage | ModelResponse | str | Exception
"""A message, a whole response, plain text, or an exception to raise."""


class ScriptedModel:
    """A model that gives the answers it was made with, in order.

    One script serves all connections; `requests` holds what was asked, oldest first.
    """

    def __init__(
        self,
        *answers: ScriptedAnswer,
        name: str = "scripted:model",
        profile: ModelProfile | None = None,
    ) -> None:
        self._answers = list(answers)
        self._name = name
        self.profile = profile or ModelProfile(family="scripted", id="model")
        self.requests: list[ModelRequest] = []

    @property
    def name(self) -> str:
        """Return the name it was made with."""
        return self._name

    @property
    def answers_left(self) -> int:
        """Return how many answers of the script were not asked for yet."""
        return len(self._answers)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        """Open a connection; nothing is connected to."""
        yield self

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Give the next answer of the script.

        Raises:
            AssertionError: the script is used up.
        """
        self.requests.append(request)
        if not self._answers:
            raise AssertionError(
                f"{self._name} was asked {len(self.requests)} times and has no answer left."
            )
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        response = _as_response(answer)
        if request.stream:
            await _emit_content(response.message, emit)
        return response


def _as_response(answer: AssistantMessage | ModelResponse | str) -> ModelResponse:
    if isinstance(answer, ModelResponse):
        return answer
    message = AssistantMessage.of(answer) if isinstance(answer, str) else answer
    reason: FinishReason = "tool_calls" if message.tool_calls else "stop"
    return ModelResponse(message=message, finish_reason=reason)


async def _emit_content(message: AssistantMessage, emit: Emit) -> None:
    for block in message.content:
        match block:
            case TextContent():
                await emit(TextReceived(text=block.text))
            case ReasoningContent():
                await emit(ReasoningReceived(text=block.text))
            case _:
                pass  # no event tells of other blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedExchange:
    """One answer of a `ScriptedTransport`.

    Attributes:
        chunks: the body as it arrives; an exception is raised in its place.
        error: raised before any answer, in place of one.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    chunks: Sequence[bytes | Exception] = ()
    error: Exception | None = None

    @classmethod
    def of_json(cls, value: JsonValue, *, status: int = 200) -> "ScriptedExchange":
        """Answer with one JSON body."""
        return cls(status=status, chunks=(json.dumps(value).encode(),))

    @classmethod
    def of_events(cls, *chunks: bytes | str | Exception) -> "ScriptedExchange":
        """Answer with a stream of server-sent events, cut where the chunks end."""
        as_bytes = tuple(c.encode() if isinstance(c, str) else c for c in chunks)
        return cls(headers={"content-type": "text/event-stream"}, chunks=as_bytes)


class ScriptedTransport:
    """A transport that gives the answers it was made with, in order.

    Attributes:
        requests: what was sent, oldest first.
        open_answers: answers whose context was not left yet.
        is_closed: `aclose` was called.
    """

    def __init__(self, *exchanges: ScriptedExchange) -> None:
        self._exchanges = list(exchanges)
        self.requests: list[WireRequest] = []
        self.open_answers = 0
        self.is_closed = False

    @asynccontextmanager
    async def exchange(self, request: WireRequest) -> AsyncIterator[WireResponse]:
        """Give the next answer of the script.

        Raises:
            AssertionError: the script is used up.
        """
        self.requests.append(request)
        if not self._exchanges:
            raise AssertionError(
                f"{request.method} {request.path} is request {len(self.requests)} "
                "and the script has no answer left."
            )
        scripted = self._exchanges.pop(0)
        if scripted.error is not None:
            raise scripted.error
        self.open_answers += 1
        try:
            head = WireHead(status=scripted.status, headers=dict(scripted.headers))
            yield WireResponse(head=head, chunks=_Chunks(scripted.chunks))
        finally:
            self.open_answers -= 1

    async def aclose(self) -> None:
        """Remember that the transport was closed."""
        self.is_closed = True


class _Chunks(AsyncIterator[bytes]):
    """Reads out the chunks of one answer once."""

    def __init__(self, chunks: Sequence[bytes | Exception]) -> None:
        self._left = list(chunks)

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        chunk = self._left.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk


def tool_call(name: str, arguments: JsonValue = None, *, call_id: str = "call00001") -> ToolCall:
    """Build a call with its arguments written as JSON text; None means no arguments."""
    written = json.dumps({} if arguments is None else arguments)
    return ToolCall(id=call_id, name=name, arguments=written)
