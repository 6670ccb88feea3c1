"""Say in words what an exam found, and what to do about it.

In:  an `Exam`.
Out: one `Finding` per question, in the order of the probes.

Pure. What was not seen clearly is called `unclear`, never guessed.
"""

from collections.abc import Iterator

from agentkit.config.profile import other_limit
from agentkit.doctor.call_verdicts import (
    judge_choice,
    judge_ids,
    judge_parallel,
    judge_prompted,
    judge_streams,
    judge_tools,
)
from agentkit.doctor.exam import CHAT_PROBES, CHOICES, Exam
from agentkit.doctor.finding import WRITTEN, Finding, Verdict, no_or_unclear, said
from agentkit.doctor.probe import Sighting


def judge(exam: Exam) -> tuple[Finding, ...]:
    """Return what was found, one finding per question."""
    return tuple(_findings(exam))


def _findings(exam: Exam) -> Iterator[Finding]:
    yield _listed(exam)
    yield _window(exam)
    yield _chat(exam)
    if exam.saw("completions") is not None:
        yield _completions(exam)
    if not exam.has_chat:
        return
    yield judge_tools(exam)
    if exam.saw("prompted") is not None:
        yield judge_prompted(exam)
    if exam.takes_tools:
        yield from (judge_choice(exam, choice) for choice in CHOICES)
        yield judge_parallel(exam)
    yield from judge_streams(exam)
    yield from judge_ids(exam)
    yield _unknown_field(exam)
    yield from _formats(exam)
    yield _error_form(exam)


def _listed(exam: Exam) -> Finding:
    question, listing, model_id = "model is listed", exam.listing, exam.model.id
    if listing is None:
        return Finding(question=question, verdict="unclear", seen="no models endpoint answered")
    if listing.is_listed:
        seen = f"{model_id!r} at {listing.path}"
        if listing.fields:
            seen += f"; it names the fields {', '.join(sorted(listing.fields))}"
        return Finding(question=question, verdict="yes", seen=seen)
    close = f"; it has {', '.join(map(repr, listing.close_ids))}" if listing.close_ids else ""
    seen = f"{listing.path} does not have {model_id!r}{close}"
    cure = "" if exam.has_chat else "ask for one of the ids that are listed"
    return Finding(question=question, verdict="no", seen=seen, cure=cure)


def _window(exam: Exam) -> Finding:
    question, known = "context window", exam.model.context_window_tokens
    told = None if exam.listing is None else exam.listing.context_window_tokens
    if told is None:
        seen = "the host does not say" + (f"; the profile has {known:,}" if known else "")
        return Finding(question=question, verdict="unclear", seen=seen)
    was = f"; the profile had {known:,}" if known not in (None, told) else ""
    return Finding(question=question, verdict="yes", seen=f"{told:,} tokens{was}")


def _chat(exam: Exam) -> Finding:
    question = "chat"
    accepts = exam.provider.accepts
    if exam.is_answered("chat"):
        return Finding(question=question, verdict="yes", seen="answers a plain question")
    if exam.is_answered("chat_other_limit"):
        seen = f"refuses {accepts.max_tokens_field}, takes {other_limit(accepts)}"
        return Finding(question=question, verdict="yes", seen=seen, cure=WRITTEN)
    if exam.is_answered("chat_below_v1"):
        seen = "nothing at this address, but an answer below /v1"
        return Finding(question=question, verdict="yes", seen=seen, cure=WRITTEN)
    failed = [each for name in CHAT_PROBES if (each := exam.saw(name)) is not None]
    if not failed:
        return Finding(question=question, verdict="not asked", seen="", is_problem=True)
    verdict: Verdict = "no" if failed[0].is_refused else "unclear"
    return Finding(
        question=question,
        verdict=verdict,
        seen=said(failed[0]),
        cure=_chat_cure(exam, failed[0]),
        is_problem=not exam.is_answered("completions"),
    )


def _chat_cure(exam: Exam, failed: Sighting) -> str:
    """Return what to do where not even a plain question is answered."""
    kind = "" if failed.error is None else failed.error.kind
    match kind:
        case "auth":
            return "check the key ('agentkit providers' names its variable)"
        case "insufficient_credits":
            return "add credit at the host"
        case "rate_limit":
            return "try again later"
        case "connection" | "timeout":
            return "check the address (--base-url) and that the host runs"
        case _:
            pass
    if exam.has_no_chat_path and not exam.is_answered("completions"):
        return "check the address (--base-url) and the model's id"
    return "" if exam.is_answered("completions") else "read what the host says"


def _completions(exam: Exam) -> Finding:
    question = "raw completions"
    sighting = exam.sightings["completions"]
    if sighting.is_answered:
        cure = "the profile has dialect 'completions' from now on"
        seen = "continues raw text"
        return Finding(question=question, verdict="yes", seen=seen, cure=cure)
    return Finding(question=question, verdict=no_or_unclear(sighting), seen=said(sighting))


def _unknown_field(exam: Exam) -> Finding:
    question, sighting = "unknown fields", exam.saw("unknown_field")
    if sighting is None:
        return Finding(question=question, verdict="not asked", seen="")
    if sighting.is_answered:
        return Finding(question=question, verdict="yes", seen="passed over")
    cure = "only fields the profile names are sent" if sighting.is_refused else ""
    return Finding(
        question=question, verdict=no_or_unclear(sighting), seen=said(sighting), cure=cure
    )


def _formats(exam: Exam) -> Iterator[Finding]:
    for name in ("json_schema", "json_object"):
        sighting = exam.saw(name)
        if sighting is None:
            continue
        if sighting.is_answered:
            yield _format(name, sighting)
        else:
            yield Finding(
                question=f"response_format {name}",
                verdict=no_or_unclear(sighting),
                seen=said(sighting),
            )


def _format(name: str, sighting: Sighting) -> Finding:
    text = "" if sighting.response is None else sighting.response.message.text.strip()
    is_json = text.startswith("{") and text.endswith("}")
    return Finding(
        question=f"response_format {name}",
        verdict="yes" if is_json else "unclear",
        seen="taken, and JSON came" if is_json else "taken, and something else than JSON came",
    )


def _error_form(exam: Exam) -> Finding:
    forms = list(dict.fromkeys(each.error_form for each in exam.sightings.values()))
    seen = [form for form in forms if form]
    question = "form of errors"
    if seen:
        return Finding(question=question, verdict="yes", seen="; ".join(seen))
    wrong = exam.saw("wrong_request")
    if wrong is not None and wrong.is_answered:
        seen_instead = "a request that is no request was answered"
        return Finding(question=question, verdict="unclear", seen=seen_instead)
    return Finding(question=question, verdict="not asked", seen="")
