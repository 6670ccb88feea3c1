"""Resolve the name of a model to its profile, its provider and the key.

In:  `provider:family-or-id`, a provider or an alias; the environment, an explicit key or base URL.
Out: `ResolvedModel`, or a `ConfigError` that names the remedy.

This package is the only one that reads the environment:

- `AGENTKIT_MODEL`: the default model.
- `AGENTKIT_CATALOG`: path of the user's own catalog, merged into the built-in one. Without it,
  `agentkit/catalog.toml` in the user's config directory (`XDG_CONFIG_HOME`, else `.config` at
  home; `APPDATA` on Windows) is read if it exists; `agentkit doctor` writes there.
- `AGENTKIT_<PROVIDER>_BASE_URL`: base URL of a provider in place of the catalog's, e.g.
  `AGENTKIT_VLLM_BASE_URL`; the provider's name in capitals, `_` for what is not a letter or digit.
- a provider's key variables, which its profile names.

A key from a provider's variable is sent to the provider's own origin only: `--base-url` with a
typing error, or one that a web page suggested, must not carry a key elsewhere. An explicit key is
sent to the base URL that is given with it.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from pydantic import SecretStr

from agentkit.config.catalog import load_catalog
from agentkit.config.families import model_of_family
from agentkit.config.key_lookup import STORED, choose_key, key_in
from agentkit.config.profile import Accepts, ModelProfile, ProviderProfile, ToolChoiceForm
from agentkit.config.user_files import (
    read_user_models,
    read_variable,
    user_catalog_path,
    user_folder,
)
from agentkit.errors import ConfigError
from agentkit.value import dataclass

__all__ = [
    "ResolvedModel",
    "default_family",
    "default_model",
    "expand_variables",
    "find_key",
    "find_key_source",
    "find_provider",
    "load_catalog",
    "read_catalog",
    "resolve_model",
    "user_catalog_path",
    "user_folder",
]

DEFAULT_FAMILY = "mixtral-8x22b"
FALLBACK_MODEL = f"sandbox:{DEFAULT_FAMILY}"

_SUGGESTIONS = 3
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<other>[^}]*))?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedModel:
    """A model that can be opened.

    Attributes:
        name: as the user wrote it, e.g. `openrouter:mixtral-8x22b`.
        provider: the provider; its `base_url` is the one to use.
        model: the profile of the model at this provider.
        api_key: the key; no `repr` and no `str` shows it. None if none is needed.
    """

    name: str
    provider: ProviderProfile
    model: ModelProfile
    api_key: SecretStr | None = None


def resolve_model(
    name: str,
    *,
    environ: Mapping[str, str] | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
) -> ResolvedModel:
    """Resolve the provider, the model and the key of a name.

    Args:
        name: `provider:family-or-id`; an id that is not in the catalog is sent as it is. Or the
            name of a provider, for its default model, or an alias of the user.
        environ: read in place of the process's environment.
        api_key: the key, in place of the environment's; sent to `base_url`, if that is given.
        base_url: in place of the environment's and the catalog's. A key of the environment is not
            sent there, unless it is the provider's own origin.

    Raises:
        ConfigError: the name has another form, the provider is not known, its base URL or its key
            is missing or cannot be used, or the catalog is invalid.
    """
    environ = os.environ if environ is None else environ
    name = name.strip()
    name = read_user_models(environ).aliases.get(name, name)
    provider_name, _, model_name = (part.strip() for part in name.partition(":"))
    own = _find_provider(provider_name, read_catalog(environ), name=name)
    if not model_name:
        model_name = default_family(own) or ""
        name = f"{own.name}:{model_name}"
    if not model_name:
        raise ConfigError(
            f"{own.name!r} is a provider, and no model of it is known; write "
            f"'{own.name}:MODEL-ID' with the id that the provider uses."
        )
    chosen = _with_chosen_url(own, base_url=base_url, environ=environ)
    model = _find_model(model_name, chosen)
    if model.tool_choice is not None:
        chosen = replace(chosen, accepts=_limited(chosen.accepts, model.tool_choice))
    return ResolvedModel(
        name=name,
        provider=chosen,
        model=model,
        api_key=choose_key(own, base_url=chosen.base_url, given=api_key, environ=environ),
    )


def default_model(environ: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Return the default model, and why it is the default.

    That is `AGENTKIT_MODEL`, otherwise the user's default, otherwise a model of the first provider
    of the catalog that has a key, otherwise the sandbox.

    Raises:
        ConfigError: the catalog is invalid, or a key that is set cannot be used.
    """
    environ = os.environ if environ is None else environ
    chosen = read_variable(environ, "AGENTKIT_MODEL")
    if chosen:
        return chosen, "AGENTKIT_MODEL names it"
    default = read_user_models(environ).default
    if default is not None:
        return default, "your default"
    for provider in read_catalog(environ).values():
        if not (provider.auth.is_required and provider.models):
            continue
        source = find_key_source(provider, environ)
        if source:
            why = "its key is stored" if source == STORED else f"{source} is set"
            return _example(provider), why
    return FALLBACK_MODEL, "no key of a known provider is set"


def read_catalog(environ: Mapping[str, str] | None = None) -> Mapping[str, ProviderProfile]:
    """Return the known providers, with those of the user's own catalog.

    Raises:
        ConfigError: that file cannot be read or is not a catalog.
    """
    environ = os.environ if environ is None else environ
    path = user_catalog_path(environ)
    is_named = bool(read_variable(environ, "AGENTKIT_CATALOG"))
    # A file that is named must exist; the one at the usual place need not.
    return load_catalog(path if path is not None and (is_named or path.is_file()) else None)


def find_provider(name: str, environ: Mapping[str, str] | None = None) -> ProviderProfile:
    """Return the provider of a name.

    Raises:
        ConfigError: there is none, or the catalog is invalid.
    """
    catalog = read_catalog(environ)
    provider = catalog.get(name.strip().casefold())
    if provider is None:
        raise ConfigError(f"There is no provider {name!r}. {_similar(name, catalog)}")
    return provider


def expand_variables(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Replace `${NAME}` and `${NAME:-default}` by variables of the environment.

    Raises:
        ConfigError: a variable is not set and has no default.
    """
    environ = os.environ if environ is None else environ

    def value_of(found: re.Match[str]) -> str:
        name, other = found["name"], found["other"]
        value = environ.get(name) or other
        if value is None:
            raise ConfigError(f"The variable {name!r}, named as {found[0]!r}, is not set.")
        return value

    return _VARIABLE.sub(value_of, text)


def find_key(
    provider: ProviderProfile, environ: Mapping[str, str] | None = None
) -> SecretStr | None:
    """Return the key of a provider in the environment, otherwise the stored one, otherwise None.

    Raises:
        ConfigError: a variable has a value that cannot be a key, or the stored keys cannot be read.
    """
    found = key_in(os.environ if environ is None else environ, provider)
    return None if found is None else found.key


def find_key_source(provider: ProviderProfile, environ: Mapping[str, str] | None = None) -> str:
    """Return where the key of a provider is: a variable, or "a stored key"; empty if nowhere."""
    found = key_in(os.environ if environ is None else environ, provider)
    return "" if found is None else found.source


def _find_provider(
    provider_name: str, catalog: Mapping[str, ProviderProfile], *, name: str
) -> ProviderProfile:
    provider = catalog.get(provider_name.casefold())
    if provider is not None:
        return provider
    raise ConfigError(
        f"{name!r} begins with no known provider; write provider:model, e.g. "
        f"'openrouter:mixtral-8x22b'. {_similar(provider_name, catalog)} For any other "
        "OpenAI-compatible provider write 'openai-compatible:MODEL-ID' and give base_url= "
        "(--base-url)."
    )


def _similar(name: str, catalog: Mapping[str, ProviderProfile]) -> str:
    close = get_close_matches(name.casefold(), catalog, n=_SUGGESTIONS, cutoff=0.0)
    return f"Similar are {', '.join(close)}; 'agentkit providers' lists all."


def _find_model(wanted: str, provider: ProviderProfile) -> ModelProfile:
    """Return the catalog's entry of a family, id or alias, or one derived from the name."""
    for fold in (str, str.casefold):
        for model in provider.models:
            if fold(wanted) in map(fold, (model.family, model.id, *model.aliases)):
                return model
    return model_of_family(wanted)


def _limited(accepts: Accepts, forms: frozenset[ToolChoiceForm]) -> Accepts:
    """Return what a provider accepts for a model that takes these forms of a tool choice."""
    known: frozenset[ToolChoiceForm] = forms | {"any"} if "required" in forms else forms
    return replace(accepts, tool_choice=accepts.tool_choice & known)


def _example(provider: ProviderProfile) -> str:
    """Return the name of a model at this provider: the default family if it has that."""
    return f"{provider.name}:{default_family(provider) or 'MODEL-ID'}"


def default_family(provider: ProviderProfile) -> str | None:
    """Return the default family of a provider; None if no model of it is known."""
    families = [model.family for model in provider.models]
    if DEFAULT_FAMILY in families:
        return DEFAULT_FAMILY
    return families[0] if families else None


def base_url_variable(provider: str) -> str:
    """Return the variable that holds another base URL for a provider."""
    return f"AGENTKIT_{re.sub('[^A-Z0-9]', '_', provider.upper())}_BASE_URL"


def _with_chosen_url(
    provider: ProviderProfile, *, base_url: str | None, environ: Mapping[str, str]
) -> ProviderProfile:
    """Return the provider with the base URL given, else the environment's, else its own."""
    variable = base_url_variable(provider.name)
    source, url = "base_url", base_url
    if url is None:
        source, url = variable, read_variable(environ, variable) or None
    if url is not None:
        return _with_url(url, provider, source=source)
    if not provider.base_url and provider.launcher is None:
        raise ConfigError(
            f"{provider.name!r} has no base URL of its own; give base_url= (--base-url) or set "
            f"{variable}."
        )
    return provider


def _with_url(url: str, provider: ProviderProfile, *, source: str) -> ProviderProfile:
    """Return the provider at another base URL; its server runs there and is not launched."""
    if not url.strip():
        raise ConfigError(f"{source} is empty; leave it out or give a base URL.")
    try:
        return replace(provider, base_url=url, launcher=None)
    except ValueError as error:
        raise ConfigError(f"{source} cannot be used: {error}") from error
