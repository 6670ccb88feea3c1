"""Choose the key for a provider, and decide which URLs may receive it.

In:  a provider's profile, the base URL in use, an explicit key, the environment as a mapping, the
     keys that the user has stored.
Out: the key, None if none is needed, or a `ConfigError` that names the remedy.

A key from a provider's variable, or a stored one, is sent to the provider's own origin only: a base
URL with a typing error, or one that a web page suggested, must not carry a key elsewhere. An
explicit key is sent to the base URL that is given with it.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from agentkit.config.profile import ProviderProfile, is_loopback
from agentkit.config.stored_keys import stored_key
from agentkit.errors import ConfigError

STORED = "a stored key"

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PRINTABLE = re.compile(r"[!-~]+")


def choose_key(
    provider: ProviderProfile, *, base_url: str, given: str | None, environ: Mapping[str, str]
) -> SecretStr | None:
    """Return the key to send to `base_url`; a provider without keys gets none, whatever is set.

    Args:
        provider: with its own base URL, as the catalog has it.
        base_url: where the requests go.
        given: an explicit key.
        environ: where the provider's key variables are read.

    Raises:
        ConfigError: a key is needed and missing, cannot be a key, or must not be sent there.
    """
    auth = provider.auth
    if auth.kind == "none":
        return None
    if given is not None and given.strip():
        return check_key(given.strip(), source="api_key")
    found = key_in(environ, provider) if given is None else None
    if found is not None and _may_receive_key(provider, base_url):
        return found.key
    if not auth.is_required:
        return None
    if found is not None:
        raise ConfigError(_foreign_origin(found.source, provider, base_url))
    raise ConfigError(_no_key(provider, given=given))


class FoundKey(NamedTuple):
    """A key, and the variable that holds it, or `STORED`."""

    source: str
    key: SecretStr


def key_in(environ: Mapping[str, str], provider: ProviderProfile) -> FoundKey | None:
    """Return the key of a provider in the environment, otherwise the stored one, otherwise None.

    Raises:
        ConfigError: a variable has a value that cannot be a key, or the stored keys cannot be read.
    """
    for variable in provider.auth.env:
        key = environ.get(variable, "").strip()
        if key:
            return FoundKey(variable, check_key(key, source=variable))
    stored = None if provider.auth.kind == "none" else stored_key(provider.name, environ)
    if stored is None:
        return None
    return FoundKey(STORED, check_key(stored, source=f"The stored key of {provider.name!r}"))


def _may_receive_key(provider: ProviderProfile, base_url: str) -> bool:
    """Return whether a key from the provider's variable may be sent to `base_url`.

    A server program that the user runs (vLLM, llama.cpp) and any other compatible server have no
    fixed origin: their variable is for whatever server the user names.
    """
    own, origins = _origin(provider.base_url), provider.auth.origins
    if not origins and (own is None or is_loopback(own.host)):
        return True
    target = _origin(base_url)
    return own == target or any(fnmatchcase(str(target), pattern) for pattern in origins)


class _Origin(NamedTuple):
    """What a key belongs to (RFC 6454): another scheme, host or port is another receiver."""

    scheme: str
    host: str
    port: int | None

    def __str__(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{name}{port}"


def _origin(url: str) -> _Origin | None:
    parts = urlsplit(url)
    if not parts.hostname:
        return None
    return _Origin(parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme))


def _foreign_origin(source: str, provider: ProviderProfile, base_url: str) -> str:
    """Return why a key is not sent, and how to send one."""
    known = (*filter(None, [_origin(provider.base_url)]), *provider.auth.origins)
    is_stored = source == STORED
    what = "The stored key" if is_stored else f"The key in {source}"
    variable = "VARIABLE" if is_stored else source
    return (
        f"{what} is sent to {provider.title} only "
        f"({', '.join(map(str, known))}), not to {_origin(base_url)}. To send a key there, give it "
        f"together with the base URL: api_key= (--api-key-env {variable}). For a server that needs "
        "none, name 'openai-compatible:MODEL-ID'."
    )


def _no_key(provider: ProviderProfile, *, given: str | None) -> str:
    """Return one line: what is missing, what to set, where to get it."""
    what = "no key" if given is None else "an empty api_key"
    remedy = f"set {' or '.join(provider.auth.env)}" if provider.auth.env else "give api_key="
    place = f"; get one at {provider.auth.url}" if provider.auth.url else ""
    return (
        f"There is {what} for {provider.title} ({provider.name!r}): {remedy}, or run "
        f"'agentkit keys set {provider.name}'{place}."
    )


def check_key(key: str, *, source: str) -> SecretStr:
    """Return a key as a secret; one that no header can carry would fail later, less clearly."""
    if _PRINTABLE.fullmatch(key) is None:
        raise ConfigError(
            f"{source} holds a space or a character that no key has; copy the key again."
        )
    return SecretStr(key)
