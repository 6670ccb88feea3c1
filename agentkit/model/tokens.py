"""Count the tokens of a request before it is sent.

In:  `ModelRequest`s, again and again, each usually a little longer than the last.
Out: their prompt's tokens: exact for Mixtral 8x22B with the extra `tokens`, else an estimate.

What is counted is what is sent: the conversation as `mistral_rules` compiles it, in the v3 instruct
format. Providers may bill other numbers; these are for fitting a window. A request that forces one
tool is counted with all its tools, though some providers are offered only the one.

A conversation is not counted again when it grows: what was counted before is recognised by its
messages, which are compared by identity. The counts of texts are kept as well, so that a shortened
or forked conversation costs the copying and not the tokenizing.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import is_
from pathlib import Path
from typing import Protocol, cast

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.content import AudioContent, ContentBlock, ImageContent
from agentkit.conversation_cache import ConversationCache
from agentkit.dialect.mistral_prompt import Part, calls_json, message_parts, offer_parts
from agentkit.dialect.mistral_rules import MistralRules, readable_text
from agentkit.errors import MissingExtraError
from agentkit.lazy_import import load_object
from agentkit.message import AssistantMessage, Message, SystemMessage, UserMessage
from agentkit.model.model import TokenCounter
from agentkit.model.token_estimate import estimate_tokens

_MODEL_FILE = Path(__file__).parent / "data" / "mistral_instruct_tokenizer_240323.model.v3"
_EXACT_FOR = "8x22b"
_KEPT_CONVERSATIONS = 16
_KEPT_TEXTS = 4096
_PLAIN_MESSAGE_TOKENS = 6  # role and marks, in the formats of other families
_IMAGE_TOKENS = 1_600  # what a large image costs at the providers that read any
_AUDIO_CHARS_PER_TOKEN = 200  # of base64, at a low bit rate

CountText = Callable[[str], int]


def build_counter(rules: str, *, family: str = "mixtral-8x22b") -> TokenCounter:
    """Return a counter for a model; cheap, as the tokenizer is loaded once per process.

    Args:
        rules: the `rules` of its `ModelProfile`: `mistral`, or `plain`, which is estimated.
        family: its `family`; the count is exact for Mixtral 8x22B, under any of its names.
    """
    if rules != "mistral":
        return _Counter(_CountCache(estimate_tokens), layout=_PlainLayout, is_exact=False)
    count_text = _tokenizer()
    is_exact = count_text is not None and _EXACT_FOR in family.casefold()
    return _Counter(
        _CountCache(count_text or estimate_tokens), layout=_MistralLayout, is_exact=is_exact
    )


class _PromptLayout(Protocol):
    """Counts one conversation in a prompt format, message by message."""

    def add(self, message: Message) -> int:
        """Add the next message and return the tokens that no later message changes."""

    def rest(self, request: ModelRequest) -> int:
        """Return the tokens of the rest, if the conversation ends here."""


class _CountCache:
    """Counts texts, and caches the counts of the last ones without the texts."""

    def __init__(self, count_text: CountText) -> None:
        self._count_text = count_text
        self._known: dict[bytes, int] = {}
        self._tools: tuple[ToolSpec, ...] = ()
        self._tools_tokens = 0

    def text(self, text: str) -> int:
        """Return the tokens of a text."""
        data = text.encode("utf-8", "replace")  # no tokenizer accepts a lone surrogate
        key = hashlib.blake2b(data, digest_size=16).digest()
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._count_text(data.decode())
            if len(self._known) > _KEPT_TEXTS:
                del self._known[next(iter(self._known))]
        return known

    def parts(self, parts: Iterable[Part]) -> int:
        """Return the tokens of a piece of a prompt; a marker is one."""
        return sum(1 if part.kind == "marker" else self.text(part.text) for part in parts)

    def tools(self, tools: tuple[ToolSpec, ...]) -> int:
        """Return the tokens of the tools; they are the same in most turns."""
        if len(self._tools) != len(tools) or not all(map(is_, self._tools, tools)):
            self._tools_tokens = self.parts(offer_parts(tools))
            self._tools = tools
        return self._tools_tokens


class _MistralLayout:
    """The v3 instruct format: tools and system text precede the last user message."""

    def __init__(self, kept: _CountCache) -> None:
        self._kept = kept
        self._rules = MistralRules()
        self._last_user = UserMessage(content=())

    def add(self, message: Message) -> int:
        """Compile one message; final messages are counted without the system text."""
        final = self._rules.add(message)
        self._last_user = _last_user(final, self._last_user)
        return sum(self._kept.parts(message_parts(compiled)) for compiled in final)

    def rest(self, request: ModelRequest) -> int:
        """Count the open message, the tools, and what the system text adds."""
        parts = self._kept.parts
        ending = self._rules.ending()
        last = _last_user(ending, self._last_user)
        system = "".join(
            message.text
            for message in self._rules.opening(request.instructions)
            if isinstance(message, SystemMessage)
        )
        with_system = parts(message_parts(last, system=system)) - parts(message_parts(last))
        open_tokens = sum(parts(message_parts(message)) for message in ending)
        return 1 + open_tokens + self._kept.tools(_offered(request)) + with_system


class _PlainLayout:
    """Any other format: the texts, and a few tokens for each message."""

    def __init__(self, kept: _CountCache) -> None:
        self._kept = kept

    def add(self, message: Message) -> int:
        """Count one message as it is."""
        if isinstance(message, SystemMessage):
            return _PLAIN_MESSAGE_TOKENS + self._kept.text(message.text)
        tokens = _PLAIN_MESSAGE_TOKENS + self._kept.text(readable_text(message.content))
        if isinstance(message, AssistantMessage) and message.tool_calls:
            tokens += self._kept.text(calls_json(message.tool_calls))
        return tokens + sum(_media_tokens(block) for block in message.content)

    def rest(self, request: ModelRequest) -> int:
        """Count the instructions and the tools."""
        instructions = self._kept.text(request.instructions)
        return _PLAIN_MESSAGE_TOKENS + instructions + self._kept.tools(_offered(request))


class _Conversation:
    """A conversation as far as it was counted."""

    def __init__(self, layout: _PromptLayout) -> None:
        self.layout = layout
        self.tokens = 0


class _Counter:
    """Counts conversations, each from where it was counted last."""

    def __init__(
        self, kept: _CountCache, *, layout: Callable[[_CountCache], _PromptLayout], is_exact: bool
    ) -> None:
        self._kept = kept
        self._layout = layout
        self._is_exact = is_exact
        self._conversations: ConversationCache[_Conversation] = ConversationCache(
            _KEPT_CONVERSATIONS
        )

    @property
    def is_exact(self) -> bool:
        """Return whether `count` is exact, not an estimate."""
        return self._is_exact

    def count(self, request: ModelRequest) -> int:
        """Return the tokens of the prompt that `request` becomes; see `TokenCounter`."""
        history = request.history
        known = self._conversations.take(history, self._begin)
        conversation = known.value
        for message in history[known.length :]:
            conversation.tokens += conversation.layout.add(message)
        tokens = conversation.tokens + conversation.layout.rest(request)
        self._conversations.keep(known, history)  # only now: one that failed is not used again
        return tokens

    def _begin(self) -> _Conversation:
        return _Conversation(self._layout(self._kept))


def _last_user(messages: Sequence[Message], otherwise: UserMessage) -> UserMessage:
    for message in reversed(messages):
        if isinstance(message, UserMessage):
            return message
    return otherwise


def _offered(request: ModelRequest) -> tuple[ToolSpec, ...]:
    """Return the tools that are sent: none if none may be called."""
    return () if request.tool_choice.mode == "none" else request.tools


def _media_tokens(block: ContentBlock) -> int:
    """Return roughly what an image or a sound costs beyond its name."""
    match block:
        case ImageContent():
            return _IMAGE_TOKENS
        case AudioContent():
            return len(block.data) // _AUDIO_CHARS_PER_TOKEN
        case _:
            return 0


class _SentencePiece(Protocol):
    """The part of the tokenizer that is used; it is an extra."""

    def encode(self, text: str) -> list[int]: ...


@cache
def _tokenizer() -> CountText | None:
    """Return the exact count of a text, or None without the extra; loaded at first use."""
    try:
        load = load_object("sentencepiece:SentencePieceProcessor", extra="tokens")
    except MissingExtraError:
        return None
    make = cast(Callable[..., _SentencePiece], load)  # the class of that name
    encode = make(model_file=str(_MODEL_FILE)).encode

    def count_text(text: str) -> int:
        return len(encode(text))

    return count_text
