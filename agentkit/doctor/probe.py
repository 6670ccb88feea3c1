"""One question to a host, and what was seen of its answer.

In:  requests as a dialect spells them, with what the dialect itself would not send.
Out: `Probe` and `ProbeResult`, values that the rest of this package decides on.
"""

from dataclasses import field
from typing import Literal, TypeAlias

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.config.profile import DialectName
from agentkit.dialect.base import Encoded
from agentkit.dialect.text_calls.parser import MARKER
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
    """One request that finds something out.

    Attributes:
        request: what is asked, in our words; the answer is read against it.
        encoded: what is sent.
        dialect: whose reader understands the answer.
    """

    name: ProbeName
    request: ModelRequest
    encoded: Encoded
    dialect: DialectName


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What came back for one probe.

    Attributes:
        status: of the answer; None if none came.
        response: the answer as an agent would get it; None if it would get an error.
        error: what went wrong; also beside no response though the status is a success.
        attempts: how often it was asked.
        call_ids: the ids of calls as the host wrote them, oldest first.
        call_names: the names of the tools that were called, in the same way.
        has_usage: the answer says how many tokens it took.
        is_stream: the answer came as server-sent events.
        usage: what the exchange used, as far as the host tells.
        error_form: the shape of a refusal's body, without its values.
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

    @property
    def is_answered(self) -> bool:
        """Say whether the host took the request: it answered, if only with half an answer."""
        if self.error is None:
            return self.response is not None
        return self.error.kind in ("truncated", "empty_response")

    @property
    def is_refused(self) -> bool:
        """Say whether the host will not take such a request, however often it is sent."""
        if self.error is None or self.is_answered:
            return False
        if self.error.retry == "change":
            return True
        # A server that fails on a field it does not know fails each time.
        return self.error.kind == "server" and self.status in (500, 501) and self.attempts > 1

    @property
    def is_text_call(self) -> bool:
        """Say whether a call came as text, and had to be read from there."""
        repairs = () if self.response is None else self.response.repairs
        return any(repair.kind == "leaked_text" for repair in repairs)

    @property
    def has_marker(self) -> bool:
        """Say whether the text holds a sign that begins a call, of whatever tool."""
        text = "" if self.response is None else self.response.message.text
        return MARKER.search(text) is not None

    @property
    def error_text(self) -> str:
        """Return the host's own words for an error, or nothing."""
        return "" if self.error is None else str(self.error)
