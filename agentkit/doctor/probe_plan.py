"""Decide what to ask next.

In:  an `Exam`.
Out: the name of the next probe, or None when enough is known.

Pure. A probe is only asked where its answer can tell something: what differs from a request that
was answered by one thing alone.
"""

from collections.abc import Callable, Mapping

from agentkit.config.profile import UsageRequest, other_limit
from agentkit.doctor.exam import STREAMS, Exam, native
from agentkit.doctor.probe import ProbeName, Sighting

MAX_REQUESTS = 20
"""Most requests that cost something; attempts that were made again count too."""


def next_probe(exam: Exam) -> ProbeName | None:
    """Return the next probe to send, or None."""
    return next(
        (name for name, is_due in _DUE.items() if name not in exam.sightings and is_due(exam)), None
    )


def _limit_is_refused(exam: Exam) -> bool:
    """Say whether the plain question failed on the name of the token limit."""
    chat = exam.saw("chat")
    if chat is None or not chat.is_refused or exam.form != "openai_chat":
        return False
    accepts = exam.provider.accepts
    return accepts.max_tokens_field in chat.said or other_limit(accepts) in chat.said


def _may_lie_below_v1(exam: Exam) -> bool:
    """Say whether the address may have been given without its last part."""
    base_url = exam.provider.base_url
    return (
        exam.has_no_chat_path
        and exam.form == "openai_chat"
        and bool(base_url)
        and not base_url.endswith("/v1")
    )


def _lacks_chat(exam: Exam) -> bool:
    return exam.has_no_chat_path and not exam.has_chat and native(exam)[1].rules == "mistral"


def _takes_choice(exam: Exam) -> bool:
    return exam.has_chat and exam.takes_tools


def _is_due_auto(exam: Exam) -> bool:
    """Say whether it is open which of two fields was refused."""
    return exam.is_refused("auto_and_parallel")


def _is_due_any(exam: Exam) -> bool:
    """Say whether the older word for `required` is worth a request."""
    is_openai = exam.form == "openai_chat"
    required = exam.saw("required")
    return is_openai and _takes_choice(exam) and required is not None and not _has_call(required)


def _has_call(sighting: Sighting) -> bool:
    return sighting.is_answered and (bool(sighting.call_names) or sighting.is_leak)


def _is_due_prompted(exam: Exam) -> bool:
    return exam.has_chat and exam.form == "openai_chat" and exam.wants_prompted


def _is_due_stream(exam: Exam, name: ProbeName) -> bool:
    """Say whether this way to get usage from a stream comes next: its own first, plain last."""
    if not exam.has_chat:
        return False
    own: UsageRequest = exam.provider.accepts.stream_usage
    if exam.form == "anthropic_messages":
        return name == "stream_plain"
    order = [each for each, how in STREAMS.items() if how == own]
    order += [each for each in ("stream_options", "stream_plain") if each not in order]
    for each in order:
        seen = exam.saw(each)
        if seen is None:
            return each == name
        if seen.is_answered and seen.has_usage:
            return False
    return False


def _is_due_round_trip(exam: Exam) -> bool:
    return exam.has_chat and exam.takes_tools and (exam.has_native_calls or exam.has_leaked_call)


def _is_due_nine_char_id(exam: Exam) -> bool:
    return exam.is_refused("round_trip") and exam.model.rules == "plain"


def _is_due_long_id(exam: Exam) -> bool:
    return exam.is_answered("round_trip") and exam.model.rules == "mistral"


def _is_due_format(exam: Exam) -> bool:
    return exam.has_chat and exam.form == "openai_chat"


def _is_due_wrong_request(exam: Exam) -> bool:
    """Say whether the form of a refusal is still unknown."""
    return exam.has_chat and not any(each.error_form for each in exam.sightings.values())


_DUE: Mapping[ProbeName, Callable[[Exam], bool]] = {
    "chat": lambda _: True,
    "chat_other_limit": _limit_is_refused,
    "chat_below_v1": _may_lie_below_v1,
    "completions": _lacks_chat,
    "tools": lambda exam: exam.has_chat,
    "auto_and_parallel": _takes_choice,
    "auto": _is_due_auto,
    "required": _takes_choice,
    "any": _is_due_any,
    "named": _takes_choice,
    "none": _takes_choice,
    "prompted": _is_due_prompted,
    "stream_options": lambda exam: _is_due_stream(exam, "stream_options"),
    "usage_include": lambda exam: _is_due_stream(exam, "usage_include"),
    "stream_plain": lambda exam: _is_due_stream(exam, "stream_plain"),
    "round_trip": _is_due_round_trip,
    "nine_char_id": _is_due_nine_char_id,
    "long_id": _is_due_long_id,
    "unknown_field": lambda exam: exam.has_chat,
    "json_schema": _is_due_format,
    "json_object": _is_due_format,
    "wrong_request": _is_due_wrong_request,
}
