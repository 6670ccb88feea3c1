"""Decide by plain rules what to answer. This is no language model, and says so.

In:  an `PlanRequest`.
Out: an `PlannedAnswer`: calls of the tools whose words the question uses, or text.

A tool is called only with values that stand in the question; what cannot be read is asked for.
Nothing is kept between two asks: the same ask gets the same answer.
"""

import re
from collections.abc import Mapping, Sequence

from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.answer_text import is_complaint, retell
from agentkit.sandbox.planner.call_correction import repair
from agentkit.sandbox.planner.clauses import cut_sentences, is_follow_up, split_clauses
from agentkit.sandbox.planner.plan_request import NextCall, PastCall, PlannedAnswer, PlanRequest
from agentkit.sandbox.planner.tool_knowledge import KnownTool, know
from agentkit.sandbox.planner.tool_matching import Match, choose, find_matches
from agentkit.value import dataclass

_MAX_CHARACTERS = 4_000
_MAX_WORDS = 600
_MAX_SENTENCES = 24
_WORD = re.compile(r"\w+|[^\w\s]")
_NO_MODEL = "This is agentkit's sandbox, not a language model: it only matches words to tools."


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One thing that was asked for, and the calls that would do it."""

    sentence: str
    match: Match | None = None
    calls: tuple[NextCall, ...] = ()


def plan(ask: PlanRequest) -> PlannedAnswer:
    """Answer with calls while some are due, then with what came of them."""
    if ask.choice.mode == "none" or not ask.tools:
        return PlannedAnswer(text=_conclude(ask, ()))
    jobs = () if _is_too_long(ask.question) else find_jobs(ask)
    due = _find_due(ask, jobs)
    if ask.choice.is_forced and not due:
        due = _force(ask, jobs)
    if due:
        return PlannedAnswer(calls=due if ask.parallel else due[:1])
    return PlannedAnswer(text=_conclude(ask, jobs))


def _is_too_long(question: str) -> bool:
    """Return whether a question is more than the rules can take in reasonable time."""
    return (
        len(question) > _MAX_CHARACTERS
        or len(_WORD.findall(question)) > _MAX_WORDS
        or len(cut_sentences(question)) > _MAX_SENTENCES
    )


def find_jobs(ask: PlanRequest) -> tuple[Job, ...]:
    """Return what the question asks for, in its order."""
    tools = _find_eligible(ask)

    def pick(sentence: str) -> Match | None:
        return choose(find_matches(sentence, tools, today=ask.today))

    jobs = []
    for sentence, match in split_clauses(ask.question, pick):
        follow = _follow_up(ask, sentence, tools) if is_follow_up(sentence, match) else None
        if follow is not None:
            jobs.append(Job(sentence=sentence, calls=(follow,)))
        elif match is None:
            jobs.append(Job(sentence=sentence))
        else:
            calls = tuple(
                NextCall(name=match.tool.name, arguments=one) for one in match.filling.arguments
            )
            jobs.append(Job(sentence=sentence, match=match, calls=calls))
    return tuple(jobs)


def _find_eligible(ask: PlanRequest) -> tuple[KnownTool, ...]:
    """Return the tools that the choice leaves."""
    return tuple(know(tool) for tool in ask.tools if ask.choice.name in {None, tool.name})


def _find_due(ask: PlanRequest, jobs: Sequence[Job]) -> tuple[NextCall, ...]:
    """Return the calls not made yet, and failed ones that can be repaired, each once."""
    due: list[NextCall] = []
    planned = [call for job in jobs for call in job.calls]
    for call in planned:
        made = next((m for m in ask.made if _is_same(m, call)), None)
        if made is None:
            due.append(call)
        elif (again := _repair(ask, made, planned)) is not None:
            due.append(again)
    return tuple(call for i, call in enumerate(due) if call not in due[:i])


def _repair(ask: PlanRequest, made: PastCall, planned: Sequence[NextCall]) -> NextCall | None:
    """Return a failed call as its error says it should be; None if that was tried before."""
    if made.result is None or not is_complaint(made.result):
        return None
    arguments = repair(made.arguments, made.result)
    if arguments is None:
        return None
    call = NextCall(name=made.name, arguments=arguments)
    tool = next(know(t) for t in ask.tools if t.name == made.name)
    is_new = not any(_is_same(m, call) for m in ask.made) and call not in planned
    return call if is_new and tool.takes(arguments) else None


def _is_same(made: PastCall, call: NextCall) -> bool:
    return made.name == call.name and dict(made.arguments) == dict(call.arguments)


def _force(ask: PlanRequest, jobs: Sequence[Job]) -> tuple[NextCall, ...]:
    """Return a call where one must be made, as a provider that forces calls does.

    What was called is called again; free text that could not be read is the question itself.
    """
    if ask.made:
        last = ask.made[-1]
        return (NextCall(name=last.name, arguments=last.arguments),)
    tools = _find_eligible(ask)
    asked = [job.match for job in jobs if job.match is not None]
    for match in [*asked, *find_matches(ask.question, tools, today=ask.today)]:
        arguments = {**match.filling.partial, **_question_for(match, ask.question)}
        if match.tool.takes(arguments):
            return (NextCall(name=match.tool.name, arguments=arguments),)
    return ()


def _question_for(match: Match, question: str) -> Mapping[str, JsonValue]:
    return {
        slot.name: question
        for slot in match.tool.slots
        if slot.name in match.filling.missing and slot.shape == "string" and not slot.choices
    }


def _follow_up(ask: PlanRequest, sentence: str, tools: Sequence[KnownTool]) -> NextCall | None:
    """Read "and in Tokyo?" as the last call with another value."""
    if not ask.earlier:
        return None
    last = ask.earlier[-1]
    same = tuple(tool for tool in tools if tool.name == last.name)
    for match in find_matches(sentence, same, today=ask.today):
        arguments = {**last.arguments, **match.filling.partial}
        if match.filling.partial and match.tool.takes(arguments):
            return NextCall(name=last.name, arguments=arguments)
    return None


def _conclude(ask: PlanRequest, jobs: Sequence[Job]) -> str:
    """Say what came of the calls, and what could not be done."""
    done = [made for made in ask.made if made.result is not None]
    final = [
        made
        for i, made in enumerate(done)
        if not _was_repaired(done, i) and not _is_slip(made, jobs, done)
    ]
    parts = []
    if final:
        parts.append(retell(final, [_find_sentence(made, jobs, done) for made in final]))
    for job in jobs:
        if job.match is not None and not job.calls:
            parts.append(_ask_back(job.match))
        elif job.match is None and not job.calls and final:
            parts.append(f"None of the tools fits {job.sentence!r}. {_NO_MODEL}")
    return "\n".join(parts) or _say_nothing(ask)


def _was_repaired(done: Sequence[PastCall], index: int) -> bool:
    made = done[index]
    return any(m.name == made.name and _repairs(made, m) for m in done[index + 1 :])


def _is_slip(made: PastCall, jobs: Sequence[Job], done: Sequence[PastCall]) -> bool:
    """Return whether a call failed that was never meant, as one that went out broken."""
    if not is_complaint(made.result or ""):
        return False
    meant = [call for job in jobs for call in job.calls if call.name == made.name]
    is_meant = any(_is_same(made, call) for call in meant)
    return bool(meant) and not is_meant and not any(_repairs(one, made) for one in done)


def _find_sentence(made: PastCall, jobs: Sequence[Job], done: Sequence[PastCall]) -> str:
    """Return the sentence a call was made for, if it was the only one made for it."""
    first = next((m for m in done if m.name == made.name and _repairs(m, made)), made)
    for job in jobs:
        if len(job.calls) == 1 and _is_same(first, job.calls[0]):
            return job.sentence
    return ""


def _repairs(failed: PastCall, later: PastCall) -> bool:
    """Return whether the later call is the failed one as its error said it should be."""
    result = failed.result or ""
    return is_complaint(result) and repair(failed.arguments, result) == dict(later.arguments)


def _ask_back(match: Match) -> str:
    needed = " and ".join(f"`{name}`" for name in match.filling.missing)
    what = f"I need {needed}" if needed else "I need other values"
    return (
        f"To use the tool {match.tool.name} {what}, and could not read that from your words. "
        f"{_NO_MODEL}"
    )


def _say_nothing(ask: PlanRequest) -> str:
    names = ", ".join(tool.name for tool in ask.tools)
    if ask.choice.mode == "none" and names:
        reason = "No tool may be called this time, so there is nothing it can answer."
    elif _is_too_long(ask.question):
        reason = (
            f"It reads at most {_MAX_CHARACTERS:,} characters, {_MAX_WORDS} words and "
            f"{_MAX_SENTENCES} sentences."
        )
    elif names:
        reason = f"None of the tools on offer ({names}) fits what was asked."
    else:
        reason = "No tools are on offer, so there is nothing it can answer."
    return f"{_NO_MODEL} {reason} For a real answer, choose a real provider."
