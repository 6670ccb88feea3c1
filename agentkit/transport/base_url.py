"""Parse a base URL once.

In:  a base URL.
Out: `Address`, or a `ConfigError` that says what is wrong with it.

This needs no HTTP client.
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from agentkit.config.profile import check_base_url, is_loopback
from agentkit.errors import ConfigError
from agentkit.value import dataclass

DEFAULT_PORTS = {"http": 80, "https": 443}

_NUMBERS = re.compile(r"[0-9.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A base URL and its parts.

    Attributes:
        url: the complete URL, without a slash at its end.
        scheme: `http` or `https`.
        host: lower case, without the brackets of an IPv6 address.
        port: the one named, or the scheme's own.
        path: what requests' paths are appended to; no slash at its end.
    """

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_secure(self) -> bool:
        """Return whether connections to it use TLS."""
        return self.scheme == "https"

    @property
    def netloc(self) -> str:
        """Return host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Return scheme, host and port, for messages."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def is_loopback(self) -> bool:
        """Return whether it is this machine; a proxy would reach its own loopback instead."""
        return is_loopback(self.host)


def parse_address(url: str, *, name: str) -> Address:
    """Return the parts of the base URL `url` of the provider `name`.

    Raises:
        ConfigError: it is not a base URL, or it is empty.
    """
    try:
        checked = check_base_url(url)
        parts = urlsplit(checked)
        host = parts.hostname or ""
        if _NUMBERS.fullmatch(host):
            ip_address(host)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise ConfigError(f"The base URL of {name!r} cannot be used: {error}") from error
    if not checked:
        raise ConfigError(f"The provider {name!r} has no base URL; give base_url.")
    return Address(url=checked, scheme=parts.scheme, host=host, port=port, path=parts.path)
