"""Turn a provider's error, in whatever form, into one typed error.

In:  the head of an answer and its body, or a JSON value that may be an error.
Out: `StatusError` with kind, retry, status, request id, and the innermost message.

There are many formats: an object under `error` (OpenAI), plain text under `error` (Ollama, LM
Studio), `detail` lists (La Plateforme, FastAPI), a message that is JSON text again, the upstream's
own body inside a router's (OpenRouter), HTML (proxies). Types and codes change over time, so the
status and the words decide. Nothing here reads a clock.
"""

import json
import re
from collections.abc import Container, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from agentkit.errors import ErrorKind, Retry, StatusError
from agentkit.surrogates import replace_surrogates
from agentkit.value import dataclass
from agentkit.wire import WireHead

MAX_RETRY_AFTER_SECONDS = 3600.0
"""The longest wait that a provider can impose."""

_MAX_MESSAGE_CHARS = 600
_MAX_WORDS_CHARS = 4_000  # used to classify an error; providers name the cause at the start
_MAX_PAGE_CHARS = 20_000
_MAX_DEPTH = 6
_MESSAGE_KEYS = ("message", "msg", "error_message", "error_msg")
_FAILED = frozenset({"error", "failed", "failure", "fail"})
_SECRET = re.compile(
    r"\b(?:sk|pk|gsk|nvapi|fw|key|bearer)[-_ ](?=[\w.*-]{0,200}\d)[\w.*-]{8,}", re.IGNORECASE
)
_UNSEEN = re.compile(r"<(script|style)\b", re.IGNORECASE)

# Patterns are compiled at the first error: most programs never see one.
_TOOLS_UNSUPPORTED = (
    r"(?:not support|unsupported|not available|isn't supported|not enabled)[^.\n]{0,60}"
    r"(?:\btools?\b|tool_choice|function.?call)"
    r"|(?:\btools?\b|tool_choice|function.?call\w{0,9})[^.\n]{0,60}"
    r"(?:not support|unsupported|not available|isn't supported|not enabled)"
    r"|support tool use|support the provided 'tool|enable-auto-tool-choice|tool-call-parser"
    r"|requires? --jinja|object 'tool_choice'|invalid tool_choice"
)
_CREDITS = (
    r"insufficient.{0,20}(?:credit|quota|balance|fund)|insufficient_quota|out of credits"
    r"|exceeded your current quota|payment required|billing|requires more credits"
    r"|(?:not enough|no|low on) (?:credit|balance|fund)"
)
_FILTER = (
    r"content.?filter|content.?policy|content management policy|moderation|flagged|safety system"
)
_AUTH = (
    r"(?:invalid|incorrect|missing|no|wrong|expired).{0,20}(?:api.?key|token|credential|auth)"
    r"|(?:api.?key|credential).{0,30}(?:invalid|incorrect|missing|wrong|expired|required)"
    r"|unauthori[sz]ed|authentication|not authenticated"
)
_RATE = r"rate.?limit|too many requests|throttl|requests per (?:minute|day)"
_SERVER = (
    r"overload|unavailable|server.?error|internal.?error|internal server|time[d ]?.?out"
    r"|try again|capacity|enginecore|out of memory"
)
_REQUEST = (
    r"invalid.?request|badrequest|bad request|validation|not permitted|not a valid|malformed"
    r"|invalid|is required|must |not found|does not exist|context length|too long|too large"
    r"|maximum.{0,20}tokens|unexpected role|unknown (?:field|parameter|name)"
)
# A chat template that refuses the conversation (llama.cpp answers 500), or an uncaught check of the
# request.
_CLIENT_FAULT = (
    r"jinja|chat.?template|raise_exception|must alternate|unexpected role|after role"
    r"|tool call id|\d character|roles? must|only user and assistant|parse tool call arguments"
    r"|extra inputs|extra_forbidden|context (?:length|size|window)|exceeds the available context"
)
_GENERATION = r"tool_use_failed|failed to call a function|failed_generation"


_REDIRECTS = range(300, 400)
_ANY = range(400, 600)
_CLIENT = range(400, 500)
_SERVER_SIDE = range(500, 600)


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line of the table below; `without_status`: it also matches errors without a status."""

    statuses: Container[int]
    pattern: str | None
    kind: ErrorKind
    retry: Retry
    without_status: bool = True

    def fits(self, status: int | None, words: str) -> bool:
        """Return whether an error with this status and these words is of this kind."""
        is_status = self.without_status if status is None else status in self.statuses
        return is_status and (
            self.pattern is None or re.search(self.pattern, words, re.IGNORECASE) is not None
        )


# The first match counts. The status decides if it is unambiguous; the words decide if providers use
# one status for several things, and if there is no status.
_RULES = (
    _Rule(_ANY, _GENERATION, "tool_generation_failed", "same"),
    _Rule((402,), None, "insufficient_credits", "never", without_status=False),
    _Rule(_ANY, _CREDITS, "insufficient_credits", "never"),
    _Rule((429,), None, "rate_limit", "same", without_status=False),
    _Rule((401,), None, "auth", "never", without_status=False),
    _Rule(_ANY, _FILTER, "content_filter", "never"),
    _Rule((403,), None, "auth", "never", without_status=False),
    _Rule(_ANY, _TOOLS_UNSUPPORTED, "tools_unsupported", "change"),
    _Rule((408, 425), None, "server", "same", without_status=False),
    _Rule(_CLIENT, None, "invalid_request", "change", without_status=False),
    _Rule(_SERVER_SIDE, _CLIENT_FAULT, "invalid_request", "change"),
    _Rule(_SERVER_SIDE, None, "server", "same", without_status=False),
    _Rule((), _RATE, "rate_limit", "same"),
    _Rule((), _AUTH, "auth", "never"),
    _Rule((), _SERVER, "server", "same"),
    _Rule((), _REQUEST, "invalid_request", "change"),
)


def status_error(head: WireHead, body: bytes, *, now: datetime | None = None) -> StatusError:
    """Build the error for an answer whose status is not a success.

    Args:
        head: status and headers.
        body: as much of the body as was read.
        now: the present moment, for a `Retry-After` date where the answer has no `Date`.
    """
    if head.status in _REDIRECTS:
        return _redirect(head)
    text = body.decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    return _build(head, value, now=now)


def error_in_answer(value: object, head: WireHead) -> StatusError | None:
    """Return the error that a successful answer, or one event of it, holds; else None."""
    if isinstance(value, list) and _holds_error(value):
        value = value[0]
    if not isinstance(value, dict):
        return None
    is_error = (
        (value.get("error") is not None and _is_error_value(value["error"]))
        or value.get("object") in ("error", "Error")
        or value.get("type") == "error"
        or ("choices" not in value and _is_refusal(value))
    )
    return _build(head, value) if is_error else None


def _redirect(head: WireHead) -> StatusError:
    """Report the target of a redirect; a key is only sent to an address the user named."""
    place = _shorten(head.headers.get("location", "")) or "somewhere else"
    return StatusError(
        f"The provider redirects ({head.status}) to {place}, and redirects are not followed; set "
        "its base URL to the address that answers (base_url=, --base-url).",
        kind="invalid_request",
        retry="never",
        status=head.status,
        request_id=head.request_id,
    )


def _is_error_value(error: object) -> bool:
    """Return whether the `error` field holds an error: some providers always send it, empty."""
    values = error.values() if isinstance(error, dict) else [error]
    return any(item not in (None, "", {}, [], False) for item in values)


def _holds_error(value: list[Any]) -> bool:
    """Return whether a list holds one error, as providers that stream lists send it."""
    return bool(value) and isinstance(value[0], dict) and _is_error_value(value[0].get("error"))


def _is_refusal(value: Mapping[str, Any]) -> bool:
    """Return whether an object without an answer reports an error, in any of the known formats."""
    return (
        value.get("success") is False
        or any(value.get(key) for key in ("detail", "errors"))
        or any(isinstance(value.get(key), str) for key in _MESSAGE_KEYS)
        or str(value.get("status")).lower() in _FAILED
        or any(True for _ in _statuses(value))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """The facts of an error body: innermost message, statuses from outside in, other words."""

    message: str
    statuses: tuple[int, ...]
    words: str


def _build(head: WireHead, value: object, *, now: datetime | None = None) -> StatusError:
    facts = _read(value)
    status = _decide_status(head, facts)
    kind, retry = _classify(status, facts)
    said = _shorten(facts.message) or "no message"
    return StatusError(
        f"The provider answered with an error ({status}): {said}"
        if status is not None
        else f"The provider answered with an error: {said}",
        kind=kind,
        retry=retry,
        status=status if status is not None else head.status,
        request_id=head.request_id,
        retry_after_seconds=retry_after_seconds(head, now=now),
    )


def _decide_status(head: WireHead, facts: _Facts) -> int | None:
    """Return the innermost status if the outer one is generic, else the outer one.

    A router (OpenRouter) wraps its upstream's error in a 200, a 400 or a 5xx of its own; its 401,
    402, 403, 404 and 429 are its own.
    """
    outer = [head.status] if head.status >= 400 else []
    known = [*outer, *facts.statuses]
    if not known:
        return None
    for status in known:
        if status != 400 and status < 500:
            return status
    return known[-1]


def _classify(status: int | None, facts: _Facts) -> tuple[ErrorKind, Retry]:
    """Return the kind of failure, and whether a retry can succeed."""
    words = f"{facts.message[:_MAX_WORDS_CHARS]}\n{facts.words[:_MAX_WORDS_CHARS]}"
    for rule in _RULES:
        if rule.fits(status, words):
            return rule.kind, rule.retry
    return "server", "same"


def _read(value: object) -> _Facts:
    """Collect the facts of a body, from the outside in."""
    messages: list[str] = []
    statuses: list[int] = []
    words: list[str] = []
    for layer in _layers(value, _MAX_DEPTH):
        if isinstance(layer, str):
            messages.append(layer)
            continue
        statuses.extend(_statuses(layer))
        words.extend(
            str(layer[key]) for key in ("type", "code", "error_type", "param") if layer.get(key)
        )
        if layer.get("failed_generation") is not None:
            words.append("failed_generation")
    message = messages[-1] if messages else ""
    return _Facts(message=message, statuses=tuple(statuses), words=" ".join([*words, *messages]))


def _layers(value: object, depth: int) -> Iterator[Mapping[str, Any] | str]:
    """Yield the objects and texts of an error, the innermost text last."""
    if depth == 0:
        return
    if isinstance(value, str):
        yield from _text_layers(value, depth)
    elif isinstance(value, list) and _holds_error(value):
        yield from _layers(value[0], depth - 1)
    elif isinstance(value, list):
        text = "; ".join(filter(None, (_detail_text(item) for item in value)))
        if text:
            yield text
    elif isinstance(value, dict):
        yield value
        metadata = value.get("metadata")
        raw = metadata.get("raw") if isinstance(metadata, dict) else None
        for key in (*_MESSAGE_KEYS, "detail", "error", "errors"):
            yield from _layers(value.get(key), depth - 1)
        yield from _layers(raw, depth - 1)


def _text_layers(text: str, depth: int) -> Iterator[Mapping[str, Any] | str]:
    """Parse text that is JSON again; remove the tags of HTML."""
    text = text.strip()
    if text[:1] in ("{", "["):
        try:
            inner = json.loads(text)
        except (ValueError, RecursionError):
            inner = None
        if inner is not None:
            yield from _layers(inner, depth - 1)
            return
    if text[:1] == "<":
        text = " ".join(_without_tags(text[:_MAX_PAGE_CHARS]).split()) or "an HTML page"
    if text:
        yield text


def _without_tags(page: str) -> str:
    """Return the text of an HTML page; each character is examined a bounded number of times."""
    parts: list[str] = []
    at = 0
    while (start := page.find("<", at)) >= 0:
        parts.append(page[at:start])
        unseen = _UNSEEN.match(page, start)
        if unseen is not None:
            start = page.find(f"</{unseen.group(1)}", start)
        end = page.find(">", start) if start >= 0 else -1
        if end < 0:
            return " ".join(parts)
        at = end + 1
    return " ".join([*parts, page[at:]])


def _detail_text(item: object) -> str:
    """Return one entry of a validation error: place and message."""
    if not isinstance(item, dict):
        return item if isinstance(item, str) else ""
    said = item.get("msg") or item.get("message") or item.get("type") or ""
    place = item.get("loc")
    if isinstance(place, list | tuple) and place:
        return f"{'.'.join(str(part) for part in place)}: {said}"
    return str(said)


def _statuses(layer: Mapping[str, Any]) -> Iterator[int]:
    """Yield the HTTP statuses an object names; other codes are skipped."""
    for key in ("code", "status", "status_code", "statusCode", "http_status", "error_code"):
        number = layer.get(key)
        if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) == 3:
            number = int(number)
        if isinstance(number, int) and 400 <= number <= 599:
            yield number


def _shorten(text: str) -> str:
    """Return `text` on one line, with anything like a key redacted, at a bounded length.

    It can be encoded: a provider may send half of a surrogate pair in an error, too.
    """
    start = replace_surrogates(text[: 4 * _MAX_MESSAGE_CHARS])
    line = _SECRET.sub("[redacted]", " ".join(start.split()))
    return line if len(line) <= _MAX_MESSAGE_CHARS else f"{line[:_MAX_MESSAGE_CHARS]}…"


def retry_after_seconds(head: WireHead, *, now: datetime | None = None) -> float | None:
    """Return the wait the provider requests, from 0 to an hour; None if it requests none.

    A date is compared with the answer's own `Date`, which has the same clock, or with `now`.
    """
    milliseconds = _number(head.headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _cap(milliseconds / 1000)
    text = head.headers.get("retry-after")
    if text is None:
        return None
    seconds = _number(text)
    if seconds is not None:
        return _cap(seconds)
    until = _date(text)
    since = _date(head.headers.get("date", "")) or now
    if until is None or since is None:
        return None
    return _cap((until - since).total_seconds())


def _cap(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _number(text: str | None) -> float | None:
    """Read a plain decimal number of bounded length."""
    if text is None or not re.fullmatch(r"\s*\d{1,12}(?:\.\d{1,12})?\s*", text, re.ASCII):
        return None
    return float(text)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
