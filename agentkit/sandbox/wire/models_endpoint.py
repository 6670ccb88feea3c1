"""The list of models, as each provider encodes it.

In:  the ids of a provider's models; the provider's format.
Out: `EncodedResponse`: the list, or one model.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from agentkit.dialect.anthropic_messages.server_errors import (
    encode_messages_model,
    encode_messages_models,
)
from agentkit.dialect.openai_chat.server_errors import encode_model
from agentkit.json_schema import JsonValue
from agentkit.sandbox.wire.chat_response import NOTE
from agentkit.sandbox.wire.encoded_response import EncodedResponse
from agentkit.sandbox.wire.provider_format import ModelListFormat, ProviderFormat
from agentkit.sandbox.wire.rejection import Rejection, encode_rejection

_WINDOW = 65_536
_OXEN_WINDOW = 64_000
_CREATED = datetime(2024, 4, 17, tzinfo=UTC)


def encode_model_list(form: ProviderFormat, *, created: int) -> EncodedResponse:
    """Encode the list of models."""
    describe = _DESCRIBERS[form.model_list]
    models: list[JsonValue] = [describe(name, created, form) for name in form.models]
    return EncodedResponse(body={"object": "list", "data": models})


def encode_one_model(name: str, form: ProviderFormat, *, created: int) -> EncodedResponse:
    """Encode one model, or the error if the provider does not have it."""
    if name not in form.models:
        return encode_rejection(_unknown_model(name), form)
    return EncodedResponse(body=_DESCRIBERS[form.model_list](name, created, form))


def encode_messages_model_list(form: ProviderFormat) -> EncodedResponse:
    """Encode the list of models in the Anthropic format."""
    return EncodedResponse(body=encode_messages_models(form.models, created=_CREATED))


def encode_one_messages_model(name: str, form: ProviderFormat) -> EncodedResponse:
    """Encode one model in the Anthropic format, or the error."""
    if name not in form.models:
        return encode_rejection(_unknown_model(name), form, errors="anthropic")
    return EncodedResponse(body=encode_messages_model(name, created=_CREATED))


def _unknown_model(name: str) -> Rejection:
    return Rejection(message=f"The model '{name}' does not exist.", kind="model", status=404)


def _plain(name: str, created: int, _: ProviderFormat) -> dict[str, JsonValue]:
    return {**encode_model(name, created=created, owner="agentkit-sandbox"), "description": NOTE}


def _mistral(name: str, created: int, form: ProviderFormat) -> dict[str, JsonValue]:
    capabilities: JsonValue = {"completion_chat": True, "function_calling": True}
    more: dict[str, JsonValue] = {"max_context_length": _WINDOW, "capabilities": capabilities}
    return {**_plain(name, created, form), **more}


def _openrouter(name: str, created: int, form: ProviderFormat) -> dict[str, JsonValue]:
    fields = ["max_tokens", "response_format", "seed", "stop", "temperature", "top_p"]
    pricing: JsonValue = {"prompt": "0.000002", "completion": "0.000006"}
    more: dict[str, JsonValue] = {
        "context_length": _WINDOW,
        "pricing": pricing,
        "supported_parameters": [*fields, "tool_choice", "tools"],
    }
    return {**_plain(name, created, form), **more}


def _oxen(name: str, created: int, form: ProviderFormat) -> dict[str, JsonValue]:
    known = sorted(form.request.known_fields or ())
    properties: dict[str, JsonValue] = {field: {} for field in known}
    schema: JsonValue = {"type": "object", "properties": properties}
    more: dict[str, JsonValue] = {
        "context_length": _OXEN_WINDOW,
        "json_request_schema": json.dumps(schema),
    }
    return {**_plain(name, created, form), **more}


def _vllm(name: str, created: int, form: ProviderFormat) -> dict[str, JsonValue]:
    return {**_plain(name, created, form), "max_model_len": _WINDOW}


def _llamacpp(name: str, created: int, form: ProviderFormat) -> dict[str, JsonValue]:
    return {**_plain(name, created, form), "meta": {"n_ctx": _WINDOW}}


_DESCRIBERS: Mapping[
    ModelListFormat, Callable[[str, int, ProviderFormat], dict[str, JsonValue]]
] = {
    "plain": _plain,
    "mistral": _mistral,
    "openrouter": _openrouter,
    "oxen": _oxen,
    "vllm": _vllm,
    "llamacpp": _llamacpp,
}
