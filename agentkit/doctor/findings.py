"""What a diagnosis found, as text, and what to do about it.

In:  a `Diagnosis`.
Out: one `Finding` per capability, in the order of the probes.

Pure. A result that is not clear is reported as `unclear`, never guessed.
"""

from collections.abc import Iterator

from agentkit.config.profile import other_max_tokens_field
from agentkit.doctor.call_findings import (
    choice_finding,
    id_findings,
    parallel_finding,
    prompted_finding,
    stream_findings,
    tools_finding,
)
from agentkit.doctor.diagnosis import CHAT_PROBES, CHOICES, Diagnosis
from agentkit.doctor.finding import WRITTEN, Finding, ProbeVerdict, no_or_unclear, short_error
from agentkit.doctor.probe import ProbeResult


def find_all(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """Return one finding per capability."""
    return tuple(_findings(diagnosis))


def _findings(diagnosis: Diagnosis) -> Iterator[Finding]:
    yield _listed(diagnosis)
    yield _window(diagnosis)
    yield _chat(diagnosis)
    if diagnosis.result_of("completions") is not None:
        yield _completions(diagnosis)
    if not diagnosis.has_chat:
        return
    yield tools_finding(diagnosis)
    if diagnosis.result_of("prompted") is not None:
        yield prompted_finding(diagnosis)
    if diagnosis.takes_tools:
        yield from (choice_finding(diagnosis, choice) for choice in CHOICES)
        yield parallel_finding(diagnosis)
    yield from stream_findings(diagnosis)
    yield from id_findings(diagnosis)
    yield _unknown_field(diagnosis)
    yield from _formats(diagnosis)
    yield _error_form(diagnosis)


def _listed(diagnosis: Diagnosis) -> Finding:
    question, listing, model_id = "model is listed", diagnosis.listing, diagnosis.model.id
    if listing is None:
        return Finding(question=question, verdict="unclear", seen="no models endpoint responded")
    if listing.is_listed:
        seen = f"{model_id!r} at {listing.path}"
        if listing.fields:
            seen += f"; it lists the fields {', '.join(sorted(listing.fields))}"
        return Finding(question=question, verdict="yes", seen=seen)
    close = f"; it has {', '.join(map(repr, listing.close_ids))}" if listing.close_ids else ""
    seen = f"{listing.path} does not have {model_id!r}{close}"
    advice = "" if diagnosis.has_chat else "use one of the listed ids"
    return Finding(question=question, verdict="no", seen=seen, advice=advice)


def _window(diagnosis: Diagnosis) -> Finding:
    question, known = "context window", diagnosis.model.context_window_tokens
    listed = None if diagnosis.listing is None else diagnosis.listing.context_window_tokens
    if listed is None:
        seen = "not listed by the provider" + (f"; the profile has {known:,}" if known else "")
        return Finding(question=question, verdict="unclear", seen=seen)
    was = f"; the profile had {known:,}" if known not in (None, listed) else ""
    return Finding(question=question, verdict="yes", seen=f"{listed:,} tokens{was}")


def _chat(diagnosis: Diagnosis) -> Finding:
    question = "chat"
    accepts = diagnosis.provider.accepts
    if diagnosis.is_answered("chat"):
        return Finding(question=question, verdict="yes", seen="answers a plain question")
    if diagnosis.is_answered("chat_other_limit"):
        seen = f"rejects {accepts.max_tokens_field}, accepts {other_max_tokens_field(accepts)}"
        return Finding(question=question, verdict="yes", seen=seen, advice=WRITTEN)
    if diagnosis.is_answered("chat_below_v1"):
        seen = "no endpoint at this address, but one at /v1"
        return Finding(question=question, verdict="yes", seen=seen, advice=WRITTEN)
    failed = [each for name in CHAT_PROBES if (each := diagnosis.result_of(name)) is not None]
    if not failed:
        return Finding(question=question, verdict="not asked", seen="", is_problem=True)
    verdict: ProbeVerdict = "no" if failed[0].is_refused else "unclear"
    return Finding(
        question=question,
        verdict=verdict,
        seen=short_error(failed[0]),
        advice=_chat_advice(diagnosis, failed[0]),
        is_problem=not diagnosis.is_answered("completions"),
    )


def _chat_advice(diagnosis: Diagnosis, failed: ProbeResult) -> str:
    """Return what to do if not even a plain question is answered."""
    kind = "" if failed.error is None else failed.error.kind
    match kind:
        case "auth":
            return "check the key ('agentkit providers' names its variable)"
        case "insufficient_credits":
            return "add credit to the account"
        case "rate_limit":
            return "try again later"
        case "connection" | "timeout":
            return "check the address (--base-url) and that the server runs"
        case _:
            pass
    if diagnosis.has_no_chat_path and not diagnosis.is_answered("completions"):
        return "check the address (--base-url) and the model's id"
    return "" if diagnosis.is_answered("completions") else "see the provider's message"


def _completions(diagnosis: Diagnosis) -> Finding:
    question = "text completions"
    result = diagnosis.results["completions"]
    if result.is_answered:
        advice = "the profile now has dialect 'completions'"
        seen = "continues text"
        return Finding(question=question, verdict="yes", seen=seen, advice=advice)
    return Finding(question=question, verdict=no_or_unclear(result), seen=short_error(result))


def _unknown_field(diagnosis: Diagnosis) -> Finding:
    question, result = "unknown fields", diagnosis.result_of("unknown_field")
    if result is None:
        return Finding(question=question, verdict="not asked", seen="")
    if result.is_answered:
        return Finding(question=question, verdict="yes", seen="ignored")
    advice = "only fields in the profile are sent" if result.is_refused else ""
    return Finding(
        question=question, verdict=no_or_unclear(result), seen=short_error(result), advice=advice
    )


def _formats(diagnosis: Diagnosis) -> Iterator[Finding]:
    for name in ("json_schema", "json_object"):
        result = diagnosis.result_of(name)
        if result is None:
            continue
        if result.is_answered:
            yield _format(name, result)
        else:
            yield Finding(
                question=f"response_format {name}",
                verdict=no_or_unclear(result),
                seen=short_error(result),
            )


def _format(name: str, result: ProbeResult) -> Finding:
    text = "" if result.response is None else result.response.message.text.strip()
    is_json = text.startswith("{") and text.endswith("}")
    return Finding(
        question=f"response_format {name}",
        verdict="yes" if is_json else "unclear",
        seen="accepted, and the answer was JSON"
        if is_json
        else "accepted, but the answer was not JSON",
    )


def _error_form(diagnosis: Diagnosis) -> Finding:
    forms = list(dict.fromkeys(each.error_form for each in diagnosis.results.values()))
    seen = [form for form in forms if form]
    question = "error format"
    if seen:
        return Finding(question=question, verdict="yes", seen="; ".join(seen))
    wrong = diagnosis.result_of("wrong_request")
    if wrong is not None and wrong.is_answered:
        seen_instead = "a malformed request was answered"
        return Finding(question=question, verdict="unclear", seen=seen_instead)
    return Finding(question=question, verdict="not asked", seen="")
