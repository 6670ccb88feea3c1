"""Look at and change what goes to a model and what comes back.

In:  a `Model`, functions that stand around its exchanges.
Out: a `Model` of the same name and profile.

Text that was shown cannot be taken back: where an answer may be changed, its text is shown when it
is settled, not while it arrives.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from inspect import isawaitable
from typing import Protocol, TypeAlias, TypeVar

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.config.profile import ModelProfile
from agentkit.content import ReasoningContent, TextContent
from agentkit.event import Emit, ReasoningReceived, RunEvent, TextReceived, ToolArgumentsReceived
from agentkit.model.model import Model, ModelConnection, Retrying
from agentkit.transport.retry import RetrySettings
from agentkit.value import dataclass, replace

T = TypeVar("T")

Before: TypeAlias = Callable[[ModelRequest], ModelRequest | Awaitable[ModelRequest]]
"""Gets a request, and returns it or another in its place."""

After: TypeAlias = Callable[[ModelRequest, ModelResponse], ModelResponse | Awaitable[ModelResponse]]
"""Gets what was sent and what came back, and returns the response or another in its place."""


class CallNext(Protocol):
    """Makes the exchange that a hook stands around."""

    async def __call__(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """CallNext the model, or the next hook on the way to it; see `ModelConnection.chat`."""


class ModelMiddleware(Protocol):
    """Stands around each exchange: may change it, make it again, or answer in its place."""

    async def __call__(self, request: ModelRequest, ask: CallNext, *, emit: Emit) -> ModelResponse:
        """Return the response to `request`.

        Args:
            request: what should be sent.
            ask: sends a request.
            emit: told of what happens on the way; hand it on to `ask`, or one that looks first.
        """


def wrapped_model(
    model: Model,
    around: ModelMiddleware | None = None,
    *,
    before: Before | None = None,
    after: After | None = None,
) -> Model:
    """Return a model that passes each exchange through hooks.

    With `after`, a streamed answer is shown when `after` has returned. To only look while text
    arrives, use `around`.

    Args:
        model: what is asked in the end.
        around: stands around the exchange, outside of the other two.
        before: sees each request before it is sent.
        after: sees each response before anybody else does.
    """
    if before is not None or after is not None:
        model = around_each_connection(model, lambda: _Between(before=before, after=after))
    return model if around is None else around_each_connection(model, lambda: around)


def around_each_connection(model: Model, build: Callable[[], ModelMiddleware]) -> Model:
    """Return a model with a hook of its own around each of its connections."""
    return _WatchedModel(model, build)


def without_text(emit: Emit) -> Emit:
    """Return a listener that is told of all but what an answer says."""

    async def listen(event: RunEvent) -> None:
        if not isinstance(event, TextReceived | ReasoningReceived | ToolArgumentsReceived):
            await emit(event)

    return listen


async def show_whole(response: ModelResponse, *, emit: Emit) -> None:
    """Tell a listener of a whole answer at once, as if it had just arrived."""
    for block in response.message.content:
        if isinstance(block, TextContent):
            await emit(TextReceived(text=block.text))
        elif isinstance(block, ReasoningContent):
            await emit(ReasoningReceived(text=block.text))


async def settled(value: T | Awaitable[T]) -> T:
    """Return what a function gave that may be sync or async."""
    return await value if isawaitable(value) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Between:
    """A hook made of a function before and a function after."""

    before: Before | None
    after: After | None

    async def __call__(self, request: ModelRequest, ask: CallNext, *, emit: Emit) -> ModelResponse:
        """See `ModelMiddleware`."""
        if self.before is not None:
            request = await settled(self.before(request))
        if self.after is None:
            return await ask(request, emit=emit)
        # Asked for as a whole, so that the host's exchange can still be made again if it fails.
        response = await ask(replace(request, stream=False), emit=without_text(emit))
        response = await settled(self.after(request, response))
        if request.stream:
            await show_whole(response, emit=emit)
        return response


class _WatchedModel:
    """A model with a hook around its exchanges."""

    def __init__(self, model: Model, build: Callable[[], ModelMiddleware]) -> None:
        self._model = model
        self._build = build

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def profile(self) -> ModelProfile:
        return self._model.profile

    def with_retry(self, retry: RetrySettings) -> Model:
        """Return the same model with another patience, if it has any; see `Retrying`."""
        if not isinstance(self._model, Retrying):
            return self
        return _WatchedModel(self._model.with_retry(retry), self._build)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        async with self._model.open() as connection:
            yield _WatchedConnection(connection, self._build())


class _WatchedConnection:
    """An open model with a hook around its exchanges."""

    def __init__(self, connection: ModelConnection, around: ModelMiddleware) -> None:
        self._connection = connection
        self._around = around

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        return await self._around(request, self._connection.chat, emit=emit)
