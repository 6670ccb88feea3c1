"""Findings about tools, tool calls and streams.

In:  a `Diagnosis` whose provider answers a plain question.
Out: `Finding`s.
"""

from collections.abc import Iterator

from agentkit.config.profile import ToolChoiceForm
from agentkit.doctor.diagnosis import (
    STREAMS,
    Diagnosis,
    choice_result,
    observed_profiles,
    parallel_is_taken,
    respects_choice,
    usage_request,
)
from agentkit.doctor.finding import Finding, ProbeVerdict, no_or_unclear, short_error
from agentkit.doctor.probe import ProbeResult


def tools_finding(diagnosis: Diagnosis) -> Finding:
    """Return whether the model makes tool calls at all."""
    question, result = "tools", diagnosis.result_of("tools")
    if diagnosis.has_native_calls:
        return Finding(question=question, verdict="yes", seen="a native tool call was returned")
    if diagnosis.has_text_call:
        return Finding(
            question=question,
            verdict="partly",
            seen="a tool call came in the text; agentkit parses it",
            advice="on your own server, turn on its tool call parser",
        )
    if result is None:
        return Finding(question=question, verdict="not asked", seen="", is_problem=True)
    by_prompt = diagnosis.result_of("prompted")
    verdict, seen = _missing_calls(diagnosis, result)
    return Finding(
        question=question,
        verdict=verdict,
        seen=seen,
        advice=_missing_advice(diagnosis),
        is_problem=by_prompt is None or not by_prompt.is_text_call,
    )


def _missing_advice(diagnosis: Diagnosis) -> str:
    """Return what to do if no call was seen; of the dialect, only what the profile has."""
    if observed_profiles(diagnosis)[0].dialect == "prompted":
        return "the tools are described in the prompt (dialect 'prompted')"
    if diagnosis.drops_tools:
        return "agentkit describes the tools in the prompt of these weights"
    return "use another model for tools" if diagnosis.wants_prompted else "try again"


def _missing_calls(diagnosis: Diagnosis, result: ProbeResult) -> tuple[ProbeVerdict, str]:
    """Return the verdict and the reason if no call was seen."""
    if result.is_refused:
        return "no", short_error(result)
    if diagnosis.drops_tools:
        return "partly", "accepted and left out: the prompt has the same size without them"
    if result.is_answered and diagnosis.has_asked_for_calls:
        return "partly", "accepted, but no call was returned with any tool_choice"
    return "unclear", short_error(result) or "no call was returned"


def prompted_finding(diagnosis: Diagnosis) -> Finding:
    """Return whether the model makes calls if the tools are described in the prompt."""
    question, result = "tools in the prompt", diagnosis.results["prompted"]
    is_written = observed_profiles(diagnosis)[0].dialect == "prompted"
    advice = "the profile now has dialect 'prompted'" if is_written else ""
    if result.is_text_call:
        seen = "a call was written in the answer"
        return Finding(question=question, verdict="yes", seen=seen, advice=advice)
    if result.is_answered:
        return Finding(
            question=question,
            verdict="unclear",
            seen="the model answered without a call",
            advice=advice,
            is_problem=True,
        )
    return Finding(
        question=question,
        verdict=no_or_unclear(result),
        seen=short_error(result),
        is_problem=True,
    )


def choice_finding(diagnosis: Diagnosis, choice: ToolChoiceForm) -> Finding:
    """Return whether one value of `tool_choice` works."""
    question = f"tool_choice {choice}"
    result = choice_result(diagnosis, choice)
    if result is None:
        why = "'required' does the same" if choice == "any" else "an earlier answer decided it"
        return Finding(question=question, verdict="not asked", seen=why)
    match respects_choice(diagnosis, choice):
        case True:
            return Finding(question=question, verdict="yes", seen=_RESPECTED[choice])
        case None:
            return Finding(question=question, verdict="unclear", seen=short_error(result))
        case False:
            pass
    advice = _CHOICE_ADVICE[choice]
    if result.is_refused:
        return Finding(question=question, verdict="no", seen=short_error(result), advice=advice)
    return Finding(question=question, verdict="partly", seen=_IGNORED[choice], advice=advice)


_RESPECTED = {
    "auto": "accepted",
    "required": "a call was returned for a question that needs none",
    "any": "a call was returned for a question that needs none",
    "none": "no call was returned",
    "named": "the named tool was called, and another one without the name",
}
_IGNORED = {
    "auto": "accepted",
    "required": "accepted, but the answer had no call",
    "any": "accepted, but the answer had no call",
    "none": "accepted, but the answer had a call",
    "named": "accepted, but another tool was called",
}
_CHOICE_ADVICE = {
    "auto": "the field is omitted, which means the same",
    "required": "'any' is sent if it works, and the answer is checked",
    "any": "the answer is checked for a call",
    "none": "the tools are omitted from the request",
    "named": "only the named tool is offered",
}


def parallel_finding(diagnosis: Diagnosis) -> Finding:
    """Return whether one answer may hold several calls."""
    question = "parallel calls"
    both = diagnosis.result_of("auto_and_parallel")
    if both is None:
        return Finding(question=question, verdict="not asked", seen="")
    count = len(both.call_names)
    match parallel_is_taken(diagnosis):
        case True:
            return Finding(question=question, verdict="yes", seen=f"{count} calls in one answer")
        case False:
            advice = "the field is omitted"
            return Finding(question=question, verdict="no", seen=short_error(both), advice=advice)
        case None:
            seen = short_error(both)
            if both.is_answered:
                calls = "one call" if count else "no call"
                seen = f"the field is accepted; {calls} was returned instead of two"
            return Finding(question=question, verdict="unclear", seen=seen)


def stream_findings(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Return the findings about streamed calls and about usage in a stream."""
    seen = [each for name in STREAMS if (each := diagnosis.result_of(name)) is not None]
    answered = [each for each in seen if each.is_answered]
    if not seen:
        return
    if not answered:
        yield Finding(
            question="streamed answers",
            verdict="no" if all(each.is_refused for each in seen) else "unclear",
            seen=short_error(seen[-1]),
            advice="use run instead of stream",
            is_problem=True,
        )
        return
    yield _streamed(diagnosis, answered)
    if diagnosis.form == "openai_chat":
        yield _stream_usage(diagnosis, answered)


def _streamed(diagnosis: Diagnosis, answered: list[ProbeResult]) -> Finding:
    if not any(each.is_stream for each in answered):
        seen = "the answer was not streamed; agentkit accepts that too"
        return Finding(question="streamed answers", verdict="partly", seen=seen)
    if not diagnosis.takes_tools:
        return Finding(question="streamed answers", verdict="yes", seen="text was streamed")
    question = "streamed calls"
    if any(each.call_names for each in answered):
        return Finding(question=question, verdict="yes", seen="a call was streamed")
    if any(each.is_text_call for each in answered):
        seen = "a tool call came in the text; agentkit parses it"
        return Finding(question=question, verdict="partly", seen=seen)
    return Finding(question=question, verdict="unclear", seen="the stream held no call")


def _stream_usage(diagnosis: Diagnosis, answered: list[ProbeResult]) -> Finding:
    question = "usage in a stream"
    match usage_request(diagnosis):
        case "stream_options":
            return Finding(question=question, verdict="yes", seen="with stream_options")
        case "usage_include":
            return Finding(question=question, verdict="yes", seen="with usage.include")
        case "always":
            return Finding(question=question, verdict="yes", seen="sent without being requested")
        case "never":
            refused = diagnosis.result_of("stream_options")
            seen = "none was sent"
            if refused is not None:
                seen = short_error(refused) or seen
            advice = "agentkit counts the tokens"
            return Finding(question=question, verdict="no", seen=seen, advice=advice)
        case None:
            return Finding(question=question, verdict="unclear", seen=short_error(answered[-1]))


def id_findings(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Return the findings about the ids a provider makes and the ids it accepts."""
    ids = [call_id for each in diagnosis.results.values() for call_id in each.call_ids]
    if ids:
        yield Finding(question="ids of calls", verdict="yes", seen=_describe_ids(ids))
    trip = diagnosis.result_of("round_trip")
    if trip is None:
        return
    if trip.is_answered:
        yield Finding(question="results of calls", verdict="yes", seen="accepted")
    else:
        yield _failed_trip(diagnosis, trip)
    long = diagnosis.result_of("long_id")
    if long is not None:
        advice = _long_id_advice(diagnosis) if long.is_refused else ""
        yield Finding(
            question="long ids",
            verdict="yes" if long.is_answered else no_or_unclear(long),
            seen="accepted" if long.is_answered else short_error(long),
            advice=advice,
        )


def _long_id_advice(diagnosis: Diagnosis) -> str:
    if observed_profiles(diagnosis)[1].rules == "mistral":
        return "ids are rewritten to nine letters and digits"
    return "do not continue a conversation here that began at another provider"


def _failed_trip(diagnosis: Diagnosis, trip: ProbeResult) -> Finding:
    question = "results of calls"
    if diagnosis.is_answered("nine_char_id"):
        error = short_error(trip)
        seen = f"only in Mistral's form, with ids of nine letters and digits; otherwise: {error}"
        advice = "the model now has rules 'mistral'"
        return Finding(question=question, verdict="yes", seen=seen, advice=advice)
    return Finding(
        question=question,
        verdict=no_or_unclear(trip),
        seen=short_error(trip),
        advice="see the provider's message",
        is_problem=True,
    )


def _describe_ids(ids: list[str]) -> str:
    lengths = sorted({len(each) for each in ids})
    length = f"{lengths[0]}" if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    plain = all(each.isascii() and each.isalnum() for each in ids)
    return f"{length} characters, {'letters and digits' if plain else 'other characters too'}"
