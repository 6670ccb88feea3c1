"""The providers that the sandbox can imitate.

In:  the name of a provider in the catalog, or of one that the user added to it.
Out: its `ProviderFormat`.

What is known about each provider is in the catalog's comments and on the pages that they name. A
fact that no page confirms is marked (U): there the sandbox does what is hardest for a client.
"""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from agentkit.config.load import read_catalog
from agentkit.config.profile import DialectName, ProviderProfile
from agentkit.errors import ConfigError
from agentkit.sandbox.wire.other_families import OTHER_FAMILIES
from agentkit.sandbox.wire.provider_format import (
    CHAT_ENDPOINTS,
    COMPLETIONS_ENDPOINTS,
    MESSAGES_ENDPOINTS,
    OPENAI_CHOICES,
    ChoiceKind,
    Endpoint,
    KeyLocation,
    ProviderFormat,
    RequestQuirks,
    ResponseQuirks,
)

_COMMON_FIELDS = frozenset({
    "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "stream", "max_tokens",
    "stop", "temperature", "top_p", "response_format", "presence_penalty", "frequency_penalty",
    "n",
})  # fmt: skip
# https://docs.mistral.ai/api/ (chat completions)
_MISTRAL_FIELDS = _COMMON_FIELDS | {"random_seed", "safe_prompt"}
_OPENAI_FIELDS = _COMMON_FIELDS | {
    "seed", "stream_options", "max_completion_tokens", "logprobs", "top_logprobs", "logit_bias",
}  # fmt: skip
_OXEN_FIELDS = frozenset({
    "model", "messages", "tools", "tool_choice", "temperature", "max_tokens", "stream", "top_p",
    "stop",
})  # fmt: skip
_ANY: frozenset[ChoiceKind] = frozenset({"any"})
_ALL_CHOICES = OPENAI_CHOICES | _ANY
_BEARER: tuple[KeyLocation, ...] = ("bearer",)
_RATE_LIMITS = {
    "x-ratelimit-limit-requests": "6000",
    "x-ratelimit-remaining-requests": "5999",
    "x-ratelimit-reset-requests": "10ms",
}
_REQUEST_ID = {"x-request-id": "{id}"}

_MISTRAL_REQUESTS = RequestQuirks(
    known_fields=_MISTRAL_FIELDS,
    strict_nested=True,
    checks_call_ids=True,
    tool_choices=_ALL_CHOICES,
)
_MISTRAL_RESPONSES = ResponseQuirks(
    call_ids="nine",
    id_prefix="",
    empty_calls="null",
    content_with_calls="",
    stream_usage="always",
    usage_in_own_chunk=False,
    headers=_REQUEST_ID,
)
_MODELSLAB_REQUESTS = RequestQuirks(
    key_locations=("bearer", "x-api-key"),
    tool_choices=frozenset({"auto", "none", "required"}),
    requires_version=True,
)
_MODELSLAB_RESPONSES = ResponseQuirks(call_ids="call", stream_usage="never")
_MODELSLAB_ENDPOINTS: Mapping[str, Endpoint] = {
    **CHAT_ENDPOINTS,
    **{f"/v1{path}": endpoint for path, endpoint in MESSAGES_ENDPOINTS.items()},
}
# It issues ids of 32 characters, which its own template rejects when they come back; a named
# choice is treated as `auto`.
_LLAMACPP_REQUESTS = RequestQuirks(
    any_model=True,
    checks_call_ids=True,
    ignored_choices=frozenset({"named", "none"}),
    parallel_by_default=False,
)
_LLAMACPP_RESPONSES = ResponseQuirks(call_ids="long", call_chunks="characters", timings=True)
_VLLM_REQUESTS = RequestQuirks(checks_call_ids=True, strict_nested=True)
_VLLM_RESPONSES = ResponseQuirks(
    call_ids="chatcmpl_tool", forced_finish_reason="stop", headers=_REQUEST_ID
)

_FORMATS = (
    ProviderFormat(
        name="sandbox",
        models=("open-mixtral-8x22b",),
        request=_MISTRAL_REQUESTS,
        response=replace(_MISTRAL_RESPONSES, id_prefix="sandbox-", headers={}),
        errors="mistral",
        model_list="mistral",
    ),
    ProviderFormat(
        name="openrouter",
        # The upstream's template checks the conversation; the router passes its message on.
        request=RequestQuirks(key_locations=_BEARER, checks_call_ids=True),
        response=ResponseQuirks(
            call_ids="nine",
            id_prefix="gen-",
            keep_alive=": OPENROUTER PROCESSING",
            cost_field="cost",
            upstream="Mistral",
            headers={"x-generation-id": "{id}"},
        ),
        errors="openrouter",
        model_list="openrouter",
    ),
    ProviderFormat(
        name="aimlapi",
        request=RequestQuirks(key_locations=_BEARER),
        response=ResponseQuirks(id_prefix="", empty_calls="list"),
    ),
    ProviderFormat(
        name="modelslab",
        endpoints=_MODELSLAB_ENDPOINTS,
        request=_MODELSLAB_REQUESTS,
        response=_MODELSLAB_RESPONSES,
        errors="status",
        rejection_status=200,  # (U) its own sample looks for the error and not at the status
    ),
    ProviderFormat(
        name="modelslab-body",
        request=replace(
            _MODELSLAB_REQUESTS, key_locations=("body",), model_fields=("model_id", "model")
        ),
        response=_MODELSLAB_RESPONSES,
        errors="status",
        rejection_status=200,  # (U)
    ),
    ProviderFormat(
        name="modelslab-anthropic",
        endpoints=MESSAGES_ENDPOINTS,
        request=_MODELSLAB_REQUESTS,
        response=replace(_MODELSLAB_RESPONSES, call_ids="call"),  # (U) as in its other format
        errors="anthropic",  # (U)
    ),
    ProviderFormat(
        name="oxen",
        # Which other fields it accepts is (U), and so is that it rejects them; the rules are
        # Mistral's.
        request=RequestQuirks(
            key_locations=_BEARER,
            known_fields=_OXEN_FIELDS,
            strict_nested=True,
            checks_call_ids=True,
        ),
        response=ResponseQuirks(
            call_ids="nine", call_chunks="together", stream_usage="always", usage_in_own_chunk=False
        ),
        model_list="oxen",
    ),
    ProviderFormat(
        name="mistral",
        # `required` and named tools were added after this model: its deployments answered 422.
        request=replace(
            _MISTRAL_REQUESTS,
            key_locations=_BEARER,
            tool_choices=frozenset({"auto", "none", "any"}),
        ),
        response=replace(_MISTRAL_RESPONSES, call_chunks="together"),
        errors="mistral",
        model_list="mistral",
    ),
    ProviderFormat(
        name="together",
        request=RequestQuirks(key_locations=_BEARER),
        response=ResponseQuirks(headers=_RATE_LIMITS),
    ),
    ProviderFormat(
        name="fireworks",
        request=RequestQuirks(
            key_locations=_BEARER, known_fields=_OPENAI_FIELDS
        ),  # it may reject `user`
        response=ResponseQuirks(headers=_RATE_LIMITS),
    ),
    ProviderFormat(
        name="deepinfra",
        request=RequestQuirks(
            key_locations=_BEARER, tool_choices=frozenset({"auto", "none"})
        ),  # (U)
        response=ResponseQuirks(cost_field="estimated_cost"),
    ),
    ProviderFormat(
        name="nvidia",
        # Without a parser any choice is rejected, and calls are what the model wrote.
        request=RequestQuirks(
            key_locations=_BEARER,
            known_fields=_MISTRAL_FIELDS - {"random_seed", "safe_prompt", "parallel_tool_calls"}
            | {"seed"},
            strict_nested=True,
            checks_call_ids=True,
            tool_choices=frozenset(),
        ),
        response=ResponseQuirks(call_ids="chatcmpl_tool", calls_as_text=True, stream_usage="never"),
        errors="vllm",
        model_list="vllm",
    ),
    ProviderFormat(
        name="wavespeed",
        request=RequestQuirks(key_locations=_BEARER),
        response=ResponseQuirks(stream_usage="never"),
    ),
    ProviderFormat(
        name="groq",
        request=RequestQuirks(key_locations=_BEARER, known_fields=_OPENAI_FIELDS | {"user"}),
        response=ResponseQuirks(
            call_ids="call_short", stream_usage="always", usage_in_x_groq=True, headers=_RATE_LIMITS
        ),
    ),
    ProviderFormat(
        name="anthropic",
        endpoints=MESSAGES_ENDPOINTS,
        request=RequestQuirks(key_locations=("x-api-key", "bearer"), requires_version=True),
        response=ResponseQuirks(call_ids="toolu", headers={"request-id": "req_{id}"}),
        errors="anthropic",
    ),
    ProviderFormat(
        name="vllm",
        request=_VLLM_REQUESTS,
        response=_VLLM_RESPONSES,
        errors="vllm",
        model_list="vllm",
    ),
    ProviderFormat(
        name="vllm-completions",
        endpoints=COMPLETIONS_ENDPOINTS,
        request=_VLLM_REQUESTS,
        response=_VLLM_RESPONSES,
        errors="vllm",
        model_list="vllm",
    ),
    ProviderFormat(name="sglang", response=ResponseQuirks(), errors="vllm", model_list="vllm"),
    ProviderFormat(
        name="tgi",
        request=RequestQuirks(any_model=True),
        response=ResponseQuirks(call_ids="zero", object_arguments=True, call_chunks="separate"),
        errors="text",
    ),
    ProviderFormat(
        name="mlx",
        # Its template rejects the ids that it issued, with the status of a page that is missing.
        request=RequestQuirks(any_model=True, checks_call_ids=True, ignored_choices=_ALL_CHOICES),
        response=ResponseQuirks(call_ids="uuid", call_chunks="separate"),
        errors="text",
        template_status=404,
    ),
    ProviderFormat(
        name="llamacpp",
        request=_LLAMACPP_REQUESTS,
        response=_LLAMACPP_RESPONSES,
        errors="llamacpp",
        model_list="llamacpp",
        template_status=500,
    ),
    ProviderFormat(
        name="llamacpp-anthropic",
        endpoints=MESSAGES_ENDPOINTS,
        request=_LLAMACPP_REQUESTS,
        response=_LLAMACPP_RESPONSES,
        errors="llamacpp",
        template_status=500,
    ),
    ProviderFormat(
        name="llamacpp-completions",
        endpoints=COMPLETIONS_ENDPOINTS,
        request=_LLAMACPP_REQUESTS,
        response=_LLAMACPP_RESPONSES,
        errors="llamacpp",
        model_list="llamacpp",
    ),
    ProviderFormat(
        name="ollama",
        request=RequestQuirks(
            ignored_choices=_ALL_CHOICES,
            models_without_tools=frozenset({"mixtral:8x7b", "mixtral:latest"}),
        ),
        response=ResponseQuirks(
            call_ids="call_short", call_chunks="separate", content_with_calls=""
        ),
    ),
    ProviderFormat(
        name="lmstudio",
        request=RequestQuirks(any_model=True, tool_choices=frozenset({"auto", "none", "required"})),
        response=ResponseQuirks(call_ids="digits"),
        errors="text",
    ),
    ProviderFormat(name="openai-compatible", request=RequestQuirks(any_model=True)),
)
PROVIDERS: Mapping[str, ProviderFormat] = {one.name: one for one in (*_FORMATS, *OTHER_FAMILIES)}
"""The formats that are known, by the provider's name in the catalog."""

# A provider that the user added is imitated by the plainest one of its dialect.
_PLAINEST: Mapping[DialectName, str] = {
    "openai_chat": "openai-compatible",
    "anthropic_messages": "anthropic",
    "completions": "llamacpp-completions",
    "prompted": "nvidia",
}
# A model on the user's own weights is served by the same server under another name.
_ALIASES = {"local": "llamacpp", "local-completions": "llamacpp-completions"}


def find_provider_format(name: str, *, model: str) -> ProviderFormat:
    """Return the format of a provider, with the models that the catalog lists for it.

    Args:
        name: the provider's name in the catalog.
        model: a further id to answer for, unless it is the family or an alias of a listed model.

    Raises:
        ConfigError: the catalog has no provider of this name.
    """
    catalog = read_catalog()
    provider = catalog.get(name)
    if provider is None:
        raise ConfigError(f"There is no provider {name!r}; known are: {', '.join(catalog)}.")
    known = name if name in PROVIDERS else _ALIASES.get(name, _PLAINEST[provider.dialect])
    found = PROVIDERS[known]
    return replace(
        found,
        name=name,
        base_path=urlsplit(provider.base_url).path or found.base_path,
        models=_models(provider, found.models, model),
    )


def _models(provider: ProviderProfile, others: tuple[str, ...], model: str) -> tuple[str, ...]:
    ids = [*(known.id for known in provider.models), *others]
    names = {name for known in provider.models for name in (known.family, *known.aliases)}
    is_name = model in names and model not in ids
    return tuple(dict.fromkeys(ids if is_name else (model, *ids)))
