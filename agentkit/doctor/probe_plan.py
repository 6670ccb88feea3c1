"""Decide which probe to send next.

In:  a `Diagnosis`.
Out: the name of the next probe, or None when enough is known.

Pure. A probe is sent only if its result is informative: it differs in one thing from a request that
was answered.
"""

from collections.abc import Callable, Mapping

from agentkit.config.profile import UsageRequest, other_max_tokens_field
from agentkit.doctor.diagnosis import STREAMS, Diagnosis, native_profiles
from agentkit.doctor.probe import ProbeName, ProbeResult

MAX_REQUESTS = 20
"""Limit of requests that may cost something, retries included."""


def next_probe(diagnosis: Diagnosis) -> ProbeName | None:
    """Return the next probe to send, or None."""
    return next(
        (
            name
            for name, is_due in _DUE.items()
            if name not in diagnosis.results and is_due(diagnosis)
        ),
        None,
    )


def _limit_is_refused(diagnosis: Diagnosis) -> bool:
    """Return whether the first probe failed because of the name of the token limit."""
    chat = diagnosis.result_of("chat")
    if chat is None or not chat.is_refused or diagnosis.form != "openai_chat":
        return False
    accepts = diagnosis.provider.accepts
    return (
        accepts.max_tokens_field in chat.error_text
        or other_max_tokens_field(accepts) in chat.error_text
    )


def _may_lie_below_v1(diagnosis: Diagnosis) -> bool:
    """Return whether `/v1` may be missing at the end of the address."""
    base_url = diagnosis.provider.base_url
    return (
        diagnosis.has_no_chat_path
        and diagnosis.form == "openai_chat"
        and bool(base_url)
        and not base_url.endswith("/v1")
    )


def _lacks_chat(diagnosis: Diagnosis) -> bool:
    return (
        diagnosis.has_no_chat_path
        and not diagnosis.has_chat
        and native_profiles(diagnosis)[1].rules == "mistral"
    )


def _takes_choice(diagnosis: Diagnosis) -> bool:
    return diagnosis.has_chat and diagnosis.takes_tools


def _is_due_auto(diagnosis: Diagnosis) -> bool:
    """Return whether it is unknown which of two fields was rejected."""
    return diagnosis.is_refused("auto_and_parallel")


def _is_due_any(diagnosis: Diagnosis) -> bool:
    """Return whether to probe `any`, Mistral's older value for `required`."""
    is_openai = diagnosis.form == "openai_chat"
    required = diagnosis.result_of("required")
    return (
        is_openai and _takes_choice(diagnosis) and required is not None and not _has_call(required)
    )


def _has_call(result: ProbeResult) -> bool:
    return result.is_answered and (bool(result.call_names) or result.is_text_call)


def _is_due_without_tools(diagnosis: Diagnosis) -> bool:
    """Return whether it is unknown why no tool was called: the model, or dropped tools."""
    return diagnosis.takes_tools and _is_due_prompted(diagnosis)


def _is_due_prompted(diagnosis: Diagnosis) -> bool:
    return diagnosis.has_chat and diagnosis.form == "openai_chat" and diagnosis.wants_prompted


def _is_due_stream(diagnosis: Diagnosis, name: ProbeName) -> bool:
    """Return whether this form is due: the profile's own form first, without request last."""
    if not diagnosis.has_chat:
        return False
    own: UsageRequest = diagnosis.provider.accepts.stream_usage
    if diagnosis.form == "anthropic_messages":
        return name == "stream_plain"
    order = [each for each, how in STREAMS.items() if how == own]
    order += [each for each in ("stream_options", "stream_plain") if each not in order]
    for each in order:
        seen = diagnosis.result_of(each)
        if seen is None:
            return each == name
        if seen.is_answered and seen.has_usage:
            return False
    return False


def _is_due_round_trip(diagnosis: Diagnosis) -> bool:
    return (
        diagnosis.has_chat
        and diagnosis.takes_tools
        and (diagnosis.has_native_calls or diagnosis.has_text_call)
    )


def _is_due_nine_char_id(diagnosis: Diagnosis) -> bool:
    return diagnosis.is_refused("round_trip") and diagnosis.model.rules == "plain"


def _is_due_long_id(diagnosis: Diagnosis) -> bool:
    return diagnosis.is_answered("round_trip") and diagnosis.model.rules == "mistral"


def _is_due_format(diagnosis: Diagnosis) -> bool:
    return diagnosis.has_chat and diagnosis.form == "openai_chat"


def _is_due_wrong_request(diagnosis: Diagnosis) -> bool:
    """Return whether the format of errors is still unknown."""
    return diagnosis.has_chat and not any(each.error_form for each in diagnosis.results.values())


_DUE: Mapping[ProbeName, Callable[[Diagnosis], bool]] = {
    "chat": lambda _: True,
    "chat_other_limit": _limit_is_refused,
    "chat_below_v1": _may_lie_below_v1,
    "completions": _lacks_chat,
    "tools": lambda diagnosis: diagnosis.has_chat,
    "auto_and_parallel": _takes_choice,
    "auto": _is_due_auto,
    "required": _takes_choice,
    "any": _is_due_any,
    "named": _takes_choice,
    "none": _takes_choice,
    "without_tools": _is_due_without_tools,
    "prompted": _is_due_prompted,
    "stream_options": lambda diagnosis: _is_due_stream(diagnosis, "stream_options"),
    "usage_include": lambda diagnosis: _is_due_stream(diagnosis, "usage_include"),
    "stream_plain": lambda diagnosis: _is_due_stream(diagnosis, "stream_plain"),
    "round_trip": _is_due_round_trip,
    "nine_char_id": _is_due_nine_char_id,
    "long_id": _is_due_long_id,
    "unknown_field": lambda diagnosis: diagnosis.has_chat,
    "json_schema": _is_due_format,
    "json_object": _is_due_format,
    "wrong_request": _is_due_wrong_request,
}
