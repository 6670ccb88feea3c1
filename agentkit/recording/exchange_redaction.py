"""Redact secrets in what is recorded.

In:  exchanges as they were.
Out: the same with `REDACTED` in place of each secret; equal secrets become equal.

Four rules: headers with the name of a secret; body fields with the name of a secret (top level
only, where providers expect their key; deeper, `key` may mean anything); texts that look like a
key; and the secrets that the caller passes in, also if they are escaped for JSON or a URL, and
across the chunks of a stream.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from agentkit.recording.recording import RecordedExchange, RecordedFault, RecordedResponse
from agentkit.redaction import MIN_SECRET_CHARS, secret_pattern
from agentkit.wire import WireRequest

REDACTED = "REDACTED"
"""The replacement of a secret."""

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
        """Build the rules, in addition to those that always apply.

        Args:
            secrets: texts to redact wherever they occur; those under 8 characters are ignored.
            headers: further headers to redact.
            body_fields: further top-level fields of a JSON body to redact.
        """
        self._secrets = frozenset(text for text in secrets if len(text) >= MIN_SECRET_CHARS)
        self._headers = frozenset(name.lower() for name in headers)
        self._body_fields = _BODY_FIELDS | {name.lower() for name in body_fields}
        longest_first = sorted(self._secrets, key=lambda text: (-len(text), text))
        parts = [*map(secret_pattern, longest_first), *_LOOKS_LIKE_KEY]
        self._pattern = re.compile("|".join(parts).encode())

    def with_secrets(self, secrets: Iterable[str]) -> "Redaction":
        """Return the same rules with more secrets."""
        return Redaction(
            secrets=self._secrets.union(secrets),
            headers=self._headers,
            body_fields=self._body_fields,
        )

    def redact_request(self, request: WireRequest) -> WireRequest:
        """Return `request` without secrets."""
        return replace(
            request,
            path=self._redact_text(request.path),
            headers=self._redact_headers(request.headers),
            body=self._redact_body(request.body),
        )

    def redact_exchange(self, exchange: RecordedExchange) -> RecordedExchange:
        """Return `exchange` without secrets, keeping the chunks of its response."""
        return replace(
            exchange,
            request=self.redact_request(exchange.request),
            outcome=self._redact_outcome(exchange.outcome),
        )

    def _redact_outcome(
        self, outcome: RecordedResponse | RecordedFault
    ) -> RecordedResponse | RecordedFault:
        match outcome:
            case RecordedFault():
                return self._redact_fault(outcome)
            case RecordedResponse():
                return replace(
                    outcome,
                    head=replace(outcome.head, headers=self._redact_headers(outcome.head.headers)),
                    chunks=self._redact_chunks(outcome.chunks),
                    fault=outcome.fault and self._redact_fault(outcome.fault),
                )

    def _redact_fault(self, fault: RecordedFault) -> RecordedFault:
        return replace(fault, message=self._redact_text(fault.message))

    def _redact_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: self._redact_header(name, value) for name, value in headers.items()}

    def _redact_header(self, name: str, value: str) -> str:
        if name.lower() in self._headers or _SECRET_HEADER.search(name):
            return REDACTED
        return self._redact_text(value)

    def _redact_text(self, text: str) -> str:
        data = text.encode("utf-8", "surrogatepass")
        return self._pattern.sub(REDACTED.encode(), data).decode("utf-8", "surrogatepass")

    def _redact_body(self, body: bytes) -> bytes:
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

    def _redact_chunks(self, chunks: Sequence[bytes]) -> tuple[bytes, ...]:
        """Redact across chunk boundaries: the mark is in the chunk in which the secret began."""
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
