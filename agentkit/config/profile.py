"""Profiles of providers and models, as data.

In:  `catalog.toml`, a user's own file, or code.
Out: `ProviderProfile` and `ModelProfile`.

A rule that follows the model (Mistral's message order, nine-character ids) is in the model's
`rules`; one that follows the provider is in `Accepts`.
"""

import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import field
from decimal import Decimal
from ipaddress import ip_address
from typing import Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

from agentkit.value import dataclass

DialectName: TypeAlias = Literal["openai_chat", "anthropic_messages", "completions", "prompted"]
ToolChoiceForm: TypeAlias = Literal["auto", "required", "any", "none", "named"]
ResponseFormatForm: TypeAlias = Literal["json_object", "json_schema"]
OutputMode: TypeAlias = Literal["tool", "response_format", "prompt"]
"""How structured output is requested: by calling a tool that takes it, or as JSON text, with or
without a `response_format` in the request."""
Rules: TypeAlias = Literal["mistral", "plain"]
Reasoning: TypeAlias = Literal["none", "separate", "tags", "prefilled", "hidden"]
ReasoningStyle: TypeAlias = Literal["unknown", "none", "tagged", "prefilled"]
"""How a model writes reasoning into its text: not at all, between tags, or with the opening tag in
the prompt, so that only the closing one is in the answer."""
UsageRequest: TypeAlias = Literal["stream_options", "usage_include", "always", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchedServer:
    """The server of a provider that was launched for one model.

    Attributes:
        base_url: what a dialect's paths are appended to.
        takes_tools: False if the model's chat template leaves out tools or earlier calls, so that
            they must be described in the prompt.
    """

    base_url: str
    takes_tools: bool = True


class Launcher(Protocol):
    """Starts a provider; named in a profile as `module:name`."""

    def __call__(self, model: str) -> AbstractAsyncContextManager[str | LaunchedServer]:
        """Start the provider for `model`, yield its base URL, and stop it afterwards.

        A launcher that knows more than the URL yields a `LaunchedServer`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How the key travels.

    Attributes:
        kind: `bearer` header, another `header`, a `body` field, or `none`.
        name: the header or the body field, for those two kinds.
        env: environment variables that may hold the key, first one set wins.
        url: where a user gets a key.
        is_required: False for a local server that takes any key or none.
        origins: where a key of these variables may be sent, next to the base URL of the profile;
            `*` stands for one or more labels of a host name.
    """

    kind: Literal["bearer", "header", "body", "none"] = "bearer"
    name: str = "authorization"
    env: tuple[str, ...] = ()
    url: str | None = None
    is_required: bool = True
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind in ("header", "body") and not self.name.strip():
            raise ValueError(f"A key in a {self.kind} needs the name it goes by.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepts:
    """Which parts of a request a provider understands.

    Attributes:
        tool_choice: the forms it takes; `any` is Mistral's older word for `required`.
        parallel_tool_calls: it takes the field of that name.
        stream_usage: how usage is asked for in a stream.
        max_tokens_field: its name for the limit.
        model_field: its name for the model id.
        seed_field: its name for the seed; None if it takes none.
        stop: it takes stop texts.
        penalties: it takes `frequency_penalty` and `presence_penalty`.
        response_format: the kinds of `response_format` it takes.
        takes_reasoning: it takes the reasoning before a call back, in the form that it sent;
            DeepSeek, Kimi and Anthropic refuse such calls without it. Learned from refusals, too.
        extra_fields: fields to send with every request.
        is_strict: it refuses fields that it does not know.
        omit: fields never to send; learned from refusals.
    """

    tool_choice: frozenset[ToolChoiceForm] = frozenset({"auto", "required", "none", "named"})
    parallel_tool_calls: bool = True
    stream_usage: UsageRequest = "stream_options"
    max_tokens_field: str = "max_tokens"
    model_field: str = "model"
    seed_field: str | None = "seed"
    stop: bool = True
    penalties: bool = True
    response_format: frozenset[ResponseFormatForm] = frozenset()
    takes_reasoning: bool = False
    extra_fields: Mapping[str, object] = field(default_factory=dict)
    is_strict: bool = False
    omit: frozenset[str] = frozenset()


def other_max_tokens_field(accepts: Accepts) -> str:
    """Return the other of the two names that providers have for the token limit."""
    is_old = accepts.max_tokens_field == "max_tokens"
    return "max_completion_tokens" if is_old else "max_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """One model at one provider.

    Attributes:
        family: the name used for it at every provider, e.g. `mixtral-8x22b`.
        id: what this provider calls it.
        rules: whose rules a conversation must keep; `mistral` or `plain`.
        context_window_tokens: prompt and answer together; None if unknown.
        input_usd_per_million: price of a million input tokens; None if unknown.
        output_usd_per_million: price of a million output tokens; None if unknown.
        aliases: other names a user may write.
        output_mode: how structured output is requested, unless the caller chooses.
        reasoning: how its thoughts arrive: `none`; `separate`, in a field of their own; `tags`, in
            the text between tags; `prefilled`, in the text, with the opening tag in the prompt;
            `hidden`, not at all, though they are billed.
        tool_choice: the forms of a tool choice that it takes, of those that its provider takes;
            None for all of them.
    """

    family: str
    id: str
    rules: Rules = "plain"
    context_window_tokens: int | None = None
    input_usd_per_million: Decimal | None = None
    output_usd_per_million: Decimal | None = None
    aliases: tuple[str, ...] = ()
    output_mode: OutputMode = "tool"
    reasoning: Reasoning = "none"
    tool_choice: frozenset[ToolChoiceForm] | None = None

    def __post_init__(self) -> None:
        if not self.family or not self.id:
            raise ValueError("A model needs a family and an id.")
        if self.context_window_tokens is not None and self.context_window_tokens < 1:
            raise ValueError(
                f"A context window has 1 token or more, not {self.context_window_tokens}."
            )
        for price in (self.input_usd_per_million, self.output_usd_per_million):
            if price is not None and not (price.is_finite() and price >= 0):
                raise ValueError(f"A price is 0 or more, not {price}.")

    @property
    def reasoning_style(self) -> ReasoningStyle:
        """Return how reasoning may be in its text; of a model without a profile it is unknown."""
        if self.reasoning == "prefilled":
            return "prefilled"
        if self.reasoning != "none":
            return "tagged"
        is_mixtral = "mixtral" in f"{self.family} {self.id}".casefold()
        return "none" if is_mixtral else "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderProfile:
    """One provider.

    Attributes:
        name: the part before the colon in a model's name.
        base_url: what a dialect's paths are appended to; kept without a slash at its end; empty
            for a provider that is launched, or that has no address until a user gives one.
        launcher: `module:name` of a function that starts the provider for as long as a model is
            open (a `Launcher`); None for a provider that runs by itself.
        is_language_model: False for a stand-in such as the sandbox.
        notes: what a user should know, one sentence.
    """

    name: str
    title: str
    base_url: str = ""
    dialect: DialectName = "openai_chat"
    auth: Auth = field(default_factory=Auth)
    accepts: Accepts = field(default_factory=Accepts)
    headers: Mapping[str, str] = field(default_factory=dict)
    models: tuple[ModelProfile, ...] = ()
    launcher: str | None = None
    is_language_model: bool = True
    notes: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", check_base_url(self.base_url))


def is_loopback(hostname: str) -> bool:
    """Return whether a host name or address is this machine."""
    if hostname == "localhost" or hostname.endswith(".localhost"):
        return True
    try:
        return ip_address(hostname).is_loopback
    except ValueError:
        return False


def check_base_url(url: str) -> str:
    """Return `url` without a slash at its end, or the empty text as it is.

    Raises:
        ValueError: it is not an absolute http(s) address, or it has parts that do not belong in a
            base. The message does not repeat an address that holds a password.
    """
    url = url.strip()
    if not url:
        return url
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("A base URL holds no user and no password; give the key as api_key.")
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", url):
        raise ValueError(f"{url!r} is not a base URL; it begins with http:// or https://.")
    if parts.query or parts.fragment:
        raise ValueError(f"The base URL {url!r} has a '?' or a '#'; it ends before them.")
    if parts.port == 0:  # a port that is not a number, or too large, raises on access
        raise ValueError(f"The base URL {url!r} names port 0, which cannot be connected to.")
    return url.rstrip("/")
