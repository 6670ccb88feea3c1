"""Cache the encoded messages of a conversation, so that a turn encodes only what is new.

In:  a history, and a factory of empty transcripts.
Out: the transcript that holds exactly this history.

A conversation grows at its end and is sent completely every turn. The cache is keyed by the
identity of the messages: they are immutable, and a history that grows shares them. The entry of a
conversation is dropped with its first message: such a conversation cannot continue.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import field
from functools import partial
from itertools import islice
from operator import is_
from typing import Generic, Protocol, TypeVar
from weakref import ref

from agentkit.chat import ToolSpec
from agentkit.history import History
from agentkit.message import Message
from agentkit.value import dataclass

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
        self._kept: OrderedDict[tuple[int, str], _Kept[TranscriptT]] = OrderedDict()
        self._kept_bytes = 0
        self._max_kept_bytes = max_kept_bytes
        own = ref(self)  # the callbacks of weak references must not keep the store alive

        def forget(key: tuple[int, str], _: object) -> None:
            store = own()
            if store is not None:
                store._drop(key)

        self._forget = forget

    @property
    def kept_bytes(self) -> int:
        """Return the size of what is kept for later turns."""
        return self._kept_bytes

    def follow(
        self, history: History, begin: Callable[[], TranscriptT], *, variant: str = ""
    ) -> TranscriptT:
        """Return a transcript that holds `history` and nothing else.

        Args:
            history: what to encode; only messages added since the last call are encoded.
            begin: makes an empty transcript.
            variant: separates several encodings of one history.
        """
        if not history:
            return begin()
        # An entry is dropped with its first message, so that message's address is not reused.
        first = history[0]
        key = (id(first), variant)
        kept = self._drop(key)
        if kept is None or not kept.is_start_of(history, first):
            kept = _Kept(transcript=begin(), first=ref(first, partial(self._forget, key)))
            kept.transcript.add(first)
        for message in history[len(kept.rest) + 1 :]:
            kept.transcript.add(message)
            kept.rest.append(message)
        self._keep(key, kept)
        return kept.transcript

    def _drop(self, key: tuple[int, str]) -> "_Kept[TranscriptT] | None":
        """Remove and return an entry, if there is one."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._kept_bytes -= kept.size_bytes
        return kept

    def _keep(self, key: tuple[int, str], kept: "_Kept[TranscriptT]") -> None:
        """Store an entry as the newest, and drop the oldest beyond the limit."""
        kept.size_bytes = kept.transcript.size_bytes
        self._kept[key] = kept
        self._kept_bytes += kept.size_bytes
        while self._kept_bytes > self._max_kept_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= dropped.size_bytes


@dataclass(slots=True, kw_only=True)
class _Kept(Generic[TranscriptT]):
    """A transcript and its messages; it does not keep the first message alive."""

    transcript: TranscriptT
    first: ref[Message]
    rest: list[Message] = field(default_factory=list)
    size_bytes: int = 0

    def is_start_of(self, history: History, first: Message) -> bool:
        """Return whether `history`, which begins with `first`, begins with these messages."""
        if len(self.rest) >= len(history) or self.first() is not first:
            return False
        return all(map(is_, self.rest, islice(history, 1, None)))


class ToolCache(Generic[ValueT]):
    """Encodes a list of tools, and keeps the last result."""

    def __init__(self, encode: Callable[[tuple[ToolSpec, ...]], ValueT]) -> None:
        self._encode = encode
        self._kept: tuple[tuple[ToolSpec, ...], ValueT] | None = None

    def encode(self, tools: tuple[ToolSpec, ...]) -> ValueT:
        """Return the encoding of `tools`; the same tools as last time cost nothing."""
        if self._kept is not None:
            last, value = self._kept
            if len(last) == len(tools) and all(map(is_, last, tools)):
                return value
        value = self._encode(tools)
        self._kept = (tools, value)
        return value
