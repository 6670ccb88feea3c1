"""Cache the encoded messages of a conversation, so that a turn encodes only what is new.

In:  a history, and a factory of empty transcripts.
Out: the transcript that holds exactly this history.

A conversation grows at its end and is sent completely every turn; see `conversation_cache`.
"""

from collections.abc import Callable
from operator import is_
from typing import Generic, Protocol, TypeVar

from agentkit.chat import ToolSpec
from agentkit.conversation_cache import ConversationCache
from agentkit.history import History
from agentkit.message import Message

MAX_KEPT_BYTES = 64 * 1024 * 1024
"""How much encoded conversation one open model keeps; the least recently used goes first."""


class Transcript(Protocol):
    """The encoded part of a conversation."""

    @property
    def size_bytes(self) -> int:
        """Return its approximate memory use."""

    def add(self, message: Message) -> None:
        """Encode the next message; a transcript that raised is not used again."""


TranscriptT = TypeVar("TranscriptT", bound=Transcript)
ValueT = TypeVar("ValueT")


class TranscriptStore(Generic[TranscriptT]):
    """Keeps the transcripts of conversations that may continue."""

    def __init__(self, max_kept_bytes: int = MAX_KEPT_BYTES) -> None:
        self._cache: ConversationCache[TranscriptT] = ConversationCache(
            max_kept_bytes, size_of=lambda transcript: transcript.size_bytes
        )

    @property
    def kept_bytes(self) -> int:
        """Return the size of what is kept for later turns."""
        return self._cache.size

    def follow(
        self, history: History, begin: Callable[[], TranscriptT], *, variant: str = ""
    ) -> TranscriptT:
        """Return a transcript that holds `history` and nothing else.

        Args:
            history: what to encode; only messages added since the last call are encoded.
            begin: makes an empty transcript.
            variant: separates several encodings of one history.
        """
        known = self._cache.take(history, begin, variant=variant)
        for message in history[known.length :]:
            known.value.add(message)
        self._cache.keep(known, history, variant=variant)
        return known.value


class ToolCache(Generic[ValueT]):
    """Encodes a list of tools, and keeps the last result."""

    def __init__(self, encode: Callable[[tuple[ToolSpec, ...]], ValueT]) -> None:
        self._encode = encode
        self._kept: tuple[tuple[ToolSpec, ...], ValueT] | None = None

    def encode(self, tools: tuple[ToolSpec, ...]) -> ValueT:
        """Return the encoding of `tools`; the same tools as last time cost nothing."""
        if self._kept is not None:
            last, value = self._kept
            if last is tools or (len(last) == len(tools) and all(map(is_, last, tools))):
                return value
        value = self._encode(tools)
        self._kept = (tools, value)
        return value
