"""The Anthropic messages format: Anthropic, ModelsLab's `/v1/messages`, llama.cpp.

In:  `ModelRequest` and the profiles of provider and model; later the head of an answer.
Out: `Encoded`, a decoder for the answer; requests for the count of tokens and the list of models.

The base URL ends with the version, `https://api.anthropic.com/v1`, as in the other formats, so that
a provider with several formats has one. The key and the `anthropic-version` header come from the
profile. A setting without a field in this format is dropped if it is only a preference (a seed).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile
from agentkit.dialect.anthropic_messages.messages import Turns, encode_tools
from agentkit.dialect.anthropic_messages.response import AnthropicDecoder
from agentkit.dialect.base import Decoder, Encoded
from agentkit.dialect.completions import default_max_tokens
from agentkit.dialect.encoding_cache import ToolCache, TranscriptStore
from agentkit.dialect.openai_chat.dialect import offer_tools
from agentkit.dialect.request_body import Body
from agentkit.errors import UnsupportedError
from agentkit.message import AssistantMessage
from agentkit.wire import WireHead, WireRequest

PATH = "/messages"
COUNT_PATH = "/messages/count_tokens"
MODELS_PATH = "/models"


class AnthropicMessages:
    """The dialect; caches what it encoded, so that a turn encodes only what is new."""

    def __init__(self) -> None:
        self._transcripts: TranscriptStore[Turns] = TranscriptStore()
        self._tools = ToolCache(encode_tools)

    def encode(
        self, request: ModelRequest, *, provider: ProviderProfile, model: ModelProfile
    ) -> Encoded:
        """Encode `request` for this provider and model.

        Raises:
            UnsupportedError: this model at this provider cannot do what is requested.
        """
        accepts = provider.accepts
        body, tools = self._conversation(request, accepts=accepts, model=model)
        if request.settings.max_tokens is not None:
            body.put("max_tokens", request.settings.max_tokens)
        elif "max_tokens" not in body:
            body.put("max_tokens", default_max_tokens(model))
        for name, value in _settings(request, accepts).items():
            body.put(name, value)
        return body.encode(PATH, request=request, tools=tools)

    def encode_count(
        self, request: ModelRequest, *, provider: ProviderProfile, model: ModelProfile
    ) -> WireRequest:
        """Return a request for the number of input tokens of `request`.

        The answer is a JSON object with `input_tokens`.

        Raises:
            UnsupportedError: as `encode` does.
        """
        accepts = replace(provider.accepts, extra_fields={})
        body, _ = self._conversation(request, accepts=accepts, model=model)
        return replace(body.encode(COUNT_PATH, request=request).wire, stream=False)

    def decoder(self, head: WireHead) -> Decoder:
        """Return a reader for the answer that has this head."""
        return AnthropicDecoder(head)

    def _conversation(
        self, request: ModelRequest, *, accepts: Accepts, model: ModelProfile
    ) -> tuple[Body, tuple[ToolSpec, ...]]:
        """Return a body with the conversation and the tools, and those tools."""
        tools, choice = _offer(request, accepts)
        takes_reasoning = accepts.takes_reasoning
        turns = self._transcripts.follow(
            request.history,
            lambda: Turns(model.rules, takes_reasoning=takes_reasoning),
            variant=f"{model.rules}+reasoning" if takes_reasoning else model.rules,
        )
        body = Body(accepts)
        body.put(accepts.model_field, model.id)
        if system := turns.system(request.instructions):
            body.put("system", system)
        body.put_bytes("messages", *turns.encode())
        if tools:
            body.put_bytes("tools", self._tools.encode(tools))
            if choice is not None:
                body.put("tool_choice", choice)
        return body, tools


def list_models() -> WireRequest:
    """Return a request for the provider's list of models."""
    return WireRequest(path=MODELS_PATH, method="GET")


def _offer(
    request: ModelRequest, accepts: Accepts
) -> tuple[tuple[ToolSpec, ...], Mapping[str, object] | None]:
    """Return the tools to send, and the choice in this format; None means the provider's `auto`.

    If the conversation holds calls, `none` is sent with the tools: without the tools Anthropic's
    API refuses `tool_use` blocks or answers with nothing.
    """
    takes_choice = "tool_choice" not in accepts.omit
    if request.tool_choice.mode == "none":
        has_calls = any(
            isinstance(message, AssistantMessage) and message.tool_calls
            for message in request.history
        )
        if has_calls and takes_choice and "none" in accepts.tool_choice:
            return request.tools, {"type": "none"}
        return (), None
    offer = offer_tools(request, accepts)
    choice: dict[str, object] = {}
    if isinstance(offer.choice, dict):
        choice = {"type": "tool", "name": offer.choice["function"]["name"]}
    elif offer.choice is not None:
        choice = {"type": "any"}
    parallel = request.settings.parallel_tool_calls
    if parallel is not None and accepts.parallel_tool_calls and takes_choice:
        choice = {"type": "auto", **choice, "disable_parallel_tool_use": not parallel}
    return offer.tools, choice or None


def _settings(request: ModelRequest, accepts: Accepts) -> dict[str, Any]:
    """Return the caller's settings that this format has fields for."""
    settings = request.settings
    fields: dict[str, Any] = {}
    if settings.temperature is not None:
        fields["temperature"] = settings.temperature
    if settings.top_p is not None:
        fields["top_p"] = settings.top_p
    if settings.stop:
        if not accepts.stop:
            raise UnsupportedError(
                f"This provider accepts no stop texts, and {list(settings.stop)} were set."
            )
        fields["stop_sequences"] = list(settings.stop)
    if request.stream:
        fields["stream"] = True
    return {**fields, **settings.extra_body}
