"""Raw text completion with the v3 instruct prompt, for servers without a chat template.

In:  `ModelRequest` and the profiles of provider and model; later the head of an answer.
Out: `Encoded`: the complete conversation as one text; a decoder for the answer.

The server adds `<s>` at the start and stops at the model's `</s>`: neither is sent. No stop text is
sent but the caller's, because an answer might contain it. A call comes back as text, often without
its marker (servers drop special tokens when they decode); the response builder finds it. A call is
forced by writing its beginning into the prompt.
"""

from collections.abc import Sequence
from dataclasses import replace

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile
from agentkit.dialect.base import Decoder, Delta, Encoded, TextDelta
from agentkit.dialect.encoding_cache import ToolCache, TranscriptStore
from agentkit.dialect.mistral_prompt import call_start, message_parts, offer_parts, render
from agentkit.dialect.mistral_rules import MistralRules
from agentkit.dialect.openai_chat.dialect import offer_tools, settings_fields
from agentkit.dialect.openai_chat.messages import to_json
from agentkit.dialect.openai_chat.response import OpenAIChatDecoder
from agentkit.dialect.request_body import Body
from agentkit.errors import UnsupportedError
from agentkit.message import Message, UserMessage
from agentkit.wire import WireHead

PATH = "/completions"
DEFAULT_MAX_TOKENS = 4096
"""The limit if the caller sets none: the API's own default of 16 tokens cuts every answer."""

# A call, or the call of one tool, can be forced by the opening of the answer at any provider.
_ALL_CHOICES = Accepts(tool_choice=frozenset({"required", "named"}))


class Completions:
    """The dialect; keeps what it encoded, so that a turn encodes only what is new."""

    def __init__(self) -> None:
        self._prompts: TranscriptStore[_Prompt] = TranscriptStore()
        self._offers = ToolCache(_encode_offer)

    def encode(
        self, request: ModelRequest, *, provider: ProviderProfile, model: ModelProfile
    ) -> Encoded:
        """Encode `request` for this provider and model.

        Raises:
            UnsupportedError: this model at this provider cannot do what is requested, or is not of
                the family whose prompt is known here.
        """
        if model.rules != "mistral":
            raise UnsupportedError(
                f"The prompt of {model.id!r} is not known, only that of the Mistral family. Choose "
                "a provider with a chat API, or set rules = 'mistral' in the model's profile if it "
                "is of that family."
            )
        tools = offer_tools(request, _ALL_CHOICES).tools
        prompt = self._prompts.follow(request.history, _Prompt)
        start = call_start(request.tool_choice.name) if request.tool_choice.is_forced else ""
        prompt_pieces = prompt.encode(request.instructions, offer=self._offers.encode(tools))
        body = Body(provider.accepts)
        body.put(provider.accepts.model_field, model.id)
        body.put_bytes("prompt", b'"', *prompt_pieces, _encode(start), b'"')
        limit = provider.accepts.max_tokens_field
        if limit not in body:
            body.put(limit, default_max_tokens(model))
        for name, value in settings_fields(request, provider.accepts):
            body.put(name, value)
        opening: tuple[Delta, ...] = (TextDelta(text=start),) if start else ()
        encoded = body.encode(PATH, request=request, tools=tools, opening=opening)
        return replace(encoded, calls_in_text=True)

    def decoder(self, head: WireHead) -> Decoder:
        """Return a reader for the answer that has this head."""
        return CompletionsDecoder(head)


class CompletionsDecoder:
    """Reads one answer: a chat completion whose choices hold plain text."""

    def __init__(self, head: WireHead) -> None:
        self._inner = OpenAIChatDecoder(head)
        self._is_start = True

    def feed(self, data: bytes) -> Sequence[Delta]:
        """Read the next bytes; see `Decoder`."""
        return self._without_space(self._inner.feed(data))

    def close(self) -> Sequence[Delta]:
        """Return what is left at the end of the bytes; see `Decoder`."""
        return self._without_space(self._inner.close())

    def _without_space(self, deltas: Sequence[Delta]) -> list[Delta]:
        """Remove the one space that the v3 format puts before an answer."""
        kept: list[Delta] = []
        for delta in deltas:
            if isinstance(delta, TextDelta) and self._is_start:
                self._is_start = False
                text = delta.text.removeprefix(" ")
                kept += [TextDelta(text=text)] if text else []
            else:
                kept.append(delta)
        return kept


def default_max_tokens(model: ModelProfile) -> int:
    """Return the limit of an answer if the caller set none: at most half of the window."""
    window = model.context_window_tokens
    return DEFAULT_MAX_TOKENS if window is None else min(DEFAULT_MAX_TOKENS, max(window // 2, 1))


class _Prompt:
    """The encoded part of one conversation.

    Tools and system text belong to the last user message, so that message is encoded again each
    turn; the bytes before and after it are kept.
    """

    def __init__(self) -> None:
        self._rules = MistralRules()
        self._before = bytearray()
        self._last: UserMessage | None = None
        self._after = bytearray()

    @property
    def size_bytes(self) -> int:
        """Return about how much memory it takes."""
        return len(self._before) + len(self._after)

    def add(self, message: Message) -> None:
        """Encode the messages that the next one makes final."""
        for final in self._rules.add(message):
            if isinstance(final, UserMessage):
                self._before += _encode_last(self._last) + self._after
                self._last = final
                self._after.clear()
            else:
                self._after += _encode_message(final)

    def encode(self, instructions: str, *, offer: bytes) -> list[bytes | bytearray]:
        """Return the prompt as the inside of a JSON string, in pieces.

        They hold good until the next message is added.
        """
        parts: list[bytes | bytearray] = [self._before]
        last = self._last
        after: list[bytes | bytearray] = [self._after]
        for message in self._rules.ending():
            if isinstance(message, UserMessage):
                parts += [_encode_last(last), *after]
                last, after = message, []
            else:
                after.append(_encode_message(message))
        system = "".join(message.text for message in self._rules.opening(instructions))
        return [*parts, offer, _encode_last(last, system=system), *after]


def _encode_last(message: UserMessage | None, *, system: str = "") -> bytes:
    """Return a user message, if there is one."""
    return b"" if message is None else _encode_message(message, system=system)


def _encode_message(message: Message, *, system: str = "") -> bytes:
    return _encode(render(message_parts(message, system=system)))


def _encode_offer(tools: tuple[ToolSpec, ...]) -> bytes:
    return _encode(render(offer_parts(tools)))


def _encode(text: str) -> bytes:
    """Return `text` as it is written between the quotes of a JSON string."""
    return to_json(text)[1:-1]
