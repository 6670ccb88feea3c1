"""Keep secrets from a model, and from the readers of its answers.

In:  a `Model`, patterns of secrets.
Out: a `Model` that gets conversations without them.

The history of the run keeps the original text; tools get the arguments the model asked for.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.event import Emit, ReasoningReceived, RunEvent, TextReceived
from agentkit.hooks.model_middleware import CallNext, wrap_each_connection
from agentkit.hooks.redactor import Redactor
from agentkit.hooks.rewrite_cache import RewriteCache
from agentkit.hooks.streaming_redactor import StreamingRedactor
from agentkit.model.model import Model
from agentkit.redaction import MARK, Secret, compile_secrets


def redacted(
    model: Model,
    secrets: Secret | Iterable[Secret],
    *,
    replacement: str = MARK,
    answers: bool = False,
    longest: int = 200,
) -> Model:
    """Return a model that never gets what `secrets` match.

    Instructions, messages, the arguments of calls and the results of tools are redacted; the
    specs of tools and binary data are not. Encoded forms, such as base64, are not recognised.

    Args:
        model: the model that is wrapped.
        secrets: literal texts or regular expressions, applied one after the other.
        replacement: replaces each match.
        answers: redact the text and reasoning of answers too, also while they are streamed. The
            arguments of calls stay as the model wrote them, as tools run with them.
        longest: characters of the longest match in an answer; that much streamed text is held
            back, so that a secret is found wherever the stream was cut.

    Raises:
        ValueError: a pattern matches empty text, or there is none.
    """
    patterns = compile_secrets(secrets)
    if longest < 1:
        raise ValueError(f"longest={longest} holds nothing back; use 1 or more characters.")
    redactor = Redactor(patterns, replacement=replacement)

    def build() -> _Redaction:
        return _Redaction(
            redactor,
            new_redactor=lambda: StreamingRedactor(
                patterns, replacement=replacement, longest=longest
            ),
            answers=answers,
        )

    return wrap_each_connection(model, build)


class _Redaction:
    """The middleware of one connection."""

    def __init__(
        self, redactor: Redactor, *, new_redactor: Callable[[], StreamingRedactor], answers: bool
    ) -> None:
        self._redactor = redactor
        self._rewrites = RewriteCache(redactor.message)
        self._new_redactor = new_redactor
        self._answers = answers

    async def __call__(
        self, request: ModelRequest, call_next: CallNext, *, emit: Emit
    ) -> ModelResponse:
        """See `ModelMiddleware`."""
        request = replace(
            request,
            history=self._rewrites.rewrite(request.history),
            instructions=self._redactor.text(request.instructions),
        )
        if not self._answers:
            return await call_next(request, emit=emit)
        listener = _Listener(emit, text=self._new_redactor(), reasoning=self._new_redactor())
        response = await call_next(request, emit=listener.emit)
        await listener.close()
        return self._redact(response)

    def _redact(self, response: ModelResponse) -> ModelResponse:
        """Redact the parts of an answer that people read."""
        text = self._redactor.text
        return replace(
            response,
            message=replace(
                response.message, content=self._redactor.blocks(response.message.content)
            ),
            repairs=tuple(
                replace(one, before=text(one.before), after=text(one.after))
                for one in response.repairs
            ),
        )


class _Listener:
    """Redacts text and reasoning on their way to a listener."""

    def __init__(
        self, emit: Emit, *, text: StreamingRedactor, reasoning: StreamingRedactor
    ) -> None:
        self._emit = emit
        self._text = text
        self._reasoning = reasoning

    async def emit(self, event: RunEvent) -> None:
        """Forward an event, redacted."""
        match event:
            case TextReceived(text):
                await self._emit_text(self._text.feed(text))
            case ReasoningReceived(text):
                await self._emit_reasoning(self._reasoning.feed(text))
            case _:
                await self._emit(event)

    async def close(self) -> None:
        """Emit what was held back."""
        await self._emit_reasoning(self._reasoning.close())
        await self._emit_text(self._text.close())

    async def _emit_text(self, text: str) -> None:
        if text:
            await self._emit(TextReceived(text))

    async def _emit_reasoning(self, text: str) -> None:
        if text:
            await self._emit(ReasoningReceived(text))
