"""What every dialect gives: requests as bytes, answers as deltas.

In:  `ModelRequest` and the profiles; later the bytes of an answer.
Out: `WireRequest`; later `Delta`s, in the order they arrived.

A whole answer is a stream of one chunk: the same decoder reads both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol, TypeAlias

from agentkit.chat import ModelRequest
from agentkit.config.profile import ModelProfile, ProviderProfile
from agentkit.usage import Usage
from agentkit.value import dataclass
from agentkit.wire import WireHead, WireRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """A piece of the model's reasoning."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDelta:
    """A piece of a tool call, as the host sent it; None is what it did not send.

    Attributes:
        is_complete: it came in a whole answer, so it is a call by itself, whatever its index.
        is_object: the host sent the arguments as a JSON object in place of text, so they are
            complete; `arguments` is that object written as text.
    """

    index: int | None = None
    id: str | None = None
    name: str | None = None
    arguments: str | None = None
    is_complete: bool = False
    is_object: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishDelta:
    """The host's own word for why the model stopped."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageDelta:
    """What the exchange used so far; the last one counts."""

    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadDelta:
    """Who answered, as far as the host tells; later ones fill gaps."""

    response_id: str | None = None
    model: str | None = None
    upstream: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneDelta:
    """The host marked the end of its stream.

    Attributes:
        is_finish: the answer ended with it, too; else only a finish reason tells that it did.
    """

    is_finish: bool = True


Delta: TypeAlias = (
    TextDelta | ReasoningDelta | CallDelta | FinishDelta | UsageDelta | HeadDelta | DoneDelta
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A request on its way, and what is needed to read its answer.

    Attributes:
        tool_names: wire name to our name, for the names that had to change.
        fields: the names at the top of the body, so that a refusal of one can be recognised.
        opening: how the answer begins, where the request holds that already and the host will
            not repeat it.
        calls_in_text: calls are asked for as text, so that reading them there is no repair.
    """

    wire: WireRequest
    fields: tuple[str, ...] = ()
    tool_names: Mapping[str, str] = field(default_factory=dict)
    opening: tuple[Delta, ...] = ()
    calls_in_text: bool = False


class Decoder(Protocol):
    """Reads one successful answer; made anew for each."""

    def feed(self, data: bytes) -> Sequence[Delta]:
        """Read the next bytes, cut anywhere, and return what they complete.

        Raises:
            StatusError: the host reports an error inside its answer.
            ProtocolError: the bytes are not of this dialect.
        """

    def close(self) -> Sequence[Delta]:
        """Return what is left at the end of the bytes; raises as `feed` does."""


class Dialect(Protocol):
    """How one kind of host spells a chat. One per open model: it may keep what it encoded."""

    def encode(
        self, request: ModelRequest, *, provider: ProviderProfile, model: ModelProfile
    ) -> Encoded:
        """Spell `request` for this host and model.

        Raises:
            UnsupportedError: this model on this host cannot do what is asked.
        """

    def decoder(self, head: WireHead) -> Decoder:
        """Return a reader for the answer that has this head."""
