"""What each provider says of its models.

In:  the ids of a provider's models; the provider's form.
Out: `Spelled`: the list, or one model.
"""

import json
from collections.abc import Callable, Mapping, Sequence

from agentkit.json_schema import JsonValue
from agentkit.sandbox.wire.chat_body import ChatBody
from agentkit.sandbox.wire.chat_response import NOTE
from agentkit.sandbox.wire.encoded_response import Spelled
from agentkit.sandbox.wire.provider_format import ListForm, ProviderFormat
from agentkit.sandbox.wire.request_errors import Refusal, spell_refusal

_WINDOW = 65_536
_OXEN_WINDOW = 64_000
_DATE = "2024-04-17T00:00:00Z"


def spell_models(form: ProviderFormat, *, created: int) -> Spelled:
    """Spell the list of models."""
    describe = _DESCRIBERS[form.listing]
    listed: list[JsonValue] = [describe(name, created, form) for name in form.models]
    return Spelled(body={"object": "list", "data": listed})


def spell_model(name: str, form: ProviderFormat, *, created: int) -> Spelled:
    """Spell what is known of one model."""
    if name not in form.models:
        return spell_refusal(_no_model(name), form)
    return Spelled(body=_DESCRIBERS[form.listing](name, created, form))


def spell_messages_models(form: ProviderFormat) -> Spelled:
    """Spell the list of models as the Anthropic form has it."""
    listed: list[JsonValue] = [_in_messages_form(name) for name in form.models]
    ends: Sequence[str | None] = form.models or (None,)
    return Spelled(
        body={"data": listed, "has_more": False, "first_id": ends[0], "last_id": ends[-1]}
    )


def spell_messages_model(name: str, form: ProviderFormat) -> Spelled:
    """Spell what is known of one model as the Anthropic form has it."""
    if name not in form.models:
        return spell_refusal(_no_model(name), form, errors="anthropic")
    return Spelled(body=_in_messages_form(name))


def _no_model(name: str) -> Refusal:
    return Refusal(message=f"The model '{name}' does not exist.", why="model", status=404)


def _in_messages_form(name: str) -> dict[str, JsonValue]:
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": _DATE,
        "lifecycle": "active",
    }


def _plain(name: str, created: int, _: ProviderFormat) -> dict[str, JsonValue]:
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": "agentkit-sandbox",
        "description": NOTE,
    }


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
    known = form.takes.fields or frozenset(ChatBody.model_fields)
    properties: dict[str, JsonValue] = {field: {} for field in sorted(known)}
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


_DESCRIBERS: Mapping[ListForm, Callable[[str, int, ProviderFormat], dict[str, JsonValue]]] = {
    "plain": _plain,
    "mistral": _mistral,
    "openrouter": _openrouter,
    "oxen": _oxen,
    "vllm": _vllm,
    "llamacpp": _llamacpp,
}
