"""Compare the outcome of a case with the expected one.

In:  `Seen`, and the expectation of a case.
Out: the differences as text; none if the outcome is right.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from agentkit import ProviderError
from tests.corpus.play import DONE, Case, Seen

MARKER = re.compile(r"\[ ?tool[\\_ ]?calls?\b|<\|?tool_call|<function=", re.IGNORECASE)
WIRE_ID = re.compile(r"[a-zA-Z0-9]{9}")
UNREPORTED = frozenset({"minted_id", "joined_name"})
"""Repairs of what the model said nothing about: ids, and how a provider cut a name."""

_NO_FIT = "was not run. Its arguments "
_FEEDBACK = {"unknown_tool": "There is no tool ", "invalid_arguments": _NO_FIT}


def differences(case: Case, seen: Seen) -> list[str]:
    """Return the differences; with several right outcomes, those to the first."""
    expected = case["expected"]
    found = list(_judge(expected, seen))
    for other in expected.get("also_accept", ()):
        if not found:
            break
        defaults: dict[str, Any] = {
            "tool_calls": [],
            "text": None,
            "error_kind": None,
            "retry": None,
        }
        if not list(_judge({**defaults, **other}, seen)):
            return []
    return found


def _judge(expected: dict[str, Any], seen: Seen) -> Iterator[str]:
    if seen.error is None and len(seen.ran) != len(seen.started):
        yield f"{seen.started} were run, and of {seen.ran} the result is in the history"
    outcome = expected["outcome"]
    if outcome == "error" and expected["retry"] != "feedback":
        yield from _failed(expected, seen)
        return
    if seen.error is not None or seen.result is None:
        yield f"it raised {seen.error!r}"
        return
    yield from _OUTCOMES[outcome](expected, seen)
    yield from _emitted(expected, seen)
    yield from _next_request(seen)
    usage = expected.get("usage")
    if usage is not None:
        yield from _usage(usage, seen)


def _failed(expected: dict[str, Any], seen: Seen) -> Iterator[str]:
    """Check an exchange that must fail."""
    error = seen.error
    if not isinstance(error, ProviderError):
        yield f"it raised {error!r} and ran {seen.ran}"
        return
    for name, found in (
        ("error_kind", error.kind),
        ("retry", error.retry),
        ("retry_after_s", error.retry_after_seconds),
    ):
        wanted = expected.get(name)
        if wanted is not None and wanted != found:
            yield f"{name} is {found!r}, not {wanted!r}: {error}"
    if expected.get("message_contains", "") not in str(error):
        yield f"{expected['message_contains']!r} is not in {error}"
    if seen.ran or seen.started:
        yield f"it ran {seen.ran}"
    if seen.is_streamed and expected.get("partial_text", seen.shown) != seen.shown:
        yield f"the text shown was {seen.shown!r}"
    if MARKER.search(seen.shown):
        yield f"the marker was shown: {seen.shown!r}"


def _called(expected: dict[str, Any], seen: Seen) -> Iterator[str]:
    """Check calls that must run."""
    if seen.ran != expected["tool_calls"]:
        yield f"it ran {seen.ran}, not {expected['tool_calls']}; text {seen.first.text!r}"
    if seen.first.text.strip() != (expected["text"] or "").strip():
        yield f"the text is {seen.first.text!r}"
    reported = {one.kind for one in seen.repairs} - UNREPORTED
    if seen.is_streamed and (expected["outcome"] == "repair") != bool(reported):
        yield f"the outcome is {expected['outcome']}, and reported was {sorted(reported)}"
    assert seen.result is not None
    if seen.result.output != DONE:
        yield f"the run ended with {seen.result.output!r}"


def _answered(expected: dict[str, Any], seen: Seen) -> Iterator[str]:
    """Check an answer that must be text."""
    assert seen.result is not None
    if seen.ran or seen.refused or len(seen.requests) != 1:
        yield f"it called {seen.first.tool_calls}"
    if seen.result.output != expected["text"]:
        yield f"the text is {seen.result.output!r}, not {expected['text']!r}"


def _fed_back(expected: dict[str, Any], seen: Seen) -> Iterator[str]:
    """Check a call that must not run and whose error the model must get."""
    assert seen.result is not None
    errors = [one.text for one in seen.results if one.is_error]
    if seen.ran != expected["tool_calls"] or not errors:
        yield f"it ran {seen.ran}; text {seen.first.text!r}"
    yield from (
        f"the model was told {text!r}"
        for text in errors
        if _FEEDBACK[expected["error_kind"]] not in text
    )
    if seen.result.output != DONE or len(seen.requests) != 2:
        yield f"the run ended with {seen.result.output!r} after {len(seen.requests)} requests"


_OUTCOMES: dict[str, Callable[[dict[str, Any], Seen], Iterator[str]]] = {
    "tool_calls": _called,
    "repair": _called,
    "text": _answered,
    "error": _fed_back,
}


def _emitted(expected: dict[str, Any], seen: Seen) -> Iterator[str]:
    """Check the emitted text: the answer, and no text of a call."""
    if not seen.is_streamed:
        return
    if seen.shown.strip() != seen.first.text.strip():
        yield f"shown was {seen.shown!r}, and the answer is {seen.first.text!r}"
    if MARKER.search(seen.shown) and not MARKER.search(expected["text"] or ""):
        yield f"the marker was shown: {seen.shown!r}"


def _next_request(seen: Seen) -> Iterator[str]:
    """Check that the calls can be sent back to a provider with Mistral's rules."""
    if len(seen.requests) < 2:
        return
    messages = seen.requests[1].get("messages", [])
    sent = [call for one in messages for call in one.get("tool_calls") or ()]
    ids = [call["id"] for call in sent]
    answered = [one["tool_call_id"] for one in messages if one["role"] == "tool"]
    if len(set(ids)) != len(ids) or ids != answered or not ids:
        yield f"the calls {ids} are answered by {answered}"
    yield from (f"the id {one!r} was sent" for one in ids if not WIRE_ID.fullmatch(one))
    if any(one.get("tool_calls") and one.get("content") for one in messages):
        yield "text was sent with calls"
    kinds = {type(call["function"]["arguments"]) for call in sent}
    if kinds - {str}:
        yield f"arguments were sent as {kinds}"


def _usage(usage: dict[str, Any], seen: Seen) -> Iterator[str]:
    assert seen.result is not None
    found = seen.result.exchanges[0].usage
    if (found.input_tokens, found.output_tokens) != (
        usage["prompt_tokens"],
        usage["completion_tokens"],
    ):
        yield f"the usage is {found}"
    cost = usage.get("cost")
    if cost is not None and found.cost_usd != Decimal(str(cost)):
        yield f"the cost is {found.cost_usd}"
