"""Read an untrusted URL.

In:  text from a model, a page, a `Location` header or an OpenAPI document.
Out: a `WebAddress` with one meaning for every part, or a `WebAddressError`.

Programs disagree on what an unusual URL means, and an attack lives in such a difference. So what
has two readings is an error here: user names, backslashes, white space, percent signs in a host.
"""

import re
import unicodedata
from urllib.parse import quote, urljoin, urlsplit

import idna

from agentkit.errors import AgentKitError
from agentkit.value import dataclass

MAX_URL_CHARACTERS = 4_000

_PORTS = {"http": 80, "https": 443}
_NOT_IN_URLS = re.compile(r"[\s\\\x00-\x1f\x7f-\x9f]")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
_IPV6 = re.compile(r"[0-9a-f:.]{2,45}")
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~-._"


class WebAddressError(AgentKitError):
    """A URL is not one of the web, or can be read in two ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAddress:
    """An `http` or `https` URL in its parts.

    Attributes:
        host: in lower case and ASCII, without a final dot; an IPv6 address without brackets.
        target: path and query, percent-encoded; begins with a slash.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """Return scheme, host and port; the port only if it is not the scheme's own."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Return the value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Return the complete URL."""
        return self.origin + self.target

    def join(self, reference: str) -> "WebAddress":
        """Return where a link or a redirect of this page leads.

        Raises:
            WebAddressError: not to a page of the web.
        """
        try:
            joined = urljoin(self.url, reference)
        except ValueError as error:
            raise WebAddressError(f"{_shown(reference)} is not a URL.") from error
        return parse_web_address(joined)


def parse_web_address(text: str) -> WebAddress:
    """Read a URL.

    Raises:
        WebAddressError: it is not an `http` or `https` URL, or can be read in two ways.
    """
    text = text.strip()
    if len(text) > MAX_URL_CHARACTERS:
        raise WebAddressError(f"The URL has more than {MAX_URL_CHARACTERS} characters.")
    if _NOT_IN_URLS.search(text):
        raise WebAddressError(
            f"{_shown(text)} has white space, a backslash or a control character; encode it as "
            "percent signs and digits."
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise WebAddressError(f"{_shown(text)} is not a URL.") from error
    if parts.scheme not in _PORTS:
        raise WebAddressError(
            f"{_shown(text)} does not begin with https:// or http://; no other scheme is used."
        )
    if "@" in parts.netloc:
        raise WebAddressError(
            f"{_shown(text)} has a user name before the host; write the URL without it."
        )
    target = quote(parts.path or "/", safe=_PATH_CHARACTERS)
    if parts.query:
        target += "?" + quote(parts.query, safe=_PATH_CHARACTERS + "?[]")
    return WebAddress(
        scheme=parts.scheme,
        host=_read_host(parts.hostname or "", text, is_ipv6="[" in parts.netloc),
        port=_PORTS[parts.scheme] if port is None else port,
        target=target if target.startswith("/") else f"/{target}",
    )


def _read_host(host: str, text: str, *, is_ipv6: bool) -> str:
    """Return a host in ASCII; full-width digits and dots become plain ones, as in browsers."""
    if is_ipv6:
        if _IPV6.fullmatch(host) is None:
            raise WebAddressError(f"{_shown(text)} has no valid IPv6 address in its brackets.")
        return host
    folded = unicodedata.normalize("NFKC", host).lower().replace("。", ".")
    if not folded.isascii():
        try:
            folded = idna.encode(folded, uts46=True).decode()
        except idna.IDNAError as error:
            raise WebAddressError(f"{_shown(text)} has an invalid name of a host.") from error
    folded = folded.removesuffix(".")
    if _HOST.fullmatch(folded) is None:
        raise WebAddressError(f"{_shown(text)} has no valid name of a host.")
    return folded


def _shown(text: str) -> str:
    return repr(text if len(text) <= 200 else text[:200] + "…")
