"""Say in a few sentences what happened in a run.

In:  its steps and its end.
Out: the story, and what is worth a look.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from agentkit.event import RunFailed, RunFinished
from agentkit.telemetry.explain.durations import duration
from agentkit.telemetry.explain.run_step import Badge, Step, StoryLine

MAX_LINES = 40
"""A longer story is shortened in the middle."""

_NAMED_TOOLS = 3


def write_story(
    steps: Sequence[Step], finished: RunFinished | RunFailed | None
) -> tuple[tuple[StoryLine, ...], tuple[StoryLine, ...]]:
    """Return the story, and what is worth a look."""
    lines: list[StoryLine] = []
    outer = [step for step in steps if step.depth <= 1]
    for kind, group in groupby(outer, key=lambda step: step.kind):
        if kind == "tool":
            lines += _tools(list(group))
        else:
            lines += [line for step in group for line in _LINES[kind](step)]
    lines.append(_end(finished))
    if len(lines) > MAX_LINES:
        half = MAX_LINES // 2
        left_out = StoryLine(text=f"… {len(lines) - 2 * half} more, see the timeline …")
        lines = [*lines[:half], left_out, *lines[-half:]]
    remarks = tuple(
        StoryLine(text=_remark(step, badge), anchor=step.anchor, badge=badge)
        for step in steps
        for badge in step.badges
        if badge.tone != "ok"
    )
    return tuple(lines), remarks


def _model(step: Step) -> Iterable[StoryLine]:
    failed = sum(attempt.is_failed for attempt in step.attempts)
    if failed:
        times = "once" if failed == 1 else f"{failed} times"
        by = f"; {step.provider} answered" if step.provider else ""
        yield StoryLine(text=f"{step.title} failed {times}{by}.", anchor=step.anchor)
    if step.repairs:
        kinds = ", ".join(dict.fromkeys(repair.kind for repair in step.repairs))
        yield StoryLine(text=f"The answer was repaired ({kinds}).", anchor=step.anchor)


def _agent(step: Step) -> Iterable[StoryLine]:
    for note in step.notes:
        yield StoryLine(text=note, anchor=step.anchor)


def _wait(step: Step) -> Iterable[StoryLine]:
    where = "in the queue" if step.title == "Queue" else "for a decision"
    yield StoryLine(text=f"The run waited {duration(step.seconds)} {where}.", anchor=step.anchor)
    for note in step.notes:
        yield StoryLine(text=note, anchor=step.anchor)


_LINES = {"model": _model, "agent": _agent, "wait": _wait}


def _tools(steps: Sequence[Step]) -> Iterable[StoryLine]:
    """Return a line about calls that follow each other, and one for each that failed."""
    names = [step.title for step in steps]
    named = ", ".join(names[:_NAMED_TOOLS])
    more = f" and {len(names) - _NAMED_TOOLS} more" if len(names) > _NAMED_TOOLS else ""
    calls = "The model called" if len(names) == 1 else f"The model made {len(names)} calls:"
    yield StoryLine(text=f"{calls} {named}{more}.", anchor=steps[0].anchor)
    for step in steps:
        if step.is_problem:
            kinds = ", ".join(badge.text for badge in step.badges)
            yield StoryLine(text=f"{step.title}: {kinds}.", anchor=step.anchor)


def _end(finished: RunFinished | RunFailed | None) -> StoryLine:
    if finished is None:
        return StoryLine(text="The records end before the run does.")
    if isinstance(finished, RunFailed):
        return StoryLine(text=f"The run failed: {finished.error.message}")
    if finished.stop_reason == "answered":
        return StoryLine(text="The model answered.")
    return StoryLine(text=f"The run ended: {finished.stop_reason}.")


def _remark(step: Step, badge: Badge) -> str:
    detail = ""
    if badge.text == "repaired":
        detail = ": " + ", ".join(dict.fromkeys(one.reason or one.kind for one in step.repairs))
    elif step.notes:
        detail = f": {step.notes[0]}"
    owner = f"{step.agent}, " if step.agent and step.kind != "agent" else ""
    return f"{owner}{step.title}{detail}"
