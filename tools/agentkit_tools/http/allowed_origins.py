"""The origins that may be called, with their credentials.

In:  words that the user wrote: origins, each with `bearer:VARIABLE` after it if it needs a token.
Out: `AllowedOrigins`: calls to them and to nothing else, with answers as text for a model.

A credential is named by its variable. It is read when a call is made, sent to its own origin only,
and replaced where an answer repeats it.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from agentkit import ConfigError, ToolError, ToolResult
from agentkit.config.load import expand_variables
from agentkit.json_schema import JsonValue
from agentkit.transport.guarded.guarded_client import (
    GuardedClient,
    GuardedRequestError,
    GuardedResponse,
    OutgoingRequest,
    RequestLimits,
)
from agentkit.transport.guarded.guarded_connection import Connect, GuardedBackend, connect_to
from agentkit.transport.guarded.web_address import WebAddress, WebAddressError, parse_web_address
from agentkit_tools.text_result import text_result

MAX_CHARACTERS = 30_000
DEFAULT_CHARACTERS = 8_000
HIDDEN = "[credential]"
_MIN_SECRET = 6
_BEARER = "bearer:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One origin.

    Attributes:
        address: scheme, name and port; its target is `/`.
        headers: sent with each call; `${NAME}` stands for a variable of the environment.
    """

    address: WebAddress
    headers: Mapping[str, str] = field(default_factory=dict)


def parse_origin(text: str, *, headers: Mapping[str, str] | None = None) -> Origin:
    """Read an origin such as `https://api.example.com`.

    Raises:
        ConfigError: it is not an origin, or has a path.
    """
    try:
        address = parse_web_address(text)
    except WebAddressError as error:
        raise ConfigError(f"{text!r} is not an origin: {error}") from error
    if address.target != "/":
        raise ConfigError(f"{text!r} has a path; write the origin {address.origin}.")
    return Origin(address=address, headers=headers or {})


def parse_origins(setting: str) -> Sequence[Origin]:
    """Read origins separated by spaces, each with `bearer:VARIABLE` after it if it needs a token.

    Raises:
        ConfigError: a word has another form.
    """
    found: list[Origin] = []
    for word in setting.split():
        if not word.startswith(_BEARER):
            found.append(parse_origin(word))
        elif found:
            token = {"authorization": f"Bearer ${{{word.removeprefix(_BEARER)}}}"}
            found[-1] = Origin(address=found[-1].address, headers=token)
        else:
            raise ConfigError(f"{word!r} needs the origin of its token before it.")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """A call before it was checked.

    Attributes:
        headers: sent as they are; the origin's own replace them.
        secrets: values in the call that no answer may show.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    secrets: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """A response, without secrets.

    Attributes:
        status: its HTTP status.
        content_type: as its header has it; empty if it has none.
        location: where a redirect leads, which is not followed; empty for other responses.
        body: a part of the body.
        next_offset: where the next part begins, if there is more.
    """

    status: int
    content_type: str
    location: str
    body: str
    next_offset: int | None


class AllowedOrigins:
    """The origins that may be called."""

    def __init__(
        self,
        origins: Sequence[Origin],
        *,
        limits: RequestLimits | None = None,
        connect: Connect = connect_to,
        may_be_private: bool | None = None,
    ) -> None:
        """Take the origins.

        Args:
            origins: one or more.
            limits: of each call; redirects are never followed.
            connect: opens a connection to an address; for tests.
            may_be_private: whether the origins may be on private addresses; None: those whose own
                name is one, such as `http://localhost:8000`.

        Raises:
            ConfigError: there is no origin.
        """
        if not origins:
            raise ConfigError("There is no origin to call; write one such as https://example.com.")
        self._origins = {one.address.origin: one for one in origins}
        self._limits = limits or RequestLimits(seconds=30.0, max_redirects=0)
        self._client = GuardedClient(
            GuardedBackend(
                connect=connect,
                private_hosts=[
                    (one.address.host, one.address.port)
                    for one in origins
                    if (is_named_private(one.address) if may_be_private is None else may_be_private)
                ],
            )
        )

    @property
    def names(self) -> Sequence[str]:
        """Return the origins as text."""
        return list(self._origins)

    async def call(self, call: ApiCall, *, offset: int = 0, max_characters: int) -> ToolResult:
        """Make a call and return its answer as text, and as an `ApiAnswer` for programs.

        Args:
            call: what to send.
            offset: how many characters of the body to skip.
            max_characters: how much of the body to return.

        Raises:
            ToolError: the origin is not listed, or there is no answer.
        """
        origin = self._origin_of(call.url)
        own = {name: expand_variables(value) for name, value in origin.headers.items()}
        request = OutgoingRequest(
            method=call.method,
            url=call.url,
            headers={**call.headers, **own},
            content=call.content,
        )
        try:
            response = await self._client.send(request, limits=self._limits)
        except GuardedRequestError as error:
            reason = hide(f"{call.method} {call.url} has no answer. {error}", call.secrets)
            raise ToolError(reason) from error
        secrets = {*call.secrets, *(value.removeprefix("Bearer ") for value in own.values())}
        return describe_response(
            response, secrets=secrets, offset=offset, max_characters=max_characters
        )

    def _origin_of(self, url: str) -> Origin:
        try:
            address = parse_web_address(url)
        except WebAddressError as error:
            raise ToolError(str(error)) from error
        found = self._origins.get(address.origin)
        if found is None:
            raise ToolError(
                f"{address.origin} may not be called; only {', '.join(self._origins)} may."
            )
        return found


def is_named_private(address: WebAddress) -> bool:
    """Return whether an address is this machine or an IP address by its own name."""
    try:
        ip_address(address.host)
    except ValueError:
        return address.host == "localhost" or address.host.endswith(".localhost")
    return True


def describe_response(
    response: GuardedResponse, *, secrets: Collection[str], offset: int, max_characters: int
) -> ToolResult:
    """Return the status, the type and a part of the body, without the secrets."""
    body = hide(response.body.decode("utf-8", "replace").replace("\0", ""), secrets)
    kind, location = (
        hide(response.headers.get(name, ""), secrets) for name in ("content-type", "location")
    )
    end = min(offset + max_characters, len(body))
    lines = [f"HTTP status {response.status}"]
    if kind:
        lines.append(f"Content type: {kind}")
    if location:
        lines.append(f"Location: {location} (not followed)")
    lines.append(f"Characters {min(offset, end):,} to {end:,} of {len(body):,}")
    if end < len(body):
        lines[-1] += f"; the rest: offset={end}"
    elif response.is_cut:
        lines[-1] += "; the body is longer, but no more of it can be read"
    answer = ApiAnswer(
        status=response.status,
        content_type=kind,
        location=location,
        body=body[offset:end],
        next_offset=end if end < len(body) else None,
    )
    return text_result("\n".join(lines) + f"\n\n{answer.body}", answer)


def hide(text: str, secrets: Collection[str]) -> str:
    """Return a text without the secrets; very short ones are parts of other words."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _MIN_SECRET:
            text = text.replace(secret, HIDDEN)
    return text


def encode_body(body: JsonValue) -> tuple[bytes, str]:
    """Return the bytes of a body and its type: text as it is, everything else as JSON."""
    if isinstance(body, str):
        return body.encode("utf-8", "replace"), "text/plain; charset=utf-8"
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"), "application/json"
