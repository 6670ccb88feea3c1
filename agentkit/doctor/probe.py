"""One probe request to a provider, and its result.

In:  encoded requests and decoded responses.
Out: `Probe` and `ProbeResult`, the values on which the rest of this package decides.
"""

from dataclasses import field
from typing import Literal, TypeAlias

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.config.profile import DialectName
from agentkit.dialect.base import Encoded
from agentkit.dialect.text_calls.table import contains_opener
from agentkit.errors import ProviderError
from agentkit.usage import Usage
from agentkit.value import dataclass

ProbeName: TypeAlias = Literal[
    "chat",
    "chat_other_limit",
    "chat_below_v1",
    "completions",
    "tools",
    "auto_and_parallel",
    "auto",
    "required",
    "any",
    "none",
    "named",
    "without_tools",
    "prompted",
    "stream_options",
    "usage_include",
    "stream_plain",
    "round_trip",
    "nine_char_id",
    "long_id",
    "unknown_field",
    "json_schema",
    "json_object",
    "wrong_request",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One request that tests a capability.

    Attributes:
        request: the request before encoding; the response is decoded against it.
        encoded: the request as it is sent.
        dialect: the dialect whose decoder reads the response.
    """

    name: ProbeName
    request: ModelRequest
    encoded: Encoded
    dialect: DialectName


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """The result of one probe.

    Attributes:
        status: HTTP status; None if there was no response.
        response: the response as an agent would get it; None if an agent would get an error.
        error: what failed; may be set although the status is a success.
        attempts: how often the probe was sent.
        call_ids: the ids of calls as the provider sent them, oldest first.
        call_names: the names of the called tools, in the same order.
        has_usage: the response reports token usage.
        is_stream: the response was server-sent events.
        usage: the reported usage.
        error_form: the structure of an error body, without its values.
        text: the answer text as it arrived, with markers and calls in it.
    """

    name: ProbeName
    status: int | None = None
    response: ModelResponse | None = None
    error: ProviderError | None = None
    attempts: int = 1
    call_ids: tuple[str, ...] = ()
    call_names: tuple[str, ...] = ()
    has_usage: bool = False
    is_stream: bool = False
    usage: Usage = field(default_factory=Usage)
    error_form: str = ""
    text: str = ""

    @property
    def is_answered(self) -> bool:
        """Return whether the provider accepted the request, even if the answer was cut off."""
        if self.error is None:
            return self.response is not None
        return self.error.kind in ("truncated", "empty_response")

    @property
    def is_refused(self) -> bool:
        """Return whether the provider rejects this request, so that a retry is useless."""
        if self.error is None or self.is_answered:
            return False
        if self.error.retry == "change":
            return True
        # Some servers answer 500 to a field they do not know, each time.
        return self.error.kind == "server" and self.status in (500, 501) and self.attempts > 1

    @property
    def is_text_call(self) -> bool:
        """Return whether a tool call came in the text."""
        repairs = () if self.response is None else self.response.repairs
        return any(repair.kind == "text_call" for repair in repairs)

    @property
    def has_marker(self) -> bool:
        """Return whether the text holds a marker that opens a tool call."""
        return contains_opener(self.text)

    @property
    def error_text(self) -> str:
        """Return the error message; empty if there is no error."""
        return "" if self.error is None else str(self.error)
