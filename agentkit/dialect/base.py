"""The interface of a dialect: requests as bytes, answers as deltas.

In:  `ModelRequest` and the profiles; later the bytes of an answer.
Out: `WireRequest`; later `Delta`s, in the order they arrived.

A non-streaming answer is a stream of one chunk: the same decoder reads both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol, TypeAlias

from agentkit.chat import ModelRequest
from agentkit.config.profile import ModelProfile, ProviderProfile
from agentkit.json_schema import JsonValue
from agentkit.usage import Usage
from agentkit.value import record
from agentkit.wire import WireHead, WireRequest


@record
class TextDelta:
    """A piece of the answer's text."""

    text: str = field(kw_only=False)


@record
class ReasoningDelta:
    """A piece of the model's reasoning.

    Attributes:
        data: what `ReasoningContent.data` keeps of it; the text may be empty then. Not compared.
    """

    text: str
    data: Mapping[str, JsonValue] | None = field(default=None, compare=False)


@record
class CallDelta:
    """A piece of a tool call, as the provider sent it; None is what it did not send.

    Attributes:
        is_complete: it comes from a non-streaming answer, so it is a call by itself, whatever its
            index.
        is_object: the provider sent the arguments as a JSON object in place of JSON text (TGI and
            Ollama do), so they are complete; `arguments` is that object as JSON text.
    """

    index: int | None = None
    id: str | None = None
    name: str | None = None
    arguments: str | None = None
    is_complete: bool = False
    is_object: bool = False


@record
class FinishDelta:
    """The provider's own word for why the model stopped."""

    reason: str = field(kw_only=False)


@record
class UsageDelta:
    """The usage of the exchange so far; the last one counts."""

    usage: Usage = field(kw_only=False)


@record
class HeadDelta:
    """Which model answered, as far as the provider reports it; later ones fill gaps."""

    response_id: str | None = None
    model: str | None = None
    upstream: str | None = None


@record
class DoneDelta:
    """The provider marked the end of its stream.

    Attributes:
        is_finish: the answer is complete with it; otherwise only a finish reason shows that.
    """

    is_finish: bool = True


Delta: TypeAlias = (
    TextDelta | ReasoningDelta | CallDelta | FinishDelta | UsageDelta | HeadDelta | DoneDelta
)


@record
class Encoded:
    """An encoded request, and what is needed to decode its answer.

    Attributes:
        tool_names: wire name to our name, for the names that had to change.
        fields: the top-level names of the body, so that a refusal of one can be recognised.
        opening: how the answer begins, if the request already holds that and the provider will
            not repeat it.
        calls_in_text: calls are requested as text, so reading them there is no repair.
    """

    wire: WireRequest
    fields: tuple[str, ...] = ()
    tool_names: Mapping[str, str] = field(default_factory=dict)
    opening: tuple[Delta, ...] = ()
    calls_in_text: bool = False


class Decoder(Protocol):
    """Reads one successful answer; a new one is made for each."""

    def feed(self, data: bytes) -> Sequence[Delta]:
        """Read the next bytes, cut anywhere, and return what they complete.

        Raises:
            StatusError: the provider reports an error inside its answer.
            ProtocolError: the bytes are not of this dialect.
        """

    def close(self) -> Sequence[Delta]:
        """Return what is left at the end of the bytes; raises as `feed` does."""


class Dialect(Protocol):
    """How one API format encodes a chat. One instance per open model: it may cache encodings."""

    def encode(
        self, request: ModelRequest, *, provider: ProviderProfile, model: ModelProfile
    ) -> Encoded:
        """Encode `request` for this provider and model.

        Raises:
            UnsupportedError: this model at this provider cannot do what is asked.
        """

    def decoder(self, head: WireHead) -> Decoder:
        """Return a reader for the answer that has this head."""
