"""What to do about an error of a provider.

In:  the error, the model that was used.
Out: the end of a line: the provider, its address, and the variable or option that would fix it.
"""

from collections.abc import Mapping

from agentkit.config.load import base_url_variable, load_catalog
from agentkit.config.profile import ProviderProfile
from agentkit.errors import ErrorKind, ProviderError
from agentkit.model.model import Model
from agentkit.model.provider_model import ProviderModel


def describe_advice(error: ProviderError, model: Model | None) -> str:
    """Return where the error happened and what to do, in parentheses; empty if nothing is known."""
    provider = model.resolved.provider if isinstance(model, ProviderModel) else None
    parts = [_place(provider), _advice(error, provider)]
    text = "; ".join(part for part in parts if part)
    return f" ({text})" if text else ""


def _place(provider: ProviderProfile | None) -> str:
    if provider is None or not provider.base_url:
        return ""
    return f"{provider.name} at {provider.base_url}"


def _advice(error: ProviderError, provider: ProviderProfile | None) -> str:
    match error.kind:
        case "auth":
            return _key_advice(provider)
        case "connection" | "timeout":
            return _address_advice(provider)
        case "rate_limit":
            wait = error.retry_after_seconds
            return f"try again in {wait:.0f} s" if wait else "try again later"
        case "invalid_request" if error.status in _NOT_THERE:
            return _name_advice(provider)
        case "bad_response" if provider is not None:
            return f"{_base_url_advice(provider)}; 'agentkit doctor {provider.name}:MODEL' tests it"
        case kind:
            return _ADVICE.get(kind, "")


# What servers answer for a path that they do not have, and for a model they do not have.
_NOT_THERE = frozenset({400, 404, 405, 410})
_ADVICE: Mapping[ErrorKind, str] = {
    "insufficient_credits": "add credit to the account, or choose another provider with --model",
    "tools_unsupported": "choose another model with --model, or no tools with --tools none",
    "stream_interrupted": "try again, or choose another provider with --model",
    "server": "try again, or choose another provider with --model",
    "truncated": "raise --max-tokens, or ask for less at a time",
    "empty_response": "try again, or choose another model with --model",
    "tool_generation_failed": "try again, or choose another model with --model",
    "content_filter": "ask in other words, or choose another model with --model",
}


def _key_advice(provider: ProviderProfile | None) -> str:
    if provider is None or not provider.auth.env:
        return "check the key; 'agentkit providers' shows its variable"
    variables = " or ".join(provider.auth.env)
    return (
        f"check the key in {variables} or in the variable of --api-key-env, or run "
        f"'agentkit keys set {provider.name}'"
    )


def _address_advice(provider: ProviderProfile | None) -> str:
    if provider is None:
        return "try again, or choose another provider with --model"
    return f"try again, {_base_url_advice(provider)}, or choose another provider with --model"


def _name_advice(provider: ProviderProfile | None) -> str:
    if provider is None:
        return "check the model's name"
    known = load_catalog().get(provider.name)
    is_elsewhere = known is None or known.base_url != provider.base_url
    address = f" --base-url {provider.base_url}" if is_elsewhere else ""
    return (
        f"'agentkit models {provider.name}{address}' lists the names of models; "
        f"{_base_url_advice(provider)}"
    )


def _base_url_advice(provider: ProviderProfile) -> str:
    return f"check the address (--base-url or {base_url_variable(provider.name)})"
