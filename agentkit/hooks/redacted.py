"""Keep secrets from a model, and from those who read its answers.

In:  a `Model`, what must not be seen.
Out: a `Model` that is sent conversations without it.

The history of the run keeps what was said; tools get the arguments the model asked for.
"""

from collections.abc import Callable, Iterable

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.event import Emit, ReasoningReceived, RunEvent, TextReceived
from agentkit.hooks.model_middleware import CallNext, around_each_connection
from agentkit.hooks.redactor import Redactor, Secret, compile_secrets
from agentkit.hooks.rewrite_cache import Retold
from agentkit.hooks.streaming_redactor import HeldText
from agentkit.model.model import Model
from agentkit.value import replace

REPLACEMENT = "[redacted]"


def redacted(
    model: Model,
    secrets: Secret | Iterable[Secret],
    *,
    replacement: str = REPLACEMENT,
    answers: bool = False,
    longest: int = 200,
) -> Model:
    """Return a model that never sees what `secrets` match.

    Instructions, messages, the arguments of calls and the results of tools are redacted; the
    specs of tools and binary data are not. Encoded forms, such as base64, are not recognised.

    Args:
        model: what is asked.
        secrets: text as it stands, or regular expressions, applied one after the other.
        replacement: what stands in place of a match.
        answers: redact the text and reasoning of answers too, also while they are streamed. The
            arguments of calls stay as the model wrote them, as tools run with them.
        longest: characters of the longest match in an answer; that much of streamed text is held
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
            held=lambda: HeldText(patterns, replacement=replacement, longest=longest),
            answers=answers,
        )

    return around_each_connection(model, build)


class _Redaction:
    """The hook of one connection."""

    def __init__(self, redactor: Redactor, *, held: Callable[[], HeldText], answers: bool) -> None:
        self._redactor = redactor
        self._retold = Retold(redactor.message)
        self._held = held
        self._answers = answers

    async def __call__(self, request: ModelRequest, ask: CallNext, *, emit: Emit) -> ModelResponse:
        """See `ModelMiddleware`."""
        request = replace(
            request,
            history=self._retold.retell(request.history),
            instructions=self._redactor.text(request.instructions),
        )
        if not self._answers:
            return await ask(request, emit=emit)
        listener = _Listener(emit, text=self._held(), reasoning=self._held())
        response = await ask(request, emit=listener.emit)
        await listener.close()
        return self._redact(response)

    def _redact(self, response: ModelResponse) -> ModelResponse:
        """Redact what people read of an answer."""
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

    def __init__(self, emit: Emit, *, text: HeldText, reasoning: HeldText) -> None:
        self._emit = emit
        self._text = text
        self._reasoning = reasoning

    async def emit(self, event: RunEvent) -> None:
        """Pass an event on, without what must not be seen."""
        match event:
            case TextReceived(text=text):
                await self._tell_text(self._text.feed(text))
            case ReasoningReceived(text=text):
                await self._tell_reasoning(self._reasoning.feed(text))
            case _:
                await self._emit(event)

    async def close(self) -> None:
        """Pass on what was held back."""
        await self._tell_reasoning(self._reasoning.close())
        await self._tell_text(self._text.close())

    async def _tell_text(self, text: str) -> None:
        if text:
            await self._emit(TextReceived(text=text))

    async def _tell_reasoning(self, text: str) -> None:
        if text:
            await self._emit(ReasoningReceived(text=text))
