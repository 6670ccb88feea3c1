"""Wrap the exchanges of a model in middleware, which may inspect and change them.

In:  a `Model`, functions that wrap its exchanges.
Out: a `Model` of the same name and profile.

Text that was emitted cannot be taken back: if an answer may be changed, its text is emitted when
the answer is final, not while it arrives.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from inspect import isawaitable
from typing import Protocol, TypeAlias, TypeVar

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.config.profile import ModelProfile
from agentkit.content import ReasoningContent, TextContent
from agentkit.errors import wrong_return
from agentkit.event import Emit, ReasoningReceived, RunEvent, TextReceived, ToolArgumentsReceived
from agentkit.model.model import Model, ModelConnection, SupportsRetry, open_for_run
from agentkit.transport.retry import RetrySettings
from agentkit.value import dataclass

T = TypeVar("T")

Before: TypeAlias = Callable[[ModelRequest], ModelRequest | Awaitable[ModelRequest]]
"""Gets a request, and returns it or a replacement."""

After: TypeAlias = Callable[[ModelRequest, ModelResponse], ModelResponse | Awaitable[ModelResponse]]
"""Gets the request and the response, and returns the response or a replacement."""


class CallNext(Protocol):
    """Runs the exchange that middleware wraps."""

    async def __call__(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Call the next middleware, or the model itself; see `ModelConnection.chat`."""


class ModelMiddleware(Protocol):
    """Wraps each exchange: may change it, repeat it, or return another response."""

    async def __call__(
        self, request: ModelRequest, call_next: CallNext, /, *, emit: Emit
    ) -> ModelResponse:
        """Return the response to `request`.

        Args:
            request: what should be sent.
            call_next: sends a request.
            emit: receives the events of the exchange; pass it to `call_next`, or a function that
                inspects the events first.
        """


def wrapped_model(
    model: Model,
    middleware: ModelMiddleware | None = None,
    *,
    before: Before | None = None,
    after: After | None = None,
) -> Model:
    """Return a model whose exchanges are wrapped.

    With `after`, the text of a streamed answer is emitted when `after` has returned. To inspect
    text while it arrives, use `middleware`.

    Args:
        model: the model that is wrapped.
        middleware: wraps the exchange, outside of the other two.
        before: gets each request before it is sent.
        after: gets each response first.
    """
    if before is not None or after is not None:
        model = wrap_each_connection(model, lambda: _BeforeAndAfter(before=before, after=after))
    return model if middleware is None else wrap_each_connection(model, lambda: middleware)


def wrap_each_connection(model: Model, build: Callable[[], ModelMiddleware]) -> Model:
    """Return a model that builds new middleware for each of its connections."""
    return _WrappedModel(model, build)


def without_text(emit: Emit) -> Emit:
    """Return a function that emits all events but those with the content of an answer."""

    async def listen(event: RunEvent) -> None:
        if not isinstance(event, TextReceived | ReasoningReceived | ToolArgumentsReceived):
            await emit(event)

    return listen


async def emit_response(response: ModelResponse, *, emit: Emit) -> None:
    """Emit the content of a complete response at once, as if it had just arrived."""
    for block in response.message.content:
        if isinstance(block, TextContent):
            await emit(TextReceived(block.text))
        elif isinstance(block, ReasoningContent):
            await emit(ReasoningReceived(block.text))


async def await_if_needed(value: T | Awaitable[T]) -> T:
    """Return the value of a function that may be sync or async."""
    return await value if isawaitable(value) else value


def _checked(value: object, expected: type[T], function: object) -> T:
    """Return what a function of the caller returned, if it is of the right type."""
    if not isinstance(value, expected):
        raise wrong_return(
            function, value, role="model middleware", expected=f"a {expected.__name__}"
        )
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class _BeforeAndAfter:
    """Middleware made of a function before and a function after the exchange."""

    before: Before | None
    after: After | None

    async def __call__(
        self, request: ModelRequest, call_next: CallNext, *, emit: Emit
    ) -> ModelResponse:
        """See `ModelMiddleware`."""
        if self.before is not None:
            request = _checked(
                await await_if_needed(self.before(request)), ModelRequest, self.before
            )
        if self.after is None:
            return await call_next(request, emit=emit)
        # Not streamed, so that the exchange can still be retried if the connection breaks.
        response = await call_next(replace(request, stream=False), emit=without_text(emit))
        changed = await await_if_needed(self.after(request, response))
        response = _checked(changed, ModelResponse, self.after)
        if request.stream:
            await emit_response(response, emit=emit)
        return response


class _WrappedModel:
    """A model whose exchanges are wrapped."""

    def __init__(self, model: Model, build: Callable[[], ModelMiddleware]) -> None:
        self._model = model
        self._build = build

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def profile(self) -> ModelProfile:
        return self._model.profile

    @property
    def wrapped(self) -> Model:
        """Return the model whose exchanges are wrapped."""
        return self._model

    def with_retry(self, retry: RetrySettings) -> Model:
        """Return the same model with other retry settings, if it has any; see `SupportsRetry`."""
        if not isinstance(self._model, SupportsRetry):
            return self
        return _WrappedModel(self._model.with_retry(retry), self._build)

    def open(self) -> AbstractAsyncContextManager[ModelConnection]:
        return self._wrapped(self._model.open())

    def open_for_run(self) -> AbstractAsyncContextManager[ModelConnection]:
        return self._wrapped(open_for_run(self._model))

    @asynccontextmanager
    async def _wrapped(
        self, opening: AbstractAsyncContextManager[ModelConnection]
    ) -> AsyncIterator[ModelConnection]:
        async with opening as connection:
            yield _WrappedConnection(connection, self._build())


class _WrappedConnection:
    """An open model whose exchanges are wrapped."""

    def __init__(self, connection: ModelConnection, middleware: ModelMiddleware) -> None:
        self._connection = connection
        self._middleware = middleware

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        response = await self._middleware(request, self._connection.chat, emit=emit)
        return _checked(response, ModelResponse, self._middleware)
