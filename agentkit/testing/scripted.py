"""Models and transports that answer from a script.

In:  the answers, one per exchange.
Out: `ScriptedModel` and `ScriptedTransport`; both record the requests.

A script that has no answer left raises `AssertionError`: the code under test called too often.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import field, replace
from itertools import count
from typing import Any, TypeAlias

from agentkit.chat import FinishReason, ModelRequest, ModelResponse
from agentkit.config.profile import ModelProfile
from agentkit.content import ReasoningContent, TextContent
from agentkit.event import Emit, ReasoningReceived, TextReceived
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, Message, ToolCall
from agentkit.model.model import ModelConnection
from agentkit.transport.base import WireResponse
from agentkit.value import dataclass
from agentkit.wire import WireHead, WireRequest

_Answer: TypeAlias = (
    str | ToolCall | Sequence[ToolCall] | AssistantMessage | ModelResponse | Exception
)
ScriptedAnswer: TypeAlias = _Answer | Callable[[ModelRequest], _Answer]
"""Text, calls, a message, a complete response, an exception to raise, or a function of the request
that returns one of these."""

FIRST_ID = "call00001"
"""The id of a call that has no number yet; nine characters, as Mistral requires."""


class ScriptedModel:
    """A model that returns the answers it was built with, in order.

    All connections share one script; `requests` holds the requests, oldest first. Calls made by
    `tool_call` are numbered on from those of the conversation: `call00001`, `call00002`, ….
    """

    def __init__(
        self,
        *answers: ScriptedAnswer,
        name: str = "scripted:model",
        profile: ModelProfile | None = None,
    ) -> None:
        self._answers = list(answers)
        self._name = name
        self.profile: ModelProfile = profile or ModelProfile(family="scripted", id="model")
        self.requests: list[ModelRequest] = []

    @property
    def name(self) -> str:
        """Return the name it was built with."""
        return self._name

    @property
    def answers_left(self) -> int:
        """Return how many answers of the script are left."""
        return len(self._answers)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        """Open a connection; nothing leaves the process."""
        yield self

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Return the next answer of the script.

        Raises:
            AssertionError: the script has no answer left.
        """
        self.requests.append(request)
        if not self._answers:
            raise AssertionError(
                f"{self._name} was called {len(self.requests)} times and has no answer left."
            )
        answer = self._answers.pop(0)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        response = _numbered(_as_response(answer), request.history)
        if request.stream:
            await _emit_content(response.message, emit)
        return response


def _as_response(answer: object) -> ModelResponse:
    match answer:
        case ModelResponse():
            return answer
        case AssistantMessage():
            message = answer
        case str():
            message = AssistantMessage(answer)
        case ToolCall():
            message = AssistantMessage(tool_calls=[answer])
        case Iterable():
            message = AssistantMessage(tool_calls=answer)
        case _:
            raise TypeError(f"A script holds a {type(answer).__name__!r}; see ScriptedAnswer.")
    reason: FinishReason = "tool_calls" if message.tool_calls else "stop"
    return ModelResponse(message=message, finish_reason=reason)


def _numbered(response: ModelResponse, conversation: Iterable[Message]) -> ModelResponse:
    """Give each call without a number the next one that the conversation does not have."""
    calls = response.message.tool_calls
    if not any(call.id == FIRST_ID for call in calls):
        return response
    used = {call.id for call in calls if call.id != FIRST_ID}
    for message in conversation:
        if isinstance(message, AssistantMessage):
            used.update(call.id for call in message.tool_calls)
    numbers = (f"call{number:05}" for number in count(1))
    free = (number for number in numbers if number not in used)
    numbered = [replace(call, id=next(free)) if call.id == FIRST_ID else call for call in calls]
    return replace(response, message=replace(response.message, tool_calls=tuple(numbered)))


async def _emit_content(message: AssistantMessage, emit: Emit) -> None:
    for block in message.content:
        match block:
            case TextContent():
                await emit(TextReceived(block.text))
            case ReasoningContent():
                await emit(ReasoningReceived(block.text))
            case _:
                pass  # there are no events for other blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedExchange:
    """One response of a `ScriptedTransport`.

    Attributes:
        chunks: the body as it arrives; an exception among them is raised.
        error: raised instead of a response.
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
    """A transport that returns the responses it was built with, in order.

    Attributes:
        requests: what was sent, oldest first.
        open_answers: responses whose context was not left yet.
        is_closed: `aclose` was called.
    """

    def __init__(self, *exchanges: ScriptedExchange) -> None:
        self._exchanges = list(exchanges)
        self.requests: list[WireRequest] = []
        self.open_answers: int = 0
        self.is_closed: bool = False

    @asynccontextmanager
    async def exchange(self, request: WireRequest) -> AsyncIterator[WireResponse]:
        """Return the next answer of the script.

        Raises:
            AssertionError: the script has no answer left.
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
            head = WireHead(scripted.status, dict(scripted.headers))
            yield WireResponse(head, _Chunks(scripted.chunks))
        finally:
            self.open_answers -= 1

    async def aclose(self) -> None:
        """Record that the transport was closed."""
        self.is_closed = True


class _Chunks(AsyncIterator[bytes]):
    """Yields the chunks of one response, once."""

    def __init__(self, chunks: Sequence[bytes | Exception]) -> None:
        self._left = list(chunks)

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        chunk = self._left.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk


def tool_call(name: str, /, **arguments: Any) -> ToolCall:
    """Build a call with these arguments; a `ScriptedModel` gives it its id."""
    return ToolCall(id=FIRST_ID, name=name, arguments=json.dumps(arguments))
