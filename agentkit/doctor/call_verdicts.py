"""Say in words what an exam found about tools, calls and streams.

In:  an `Exam` whose host answers a plain question.
Out: `Finding`s.
"""

from collections.abc import Iterator

from agentkit.config.profile import ToolChoiceForm
from agentkit.doctor.exam import (
    STREAMS,
    Exam,
    choice_sighting,
    heeds,
    parallel_is_taken,
    usage_request,
)
from agentkit.doctor.finding import Finding, Verdict, no_or_unclear, said
from agentkit.doctor.probe import Sighting


def judge_tools(exam: Exam) -> Finding:
    """Judge whether calls come at all."""
    question, sighting = "tools", exam.saw("tools")
    if exam.has_native_calls:
        return Finding(question=question, verdict="yes", seen="a call came as a call")
    if exam.has_leaked_call:
        return Finding(
            question=question,
            verdict="partly",
            seen="a call came as text; agentkit reads it from there",
            cure="on a server of your own, turn on its parser for tool calls",
        )
    if sighting is None:
        return Finding(question=question, verdict="not asked", seen="", is_problem=True)
    by_prompt = exam.saw("prompted")
    verdict, seen = _missing_calls(exam, sighting)
    cure = "offer tools by prompt (dialect 'prompted')" if exam.wants_prompted else "try again"
    return Finding(
        question=question,
        verdict=verdict,
        seen=seen,
        cure=cure,
        is_problem=by_prompt is None or not by_prompt.is_leak,
    )


def _missing_calls(exam: Exam, sighting: Sighting) -> tuple[Verdict, str]:
    """Say why no call was seen."""
    if sighting.is_refused:
        return "no", said(sighting)
    if sighting.is_answered and exam.has_asked_for_calls:
        return "partly", "taken, and no call came, however it was asked for"
    return "unclear", said(sighting) or "no call came"


def judge_prompted(exam: Exam) -> Finding:
    """Judge whether calls come where tools are offered by prompt."""
    question, sighting = "tools by prompt", exam.sightings["prompted"]
    if sighting.is_leak:
        cure = "the profile has dialect 'prompted' from now on"
        seen = "a call came, written in the answer"
        return Finding(question=question, verdict="yes", seen=seen, cure=cure)
    if sighting.is_answered:
        seen = "the model answered without a call"
        return Finding(question=question, verdict="unclear", seen=seen, is_problem=True)
    return Finding(
        question=question,
        verdict=no_or_unclear(sighting),
        seen=said(sighting),
        is_problem=True,
    )


def judge_choice(exam: Exam, choice: ToolChoiceForm) -> Finding:
    """Judge one spelling of the tool choice."""
    question = f"tool_choice {choice}"
    sighting = choice_sighting(exam, choice)
    if sighting is None:
        why = "'required' does the same" if choice == "any" else "an earlier answer made it idle"
        return Finding(question=question, verdict="not asked", seen=why)
    match heeds(exam, choice):
        case True:
            return Finding(question=question, verdict="yes", seen=_HEEDED[choice])
        case None:
            return Finding(question=question, verdict="unclear", seen=said(sighting))
        case False:
            pass
    cure = _CHOICE_CURES[choice]
    if sighting.is_refused:
        return Finding(question=question, verdict="no", seen=said(sighting), cure=cure)
    return Finding(question=question, verdict="partly", seen=_UNHEEDED[choice], cure=cure)


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
_CHOICE_CURES = {
    "auto": "the field is left out, which means the same",
    "required": "a call is asked for with 'any' where that works, and checked",
    "any": "a call is demanded by checking the answer",
    "none": "tools are left out of the request",
    "named": "only the named tool is offered",
}


def judge_parallel(exam: Exam) -> Finding:
    """Judge whether one answer may hold several calls."""
    question = "parallel calls"
    both = exam.saw("auto_and_parallel")
    if both is None:
        return Finding(question=question, verdict="not asked", seen="")
    taken = parallel_is_taken(exam)
    if taken is None:
        return Finding(question=question, verdict="unclear", seen=said(both))
    if not taken:
        cure = "the field is left out"
        return Finding(question=question, verdict="no", seen=said(both), cure=cure)
    count = len(both.call_names)
    if count > 1:
        return Finding(question=question, verdict="yes", seen=f"{count} calls in one answer")
    seen = f"the field is taken; {'one call' if count else 'no call'} came where two were asked for"
    return Finding(question=question, verdict="unclear", seen=seen)


def judge_streams(exam: Exam) -> Iterator[Finding]:
    """Judge streamed calls, and usage in a stream."""
    seen = [each for name in STREAMS if (each := exam.saw(name)) is not None]
    answered = [each for each in seen if each.is_answered]
    if not seen:
        return
    if not answered:
        yield Finding(
            question="streamed answers",
            verdict="no" if all(each.is_refused for each in seen) else "unclear",
            seen=said(seen[-1]),
            cure="use run, not stream",
            is_problem=True,
        )
        return
    yield _streamed(exam, answered)
    if exam.form == "openai_chat":
        yield _stream_usage(exam, answered)


def _streamed(exam: Exam, answered: list[Sighting]) -> Finding:
    if not any(each.is_stream for each in answered):
        seen = "the answer came in one piece; agentkit reads that too"
        return Finding(question="streamed answers", verdict="partly", seen=seen)
    if not exam.takes_tools:
        return Finding(question="streamed answers", verdict="yes", seen="text came in pieces")
    question = "streamed calls"
    if any(each.call_names for each in answered):
        return Finding(question=question, verdict="yes", seen="a call came in pieces")
    if any(each.is_leak for each in answered):
        seen = "a call came as text; agentkit reads it from there"
        return Finding(question=question, verdict="partly", seen=seen)
    return Finding(question=question, verdict="unclear", seen="the stream held no call")


def _stream_usage(exam: Exam, answered: list[Sighting]) -> Finding:
    question = "usage in a stream"
    match usage_request(exam):
        case "stream_options":
            return Finding(question=question, verdict="yes", seen="with stream_options")
        case "usage_include":
            return Finding(question=question, verdict="yes", seen="with usage.include")
        case "always":
            return Finding(question=question, verdict="yes", seen="without asking")
        case "never":
            refused = exam.saw("stream_options")
            seen = "none came" if refused is None else said(refused) or "none came"
            cure = "tokens are counted here"
            return Finding(question=question, verdict="no", seen=seen, cure=cure)
        case None:
            return Finding(question=question, verdict="unclear", seen=said(answered[-1]))


def judge_ids(exam: Exam) -> Iterator[Finding]:
    """Judge the ids that the host makes, and those that it takes back."""
    ids = [call_id for each in exam.sightings.values() for call_id in each.call_ids]
    if ids:
        yield Finding(question="ids it makes", verdict="yes", seen=_describe_ids(ids))
    trip = exam.saw("round_trip")
    if trip is None:
        return
    if trip.is_answered:
        yield Finding(question="results of calls", verdict="yes", seen="an answer came")
    else:
        yield _failed_trip(exam, trip)
    long = exam.saw("long_id")
    if long is not None:
        cure = "ids are rewritten to nine letters and digits" if long.is_refused else ""
        yield Finding(
            question="long ids",
            verdict="yes" if long.is_answered else no_or_unclear(long),
            seen="taken back" if long.is_answered else said(long),
            cure=cure,
        )


def _failed_trip(exam: Exam, trip: Sighting) -> Finding:
    question = "results of calls"
    if exam.is_answered("nine_char_id"):
        seen = f"only in Mistral's form, with ids of nine letters and digits; else: {said(trip)}"
        cure = "the model has rules 'mistral' from now on"
        return Finding(question=question, verdict="yes", seen=seen, cure=cure)
    return Finding(
        question=question,
        verdict=no_or_unclear(trip),
        seen=said(trip),
        cure="read what the host says",
        is_problem=True,
    )


def _describe_ids(ids: list[str]) -> str:
    lengths = sorted({len(each) for each in ids})
    length = f"{lengths[0]}" if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    plain = all(each.isascii() and each.isalnum() for each in ids)
    return f"{length} characters, {'letters and digits' if plain else 'other signs too'}"
