"""Say in words what a diagnosis found about tools, calls and streams.

In:  an `Diagnosis` whose host answers a plain question.
Out: `Finding`s.
"""

from collections.abc import Iterator

from agentkit.config.profile import ToolChoiceForm
from agentkit.doctor.diagnosis import (
    STREAMS,
    Diagnosis,
    choice_result,
    parallel_is_taken,
    respects_choice,
    usage_request,
)
from agentkit.doctor.finding import Finding, ProbeVerdict, no_or_unclear, short_error
from agentkit.doctor.probe import ProbeResult


def tools_finding(diagnosis: Diagnosis) -> Finding:
    """Judge whether calls come at all."""
    question, result = "tools", diagnosis.result_of("tools")
    if diagnosis.has_native_calls:
        return Finding(question=question, verdict="yes", seen="a call came as a call")
    if diagnosis.has_text_call:
        return Finding(
            question=question,
            verdict="partly",
            seen="a call came as text; agentkit reads it from there",
            advice="on a server of your own, turn on its parser for tool calls",
        )
    if result is None:
        return Finding(question=question, verdict="not asked", seen="", is_problem=True)
    by_prompt = diagnosis.result_of("prompted")
    verdict, seen = _missing_calls(diagnosis, result)
    advice = (
        "offer tools by prompt (dialect 'prompted')" if diagnosis.wants_prompted else "try again"
    )
    return Finding(
        question=question,
        verdict=verdict,
        seen=seen,
        advice=advice,
        is_problem=by_prompt is None or not by_prompt.is_text_call,
    )


def _missing_calls(diagnosis: Diagnosis, result: ProbeResult) -> tuple[ProbeVerdict, str]:
    """Say why no call was seen."""
    if result.is_refused:
        return "no", short_error(result)
    if result.is_answered and diagnosis.has_asked_for_calls:
        return "partly", "taken, and no call came, however it was asked for"
    return "unclear", short_error(result) or "no call came"


def prompted_finding(diagnosis: Diagnosis) -> Finding:
    """Judge whether calls come where tools are offered by prompt."""
    question, result = "tools by prompt", diagnosis.results["prompted"]
    if result.is_text_call:
        advice = "the profile has dialect 'prompted' from now on"
        seen = "a call came, written in the answer"
        return Finding(question=question, verdict="yes", seen=seen, advice=advice)
    if result.is_answered:
        seen = "the model answered without a call"
        return Finding(question=question, verdict="unclear", seen=seen, is_problem=True)
    return Finding(
        question=question,
        verdict=no_or_unclear(result),
        seen=short_error(result),
        is_problem=True,
    )


def choice_finding(diagnosis: Diagnosis, choice: ToolChoiceForm) -> Finding:
    """Judge one spelling of the tool choice."""
    question = f"tool_choice {choice}"
    result = choice_result(diagnosis, choice)
    if result is None:
        why = "'required' does the same" if choice == "any" else "an earlier answer made it idle"
        return Finding(question=question, verdict="not asked", seen=why)
    match respects_choice(diagnosis, choice):
        case True:
            return Finding(question=question, verdict="yes", seen=_HEEDED[choice])
        case None:
            return Finding(question=question, verdict="unclear", seen=short_error(result))
        case False:
            pass
    advice = _CHOICE_ADVICE[choice]
    if result.is_refused:
        return Finding(question=question, verdict="no", seen=short_error(result), advice=advice)
    return Finding(question=question, verdict="partly", seen=_UNHEEDED[choice], advice=advice)


_HEEDED = {
    "auto": "taken",
    "required": "a call came for a question that needs none",
    "any": "a call came for a question that needs none",
    "none": "no call came",
    "named": "the named tool was called, which is not so without the name",
}
_UNHEEDED = {
    "auto": "taken",
    "required": "taken, and the answer had no call",
    "any": "taken, and the answer had no call",
    "none": "taken, and the answer had a call",
    "named": "taken, and the named tool was not the one called",
}
_CHOICE_ADVICE = {
    "auto": "the field is left out, which means the same",
    "required": "a call is asked for with 'any' where that works, and checked",
    "any": "a call is demanded by checking the answer",
    "none": "tools are left out of the request",
    "named": "only the named tool is offered",
}


def parallel_finding(diagnosis: Diagnosis) -> Finding:
    """Judge whether one answer may hold several calls."""
    question = "parallel calls"
    both = diagnosis.result_of("auto_and_parallel")
    if both is None:
        return Finding(question=question, verdict="not asked", seen="")
    taken = parallel_is_taken(diagnosis)
    if taken is None:
        return Finding(question=question, verdict="unclear", seen=short_error(both))
    if not taken:
        advice = "the field is left out"
        return Finding(question=question, verdict="no", seen=short_error(both), advice=advice)
    count = len(both.call_names)
    if count > 1:
        return Finding(question=question, verdict="yes", seen=f"{count} calls in one answer")
    seen = f"the field is taken; {'one call' if count else 'no call'} came where two were asked for"
    return Finding(question=question, verdict="unclear", seen=seen)


def stream_findings(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Judge streamed calls, and usage in a stream."""
    seen = [each for name in STREAMS if (each := diagnosis.result_of(name)) is not None]
    answered = [each for each in seen if each.is_answered]
    if not seen:
        return
    if not answered:
        yield Finding(
            question="streamed answers",
            verdict="no" if all(each.is_refused for each in seen) else "unclear",
            seen=short_error(seen[-1]),
            advice="use run, not stream",
            is_problem=True,
        )
        return
    yield _streamed(diagnosis, answered)
    if diagnosis.form == "openai_chat":
        yield _stream_usage(diagnosis, answered)


def _streamed(diagnosis: Diagnosis, answered: list[ProbeResult]) -> Finding:
    if not any(each.is_stream for each in answered):
        seen = "the answer came in one piece; agentkit reads that too"
        return Finding(question="streamed answers", verdict="partly", seen=seen)
    if not diagnosis.takes_tools:
        return Finding(question="streamed answers", verdict="yes", seen="text came in pieces")
    question = "streamed calls"
    if any(each.call_names for each in answered):
        return Finding(question=question, verdict="yes", seen="a call came in pieces")
    if any(each.is_text_call for each in answered):
        seen = "a call came as text; agentkit reads it from there"
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
            return Finding(question=question, verdict="yes", seen="without asking")
        case "never":
            refused = diagnosis.result_of("stream_options")
            seen = "none came" if refused is None else short_error(refused) or "none came"
            advice = "tokens are counted here"
            return Finding(question=question, verdict="no", seen=seen, advice=advice)
        case None:
            return Finding(question=question, verdict="unclear", seen=short_error(answered[-1]))


def id_findings(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Judge the ids that the host makes, and those that it takes back."""
    ids = [call_id for each in diagnosis.results.values() for call_id in each.call_ids]
    if ids:
        yield Finding(question="ids it makes", verdict="yes", seen=_describe_ids(ids))
    trip = diagnosis.result_of("round_trip")
    if trip is None:
        return
    if trip.is_answered:
        yield Finding(question="results of calls", verdict="yes", seen="an answer came")
    else:
        yield _failed_trip(diagnosis, trip)
    long = diagnosis.result_of("long_id")
    if long is not None:
        advice = "ids are rewritten to nine letters and digits" if long.is_refused else ""
        yield Finding(
            question="long ids",
            verdict="yes" if long.is_answered else no_or_unclear(long),
            seen="taken back" if long.is_answered else short_error(long),
            advice=advice,
        )


def _failed_trip(diagnosis: Diagnosis, trip: ProbeResult) -> Finding:
    question = "results of calls"
    if diagnosis.is_answered("nine_char_id"):
        error = short_error(trip)
        seen = f"only in Mistral's form, with ids of nine letters and digits; otherwise: {error}"
        advice = "the model has rules 'mistral' from now on"
        return Finding(question=question, verdict="yes", seen=seen, advice=advice)
    return Finding(
        question=question,
        verdict=no_or_unclear(trip),
        seen=short_error(trip),
        advice="read what the host says",
        is_problem=True,
    )


def _describe_ids(ids: list[str]) -> str:
    lengths = sorted({len(each) for each in ids})
    length = f"{lengths[0]}" if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    plain = all(each.isascii() and each.isalnum() for each in ids)
    return f"{length} characters, {'letters and digits' if plain else 'other signs too'}"
