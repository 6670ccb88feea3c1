"""A model one can call, and the counter of its tokens.

In:  a `ModelRequest`.
Out: a `ModelResponse`; on the way, what arrives is emitted as events. The tokens of a request.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, cast, runtime_checkable

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.config.profile import ModelProfile
from agentkit.event import Emit, RunEvent, TextReceived
from agentkit.lazy_import import load_object
from agentkit.transport.retry import RetrySettings


class ModelConnection(Protocol):
    """An open model; may be used by many runs at once."""

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Make one exchange.

        Args:
            request: what to send.
            emit: called with text as it arrives, if `request.stream` is set.

        Returns:
            A response with text or calls in it; call ids are unique in the conversation.

        Raises:
            ProviderError: the exchange failed; nothing of it is in the history.
            UnsupportedError: this model cannot do what is asked.
        """


class Model(Protocol):
    """Something that can be opened into a connection."""

    @property
    def name(self) -> str:
        """Return the name a user would write, e.g. `openrouter:mixtral-8x22b`."""

    @property
    def profile(self) -> ModelProfile:
        """Return its profile: context window, price, message rules."""

    def open(self) -> AbstractAsyncContextManager[ModelConnection]:
        """Open it for as long as the context lasts; may be open several times at once."""


@runtime_checkable
class SupportsRetry(Protocol):
    """A model that repeats failed exchanges."""

    def with_retry(self, retry: RetrySettings) -> Model:
        """Return the same model with other retry settings."""


@runtime_checkable
class KeepsConnections(Protocol):
    """A model whose connections may outlive one run."""

    def open_for_run(self) -> AbstractAsyncContextManager[ModelConnection]:
        """Open it for one run; idle connections stay open for later runs of this event loop."""


def open_for_run(model: Model) -> AbstractAsyncContextManager[ModelConnection]:
    """Open a model for one run, with connections that were kept of earlier runs if it can."""
    return model.open_for_run() if isinstance(model, KeepsConnections) else model.open()


class EmitTracker:
    """Forwards events; an attempt whose text was emitted must not be repeated silently."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.has_text: bool = False

    def emit(self, event: RunEvent) -> Awaitable[None]:
        """Forward `event`."""
        self.has_text = self.has_text or isinstance(event, TextReceived)
        return self._emit(event)


class TokenCounter(Protocol):
    """Counts requests; best used by one run, or by a few."""

    @property
    def is_exact(self) -> bool:
        """Return whether `count` is exact, not an estimate."""

    def count(self, request: ModelRequest) -> int:
        """Return the tokens of the prompt that `request` becomes.

        Raises:
            UnsupportedError: the request cannot be sent to this family of models at all.
        """


def new_counter(model: ModelProfile) -> TokenCounter:
    """Return a new counter for a model; its module is loaded now, as few runs need one."""
    build = cast(Callable[..., TokenCounter], load_object("agentkit.model.tokens:build_counter"))
    return build(model.rules, family=model.family)
