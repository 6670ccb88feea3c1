"""The providers that the sandbox can stand in for.

In:  the name of a provider of the catalog, or one of a user's own.
Out: its `ProviderFormat`.

What is known of each provider is in the catalog's comments and the pages they name. A fact that no
page confirms is marked (U): there the sandbox does what is hardest to get along with.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from agentkit.config.load import read_catalog
from agentkit.config.profile import DialectName, ProviderProfile
from agentkit.errors import ConfigError
from agentkit.sandbox.wire.chat_body import ChatBody
from agentkit.sandbox.wire.provider_format import (
    CHAT_DOORS,
    COMPLETIONS_DOORS,
    MESSAGES_DOORS,
    OPENAI_CHOICES,
    ChoiceForm,
    Door,
    Gives,
    KeyPlace,
    ProviderFormat,
    Takes,
)
from agentkit.value import replace

_MISTRAL_FIELDS = frozenset(ChatBody.model_fields)
_OPENAI_FIELDS = frozenset(ChatBody.model_fields) - {"random_seed", "safe_prompt"} | {
    "seed", "stream_options", "max_completion_tokens", "logprobs", "top_logprobs", "logit_bias",
}  # fmt: skip
_OXEN_FIELDS = frozenset({
    "model", "messages", "tools", "tool_choice", "temperature", "max_tokens", "stream", "top_p",
    "stop",
})  # fmt: skip
_ANY: frozenset[ChoiceForm] = frozenset({"any"})
_ALL_CHOICES = OPENAI_CHOICES | _ANY
_BEARER: tuple[KeyPlace, ...] = ("bearer",)
_RATE_LIMITS = {
    "x-ratelimit-limit-requests": "6000",
    "x-ratelimit-remaining-requests": "5999",
    "x-ratelimit-reset-requests": "10ms",
}
_REQUEST_ID = {"x-request-id": "{id}"}

_MISTRAL_TAKES = Takes(
    fields=_MISTRAL_FIELDS, is_strict_inside=True, checks_ids=True, choices=_ALL_CHOICES
)
_MISTRAL_GIVES = Gives(
    ids="nine",
    response_id="",
    no_calls="null",
    blank="",
    stream_usage="always",
    is_usage_apart=False,
    headers=_REQUEST_ID,
)
_MODELSLAB_TAKES = Takes(
    keys=("bearer", "x-api-key"),
    choices=frozenset({"auto", "none", "required"}),
    needs_version=True,
)
_MODELSLAB_GIVES = Gives(ids="call", stream_usage="never")
_MODELSLAB_DOORS: Mapping[str, Door] = {
    **CHAT_DOORS,
    **{f"/v1{path}": door for path, door in MESSAGES_DOORS.items()},
}
# It mints ids of 32 characters and its template then refuses them; a name is read as `auto`.
_LLAMACPP_TAKES = Takes(
    any_model=True, checks_ids=True, unheeded=frozenset({"named", "none"}), parallel=False
)
_LLAMACPP_GIVES = Gives(ids="long", calls="characters", has_timings=True)
_VLLM_TAKES = Takes(checks_ids=True, is_strict_inside=True)
_VLLM_GIVES = Gives(ids="chatcmpl_tool", forced_finish="stop", headers=_REQUEST_ID)

_FORMS = (
    ProviderFormat(
        name="sandbox",
        models=("open-mixtral-8x22b",),
        takes=_MISTRAL_TAKES,
        gives=replace(_MISTRAL_GIVES, response_id="sandbox-", headers={}),
        errors="mistral",
        listing="mistral",
    ),
    ProviderFormat(
        name="openrouter",
        # The upstream's template judges the conversation, the router passes its words on.
        takes=Takes(keys=_BEARER, checks_ids=True),
        gives=Gives(
            ids="nine",
            response_id="gen-",
            comment=": OPENROUTER PROCESSING",
            cost_field="cost",
            upstream="Mistral",
            headers={"x-generation-id": "{id}"},
        ),
        errors="openrouter",
        listing="openrouter",
    ),
    ProviderFormat(
        name="aimlapi",
        takes=Takes(keys=_BEARER),
        gives=Gives(response_id="", no_calls="empty"),
    ),
    ProviderFormat(
        name="modelslab",
        doors=_MODELSLAB_DOORS,
        takes=_MODELSLAB_TAKES,
        gives=_MODELSLAB_GIVES,
        errors="status",
        refusal_status=200,  # (U) its own sample looks for the error and not at the status
    ),
    ProviderFormat(
        name="modelslab-body",
        takes=replace(_MODELSLAB_TAKES, keys=("body",), model_fields=("model_id", "model")),
        gives=_MODELSLAB_GIVES,
        errors="status",
        refusal_status=200,  # (U)
    ),
    ProviderFormat(
        name="modelslab-anthropic",
        doors=MESSAGES_DOORS,
        takes=_MODELSLAB_TAKES,
        gives=replace(_MODELSLAB_GIVES, ids="call"),  # (U) as in its other form
        errors="anthropic",  # (U)
    ),
    ProviderFormat(
        name="oxen",
        # What it takes beside these is (U), and so is that it minds; the rules are Mistral's.
        takes=Takes(
            keys=_BEARER,
            fields=_OXEN_FIELDS,
            is_strict_inside=True,
            checks_ids=True,
        ),
        gives=Gives(ids="nine", calls="whole", stream_usage="always", is_usage_apart=False),
        listing="oxen",
    ),
    ProviderFormat(
        name="mistral",
        # `required` and named tools came after this model: its deployments answered 422 to them.
        takes=replace(_MISTRAL_TAKES, keys=_BEARER, choices=frozenset({"auto", "none", "any"})),
        gives=replace(_MISTRAL_GIVES, calls="whole"),
        errors="mistral",
        listing="mistral",
    ),
    ProviderFormat(name="together", takes=Takes(keys=_BEARER), gives=Gives(headers=_RATE_LIMITS)),
    ProviderFormat(
        name="fireworks",
        takes=Takes(keys=_BEARER, fields=_OPENAI_FIELDS),  # it may refuse `user`
        gives=Gives(headers=_RATE_LIMITS),
    ),
    ProviderFormat(
        name="deepinfra",
        takes=Takes(keys=_BEARER, choices=frozenset({"auto", "none"})),  # (U)
        gives=Gives(cost_field="estimated_cost"),
    ),
    ProviderFormat(
        name="nvidia",
        # Without a parser any choice is refused, and calls are what the model wrote.
        takes=Takes(
            keys=_BEARER,
            fields=_MISTRAL_FIELDS - {"random_seed", "safe_prompt", "parallel_tool_calls"}
            | {"seed"},
            is_strict_inside=True,
            checks_ids=True,
            choices=frozenset(),
        ),
        gives=Gives(ids="chatcmpl_tool", calls_as_text=True, stream_usage="never"),
        errors="vllm",
        listing="vllm",
    ),
    ProviderFormat(name="wavespeed", takes=Takes(keys=_BEARER), gives=Gives(stream_usage="never")),
    ProviderFormat(
        name="groq",
        takes=Takes(keys=_BEARER, fields=_OPENAI_FIELDS | {"user"}),
        gives=Gives(
            ids="call_short", stream_usage="always", is_usage_beside=True, headers=_RATE_LIMITS
        ),
    ),
    ProviderFormat(
        name="anthropic",
        doors=MESSAGES_DOORS,
        takes=Takes(keys=("x-api-key", "bearer"), needs_version=True),
        gives=Gives(ids="toolu", headers={"request-id": "req_{id}"}),
        errors="anthropic",
    ),
    ProviderFormat(
        name="vllm", takes=_VLLM_TAKES, gives=_VLLM_GIVES, errors="vllm", listing="vllm"
    ),
    ProviderFormat(
        name="vllm-completions",
        doors=COMPLETIONS_DOORS,
        takes=_VLLM_TAKES,
        gives=_VLLM_GIVES,
        errors="vllm",
        listing="vllm",
    ),
    ProviderFormat(name="sglang", gives=Gives(), errors="vllm", listing="vllm"),
    ProviderFormat(
        name="tgi",
        takes=Takes(any_model=True),
        gives=Gives(ids="zero", has_object_arguments=True, calls="each"),
        errors="text",
    ),
    ProviderFormat(
        name="mlx",
        # The ids it mints are refused when they come back, with a status that tells of no page.
        takes=Takes(any_model=True, checks_ids=True, unheeded=_ALL_CHOICES),
        gives=Gives(ids="uuid", calls="each"),
        errors="text",
        template_status=404,
    ),
    ProviderFormat(
        name="llamacpp",
        takes=_LLAMACPP_TAKES,
        gives=_LLAMACPP_GIVES,
        errors="llamacpp",
        listing="llamacpp",
        template_status=500,
    ),
    ProviderFormat(
        name="llamacpp-anthropic",
        doors=MESSAGES_DOORS,
        takes=_LLAMACPP_TAKES,
        gives=_LLAMACPP_GIVES,
        errors="llamacpp",
        template_status=500,
    ),
    ProviderFormat(
        name="llamacpp-completions",
        doors=COMPLETIONS_DOORS,
        takes=_LLAMACPP_TAKES,
        gives=_LLAMACPP_GIVES,
        errors="llamacpp",
        listing="llamacpp",
    ),
    ProviderFormat(
        name="ollama",
        takes=Takes(unheeded=_ALL_CHOICES, toolless=frozenset({"mixtral:8x7b", "mixtral:latest"})),
        gives=Gives(ids="call_short", calls="each", blank=""),
    ),
    ProviderFormat(
        name="lmstudio",
        takes=Takes(any_model=True, choices=frozenset({"auto", "none", "required"})),
        gives=Gives(ids="digits"),
        errors="text",
    ),
    ProviderFormat(name="openai-compatible", takes=Takes(any_model=True)),
)
PROVIDERS: Mapping[str, ProviderFormat] = {form.name: form for form in _FORMS}
"""The forms that are known, by the provider's name in the catalog."""

# A provider of a user's own is taken for the plainest one of its dialect.
_PLAINEST: Mapping[DialectName, str] = {
    "openai_chat": "openai-compatible",
    "anthropic_messages": "anthropic",
    "completions": "llamacpp-completions",
    "prompted": "nvidia",
}
# What runs on weights of a user's own is the same server under another name.
_ALIASES = {"local": "llamacpp", "local-completions": "llamacpp-completions"}


def provider_form(name: str, *, model: str) -> ProviderFormat:
    """Return the form of a provider, with the models that the catalog has for it.

    Args:
        name: the provider's name in the catalog.
        model: a further id to answer for, unless the catalog has it as a name of one there.

    Raises:
        ConfigError: there is no such provider in the catalog.
    """
    catalog = read_catalog()
    provider = catalog.get(name)
    if provider is None:
        raise ConfigError(f"There is no provider {name!r}; known are: {', '.join(catalog)}.")
    form = PROVIDERS[name if name in PROVIDERS else _ALIASES.get(name, _PLAINEST[provider.dialect])]
    return replace(
        form,
        name=name,
        base_path=urlsplit(provider.base_url).path or form.base_path,
        models=_models(provider, form.models, model),
    )


def _models(provider: ProviderProfile, others: tuple[str, ...], model: str) -> tuple[str, ...]:
    ids = [*(known.id for known in provider.models), *others]
    names = {name for known in provider.models for name in (known.family, *known.aliases)}
    is_name = model in names and model not in ids
    return tuple(dict.fromkeys(ids if is_name else (model, *ids)))
