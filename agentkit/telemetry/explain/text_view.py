"""Show an explanation on a terminal.

In:  an `Explanation`, the width of the terminal.
Out: plain text; what came from outside is in it as it was, so the caller escapes control codes.
"""

from collections.abc import Iterator

from agentkit.telemetry.explain.comparison import Comparison
from agentkit.telemetry.explain.durations import duration, money
from agentkit.telemetry.explain.explanation import Explanation
from agentkit.telemetry.explain.run_step import Step
from agentkit.telemetry.explain.time_parts import time_parts
from agentkit.telemetry.explain.time_scale import TimeScale

_MAX_STEPS = 200
_TITLE = 28
_BAR = 24
_LEAST_WIDTH = 60


def text_view(
    explanation: Explanation, *, width: int = 80, comparison: Comparison | None = None
) -> str:
    """Return the story, the timeline, and where time and money went."""
    width = max(width, _LEAST_WIDTH)
    lines = [*_head(explanation), "", "What happened"]
    for number, line in enumerate(explanation.story, start=1):
        lines.append(f"{number:>3}. {line.text}")
    if explanation.remarks:
        lines += ["", "Worth a look"]
        for line in explanation.remarks:
            badge = line.badge.text if line.badge is not None else ""
            lines.append(f"  {badge}: {line.text}")
    lines += ["", "Timeline", *_timeline(explanation, width), "", "Where the time went"]
    for name, seconds, share in time_parts(explanation.time):
        lines.append(f"  {name:<26} {duration(seconds):>12} {share:>6}")
    if explanation.costs:
        limit = explanation.cost_limit_usd
        of = "" if limit is None else f" (limit {money(limit)})"
        lines += ["", f"Where the money went{of}", *_costs(explanation)]
    if comparison is not None:
        lines += ["", f"Compared with {comparison.other_id}", *_compared(comparison)]
    return "\n".join(lines)


def _head(explanation: Explanation) -> Iterator[str]:
    time = duration(explanation.seconds)
    if explanation.time.people:
        time += f" ({duration(explanation.time.without_people)} without waiting for people)"
    usage = explanation.usage
    yield f"Run {explanation.run_id}: {explanation.outcome}"
    yield f"  agent {explanation.agent or '-'}, model {explanation.model or '-'}"
    yield f"  began {explanation.began:%Y-%m-%d %H:%M:%S} UTC, took {time}"
    yield (
        f"  {explanation.exchanges} exchanges, {usage.input_tokens:,} tokens in, "
        f"{usage.output_tokens:,} out, cost {money(usage.cost_usd)}"
    )
    if explanation.error is not None:
        yield f"  error {explanation.error}"


def _timeline(explanation: Explanation, width: int) -> Iterator[str]:
    """Return a line for each step: when it began, what it was, a bar, how long it took.

    Long waits for people are drawn short.
    """
    scale = TimeScale(explanation)
    bar_width = max(8, min(_BAR, width - _TITLE - 28))
    for step in explanation.steps[:_MAX_STEPS]:
        before = round(bar_width * scale.short(step.start) / 100)
        size = max(1, round(bar_width * scale.short(step.end) / 100) - before)
        bar = ("·" * min(before, bar_width - 1) + "█" * size)[:bar_width]
        title = "  " * step.depth + step.title
        if len(title) > _TITLE:
            title = title[: _TITLE - 1] + "…"
        yield (
            f"  {duration(step.start - scale.begin):>11}  {title:<{_TITLE}} "
            f"{bar:·<{bar_width}} {duration(step.seconds):>10}{_remarks(step)}"
        ).rstrip()
    rest = len(explanation.steps) - _MAX_STEPS
    if rest > 0:
        yield f"  … {rest} more steps"


def _remarks(step: Step) -> str:
    """Return what a model call used, and the badges of a step."""
    facts = [badge.text for badge in step.badges]
    if step.kind == "model" and step.usage.total_tokens:
        facts.insert(0, f"{step.usage.total_tokens:,} tokens {money(step.usage.cost_usd)}")
    return "".join(f"  {fact}" for fact in facts)


def _costs(explanation: Explanation) -> Iterator[str]:
    for row in explanation.costs:
        failed = f", {row.failed} failed" if row.failed else ""
        yield (
            f"  {row.agent or '-'}, {row.provider}: {row.exchanges} exchanges{failed}, "
            f"{row.usage.input_tokens:,} tokens in, {row.usage.output_tokens:,} out, "
            f"{money(row.cost_usd)}"
        )


def _compared(comparison: Comparison) -> Iterator[str]:
    for row in comparison.measures:
        yield f"  {row.name:<26} {row.this:>14} {row.other:>14} {row.difference:>12}"
    for this, other in comparison.steps:
        if this != other:
            yield f"  {this or '-'}  |  {other or '-'}"
