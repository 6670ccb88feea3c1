"""The OpenAI chat format, which most providers offer, each with its own fields.

In:  `ModelRequest` and the profiles of provider and model; later the head of an answer.
Out: `Encoded`, with the smallest body for the request; a decoder for the answer.

A field that the profile does not name as accepted is not sent: strict providers (La Plateforme,
Fireworks) refuse fields they do not know.
"""

from collections.abc import Iterator, Sequence
from operator import is_

from agentkit.chat import ModelRequest, ModelSettings, ToolSpec
from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile, ToolChoiceForm
from agentkit.dialect.base import Decoder, Encoded
from agentkit.dialect.encoding_cache import ToolCache
from agentkit.dialect.openai_chat.messages import Transcripts, encode_tool, to_json
from agentkit.dialect.openai_chat.response import OpenAIChatDecoder
from agentkit.dialect.request_body import Body, BodyAround
from agentkit.dialect.tool_names import wire_name
from agentkit.errors import UnsupportedError
from agentkit.value import record
from agentkit.wire import WireHead

PATH = "/chat/completions"


class OpenAIChat:
    """The dialect; caches what it encoded, so that a turn encodes only what is new."""

    def __init__(self) -> None:
        self._transcripts = Transcripts()
        self._tools = ToolCache(_encode_tools)
        self._last: tuple[tuple[object, ...], BodyAround] | None = None

    def encode(
        self, request: ModelRequest, *, provider: ProviderProfile, model: ModelProfile
    ) -> Encoded:
        """Encode `request` for this provider and model.

        Raises:
            UnsupportedError: this model at this provider cannot do what is requested.
        """
        around = self._around_messages(request, accepts=provider.accepts, model=model)
        messages = self._transcripts.encode(
            request, rules=model.rules, takes_reasoning=provider.accepts.takes_reasoning
        )
        return around.encode(PATH, (b"[", *messages, b"]"), request=request)

    def decoder(self, head: WireHead) -> Decoder:
        """Return a reader for the answer that has this head."""
        return OpenAIChatDecoder(head)

    def _around_messages(
        self, request: ModelRequest, *, accepts: Accepts, model: ModelProfile
    ) -> BodyAround:
        """Return the body but for the messages: from turn to turn it is mostly the same."""
        kind = (
            request.tools,
            request.tool_choice,
            request.settings,
            request.response_format,
            request.stream,
            accepts,
            model.id,
        )
        if self._last is not None and all(map(is_, kind, self._last[0])):
            return self._last[1]
        offer = offer_tools(request, accepts)
        body = Body(accepts)
        body.put_bytes(accepts.model_field, to_json(model.id))
        body.put_bytes("messages")
        if offer.tools:
            body.put_bytes("tools", self._tools.encode(offer.tools))
        for name, value in (
            *_choice_fields(request, accepts, offer),
            *settings_fields(request, accepts),
            *_format_fields(request, accepts),
        ):
            body.put(name, value)
        around = body.around("messages", tools=offer.tools)
        self._last = (kind, around)
        return around


@record
class ToolOffer:
    """The tools to send, and the encoded choice; None means the provider's `auto`."""

    tools: tuple[ToolSpec, ...] = ()
    choice: object = None


def offer_tools(request: ModelRequest, accepts: Accepts) -> ToolOffer:
    """Encode the tool choice of `request` in a form this provider accepts.

    `none` sends no tools, because some providers write them into the prompt all the same. If a
    provider does not accept a name (LM Studio: strings only), one tool is forced by offering no
    other.

    Raises:
        UnsupportedError: a call is required and there is no such tool.
    """
    choice, tools = request.tool_choice, request.tools
    if choice.mode == "none":
        return ToolOffer()
    if choice.name is not None:
        tools = _only(choice.name, tools)
        if "named" in _choices(accepts):
            named = {"type": "function", "function": {"name": wire_name(choice.name)}}
            return ToolOffer(tools=request.tools, choice=named)
    if choice.is_forced:
        if not tools:
            raise UnsupportedError("The tool choice requires a call, and no tool is offered.")
        return ToolOffer(tools=tools, choice=_required(accepts))
    return ToolOffer(tools=tools)


def _only(name: str, tools: Sequence[ToolSpec]) -> tuple[ToolSpec, ...]:
    found = tuple(tool for tool in tools if tool.name == name)
    if not found:
        names = ", ".join(repr(tool.name) for tool in tools) or "none"
        raise UnsupportedError(f"The tool choice names {name!r}; the tools offered are: {names}.")
    return found


def _required(accepts: Accepts) -> str | None:
    """Return the provider's word for "must call"; if it has none, the answer must be checked."""
    return next((word for word in ("required", "any") if word in _choices(accepts)), None)


def _choices(accepts: Accepts) -> frozenset[ToolChoiceForm]:
    """Return the forms of a choice that the provider accepts; none if it lacks the field."""
    return frozenset() if "tool_choice" in accepts.omit else accepts.tool_choice


def _choice_fields(
    request: ModelRequest, accepts: Accepts, offer: ToolOffer
) -> Iterator[tuple[str, object]]:
    if not offer.tools:
        return
    if offer.choice is not None:
        yield "tool_choice", offer.choice
    parallel = request.settings.parallel_tool_calls
    if parallel is not None and accepts.parallel_tool_calls:
        yield "parallel_tool_calls", parallel


def settings_fields(request: ModelRequest, accepts: Accepts) -> Iterator[tuple[str, object]]:
    """Yield the caller's settings under the provider's names.

    A seed and penalties are dropped if the provider does not take them: they shape an answer and
    do not bound it.

    Raises:
        UnsupportedError: stop texts are set, which the provider does not take.
    """
    settings = request.settings
    yield from _sampling_fields(settings, accepts)
    if settings.max_tokens is not None:
        yield accepts.max_tokens_field, settings.max_tokens
    if settings.stop:
        if not accepts.stop:
            raise UnsupportedError(
                f"This provider accepts no stop texts, and {list(settings.stop)} were set."
            )
        yield "stop", list(settings.stop)
    if request.stream:
        yield "stream", True
        if accepts.stream_usage == "stream_options":
            yield "stream_options", {"include_usage": True}
    if accepts.stream_usage == "usage_include":
        yield "usage", {"include": True}
    yield from settings.extra_body.items()


def _sampling_fields(settings: ModelSettings, accepts: Accepts) -> Iterator[tuple[str, object]]:
    """Yield what shapes the sampling of tokens."""
    named: dict[str, object] = {"temperature": settings.temperature, "top_p": settings.top_p}
    if accepts.seed_field is not None:
        named[accepts.seed_field] = settings.seed
    if accepts.penalties:
        named["frequency_penalty"] = settings.frequency_penalty
        named["presence_penalty"] = settings.presence_penalty
    for name, value in named.items():
        if value is not None:
            yield name, value


def _format_fields(request: ModelRequest, accepts: Accepts) -> Iterator[tuple[str, object]]:
    """Yield the response format, in the most exact form this provider accepts."""
    if request.response_format is None:
        return
    if "json_schema" in accepts.response_format:
        named = {"name": "answer", "schema": request.response_format}
        yield "response_format", {"type": "json_schema", "json_schema": named}
    elif "json_object" in accepts.response_format:
        yield "response_format", {"type": "json_object"}


def _encode_tools(tools: tuple[ToolSpec, ...]) -> bytes:
    return b"[" + b",".join(encode_tool(tool) for tool in tools) + b"]"
