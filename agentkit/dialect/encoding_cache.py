"""Keep what was spelled of a conversation, so that a turn spells only what is new.

In:  a history, and what makes an empty transcript.
Out: the transcript that has read this very history.

A conversation grows at its end and is sent whole every turn. Whose bytes are kept is told by the
identity of its messages: they are immutable, and histories that grow share them. Nothing is kept
of a conversation whose first message nobody has any more: it cannot go on.
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
"""How much spelled conversation one open model keeps; the longest unused goes first."""


class Transcript(Protocol):
    """A conversation as far as it is spelled."""

    @property
    def size_bytes(self) -> int:
        """Return about how much memory it takes."""

    def add(self, message: Message) -> None:
        """Spell the next message; one that raised is not used again."""


TranscriptT = TypeVar("TranscriptT", bound=Transcript)
ValueT = TypeVar("ValueT")


class TranscriptStore(Generic[TranscriptT]):
    """Keeps the transcripts of conversations that may go on."""

    def __init__(self, max_kept_bytes: int = MAX_KEPT_BYTES) -> None:
        self._kept: OrderedDict[tuple[int, str], _Kept[TranscriptT]] = OrderedDict()
        self._kept_bytes = 0
        self._max_kept_bytes = max_kept_bytes
        own = ref(self)  # what waits for a message to go must not keep the store

        def forget(key: tuple[int, str], _: object) -> None:
            store = own()
            if store is not None:
                store._drop(key)

        self._forget = forget

    @property
    def kept_bytes(self) -> int:
        """Return how much is kept for later turns."""
        return self._kept_bytes

    def follow(
        self, history: History, begin: Callable[[], TranscriptT], *, variant: str = ""
    ) -> TranscriptT:
        """Return a transcript that has read `history` and nothing else.

        Args:
            history: what to spell; only what is new since last time is.
            begin: makes an empty transcript.
            variant: keeps apart what one history is spelled into.
        """
        if not history:
            return begin()
        # What is kept goes with its first message, so the address of that one stays its own.
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
        """Take out what is kept, if anything is."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._kept_bytes -= kept.size_bytes
        return kept

    def _keep(self, key: tuple[int, str], kept: "_Kept[TranscriptT]") -> None:
        """Keep it as the newest, and drop the oldest beyond the limit."""
        kept.size_bytes = kept.transcript.size_bytes
        self._kept[key] = kept
        self._kept_bytes += kept.size_bytes
        while self._kept_bytes > self._max_kept_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= dropped.size_bytes


@dataclass(slots=True, kw_only=True)
class _Kept(Generic[TranscriptT]):
    """A transcript and the messages it has read; it does not keep the first one alive."""

    transcript: TranscriptT
    first: ref[Message]
    rest: list[Message] = field(default_factory=list)
    size_bytes: int = 0

    def is_start_of(self, history: History, first: Message) -> bool:
        """Say whether `history`, which begins with `first`, begins with what was read here."""
        if len(self.rest) >= len(history) or self.first() is not first:
            return False
        return all(map(is_, self.rest, islice(history, 1, None)))


class ToolCache(Generic[ValueT]):
    """Spells a list of tools, and keeps the last one it spelled."""

    def __init__(self, encode: Callable[[tuple[ToolSpec, ...]], ValueT]) -> None:
        self._encode = encode
        self._kept: tuple[tuple[ToolSpec, ...], ValueT] | None = None

    def encode(self, tools: tuple[ToolSpec, ...]) -> ValueT:
        """Return `tools` as they are spelled; the same tools as last time cost nothing."""
        if self._kept is not None:
            last, value = self._kept
            if len(last) == len(tools) and all(map(is_, last, tools)):
                return value
        value = self._encode(tools)
        self._kept = (tools, value)
        return value
