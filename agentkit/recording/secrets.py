"""Take secrets out of what is recorded.

In:  exchanges as they were.
Out: the same with `REDACTED` where a secret stood; equal secrets become equal.

Four rules: headers whose name says so; body fields whose name says so (top level only, where
providers want their key; deeper, `key` is anybody's word); texts that look like a key; and the
secrets the caller passes in, also where they are spelled for JSON or a URL, and across the cuts of
a stream.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from urllib.parse import quote

from agentkit.recording.recording import RecordedExchange, RecordedFault, RecordedResponse
from agentkit.value import replace
from agentkit.wire import WireRequest

REDACTED = "REDACTED"
"""What stands where a secret stood."""

MIN_SECRET_CHARS = 8
"""Shorter keys are placeholders such as `none`; taking them out would garble the recording."""

_BODY_FIELDS = frozenset(
    {"key", "api_key", "apikey", "api-key", "token", "access_token", "secret", "password"}
)
_SECRET_HEADER = re.compile(
    r"(^|-)(authorization|auth|cookie|set-cookie|api-?key|key|secret|password|access-token|"
    r"auth-token|security-token|session|organization)$",
    re.IGNORECASE,
)
_LOOKS_LIKE_KEY = (
    r"(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}",
    r"\b(?:sk|gsk|hf|nvapi|xai|AIza)[-_]?[A-Za-z0-9_-]{24,}",
    r"(?<=[?&]key=)[^&\s\"']+",
    r"(?<=[?&]api_key=)[^&\s\"']+",
    r"(?<=[?&]token=)[^&\s\"']+",
)


class Redaction:
    """The rules for one recording; never shows the secrets it knows."""

    def __init__(
        self,
        *,
        secrets: Iterable[str] = (),
        headers: Iterable[str] = (),
        body_fields: Iterable[str] = (),
    ) -> None:
        """Build the rules, on top of those that always hold.

        Args:
            secrets: texts to take out wherever they stand; those under 8 characters are ignored.
            headers: further headers to redact.
            body_fields: further top-level fields of a JSON body to redact.
        """
        self._secrets = frozenset(text for text in secrets if len(text) >= MIN_SECRET_CHARS)
        self._headers = frozenset(name.lower() for name in headers)
        self._body_fields = _BODY_FIELDS | {name.lower() for name in body_fields}
        spellings = {spelling for text in self._secrets for spelling in _spellings(text)}
        longest_first = sorted(spellings, key=lambda text: (-len(text), text))
        parts = [*(re.escape(text) for text in longest_first), *_LOOKS_LIKE_KEY]
        self._pattern = re.compile("|".join(parts).encode())

    def with_secrets(self, secrets: Iterable[str]) -> "Redaction":
        """Return the same rules with more secrets."""
        return Redaction(
            secrets=self._secrets.union(secrets),
            headers=self._headers,
            body_fields=self._body_fields,
        )

    def of_request(self, request: WireRequest) -> WireRequest:
        """Return `request` without secrets."""
        return replace(
            request,
            path=self._of_text(request.path),
            headers=self._of_headers(request.headers),
            body=self._of_body(request.body),
        )

    def of_exchange(self, exchange: RecordedExchange) -> RecordedExchange:
        """Return `exchange` without secrets, with the cuts of its answer kept."""
        return replace(
            exchange,
            request=self.of_request(exchange.request),
            outcome=self._of_outcome(exchange.outcome),
        )

    def _of_outcome(
        self, outcome: RecordedResponse | RecordedFault
    ) -> RecordedResponse | RecordedFault:
        match outcome:
            case RecordedFault():
                return self._of_fault(outcome)
            case RecordedResponse():
                return replace(
                    outcome,
                    head=replace(outcome.head, headers=self._of_headers(outcome.head.headers)),
                    chunks=self._of_chunks(outcome.chunks),
                    fault=outcome.fault and self._of_fault(outcome.fault),
                )

    def _of_fault(self, fault: RecordedFault) -> RecordedFault:
        return replace(fault, message=self._of_text(fault.message))

    def _of_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: self._of_header(name, value) for name, value in headers.items()}

    def _of_header(self, name: str, value: str) -> str:
        if name.lower() in self._headers or _SECRET_HEADER.search(name):
            return REDACTED
        return self._of_text(value)

    def _of_text(self, text: str) -> str:
        data = text.encode("utf-8", "surrogatepass")
        return self._pattern.sub(REDACTED.encode(), data).decode("utf-8", "surrogatepass")

    def _of_body(self, body: bytes) -> bytes:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return self._pattern.sub(REDACTED.encode(), body)
        if isinstance(value, dict):
            named = {name for name in value if name.lower() in self._body_fields}
            if named:
                value = {name: REDACTED if name in named else value[name] for name in value}
                body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return self._pattern.sub(REDACTED.encode(), body)

    def _of_chunks(self, chunks: Sequence[bytes]) -> tuple[bytes, ...]:
        """Redact across the cuts: the mark stands in the chunk where the secret began."""
        joined = b"".join(chunks)
        spans = [match.span() for match in self._pattern.finditer(joined)]
        if not spans:
            return tuple(chunks)
        edges = accumulate((len(chunk) for chunk in chunks), initial=0)
        return tuple(_redacted(joined, start, end, spans) for start, end in pairwise(edges))


def _redacted(joined: bytes, start: int, end: int, spans: Iterable[tuple[int, int]]) -> bytes:
    """Return `joined[start:end]` without the spans, marked where one begins."""
    parts = []
    position = start
    for first, last in spans:
        if last <= start or first >= end:
            continue
        if first >= start:
            parts += [joined[position:first], REDACTED.encode()]
        position = min(last, end)
    parts.append(joined[position:end])
    return b"".join(parts)


def _spellings(secret: str) -> tuple[str, ...]:
    """Return how a secret may be written: as it is, inside JSON, inside a URL."""
    in_json = json.dumps(secret)[1:-1]
    return secret, in_json, in_json.replace("/", "\\/"), quote(secret, safe="")
