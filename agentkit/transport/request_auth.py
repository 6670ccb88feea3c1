"""Add headers and the key to the requests to one provider.

In:  the provider's profile and key; `WireRequest`s.
Out: the headers and the body of each request, as they go over the wire.

The key is added here and nowhere else.
"""

import json
import re
from collections.abc import Mapping

from pydantic import SecretStr

from agentkit.config.profile import Auth, ProviderProfile
from agentkit.errors import ConfigError
from agentkit.wire import WireRequest

_OBJECT_START = re.compile(rb"\s*\{\s*(\})?")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[!-~]([ \t!-~]*[!-~])?")


class RequestAuth:
    """Completes requests to one provider; never shows the key it holds."""

    def __init__(self, provider: ProviderProfile, api_key: SecretStr | None) -> None:
        """Keep what every request needs.

        Raises:
            ConfigError: a header cannot be sent.
        """
        self._fixed = _fixed_headers(provider, api_key)
        self._body_start = _body_start(provider.auth, api_key)

    def headers(self, request: WireRequest) -> dict[str, str]:
        """Return all headers of `request` but Host and Content-Length; names are lower case."""
        headers = {
            "accept": "text/event-stream" if request.stream else "application/json",
            # A compressor holds events back until its buffer is full.
            "accept-encoding": "identity" if request.stream else "gzip",
            "user-agent": "agentkit",
        }
        if request.body:
            headers["content-type"] = "application/json"
        headers.update({name.lower(): value for name, value in request.headers.items()})
        headers.update(self._fixed)
        return headers

    def body(self, request: WireRequest) -> bytes:
        """Return the body, with the key as its first field if the profile puts it there.

        The rest is not encoded again.

        Raises:
            ValueError: a key belongs in it and it is not a JSON object.
        """
        if not request.body or not self._body_start:
            return request.body
        brace = _OBJECT_START.match(request.body)
        if brace is None:
            raise ValueError("A key in the body needs a body that is a JSON object.")
        rest = memoryview(request.body)[brace.end() - (brace[1] is not None) :]
        return b"".join((self._body_start, b"" if brace[1] else b",", rest))


def check_path(path: str) -> str:
    """Return `path`, which is appended to a base URL.

    Raises:
        ValueError: it would change the host.
    """
    if not path.startswith("/"):
        raise ValueError(f"A path begins with a slash, unlike {path!r}.")
    return path


def _fixed_headers(provider: ProviderProfile, api_key: SecretStr | None) -> Mapping[str, str]:
    """Return the headers of every request, with that of the key."""
    headers = {name.lower(): value for name, value in provider.headers.items()}
    if api_key is not None:
        headers.update(_key_header(provider.auth, api_key.get_secret_value()))
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ConfigError(
                f"The header {name!r} of {provider.name!r} cannot be sent: names are letters, "
                "digits and dashes, values are plain ASCII in one line."
            )
    return headers


def _key_header(auth: Auth, key: str) -> Mapping[str, str]:
    """Return the header that carries the key, if it is sent in one."""
    match auth.kind:
        case "bearer":
            return {"authorization": f"Bearer {key}"}
        case "header":
            return {auth.name.lower(): key}
        case _:
            return {}


def _body_start(auth: Auth, api_key: SecretStr | None) -> bytes:
    """Return what replaces the opening brace of a body: the key, if it is sent there."""
    if api_key is None or auth.kind != "body":
        return b""
    return b"{" + json.dumps({auth.name: api_key.get_secret_value()}).encode()[1:-1]
